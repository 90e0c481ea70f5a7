"""The plan a buffer sends a batch with, and what of its outcome is final.

A buffer gives nothing up while it is open: what got no answer is sent again later. So a request
that the server refuses as a whole must not stand in the way of those behind it for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from inngest_rest._core.sending.batching import Batch
from inngest_rest._core.sending.send import Outcome, send_batch
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    PermissionDeniedError,
    RateLimitError,
    RouteNotFoundError,
    ServerError,
)
from inngest_rest.reports import BatchReport, SendFailure, SendReport

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.errors import InngestError

# These tell of the server or of the key; another request would fare no better.
_NOT_THE_REQUEST = (
    AuthenticationError,
    PermissionDeniedError,
    RouteNotFoundError,
    RateLimitError,
    ServerError,
)


def deliver(session: Session, batch: Batch) -> Plan[Outcome]:
    """Send a batch; where it is refused as a whole (413 above all), send it in halves.

    What is unknown afterwards is the end of the batch, and nothing was sent after it.
    """
    outcome = yield from send_batch(session, batch)
    if not outcome.report.unknown or not _is_about_the_request(outcome.cause):
        return outcome
    first = len(outcome.ids) - outcome.report.unknown
    settled = _settled(outcome)
    if outcome.report.unknown == 1:
        [failure] = outcome.report.failures[-1:]
        refused = SendReport(rejected=1, failures=(failure,))
        return Outcome(outcome.ids, _sum(settled, refused))
    middle = (first + len(outcome.ids)) // 2
    events = batch.events()
    front = yield from deliver(session, _part(batch, events, first, middle))
    ids = (*outcome.ids[:first], *front.ids)
    report = _sum(settled, front.report)
    if front.report.unknown:
        untried = [
            SendFailure(position, event, f"not tried after: {front.cause}")
            for position, event in zip(batch.positions[middle:], events[middle:], strict=True)
        ]
        report = _sum(report, SendReport(unknown=len(untried), failures=tuple(untried)))
        return Outcome((*ids, *(None for _ in untried)), report, front.cause)
    back = yield from deliver(session, _part(batch, events, middle, len(events)))
    return Outcome((*ids, *back.ids), _sum(report, back.report), back.cause)


def final_part(batch: Batch, outcome: Outcome) -> BatchReport:
    """Return what became of a batch without its end of unknown fate, which is sent again."""
    done = len(outcome.ids) - outcome.report.unknown
    return BatchReport(batch.positions[:done], outcome.ids[:done], _settled(outcome))


def open_part(batch: Batch, outcome: Outcome) -> Batch | None:
    """Return the end of unknown fate as a batch of its own."""
    done = len(outcome.ids) - outcome.report.unknown
    return Batch(batch.positions[done:], batch.body_from(done)) if outcome.report.unknown else None


def _is_about_the_request(cause: InngestError | None) -> bool:
    return (
        isinstance(cause, ApiError)
        and 400 <= cause.status < 500
        and cause.status != 408
        and not isinstance(cause, _NOT_THE_REQUEST)
    )


def _settled(outcome: Outcome) -> SendReport:
    report = outcome.report
    return SendReport(report.accepted, report.rejected, 0, report.failures[: report.rejected])


def _sum(left: SendReport, right: SendReport) -> SendReport:
    """Add reports of one batch: unlike `+`, every failure stays."""
    return SendReport(
        left.accepted + right.accepted,
        left.rejected + right.rejected,
        left.unknown + right.unknown,
        left.failures + right.failures,
    )


def _part(batch: Batch, events: list[dict[str, Any]], start: int, end: int) -> Batch:
    return Batch(batch.positions[start:end], orjson.dumps(events[start:end]))
