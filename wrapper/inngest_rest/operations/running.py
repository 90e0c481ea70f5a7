"""Running an operation to its envelope, whole: what a caller gets who cannot read a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest.operations.envelope import Envelope, PageInfo
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.problems import OperationError, problem_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest import InngestClient
    from inngest_rest.operations.operation import Operation
    from inngest_rest.record import Record


class Part(NamedTuple):
    """A part of a result, as it arrives.

    Attributes:
        items: Its records: one, or those of a page.
        next_cursor: Where a list goes on after it; None at the end.
    """

    items: tuple[Record, ...]
    next_cursor: str | None = None


def parts(operation: Operation[Any], client: InngestClient, parameters: Any) -> Iterator[Part]:
    """Run an operation, and yield its result in the parts in which it arrives."""
    result = operation.run(client, parameters)
    match operation.returns:
        case Returns.ONE:
            yield Part((result,))
        case Returns.STREAM:
            yield from (Part((each,)) for each in result)
        case Returns.PAGES:  # pragma: no branch - there is nothing else
            yield from (Part(each.items, each.next_cursor) for each in result.pages())


def run(operation: Operation[Any], client: InngestClient, parameters: Any) -> Envelope:
    """Run an operation to its end, and return its result in an envelope, or its error.

    What a list or a stream had returned before the error is in the envelope, too.
    """
    items: list[Record] = []
    page: PageInfo | None = None
    try:
        for part in parts(operation, client, parameters):
            items += part.items  # keeps what came before an error
            if operation.returns is Returns.PAGES:
                page = PageInfo(part.next_cursor, len(items))
    except Exception as error:  # noqa: BLE001 - an error is an answer, too
        found = data_of(operation.returns, items) if items else None
        return failure(operation, error, parameters, data=found, page=page)
    data = data_of(operation.returns, items)
    return Envelope(True, operation.name, data, page=page, untrusted=operation.untrusted_paths)


def data_of(returns: Returns, items: Sequence[Record]) -> dict[str, Any]:
    """Return the data of an answer."""
    if returns is Returns.ONE:
        (record,) = items
        return record.to_dict()
    return {"items": [each.to_dict() for each in items]}


def failure(
    operation: Operation[Any],
    error: BaseException,
    parameters: Any = None,
    *,
    data: dict[str, Any] | None = None,
    page: PageInfo | None = None,
) -> Envelope:
    """Return the envelope of an error, with what was done all the same.

    Args:
        operation: The operation that it ended.
        error: The error.
        parameters: The operation's parameters; None if they could not be read.
        data: The result up to the error.
        page: Where it goes on.
    """
    if isinstance(error, OperationError) and error.data is not None:
        data = error.data.to_dict()
    return Envelope.failed(
        operation.name,
        problem_of(error, operation, parameters),
        data=data,
        page=page,
        untrusted=operation.untrusted_paths,
    )
