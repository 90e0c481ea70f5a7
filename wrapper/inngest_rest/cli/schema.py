"""The command `schema`, which describes operations to programs."""

# cyclopts reads annotations here: they are there at run time.
import sys
from typing import Any

from attrs import frozen
from cyclopts import App

from inngest_rest.cli.columns import columns
from inngest_rest.cli.command import Job
from inngest_rest.cli.local_answer import answer_of
from inngest_rest.cli.options import Options
from inngest_rest.errors import InngestError
from inngest_rest.operations import schemas, table
from inngest_rest.operations.problems import problem_of
from inngest_rest.record import Record

app = App(
    name="schema",
    help="What an operation takes and returns, as JSON Schemas; without a name all operations",
)


@frozen(repr=False)
class Summary(Record):
    """An operation in brief.

    Attributes:
        name: Its name; with a space for the dot it is the command.
        summary: What it does.
        effect: What it does to the server: read, add or destroy.
        idempotent: Whether doing it twice has the effect of doing it once.
    """

    name: str
    summary: str
    effect: str
    idempotent: bool


@frozen(repr=False)
class Catalogue(Record):
    """All operations.

    Attributes:
        items: The operations.
    """

    items: tuple[Summary, ...]


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


@app.default
def schema(*name: str) -> Job:
    """List all operations, or describe one by the JSON Schemas of its parameters and its answer.

    Args:
        name: The operation, such as runs.list.
    """

    def job(options: Options) -> int:
        answer = answer_of("schema", options)
        try:
            found = _describe(".".join(name)) if name else _catalogue()
        except InngestError as error:
            return answer.fail(problem_of(error))
        if answer.format in {"json", "ndjson"}:
            return answer.one(found)
        sys.stdout.write(_text(found, names_only=answer.format == "id"))
        return 0

    return job


def _catalogue() -> Catalogue:
    return Catalogue(tuple(Summary(**each) for each in schemas.catalogue()))


def _describe(name: str) -> Description:
    return Description(**schemas.describe(table.find(name.replace("-", "_"))))


def _text(found: Catalogue | Description, *, names_only: bool) -> str:
    if isinstance(found, Description):
        return f"{found.name if names_only else found.to_json(indent=2)}\n"
    if names_only:
        return "".join(f"{each.name}\n" for each in found.items)
    return columns([(each.name, each.effect, each.summary) for each in found.items])
