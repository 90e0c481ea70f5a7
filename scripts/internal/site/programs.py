"""Pages of the command, the tools, and the variables of the environment.

All is read from the table of calls and from the parsers that the programs themselves use.
"""

from __future__ import annotations

import json
import re
from argparse import SUPPRESS
from typing import TYPE_CHECKING, Any

from inngest_rest import InngestClient
from inngest_rest._programs import schemas
from inngest_rest._programs.command.command_line import PROGRAM
from inngest_rest._programs.command.commands import GROUPS, find, local_commands
from inngest_rest._programs.command.help import DESCRIPTION, MEANINGS
from inngest_rest._programs.command.options import OPTIONS
from inngest_rest._programs.tool_schemas import parameters_of
from inngest_rest._programs.tools import Tools
from inngest_rest._table import Effect, commands
from scripts.internal.site import docstrings
from scripts.internal.site.markdown import table
from scripts.internal.site.stage import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mcp.types import Tool

    from inngest_rest._programs.command.arguments import Argument
    from inngest_rest._programs.command.commands import Command
    from inngest_rest._table import Row

ROWS = {row.words: row for row in commands()}

EFFECTS = {
    Effect.READ: "reads",
    Effect.CREATE: "adds to what is on the server",
    Effect.CHANGE: "changes what is on the server",
}


def pages() -> dict[str, str]:
    """Return the pages of the programs by their paths."""
    found = {f"reference/command/{name}": _commands(name) for name in command_groups()}
    return found | {
        "reference/command": _command(),
        "reference/tools": _tools(),
        "reference/variables": _variables(),
    }


def files() -> dict[str, str]:
    """Return the files that pages link to: the JSON Schemas of each call."""
    return {
        f"reference/schemas/{row.tool}.{part}.json": json.dumps(schema, indent=2) + "\n"
        for row in commands()
        for part, schema in (
            ("parameters", schemas.of_parameters(row)),
            ("answer", schemas.of_answer(row)),
        )
    }


def command_groups() -> dict[str, list[tuple[str, ...]]]:
    """Return the words of each command by the group they begin with; "top" for those of none."""
    groups: dict[str, list[tuple[str, ...]]] = {"top": []}
    for words in (*ROWS, *local_commands()):
        groups.setdefault(words[0] if len(words) > 1 else "top", []).append(words)
    return groups


def _command() -> str:
    """Return the page of what holds for all commands."""
    rows = []
    for group, several in command_groups().items():
        for words in several:
            summary = docstrings.parse(find(words).description).summary
            place = f"command/{group}.md#command-{'-'.join(words)}"
            rows.append((f"[`{' '.join(words)}`]({place})", summary))
    statuses = [(str(status), text) for status, text in MEANINGS.items()]
    return "\n\n".join(
        [
            "# The command",
            (
                f"`{PROGRAM}`, with the extra `cli`: every command with its options, an example "
                "and its exit statuses, from the table that the command itself reads."
            ),
            "```text\n" + DESCRIPTION.strip() + "\n```",
            "## Commands",
            table(("command", "what it does"), rows),
            "## Options of every command",
            _options(OPTIONS),
            "## Exit statuses",
            table(("status", "meaning"), statuses),
        ]
    )


def _commands(group: str) -> str:
    title = "Other commands" if group == "top" else f"{PROGRAM} {group}"
    about = GROUPS.get(group, "Sending, the setup, and the program itself")
    blocks = [f"# {title}", f"{about}."]
    blocks += [_entry(words, find(words)) for words in command_groups()[group]]
    return "\n\n".join(blocks) + "\n"


def _entry(words: tuple[str, ...], command: Command) -> str:
    name = " ".join(words)
    doc = docstrings.parse(command.description)
    synopsis = [PROGRAM, *words]
    for position in command.positions:
        many = "..." if position.nargs == "*" else ""
        synopsis.append(f"[{position.names[0].upper()}{many}]")
    blocks = [
        f"(command-{'-'.join(words)})=\n## {name}",
        doc.text,
        f"```text\n{' '.join([*synopsis, '[OPTIONS]'])}\n```",
        _options(command.arguments),
        "```bash\n" + "\n".join(command.examples) + "\n```",
    ]
    if row := ROWS.get(words):
        blocks.append(_about(row))
    return "\n\n".join(filter(None, blocks))


def _about(row: Row) -> str:
    lines = [
        f"Method: `client.{row.name}`",
        f"Tool: {tool_link(row)}",
        f"Effect: {EFFECTS[row.effect]}"
        + ("; safe to repeat" if row.is_repeatable else "; not safe to repeat"),
        f"Answer: {_answer(row)}",
        "Exit statuses: those of [every command](../command.md#exit-statuses)",
    ]
    return "\n".join(f":{line}" for line in lines)


def _answer(row: Row) -> str:
    page = f"../schemas/{row.tool}"
    return (
        f"{{annotation}}`{row.result}`, as [JSON Schema]({page}.answer.json); that of its "
        f"[parameters]({page}.parameters.json)"
    )


def tool_link(row: Row) -> str:
    """Return a link to the entry of a tool."""
    return f"[`{row.tool}`](#tool-{row.tool})"


