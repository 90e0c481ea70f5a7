"""Operations on bulk cancellations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest.models import Cancellation
from inngest_rest.operations.operation import Effect, Operation, Returns
from inngest_rest.operations.parameters import DEFAULT_LIMIT, ListLimit, Moment, instant, option
from inngest_rest.operations.results import Deleted
from inngest_rest.record import Record
from inngest_rest.responses import Target

if TYPE_CHECKING:
    from inngest_rest import InngestClient, Paginator


@frozen
class ListCancellations:
    """List bulk cancellations. Self-hosted servers do not store any.

    Attributes:
        limit: Maximum number of cancellations.
        cursor: The cursor of the next page, which an earlier page has.
    """

    limit: ListLimit = option(default=DEFAULT_LIMIT)
    cursor: str | None = option()


def _list(client: InngestClient, parameters: ListCancellations) -> Paginator[Cancellation]:
    return client.cancellations.list(limit=parameters.limit, cursor=parameters.cursor)


@frozen(repr=False)
class CreatedCancellation(Record):
    """A bulk cancellation that was created.

    Attributes:
        target: Where it was created.
        cancellation: The bulk cancellation.
    """

    target: Target
    cancellation: Cancellation


@frozen
class CreateCancellation:
    """Cancel every run of a function that started in a time window, by the server itself.

    Only Inngest Cloud does so. Elsewhere, and to see the runs first, cancel runs by a filter.

    Attributes:
        app: The app's id.
        function: The function's id within the app.
        started_before: Only runs started before this time, which is not in the future.
        started_after: Only runs started after this time.
        condition: CEL expression over the event, such as event.data.plan == 'free'.
    """

    app: str
    function: str
    started_before: Moment = field(kw_only=True)
    started_after: Moment | None = option()
    condition: str | None = option()


def _create(client: InngestClient, parameters: CreateCancellation) -> CreatedCancellation:
    before = instant("started_before", parameters.started_before)
    assert before is not None
    created = client.cancellations.create(
        parameters.app,
        parameters.function,
        started_before=before,
        started_after=instant("started_after", parameters.started_after),
        condition=parameters.condition,
    )
    return CreatedCancellation(client.target, created)


@frozen
class DeleteCancellation:
    """Withdraw a bulk cancellation; runs that it has already cancelled stay cancelled.

    Attributes:
        id: The cancellation's id.
    """

    id: str


def _delete(client: InngestClient, parameters: DeleteCancellation) -> Deleted:
    client.cancellations.delete(parameters.id)
    return Deleted(client.target, parameters.id)


_FROM_STRANGERS = ("app_id", "function_id", "condition", "name")

OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="cancellations.list",
        parameters=ListCancellations,
        result=Cancellation,
        run=_list,
        returns=Returns.PAGES,
        untrusted=_FROM_STRANGERS,
        examples=("--limit 50",),
    ),
    Operation(
        name="cancellations.create",
        parameters=CreateCancellation,
        result=CreatedCancellation,
        run=_create,
        effect=Effect.DESTROY,
        is_idempotent=False,
        untrusted=tuple(f"cancellation.{path}" for path in _FROM_STRANGERS),
        examples=("shop charge --started-before 1h --started-after 2h",),
    ),
    Operation(
        name="cancellations.delete",
        parameters=DeleteCancellation,
        result=Deleted,
        run=_delete,
        effect=Effect.DESTROY,
        examples=("01K9V2D6N9P1R7Z4W8X3Y5A0BC",),
    ),
)
