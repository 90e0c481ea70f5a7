"""The two tools for operations that have none of their own: `schema` describes, `call` calls them.

A host approves a tool by its name and its annotations, so it cannot tell the calls of `call` apart:
each of them that changes the server has to be confirmed by the token of its plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest.programs import check_choice
from inngest_rest_tools.answer import Envelope
from inngest_rest_tools.parameter import Kind, Parameter
from inngest_rest_tools.parameters import CONFIRM, read_as

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inngest_rest.call_row import CallRow
    from inngest_rest_tools.parameter import Values

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
"""The parameters of each of the two."""


def description_of(name: str, rare: Iterable[CallRow], *, is_read_only: bool) -> str:
    """Return the description of one of the two; that of `call` names its operations."""
    if name == SCHEMA:
        return "List the operations that have no tool of their own, or describe one."
    names = ", ".join(_grouped_names(rare))
    description = f"Call an operation without a tool of its own: {names}."
    if is_read_only:
        return description
    return f"{description} What changes the server has to be confirmed."


def _grouped_names(rows: Iterable[CallRow]) -> Iterator[str]:
    """Yield the names of operations, each group as one text such as `runs.jobs|score`."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        group, _, name = row.command.partition(".")
        groups.setdefault(group, []).append(name)
    for group, names in groups.items():
        if any(names):
            yield f"{group}.{'|'.join(names)}"
        else:
            yield group


def named(given: Values) -> str:
    """Return the tool of the operation that `call` is given, however it is spelled."""
    name = str(given.get("name")).strip()
    for separator in " .-":
        name = name.replace(separator, "_")
    return name


def unwrapped(given: Values) -> dict[str, Any]:
    """Return the parameters of the operation that `call` is given."""
    values = read_as(PARAMETERS[CALL], given)
    arguments: dict[str, Any] = {"confirm": values["confirm"]}
    arguments |= values["arguments"] or {}
    return {name: value for name, value in arguments.items() if value is not None}


def describe(
    rows: Mapping[str, CallRow],
    rare: Mapping[str, CallRow],
    given: Values,
    schema_of: Callable[[CallRow], dict[str, Any]],
) -> Envelope:
    """List the rare operations, or describe one by the name of its tool."""
    name = read_as(PARAMETERS[SCHEMA], given)["name"]
    if name is None:
        listed = {row.command: row.summary for row in rare.values()}
        operations = {"operations": listed}
        return Envelope(ok=True, command=SCHEMA, data=operations)
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
