"""Bulk sending: stream events in bounded memory, with several batches in flight.

Events are encoded as they are drawn. Invalid events are reported and the rest are sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_count
from inngest_rest._core.bulk.job import ABANDONED, BulkJob
from inngest_rest._core.sending import batching
from inngest_rest._core.sending.batching import Batch, BatchOutcome
from inngest_rest._core.sending.send import each_event, send_batch
from inngest_rest.event import EventLike
from inngest_rest.reports import BatchReport, SendReport

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.errors import InngestError
    from inngest_rest.typing import Seconds

Events = Iterable[EventLike] | AsyncIterable[EventLike]


class SendJob(BulkJob[Batch, BatchOutcome, SendReport]):
    """Sends events in batches as they fill, and tells `on_batch` of each."""

    def __init__(
        self,
        session: Session,
        events: Events,
        batch_size: int,
        in_flight: int,
        on_batch: Callable[[BatchReport], object] | None,
        max_requests: int | None,
        period: Seconds,
    ) -> None:
        super().__init__(session, in_flight, max_requests, period, on_batch=on_batch)
        self.batch_size = check_count("batch_size", batch_size, at_most=batching.MAX_EVENTS)
        session.check_can_send()
        self.events, self._on_batch = events, on_batch
        self._report = SendReport()

    def collect(self) -> Plan[Iterable[Batch] | AsyncIterable[Batch]]:
        yield from ()
        if isinstance(self.events, AsyncIterable):
            firsts = count(0, self.batch_size)
            lists = batching.lists_of(self.events, self.batch_size)
            return (batch async for each in lists for batch in self.batches(each, next(firsts)))
        return self.batches(each_event(self.events), 0)

    def batches(self, events: Iterable[EventLike], first: int) -> Iterator[Batch]:
        """Yield the batches of the events that are drawn next, by the position of the first."""
        size, convention = self.batch_size, self.session.name_convention
        return batching.batches_of_events(events, size, convention, first=first, lenient=True)

    def act(self, target: Batch) -> Plan[BatchOutcome]:
        return send_batch(self.session, target)

    def tally(self, target: Batch, result: BatchOutcome | None) -> InngestError | None:
        outcome = result or BatchOutcome.unknown(target, ABANDONED)
        self._report += outcome.report
        self._told = self.tell(outcome)
        return outcome.cause

    def tell(self, outcome: BatchOutcome) -> object:
        """Tell the caller of a batch."""
        return None if self._on_batch is None else self._on_batch(outcome.batch_report())

    def finish(self) -> SendReport:
        if self.stopped_by is None:
            return self._report
        self.stopped_by.add_note(
            f"stopped after {self._report.accepted:,} events were accepted, "
            f"{self._report.rejected:,} rejected, {self._report.unknown:,} left unknown"
        )
        raise self.stopped_by
