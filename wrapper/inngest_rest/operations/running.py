"""Running an operation to its envelope, whole: what a caller gets who can't read a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest.operations.envelope import Envelope, PageInfo
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.problems import OperationError, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest import InngestClient, Paginator
    from inngest_rest.operations.operation import Operation
    from inngest_rest.record import Record


def run(operation: Operation[Any], client: InngestClient, parameters: Any) -> Envelope:
    """Run an operation to its end and return its result in an envelope.

    Raises:
        InngestError: As the client's method; `failure` makes the envelope of it.
    """
    result = operation.run(client, parameters)
    if operation.returns is Returns.ONE:
        return Envelope(
            True, operation.name, result.to_dict(), untrusted=untrusted_paths(operation)
        )
    items, page = _collect(operation, result)
    return Envelope(
        True,
        operation.name,
        {"items": [each.to_dict() for each in items]},
        page=page,
        untrusted=untrusted_paths(operation),
    )


def failure(operation: Operation[Any], error: BaseException) -> Envelope:
    """Return the envelope of an error, with what was done all the same."""
    data = error.data if isinstance(error, OperationError) else None
    return Envelope(
        False,
        operation.name,
        None if data is None else data.to_dict(),
        untrusted=untrusted_paths(operation) if data else (),
        error=problem_of(error),
    )


def untrusted_paths(operation: Operation[Any]) -> tuple[str, ...]:
    """Return the paths in an operation's envelope to text that strangers wrote."""
    place = "data" if operation.returns is Returns.ONE else "data.items[]"
    return tuple(f"{place}.{path}" for path in operation.untrusted)


def _collect(
    operation: Operation[Any], result: Paginator[Any] | Iterable[Record]
) -> tuple[list[Record], PageInfo | None]:
    if operation.returns is Returns.STREAM:
        return list(result), None
    items: list[Record] = []
    following: str | None = None
    for page in result.pages():  # type: ignore[union-attr]
        items += page.items
        following = page.next_cursor
    return items, PageInfo(following, len(items))