def _options(arguments: Iterable[Argument]) -> str:
    rows = []
    for argument in arguments:
        if argument.help == SUPPRESS:
            continue
        shown = ", ".join(f"`{name}`" for name in argument.names)
        if not argument.is_option:
            shown = f"`{argument.names[0].upper()}`"
        elif argument.action not in {"store_true", "store_const"}:
            shown += f" `{argument.metavar or _metavar(argument.names)}`"
        help = docstrings.markdown(argument.help.replace("%%", "%"))
        if argument.choices:
            help += f" One of {', '.join(f'`{each}`' for each in argument.choices)}."
        if argument.action == "append":
            help += " May be repeated."
        rows.append((shown, help))
    return table(("argument or option", "meaning"), rows) if rows else ""


def _metavar(names: tuple[str, ...]) -> str:
    return names[-1].lstrip("-").replace("-", "_").upper()


def _tools() -> str:
    rows = {row.tool: row for row in commands()}
    with InngestClient(dev=True) as client:
        groups = {row.words[0] for row in commands()}
        tools = Tools(client, groups=groups).all(files=True)
    glance = []
    for tool in tools:
        row = rows[tool.name]
        summary = docstrings.markdown(row.summary)
        by = "`call`" if row.is_rare else "its own"
        glance.append((tool_link(row), summary, EFFECTS[row.effect], by))
    blocks = [
        "# Tools for agents",
        (
            f"What an MCP server of this package offers (`{PROGRAM} mcp`, with the extra `mcp`): "
            "the same calls as tools. Those of Inngest Cloud alone are served for Inngest Cloud, "
            "and those that read or write files to hosts that give folders (roots). What is rare "
            "has a tool of its own where `--tools` names its group; elsewhere it is an operation "
            "of the tool `call`, and the tool `schema` describes it."
        ),
        table(("tool", "what it does", "effect", "by default, a tool"), glance),
        *(_tool(tool, rows[tool.name]) for tool in tools),
    ]
    return "\n\n".join(blocks) + "\n"


def _tool(tool: Tool, row: Row) -> str:
    rows = []
    for each in parameters_of(row):
        needed = " (required)" if each.is_required else ""
        help = docstrings.markdown(each.help)
        rows.append((f"`{each.name}`{needed}", _json_type(each.schema()), help))
    facts = [EFFECTS[row.effect], "repeatable" if row.is_repeatable else "not repeatable"]
    return "\n\n".join(
        [
            f"(tool-{tool.name})=\n## {tool.name}",
            docstrings.parse(row.description).text,
            table(("parameter", "type", "meaning"), rows),
            (
                f":Method: `client.{row.name}`\n"
                f":Effect: {', '.join(facts)}\n"
                f":JSON Schemas: [parameters](schemas/{row.tool}.parameters.json), "
                f"[answer](schemas/{row.tool}.answer.json)"
            ),
        ]
    )


def _json_type(schema: dict[str, Any]) -> str:
    if "items" in schema:
        return f"array of {_json_type(schema['items'])}"
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    words = [str(schema.get("type", "any JSON"))]
    for name, shown in (("minimum", "at least"), ("maximum", "at most"), ("default", "by default")):
        if name in schema:
            words.append(f"{shown} {schema[name]}")
    return ", ".join(words)


def variables() -> dict[str, list[str]]:
    """Return each variable of the environment that the code names, with what is said of it."""
    said: dict[str, list[str]] = {}
    arguments = docstrings.read(InngestClient).entries["Args"]
    for name, text in arguments.items():
        for found in re.findall(r"INNGEST\\?_[\w\\]+", text):
            words = re.sub(r"\s*\(INNGEST[^)]*\)", "", text)
            variable = found.replace("\\", "")
            said.setdefault(variable, []).append(f"`{name}` of `InngestClient`: {words}")
    for option in OPTIONS:
        for variable in re.findall(r"INNGEST_\w+", option.help):
            text = docstrings.markdown(option.help.partition(" (INNGEST")[0])
            said.setdefault(variable, []).append(
                f"`{option.names[-1]}` of the command: {text.rstrip('.')}."
            )
    for variable in _named_in_code():
        said.setdefault(variable, [])
    return dict(sorted(said.items()))


def _named_in_code() -> Iterator[str]:
    for path in (ROOT / "wrapper").rglob("*.py"):
        # What the contract passes on to its own process is no setting.
        if {"testing", "_contract"} & {*path.parts} or path.stem == "pytest_plugin":
            continue
        yield from re.findall(r'"(INNGEST_[A-Z_]+[A-Z])"', path.read_text(encoding="utf-8"))


def _variables() -> str:
    blocks = [
        "# Environment variables",
        (
            "What the client and the command read from the environment, where no argument says "
            "otherwise. Keys come from here, and are printed by nothing."
        ),
    ]
    for name, said in variables().items():
        listed = [f"- {each}" for each in said]
        blocks.append(f"({name.lower()})=\n## {name}\n\n" + "\n".join(listed))
    return "\n\n".join(blocks) + "\n"
