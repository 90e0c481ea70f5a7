"""The command `schema`, which describes calls to programs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest._programs import schemas
from inngest_rest._programs.command.options import argument, command_line
from inngest_rest._programs.command.parser import Command
from inngest_rest._programs.command.renderer import answer
from inngest_rest._table import commands
from inngest_rest._visible import did_you_mean
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.record import Record

if TYPE_CHECKING:
    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer


@frozen(repr=False)
class Summary(Record):
    """An operation in brief.

    Attributes:
        name: Its name; with a space for the dot it is the command.
        summary: What it does.
        effect: What it does to the server: read, add or change.
        idempotent: Whether doing it twice has the effect of doing it once.
    """

    name: str
    summary: str
    effect: str
    idempotent: bool


@frozen(repr=False, kw_only=True)
class Description(Summary):
    """All that is known of an operation.

    Attributes:
        description: What it does, in full.
        parameters: The JSON Schema of its parameters, as `--params` takes them.
        result: The JSON Schema of its answer, as `-o json` prints it.
        untrusted: Paths in its answer to text that strangers wrote.
        examples: Commands.
    """

    description: str
    parameters: dict[str, Any]
    result: dict[str, Any]
    untrusted: list[str]
    examples: list[str]


def _run(options: Options, values: dict[str, Any]) -> int:
    name = ".".join(values.get("name", ())).replace("-", "_")
    if name:
        return answer("schema", options, Description, partial(_describe, name))
    return answer("schema", options, Summary, _list)


def _list(renderer: Renderer) -> int:
    operations = [Summary(**each) for each in schemas.catalogue()]
    if renderer.format == "id":
        return _write("\n".join(each.name for each in operations), renderer)
    return renderer.many(operations)


def _describe(name: str, renderer: Renderer) -> int:
    rows = {row.command or "": row for row in commands()}
    if name not in rows:
        raise InvalidArgumentError(f"unknown operation {name!r}{did_you_mean(name, rows)}")
    row = rows[name]
    examples = [command_line(row, each) for each in row.examples]
    found = Description(**{**schemas.describe(row), "examples": examples})
    match renderer.format:
        case "id":
            return _write(found.name, renderer)
        case "table" if renderer.projection.fields is None:  # too wide for columns
            return _write(found.to_json(indent=2), renderer)
        case _:
            return renderer.one(found)


def _write(text: str, renderer: Renderer) -> int:
    renderer.output.line(text)
    return renderer.finish()


COMMANDS = (
    Command(
        words=("schema",),
        description="""\
List all operations, or describe one by the JSON Schemas of its parameters and its answer.""",
        arguments=(argument("name", nargs="*", help="The operation, such as runs.list."),),
        examples=(
            "inngest-rest schema",
            "inngest-rest schema runs.list -o json",
            "inngest-rest schema -o table --fields name",
        ),
        run=_run,
    ),
)
