"""Plans that send events: none is lost, and none is stored twice.

Every event has an id before it is first sent, and every request a seed, so the same bytes can be
resent safely (operation sendEvents). The `ids` of a 400 are the events stored before the invalid
one: that one is reported as rejected, and the events after it are sent.

`send` posts its batches one after the other (`send_batch`), each by `post`, until the receipts have
accounted for each event. A job or a buffer sends batches by `send_batch`.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, cast

from inngest_rest._core.calls.operation import perform
from inngest_rest._core.calls.route import Route
from inngest_rest._core.calls.sources import EVENT_BASE_URL, EVENT_KEY
from inngest_rest._core.sending import batching
from inngest_rest._core.sending.batching import (
    Batch,
    BatchOutcome,
    EventOutcome,
    Rejected,
    Unknown,
)
from inngest_rest._local.arguments import check_count, invalid
from inngest_rest._local.event_json import each_event
from inngest_rest._local.limits import DEFAULT_EVENTS, MAX_EVENTS
from inngest_rest._values.visible import shown
from inngest_rest.errors import (
    Advice,
    ApiError,
    BadRequestError,
    ClosedError,
    InngestError,
    InvalidResponseError,
    PartialSendError,
    RouteNotFoundError,
    TransportError,
)
from inngest_rest.reports import SendReport
from inngest_rest_api.api.ingest import send_events
from inngest_rest_api.models import SendError, SendResult, V2EventIdEnvelope
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.event import EventLike

# Either a different server, or Inngest Cloud, which documents a 404 for an unknown key.
_ADVICE: AdviceByError = {
    RouteNotFoundError: Advice(
        "Check {}, and that the server knows {}.", (EVENT_BASE_URL, EVENT_KEY)
    )
}


async def send(
    session: Session,
    events: EventLike | Iterable[EventLike],
    *more: object,
    batch_size: int = DEFAULT_EVENTS,
) -> list[str]:
    """Send one or more events and return their internal ids, in order."""
    if more:
        name = shown(events) if isinstance(events, str) else "name"
        how = f"Write send(Event({name}, data))."
        raise invalid("events", "must be one argument", how=how)
    check_count("batch_size", batch_size, at_most=MAX_EVENTS)
    # Everything is validated and encoded before anything is sent.
    drawn = batching.batches_of_events(
        each_event(events), batch_size, session.name_convention
    )
    outcomes: list[BatchOutcome] = []
    cause: InngestError | None = None
    for batch in list(drawn):
        if cause is None:
            outcome = await send_batch(session, batch)
            cause = outcome.cause
        else:
            outcome = BatchOutcome.unknown(batch, f"not tried after: {cause}")
        outcomes.append(outcome)
    ids: list[str | None] = []
    for outcome in outcomes:
        ids += outcome.ids
    if all(outcome.are_all_accepted for outcome in outcomes):
        return cast("list[str]", ids)
    report = sum((outcome.report for outcome in outcomes), SendReport())
    raise _error_of(session, report, ids, cause)


def checked(
    session: Session, events: EventLike | Iterable[EventLike]
) -> Iterator[Batch]:
    """Yield events as they would be sent, with those beside them that would be rejected."""
    return batching.batches_of_events(
        each_event(events), DEFAULT_EVENTS, session.name_convention, lenient=True
    )


def _error_of(
    session: Session,
    report: SendReport,
    ids: list[str | None],
    cause: InngestError | None,
) -> InngestError:
    """Return the error for events that were not accepted, with its cause."""
    are_all_unknown = report.accepted == 0 and report.rejected == 0
    if cause is not None and are_all_unknown and not cause.may_have_taken_effect:
        return cause
    partial = PartialSendError(report, ids)
    if len(ids) > 1:
        partial.__cause__ = cause
        return partial
    # A single event cannot be partial: raise its own error, caused by the report.
    error = cause
    if error is None:
        [failure] = report.failures
        url = f"{session.settings.event_url}/e/***"
        error = BadRequestError(
            failure.reason,
            status=400,
            method="POST",
            url=url,
        )
    partial.__cause__ = error.__cause__
    error.__cause__ = partial
    return error


async def send_batch(session: Session, batch: Batch) -> BatchOutcome:
    """Send a whole batch, continuing after each event that the server rejects."""
    outcomes: list[EventOutcome] = []
    count = len(batch.positions)
    while len(outcomes) < count:
        rest = batch.part(len(outcomes)) if outcomes else batch
        try:
            outcomes += await post(session, rest)
        except (ApiError, ClosedError, InvalidResponseError, TransportError) as error:
            unknown = Unknown(str(error))
            outcomes += [unknown] * (count - len(outcomes))
            return BatchOutcome(batch=batch, each=outcomes, cause=error)
    return BatchOutcome(batch=batch, each=outcomes)


def post(session: Session, batch: Batch) -> Plan[list[EventOutcome]]:
    """Post a batch and return the outcome of each event according to the receipt.

    Retries reuse the seed, so the server does not store the events twice.
    """
    if session.settings.sends_by_v2:
        return _post_each(session, batch)
    session.check_can_send()
    milliseconds = int(session.clock.now() * 1_000)
    entropy = base64.b64encode(os.urandom(10)).decode()
    # As built by `send_events.get_kwargs`, which only accepts unencoded events.
    kwargs = {
        "url": send_events.OPERATION.path,
        "headers": {
            "Content-Type": "application/json",
            "x-inngest-event-id-seed": f"{milliseconds},{entropy}",
        },
        "content": batch.body,
    }

    def outcomes_of(receipt: SendResult | SendError) -> list[EventOutcome]:
        return _outcomes(receipt, len(batch.positions), session)

    route: Route[SendResult | SendError, list[EventOutcome]] = Route(
        operation=send_events.OPERATION,
        kwargs=kwargs,
        forms=(SendResult,),
        convert=outcomes_of,
        accepted={400: SendError},  # lists the events stored before the rejected one
        advice=_ADVICE,
    )
    return perform(session, route)


async def _post_each(session: Session, batch: Batch) -> list[EventOutcome]:
    """Post each event alone, as v2 requires, up to the first that is rejected."""
    from inngest_rest_api.api.v2 import send_event_v2  # noqa: PLC0415 - most clients use event keys

    def event_id_of(envelope: V2EventIdEnvelope) -> str:
        return envelope.data.event_id

    outcomes: list[EventOutcome] = []
    for event in batch.events():
        route = Route[V2EventIdEnvelope, str](
            operation=send_event_v2.OPERATION,
            kwargs={"url": send_event_v2.OPERATION.path, "json": event},
            forms=(V2EventIdEnvelope,),
            convert=event_id_of,
        )
        try:
            event_id = await perform(session, route)
        except BadRequestError as error:
            outcomes.append(Rejected(session.quote(error.message)))
            return outcomes
        except InngestError:
            if not outcomes:
                raise
            return outcomes
        outcomes.append(event_id)
    return outcomes


def _check_status(receipt: SendResult | SendError) -> None:
    """Refuse a receipt whose status contradicts that of HTTP; a server may omit it."""
    status: object = receipt.status
    if status is UNSET:
        return
    statuses = (400,) if isinstance(receipt, SendError) else range(200, 300)
    if status not in statuses:
        raise ValueError(f"status is {status!r:.100}")


def _outcomes(
    receipt: SendResult | SendError, count: int, session: Session
) -> list[EventOutcome]:
    """Read a receipt; raise ValueError unless it accounts for every event."""
    # An empty list may be a null, which accounts for nothing.
    if type(receipt.ids) is not list or not receipt.ids:
        stated = (
            f"; it states: {receipt.error}" if isinstance(receipt, SendError) else ""
        )
        raise ValueError(f"ids is not a list of strings{stated}")
    # Servers report no ids as one empty string (recording ingest-empty-array).
    ids: list[EventOutcome] = []
    if receipt.ids != [""]:
        ids = [*receipt.ids]
    if not all(ids):
        raise ValueError("an id is empty")
    _check_status(receipt)
    if isinstance(receipt, SendError):
        if len(ids) >= count:
            raise ValueError(
                f"{len(ids)} ids for {count} events, one of which was rejected"
            )
        ids.append(Rejected(session.quote(str(receipt.error))))
        return ids
    if receipt.additional_properties.get("error") is not None:
        raise ValueError("it has an error")
    if len(ids) != count:
        raise ValueError(f"{len(ids)} ids for {count} events")
    return ids
