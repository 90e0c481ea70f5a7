"""Bulk jobs: act on many targets, with bounded concurrency and rate, and stop when hopeless.

The simplest sends events, from a stream in bounded memory, with several batches in flight: events
are encoded as they are drawn, and those that are invalid are reported while the rest are sent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from attrs import frozen

from inngest_rest._core.calls.retry import is_hopeless
from inngest_rest._core.plans import Stopped
from inngest_rest._core.sending import batching
from inngest_rest._core.sending.batching import Batch, BatchOutcome
from inngest_rest._core.sending.send import send_batch
from inngest_rest._local.arguments import (
    check_callable,
    check_count,
    check_count_or_none,
    check_seconds,
    invalid,
)
from inngest_rest._local.event_json import each_event
from inngest_rest._local.limits import MAX_EVENTS
from inngest_rest._values.locks import Locked
from inngest_rest.errors import InngestError
from inngest_rest.event import EventLike
from inngest_rest.reports import BatchReport, SendReport

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.plans import Plan
    from inngest_rest.typing import Seconds

J = TypeVar("J")
T = TypeVar("T")
R = TypeVar("R")

Events = Iterable[EventLike] | AsyncIterable[EventLike]

_OUTAGE = 10  # consecutive failures


class BulkJob(Locked, ABC, Generic[J, T, R]):
    """A bulk operation with validated arguments, for a single run.

    Subclasses collect targets, act on each, and record the results, which arrive in order. Acts are
    spaced evenly over a period.
    """

    # Why the outcome of an act is unknown that was begun and not ended.
    abandoned: ClassVar[str] = "abandoned before its response arrived"
    # The errors of which ten in a row are an outage.
    outage: ClassVar[tuple[type[InngestError], ...]] = (InngestError,)

    def __init__(
        self,
        session: Session,
        in_flight: int,
        max_requests: int | None,
        period: Seconds,
        **callbacks: Callable[..., object] | None,
    ) -> None:
        super().__init__()
        self.session = session
        self._in_flight = check_count("in_flight", in_flight, at_most=64)
        requests = check_count_or_none("max_requests", max_requests)
        seconds = check_seconds("period", period)
        self._interval = 0.0 if requests is None else seconds / requests
        self._next_slot = session.clock.monotonic()
        for name, callback in callbacks.items():
            check_callable(name, callback)
        self._callbacks = callbacks
        self._callback_result: object = None  # what the last callback returned
        self.stopped_by: InngestError | None = None
        self.is_stopped = False  # by an external exception
        self._patience = session.settings.retry.total
        self._failures = 0

    @abstractmethod
    def collect(self) -> Plan[Iterable[J] | AsyncIterable[J]]:
        """Return the targets, which are drawn lazily."""

    @abstractmethod
    def act(self, target: J) -> Plan[T]:
        """Act on one target."""

    @abstractmethod
    def record_result(self, target: J, result: T | None) -> InngestError | None:
        """Record a result, or None for an abandoned act; return its error, if any."""

    def check_goes_on(self) -> None:
        """End the plan of an act, if the job has been stopped in the meantime."""
        if self.is_stopped or self.stopped_by is not None:
            raise Stopped

    @abstractmethod
    def finish(self) -> R:
        """Return the report, or raise the error that stopped the job."""

    def interrupted(self, error: BaseException) -> None:
        """Handle an external exception, which ends the job."""

    def close(self) -> None:
        """Free the resources of the job, however it ended."""

    def run(self, driver: Driver) -> R:
        with closing(self):
            for name, callback in self._callbacks.items():
                if iscoroutinefunction(callback):
                    how = "Pass a plain function, or use AsyncInngestClient."
                    raise invalid(name, "is asynchronous", how=how)
            targets = cast("Iterable[J]", driver.run(self.collect()))
            try:
                driver.run_many(
                    targets,
                    self._throttled,
                    self.handle_result,
                    in_flight=self._in_flight,
                )
            except BaseException as error:
                self.interrupted(error)
                raise
            return self.finish()

    async def run_async(self, driver: AsyncDriver) -> R:
        with closing(self):
            targets = await driver.run(self.collect())
            try:
                await driver.run_many(
                    targets,
                    self._throttled,
                    self._handle_result,
                    in_flight=self._in_flight,
                )
            except BaseException as error:
                self.interrupted(error)
                raise
            return self.finish()

    def handle_result(self, target: J, result: T | None) -> bool:
        """Record a result; return whether to continue."""
        cause = self.record_result(target, result)
        if isinstance(cause, self.outage):
            self._failures += 1
        else:
            self._failures = 0
        is_outage = self._failures >= _OUTAGE
        if is_outage or is_hopeless(cause, self._patience):
            self.stopped_by = self.stopped_by or cause
        return self.stopped_by is None

    async def _handle_result(self, target: J, result: T | None) -> bool:
        goes_on = self.handle_result(target, result)
        callback_result = self._callback_result
        self._callback_result = None
        if isawaitable(callback_result):
            await callback_result
        return goes_on

    async def _throttled(self, target: J) -> T:
        if self._interval:
            with self._lock:
                now = self.session.clock.monotonic()
                slot = max(self._next_slot, now)
                self._next_slot = slot + self._interval
            if slot > now:
                await self.session.driver.sleep(slot - now)
        return await self.act(target)


@frozen(kw_only=True)
class SendOptions:
    """The caller's options of `send_many`."""

    batch_size: int
    in_flight: int
    on_batch: Callable[[BatchReport], object] | None
    max_requests: int | None
    period: Seconds


