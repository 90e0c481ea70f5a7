"""Bulk cancellations, which Inngest Cloud alone stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_text, invalid
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.fields import optional, record
from inngest_rest._core.resources.filters import check_instant
from inngest_rest._core.resources.routes import ask, listed, one, pages
from inngest_rest.errors import Advice, NextCall, ServerError
from inngest_rest.models import Cancellation
from inngest_rest_api import models as api
from inngest_rest_api.api import v1
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import Unpack

    from inngest_rest._core.calls.listing import Listing, Paging
    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

# It responds with 500 and an empty body (recording v1-cancellations).
_ADVICE: AdviceByError = {
    ServerError: Advice(
        "A self-hosted server has no bulk cancellations: cancel runs by a filter, with {}.",
        (NextCall("runs.cancel_all"),),
    )
}


def list_cancellations(session: Session, **paging: Unpack[Paging]) -> Listing[Cancellation]:
    """List bulk cancellations; the server returns all of them at once."""
    module, item = v1.list_cancellations_v1, api.V1Cancellation
    found = pages(module, item, _cancellation, may_panic=True, advice=_ADVICE)
    return listed(session, "cancellations.list", found, **paging)


def create(
    session: Session,
    app_id: str,
    function_id: str,
    *,
    started_before: datetime | timedelta,
    started_after: datetime | timedelta | None,
    condition: str | None,
) -> Plan[Cancellation]:
    """Cancel every run of a function that started in a time window."""
    check_text("condition", condition)
    now = session.server_clocks["api"].now()
    end = check_instant("started_before", started_before, now)
    if end is None:
        raise invalid("started_before", "must be given: it bounds what is cancelled")
    begin = check_instant("started_after", started_after, now)
    if begin is not None and begin >= end:
        raise invalid("started_after", "must be before started_before")
    body = api.V1CancellationBody(
        app_id=check_id("app", app_id),
        function_id=check_id("function", function_id),
        started_before=end,
        started_after=begin or UNSET,
        if_=condition or UNSET,
    )
    name, module, convert = "cancellations.create", v1.create_cancellation_v1, _cancellation
    forms = api.V1CancellationEnvelope, api.V1Cancellation
    return one(session, name, module, forms, convert, repeatable=False, advice=_ADVICE, body=body)


def delete(session: Session, cancellation_id: str) -> Plan[None]:
    """Withdraw a bulk cancellation; runs it has already cancelled stay cancelled."""
    module = v1.delete_cancellation_v1
    kwargs = module.get_kwargs(check_id("cancellation id", cancellation_id, argument="id"))
    route = Route.without_result(module, kwargs, deletes=True, may_panic=True, advice=_ADVICE)
    return ask(session, "cancellations.delete", route)


def _cancellation(it: api.V1Cancellation) -> Cancellation:
    return record(Cancellation, it, condition=optional(it.if_))
