"""Bulk sending: stream events in bounded memory, with several batches in flight.

Events are encoded as they are drawn. Invalid events are reported and the rest are sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._core.arguments import check_callable, check_count
from inngest_rest._core.bulk.job import ABANDONED, BulkJob, Pace
from inngest_rest._core.sending import batching
from inngest_rest._core.sending.batching import BatchOutcome
from inngest_rest._core.sending.send import each_event, send_batch
from inngest_rest.reports import BatchReport, SendReport

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.errors import InngestError
    from inngest_rest.event import EventLike
    from inngest_rest.typing import Seconds


class SendOptions(NamedTuple):
    batch_size: int
    pace: Pace
    on_outcome: Callable[[BatchOutcome], object]
    on_batch: Callable[[BatchReport], object] | None


def check_options(
    session: Session,
    batch_size: int,
    in_flight: int,
    on_batch: Callable[[BatchReport], object] | None,
    max_requests: int | None,
    period: Seconds,
) -> SendOptions:
    """Validate the options common to all bulk sending; also raises for a missing key."""
    check_count("batch_size", batch_size, at_most=batching.MAX_EVENTS)
    pace = Pace(session.clock.monotonic, in_flight, max_requests, period)
    check_callable("on_batch", on_batch)
    session.check_can_send()

    def on_outcome(outcome: BatchOutcome) -> object:
        return None if on_batch is None else on_batch(outcome.batch_report())

    return SendOptions(batch_size, pace, on_outcome, on_batch)


def send_many(session: Session, events: Iterable[EventLike], options: SendOptions) -> SendJob:
    """Return the job that sends events from an iterable of any length."""
    size, convention = options.batch_size, session.name_convention
    batches = batching.batches_of_events(each_event(events), size, convention, lenient=True)
    return SendJob(session, batches, options)


def send_many_async(
    session: Session, events: Iterable[EventLike] | AsyncIterable[EventLike], options: SendOptions
) -> SendJob:
    """Return the job that sends events from an iterable or asynchronous iterable of any length."""
    if not isinstance(events, AsyncIterable):
        return send_many(session, events, options)
    size, convention = options.batch_size, session.name_convention
    batches = batching.batches_of_async_events(events, size, convention, lenient=True)
    return SendJob(session, batches, options)


class SendJob(BulkJob[batching.Batch, BatchOutcome, SendReport]):
    """Sends batches as they fill, and calls `on_outcome` of the options for each."""

    def __init__(
        self,
        session: Session,
        batches: Iterable[batching.Batch] | AsyncIterable[batching.Batch],
        options: SendOptions,
    ) -> None:
        super().__init__(session, options.pace, on_batch=options.on_batch)
        self._batches = batches
        self._on_outcome = options.on_outcome
        self._report = SendReport()

    def collect(self) -> Plan[Iterable[batching.Batch] | AsyncIterable[batching.Batch]]:
        yield from ()
        return self._batches

    def act(self, target: batching.Batch) -> Plan[BatchOutcome]:
        return send_batch(self.session, target)

    def tally(self, target: batching.Batch, result: BatchOutcome | None) -> InngestError | None:
        outcome = result or BatchOutcome.unknown(target, ABANDONED)
        self._report += outcome.report
        self._waiting.append(self._on_outcome(outcome))
        return outcome.cause

    def finish(self) -> SendReport:
        """Return the report, or raise the error that stopped the job, with the counts."""
        if self.stopped_by is None:
            return self._report
        self.stopped_by.add_note(
            f"stopped after {self._report.accepted:,} events were accepted, "
            f"{self._report.rejected:,} rejected, {self._report.unknown:,} left unknown"
        )
        raise self.stopped_by