class SendJob(BulkJob[Batch, BatchOutcome, SendReport]):
    """Sends events in batches as they fill, and calls `on_batch` with the report of each."""

    def __init__(self, session: Session, events: Events, options: SendOptions) -> None:
        super().__init__(
            session,
            options.in_flight,
            options.max_requests,
            options.period,
            on_batch=options.on_batch,
        )
        self.batch_size = check_count(
            "batch_size", options.batch_size, at_most=MAX_EVENTS
        )
        session.check_can_send()
        self.events = events
        self._on_batch = options.on_batch
        self._report = SendReport()

    def run(self, driver: Driver) -> SendReport:
        # Raises if it is asynchronous.
        each_event(cast("Iterable[EventLike]", self.events))
        return super().run(driver)

    async def collect(self) -> Iterable[Batch] | AsyncIterable[Batch]:
        if isinstance(self.events, AsyncIterable):
            return self._drawn(self.events)
        return self.batches(each_event(self.events), 0)

    async def _drawn(self, events: AsyncIterable[EventLike]) -> AsyncIterator[Batch]:
        chunk: list[EventLike] = []
        first = 0  # the position of the first event in the chunk
        async for event in events:
            chunk.append(event)
            if len(chunk) == self.batch_size:
                for batch in self.batches(chunk, first):
                    yield batch
                chunk = []
                first += self.batch_size
        for batch in self.batches(chunk, first):
            yield batch

    def batches(self, events: Iterable[EventLike], first: int) -> Iterator[Batch]:
        """Yield the batches of events; `first` is the position of the first one."""
        return batching.batches_of_events(
            events,
            self.batch_size,
            self.session.name_convention,
            first=first,
            lenient=True,
        )

    def act(self, target: Batch) -> Plan[BatchOutcome]:
        return send_batch(self.session, target)

    def record_result(
        self, target: Batch, result: BatchOutcome | None
    ) -> InngestError | None:
        outcome = result or BatchOutcome.unknown(target, self.abandoned)
        self._report += outcome.report
        self._callback_result = self.notify(outcome)
        return outcome.cause

    def notify(self, outcome: BatchOutcome) -> object:
        """Call `on_batch`, if there is one, and return its result."""
        if self._on_batch is None:
            return None
        return self._on_batch(outcome.batch_report())

    def finish(self) -> SendReport:
        if self.stopped_by is None:
            return self._report
        self.stopped_by.add_note(
            f"stopped after {self._report.accepted:,} events were accepted, "
            f"{self._report.rejected:,} rejected, {self._report.unknown:,} left unknown"
        )
        raise self.stopped_by
