"""Running an operation to its envelope, whole: what a caller gets who cannot read a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest.operations.envelope import Envelope, PageInfo
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.problems import OperationError, problem_of

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.operations.operation import Operation
    from inngest_rest.record import Record


def run(operation: Operation[Any], client: InngestClient, parameters: Any) -> Envelope:
    """Run an operation to its end, and return its result in an envelope, or its error.

    What a list or a stream had returned before the error is in the envelope, too.
    """
    items: list[Record] = []
    page: PageInfo | None = None
    data: dict[str, Any] | None = None
    try:
        result = operation.run(client, parameters)
        match operation.returns:
            case Returns.ONE:
                data = result.to_dict()
            case Returns.STREAM:
                items.extend(result)  # keeps what came before an error
            case Returns.PAGES:
                for each in result.pages():
                    items += each.items
                    page = PageInfo(each.next_cursor, len(items))
    except Exception as error:  # noqa: BLE001 - an error is an answer, too
        found = _items(items) if items else None
        return failure(operation, error, parameters, data=found, page=page)
    if operation.returns is not Returns.ONE:
        data = _items(items)
    return Envelope(True, operation.name, data, page=page, untrusted=operation.untrusted_paths)


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
    return Envelope(
        False,
        operation.name,
        data,
        page=page,
        # A server quotes in its messages what it was sent.
        untrusted=(*(operation.untrusted_paths if data else ()), "error.message"),
        error=problem_of(error, operation, parameters),
    )


def _items(items: list[Record]) -> dict[str, Any]:
    return {"items": [each.to_dict() for each in items]}
