"""The command `schema`, which describes operations to programs."""

# cyclopts reads annotations here: they are there at run time.
from functools import partial
from typing import Any

from attrs import frozen
from cyclopts import App

from inngest_rest.cli.answer import Answer
from inngest_rest.cli.command import Job, epilogue
from inngest_rest.cli.local_answer import answer_locally, write_items
from inngest_rest.cli.options import Options
from inngest_rest.operations import schemas, table
from inngest_rest.record import Record

app = App(
    name="schema",
    help_epilogue=epilogue("schema", "schema runs.list -o json", "schema -o table --fields name"),
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
        kind, work = (Description, partial(_describe, ".".join(name))) if name else (Summary, _list)
        return answer_locally("schema", options, kind, work)

    return job


def _list(answer: Answer) -> int:
    operations = [Summary(**each) for each in schemas.catalogue()]
    if answer.format == "id":
        return _write("\n".join(each.name for each in operations), answer)
    return write_items(answer, operations)


def _describe(name: str, answer: Answer) -> int:
    found = Description(**schemas.describe(table.find(name.replace("-", "_"))))
    match answer.format:
        case "id":
            return _write(found.name, answer)
        case "table" if answer.shape.fields is None:  # too wide for columns
            return _write(found.to_json(indent=2), answer)
        case _:
            return answer.one(found)


def _write(text: str, answer: Answer) -> int:
    answer.output.line(text)
    return answer.finish()
