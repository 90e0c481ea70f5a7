"""Plans for bulk cancellations: list, create, delete. A self-hosted server has none: 500."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_moment, check_text
from inngest_rest._core.calls.families import Cursor, Route, first_present
from inngest_rest._core.calls.listing import Listing, listing
from inngest_rest._core.calls.operation import perform
from inngest_rest._core.resources import from_v1
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.models import Cancellation, Page
from inngest_rest_api import models as api
from inngest_rest_api.api import v1
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def list_cancellations(
    session: Session, *, limit: int | None, page_size: int | None, cursor: str | None
) -> Listing[Cancellation]:
    """List bulk cancellations, all on one page."""

    def by_v1() -> Plan[Page[Cancellation]]:
        operation = v1.list_cancellations_v1
        answer = yield from perform(
            session, "v1", operation, operation.get_kwargs(), api.V1CancellationListEnvelope
        )
        return Page(tuple(from_v1.cancellation(each) for each in answer.data), None)

    def fetch(_cursor: Cursor | None, _size: int) -> Plan[Page[Cancellation]]:
        return first_present(session, Route("v1", "GET /v1/cancellations", by_v1))

    return listing(fetch, limit=limit, page_size=page_size, cursor=cursor)


def create(
    session: Session,
    app_id: str,
    function_id: str,
    *,
    started_before: datetime,
    started_after: datetime | None,
    condition: str | None,
) -> Plan[Cancellation]:
    """Cancel every run of a function that started in a window."""
    check_text("condition", condition)
    if check_moment("started_before", started_before) is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise InvalidArgumentError("started_before must be given: it bounds what is cancelled")
    check_moment("started_after", started_after)
    if started_after is not None and started_after >= started_before:
        raise InvalidArgumentError("started_after must be before started_before")
    body = api.V1CancellationBody(
        app_id=check_id("app", app_id),
        function_id=check_id("function", function_id),
        started_before=started_before,
        started_after=started_after or UNSET,
        if_=condition or UNSET,
    )

    def by_v1() -> Plan[Cancellation]:
        operation = v1.create_cancellation_v1
        kwargs = operation.get_kwargs(body=body)
        answer = yield from perform(
            session, "v1", operation, kwargs, api.V1CancellationEnvelope, repeatable=False
        )
        return from_v1.cancellation(answer.data)

    return first_present(session, Route("v1", "POST /v1/cancellations", by_v1))


def delete(session: Session, cancellation_id: str) -> Plan[None]:
    """Take back a bulk cancellation; runs already cancelled stay so."""
    check_id("cancellation id", cancellation_id)

    def by_v1() -> Plan[None]:
        operation = v1.delete_cancellation_v1
        kwargs = operation.get_kwargs(cancellation_id)
        yield from perform(session, "v1", operation, kwargs, api.V1OkEnvelope)

    return first_present(session, Route("v1", "DELETE /v1/cancellations/{id}", by_v1))
