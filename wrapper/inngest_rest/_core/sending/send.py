"""Plans that send events: none is lost, and none is stored twice.

Every event has an id before it is first sent, and every request a seed, so the same bytes can be
resent safely (operation sendEvents). The `ids` of a 400 are the events stored before the invalid
one: that one is reported as rejected, and the events after it are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_count
from inngest_rest._core.sending import batching
from inngest_rest._core.sending.batching import (
    Batch,
    BatchOutcome,
    EventOutcome,
    Unknown,
)
from inngest_rest._core.sending.limits import DEFAULT_EVENTS, MAX_EVENTS
from inngest_rest._visible import shown, type_name
from inngest_rest.errors import (
    ApiError,
    BadRequestError,
    ClosedError,
    InngestError,
    InvalidResponseError,
    PartialSendError,
    TransportError,
)
from inngest_rest.event import Event, EventLike
from inngest_rest.reports import SendReport

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session


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
    from inngest_rest._core.sending.receipts import post  # noqa: PLC0415 - loads generated models

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


def each_event(events: EventLike | Iterable[EventLike]) -> Iterable[EventLike]:
    """Return an iterable of events for a single event or several."""
    if isinstance(events, Event | Mapping):
        return [cast("EventLike", events)]
    if isinstance(events, str | bytes) or not isinstance(events, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid(
            "events",
            f"must be an Event, a mapping or an iterable of them, not {type_name(events)}",
            how='An event is Event("shop/order.created", {"id": 1}).',
        )
    return events
