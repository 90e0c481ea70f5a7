"""Plans for sending events: no event is lost, and none runs twice.

Every event has an id before it first goes out, and every request a seed, so the same bytes may be
sent again [facts.md 1]. A 400 names in `ids` what was stored before the offender: the rest is sent
on, the offender set aside.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import quote

import orjson

from inngest_rest._core.arguments import check_count
from inngest_rest._core.calls.operation import perform
from inngest_rest._core.calls.route import Route
from inngest_rest._core.sending.batching import DEFAULT_EVENTS, MAX_EVENTS, Batch
from inngest_rest._core.sending.chunks import batches_of_events
from inngest_rest.errors import (
    ApiError,
    InngestError,
    InvalidArgumentError,
    InvalidResponseError,
    PartialSendError,
    TransportError,
)
from inngest_rest.event import Event, EventLike
from inngest_rest.reports import SendFailure, SendReport
from inngest_rest_api.api import Operation

if TYPE_CHECKING:
    import httpx

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

_ANSWERS = frozenset({200, 400})


class Outcome(NamedTuple):
    """What became of a batch.

    Attributes:
        ids: For each event that went out its internal id, or None.
        report: Counts and every failure, those refused before included.
        cause: What stopped the batch before its end, if anything did.
    """

    ids: tuple[str | None, ...]
    report: SendReport
    cause: InngestError | None = None


def send(
    session: Session, events: EventLike | Iterable[EventLike], *, batch_size: int = DEFAULT_EVENTS
) -> Plan[list[str]]:
    """Send one event or several and return their internal ids in order."""
    batches = _prepare(events, batch_size)
    ids: list[str | None] = []
    report = SendReport()
    cause: InngestError | None = None
    for batch in batches:
        if cause is None:
            outcome = yield from send_batch(session, batch)
        else:
            outcome = unsent(batch, f"not tried after: {cause}")
        ids += outcome.ids
        report += outcome.report
        cause = cause or outcome.cause
    if report.accepted == len(ids):
        return cast("list[str]", ids)
    if cause is not None and report.accepted == report.rejected == 0 and _took_nothing(cause):
        raise cause
    raise PartialSendError(report, ids) from cause


def send_batch(session: Session, batch: Batch) -> Plan[Outcome]:
    """Send one batch to its end, past every event the server refuses."""
    ids: list[str | None] = []
    failures = list(batch.refused)
    cause: InngestError | None = None
    while cause is None and (left := len(batch.positions) - len(ids)):
        try:
            receipt = yield from _post(session, batch.body_from(len(ids)), left)
        except (ApiError, TransportError, InvalidResponseError) as error:
            cause = error
            continue
        ids += receipt.ids
        if receipt.error is not None and len(ids) < len(batch.positions):
            offender = len(ids)
            position, event = batch.positions[offender], batch.events()[offender]
            failures.append(SendFailure(position, event, receipt.error))
            ids.append(None)
    return _outcome(batch, ids, failures, cause)


def unsent(batch: Batch, reason: str) -> Outcome:
    """Report a batch whose fate is unknown, or that was not tried."""
    return _outcome(batch, [], list(batch.refused), None, reason)


def _outcome(
    batch: Batch,
    ids: list[str | None],
    failures: list[SendFailure],
    cause: InngestError | None,
    reason: str | None = None,
) -> Outcome:
    """Sum a batch up; what has neither an id nor a failure of its own is of unknown fate."""
    rejected = len(failures)
    unknown = len(batch.positions) - len(ids)
    if unknown:
        left = zip(batch.positions[len(ids) :], batch.events()[len(ids) :], strict=True)
        failures += [SendFailure(*each, reason or str(cause)) for each in left]
    accepted = len(ids) - (rejected - len(batch.refused))
    report = SendReport(accepted, rejected, unknown, tuple(failures))
    return Outcome((*ids, *(None for _ in range(unknown))), report, cause)


def _prepare(events: EventLike | Iterable[EventLike], batch_size: int) -> list[Batch]:
    """Check and encode everything before anything is sent."""
    check_count("batch_size", batch_size, at_most=MAX_EVENTS)
    return list(batches_of_events(each_event(events), batch_size))


def each_event(events: EventLike | Iterable[EventLike]) -> Iterable[EventLike]:
    """Return an iterable of events, whether one was handed over or several."""
    if isinstance(events, Event | Mapping):
        return [cast("EventLike", events)]
    if isinstance(events, str | bytes) or not isinstance(events, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(
            f"events are an Event, a mapping or an iterable of them, not {type(events).__name__}"
        )
    return events


def _took_nothing(cause: InngestError) -> bool:
    """Tell whether a request that failed so provably stored no event."""
    if isinstance(cause, ApiError):
        return 400 <= cause.status < 500
    return isinstance(cause, TransportError) and not cause.delivered


class _Receipt(NamedTuple):
    """What the server says of one request: the ids it stored, and why it stopped."""

    ids: list[str]
    error: str | None


_SEND = Operation("ingest", "send_events", "POST", "/e/{event_key}")


class _ReceiptOf(NamedTuple):
    """Reads SendResult and SendError; the document's models would cost the hot path dearly."""

    expected: int

    @property
    def OPERATION(self) -> Operation:  # noqa: N802 - as generated modules have it
        return _SEND

    def parse_response(self, response: httpx.Response, *, strict: bool) -> _Receipt:  # noqa: ARG002
        body: dict[str, Any] = orjson.loads(response.content)
        ids: list[str] = body["ids"]
        if not all(ids):
            # "Nothing stored" comes as one empty string [facts.md 1].
            ids = [each for each in ids if each]
        if response.status_code == 400:
            return _Receipt(ids[: self.expected], str(body["error"]))
        if len(ids) != self.expected:
            raise ValueError(f"{len(ids)} ids for {self.expected} events")
        return _Receipt(ids, None)


def _post(session: Session, body: bytes, count: int) -> Plan[_Receipt]:
    """Post an array of events; the same seed with each retry keeps it from being stored twice."""
    seed = f"{int(session.now() * 1_000)},{base64.b64encode(os.urandom(10)).decode()}"
    kwargs = {
        "method": "post",
        "url": f"/e/{quote(session.event_key, safe='')}",
        "content": body,
        "headers": {"content-type": "application/json", "x-inngest-event-id-seed": seed},
    }
    route = Route(_ReceiptOf(count), kwargs, _Receipt, lambda receipt: receipt, accepted=_ANSWERS)
    return (yield from perform(session, route))
