"""The two tools for operations that have none of their own: `schema` describes, `call` calls them.

A host approves a tool by its name and its annotations, so it cannot tell the calls of `call` apart:
whatever changes the server by it has to be confirmed by the token of what would be done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._arguments import check_choice
from inngest_rest._programs.answer import Envelope
from inngest_rest._programs.parameter import Kind, Parameter
from inngest_rest._programs.parameters import CONFIRM, read_as

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inngest_rest._table import Row

SCHEMA = "schema"
CALL = "call"

_NAME = Parameter(
    name="name",
    kind=Kind.TEXT,
    help="The operation, such as runs.jobs.",
    argument=None,
)
_ARGUMENTS = Parameter(
    name="arguments",
    kind=Kind.OBJECT,
    help="Its parameters, as schema describes them.",
    argument=None,
)
PARAMETERS = {
    SCHEMA: (_NAME,),
    CALL: (evolve(_NAME, is_required=True), _ARGUMENTS, CONFIRM),
}
"""What each of the two takes."""


def description_of(name: str, rare: Iterable[Row], *, is_read_only: bool) -> str:
    """Return what one of the two does; that of `call` names what it is for."""
    if name == SCHEMA:
        return "List the operations that have no tool of their own, or describe one."
    changes = "" if is_read_only else " What changes the server has to be confirmed."
    return f"Call an operation without a tool of its own: {', '.join(_brief(rare))}.{changes}"


def _brief(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the names of operations, a group once."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        group, _, name = row.command.partition(".")
        groups.setdefault(group, []).append(name)
    for group, names in groups.items():
        yield f"{group}.{'|'.join(names)}" if any(names) else group


def named(given: Mapping[str, Any]) -> str:
    """Return the tool of the operation that `call` is given, as it may be written otherwise."""
    return (
        str(given.get("name"))
        .strip()
        .replace(" ", "_")
        .replace(".", "_")
        .replace("-", "_")
    )


def unwrapped(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the operation that `call` is given."""
    values = read_as(PARAMETERS[CALL], given)
    arguments: dict[str, Any] = {
        "confirm": values["confirm"],
        **(values["arguments"] or {}),
    }
    return {name: value for name, value in arguments.items() if value is not None}


def describe(
    rows: Mapping[str, Row],
    rare: Mapping[str, Row],
    given: Mapping[str, Any],
    schema_of: Callable[[Row], dict[str, Any]],
) -> Envelope:
    """Answer with the rare operations, or with the description of any one, by its tool."""
    name = read_as(PARAMETERS[SCHEMA], given)["name"]
    if name is None:
        listed = {row.command: row.summary for row in rare.values()}
        return Envelope(ok=True, command=SCHEMA, data={"operations": listed})
    tool = named(given)
    check_choice("operation", tool, rows)
    row = rows[tool]
    facts = {
        "name": row.command,
        "description": row.summary,
        "effect": row.effect.value,
        "idempotent": row.is_repeatable,
        "parameters": schema_of(row),
        "example": dict(row.examples[0]),
    }
    return Envelope(ok=True, command=SCHEMA, data=facts)
