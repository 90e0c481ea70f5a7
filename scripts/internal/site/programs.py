"""Pages of the command, the tools, and the variables of the environment.

All is read from the table of calls and from the parsers that the programs themselves use.
"""

from __future__ import annotations

import json
import re
from argparse import SUPPRESS
from typing import TYPE_CHECKING, Any

from inngest_rest import InngestClient
from inngest_rest.call_row import Effect
from inngest_rest.calls import commands
from inngest_rest_tools import schemas
from inngest_rest_tools.command.command_line import PROGRAM
from inngest_rest_tools.command.commands import GROUPS, find, local_commands
from inngest_rest_tools.command.help import DESCRIPTION, MEANINGS
from inngest_rest_tools.command.options import OPTIONS
from inngest_rest_tools.tool_schemas import parameters_of
from inngest_rest_tools.tools import Tools
from scripts.internal.site import docstrings
from scripts.internal.site.stage import ROOT
from scripts.internal.site.templates import filled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest.call_row import CallRow
    from inngest_rest_tools.command.arguments import Argument

ROWS = {row.words: row for row in commands()}

EFFECTS = {
    Effect.READ: "reads",
    Effect.CREATE: "adds to what is on the server",
    Effect.CHANGE: "changes what is on the server",
}


def pages() -> dict[str, str]:
    """Return the pages of the programs by their paths."""
    found = {
        "reference/command": _command(),
        "reference/tools": filled(
            "tools.md",
            program=PROGRAM,
            rows=tools(),
            effects=EFFECTS,
            json_type=json_type,
            parameters_of=parameters_of,
        ),
        "reference/variables": filled("variables.md", variables=variables()),
    }
    for group in command_groups():
        found[f"reference/command/{group}"] = _commands(group)
    return found


def _command() -> str:
    """Return the page of what holds for all commands."""
    return filled(
        "command.md",
        program=PROGRAM,
        description=DESCRIPTION,
        groups=command_groups(),
        find=find,
        options=OPTIONS,
        rows_of=rows_of,
        statuses=MEANINGS,
    )


def _commands(group: str) -> str:
    title = f"{PROGRAM} {group}"
    about = GROUPS.get(group, "Sending, the setup, and the program itself")
    return filled(
        "commands.md",
        program=PROGRAM,
        title="Other commands" if group == "top" else title,
        about=about,
        commands={words: find(words) for words in command_groups()[group]},
        effects=EFFECTS,
        rows=ROWS,
        rows_of=rows_of,
    )


def files() -> dict[str, str]:
    """Return the files that pages link to: the JSON Schemas of each call."""
    found = {}
    for row in commands():
        place = f"reference/schemas/{row.tool}"
        found[f"{place}.parameters.json"] = schemas.of_parameters(row)
        found[f"{place}.answer.json"] = schemas.of_answer(row)
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in found.items()}


def command_groups() -> dict[str, list[tuple[str, ...]]]:
    """Return the words of each command by the group they begin with; "top" for those of none."""
    groups: dict[str, list[tuple[str, ...]]] = {"top": []}
    for words in (*ROWS, *local_commands()):
        groups.setdefault(words[0] if len(words) > 1 else "top", []).append(words)
    return groups


def tools() -> list[CallRow]:
    """Return the rows of all tools, in the order in which a server lists them."""
    rows = {row.tool: row for row in commands()}
    groups = {row.words[0] for row in commands()}
    with InngestClient(dev=True) as client:
        listed = Tools(client, groups=groups).all(files=True)
    return [rows[tool.name] for tool in listed]


def rows_of(arguments: Iterable[Argument]) -> list[tuple[str, str]]:
    """Return a row for each argument that the help of a command shows."""
    shown = [each for each in arguments if each.help != SUPPRESS]
    return [(_name(each), _meaning(each)) for each in shown]


def _name(argument: Argument) -> str:
    if not argument.is_option:
        return f"`{argument.names[0].upper()}`"
    names = ", ".join(f"`{name}`" for name in argument.names)
    if argument.action in {"store_true", "store_const"}:
        return names
    value = argument.names[-1].lstrip("-").replace("-", "_").upper()
    return f"{names} `{argument.metavar or value}`"


def _meaning(argument: Argument) -> str:
    meaning = docstrings.markdown(argument.help.replace("%%", "%"))
    if argument.choices:
        meaning += f" One of {', '.join(f'`{each}`' for each in argument.choices)}."
    return f"{meaning} May be repeated." if argument.action == "append" else meaning


def json_type(schema: dict[str, Any]) -> str:
    """Return the type of an argument of a tool in a few words."""
    if "items" in schema:
        return f"array of {json_type(schema['items'])}"
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    words = [str(schema.get("type", "any JSON"))]
    limits = {"minimum": "at least", "maximum": "at most", "default": "by default"}
    words += [f"{said} {schema[name]}" for name, said in limits.items() if name in schema]
    return ", ".join(words)


def variables() -> dict[str, list[str]]:
    """Return each variable of the environment that the code names, with what is said of it."""
    said: dict[str, list[str]] = {name: [] for name in sorted(set(_named_in_code()))}
    for name, text in docstrings.read(InngestClient).entries["Args"].items():
        words = re.sub(r"\s*\(INNGEST[^)]*\)", "", text)
        for variable in re.findall(r"INNGEST\\?_[\w\\]+", text):
            said[variable.replace("\\", "")].append(f"`{name}` of `InngestClient`: {words}")
    for option in OPTIONS:
        words = docstrings.markdown(option.help.partition(" (INNGEST")[0]).rstrip(".")
        for variable in re.findall(r"INNGEST_\w+", option.help):
            said[variable].append(f"`{option.names[-1]}` of the command: {words}.")
    return said


def _named_in_code() -> Iterator[str]:
    for path in (*(ROOT / "wrapper").rglob("*.py"), *(ROOT / "tools").rglob("*.py")):
        # What the contract passes on to its own process is no setting.
        if "_contract" in path.parts:
            continue
        yield from re.findall(r'"(INNGEST_[A-Z_]+[A-Z])"', path.read_text(encoding="utf-8"))
