"""Sending without end: events stream through in bounded memory, batch by batch, several at once.

Events are encoded where they come from; batches go out through the driver's `run_many`, which
hands results back in order. One bad event is reported and the rest go on.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from inngest_rest._core.arguments import check_count, check_seconds
from inngest_rest._core.plans import Plan, sleep
from inngest_rest._core.sending.batching import DEFAULT_EVENTS, MAX_EVENTS, Batch, Batcher
from inngest_rest._core.sending.chunks import batches_of_async_events, batches_of_events
from inngest_rest._core.sending.send import Outcome, each_event, send_batch, unsent
from inngest_rest.errors import (
    AuthenticationError,
    InngestError,
    InvalidArgumentError,
    PermissionDeniedError,
    RouteNotFoundError,
)
from inngest_rest.reports import BatchReport, SendReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest.event import EventLike
    from inngest_rest.typing import Seconds

E = TypeVar("E")

DEFAULT_IN_FLIGHT = 8
"""Requests at once, unless told otherwise; see scripts/benchmark/README.md."""

MAX_IN_FLIGHT = 64

# After one of these no later batch can fare better.
_HOPELESS = (AuthenticationError, PermissionDeniedError, RouteNotFoundError)

# This many batches in a row that got no answer are an outage, not bad luck.
_OUTAGE = 10


class Options(NamedTuple):
    """How to send many events, checked."""

    batch_size: int
    in_flight: int
    on_batch: Callable[[BatchReport], object] | None
    pacer: Pacer


def options(
    session: Session,
    batch_size: int = DEFAULT_EVENTS,
    in_flight: int = DEFAULT_IN_FLIGHT,
    on_batch: Callable[[BatchReport], object] | None = None,
    max_requests: int | None = None,
    period: Seconds = 1.0,
) -> Options:
    """Check what every way to send many events takes; a missing key is found here too."""
    check_count("batch_size", batch_size, at_most=MAX_EVENTS)
    check_count("in_flight", in_flight, at_most=MAX_IN_FLIGHT)
    check_count("max_requests", max_requests)
    if on_batch is not None and not callable(on_batch):
        raise InvalidArgumentError("on_batch must be callable")
    _ = session.event_key
    pacer = Pacer(max_requests, check_seconds("period", period), session.clock.monotonic)
    return Options(batch_size, in_flight, on_batch, pacer)


def send_many(
    driver: Driver, session: Session, events: Iterable[EventLike], chosen: Options
) -> SendReport:
    """Send events from an iterable, whatever its length."""
    source = batches_of_events(each_event(events), chosen.batch_size, lenient=True)
    return run(driver, session, source, chosen)


async def send_many_async(
    driver: AsyncDriver,
    session: Session,
    events: Iterable[EventLike] | AsyncIterable[EventLike],
    chosen: Options,
) -> SendReport:
    """Send events from an iterable or an asynchronous one, whatever its length."""
    source = (
        batches_of_async_events(events, chosen.batch_size, lenient=True)
        if isinstance(events, AsyncIterable)
        else batches_of_events(each_event(events), chosen.batch_size, lenient=True)
    )
    return await run_async(driver, session, source, chosen)


def run(driver: Driver, session: Session, source: Iterable[Batch], chosen: Options) -> SendReport:
    """Send batches as they come, several at once."""
    tally = Tally(chosen.on_batch)
    driver.run_many(
        source,
        lambda batch: _paced(session, batch, chosen.pacer),
        tally.took,
        in_flight=chosen.in_flight,
    )
    return tally.finish()


async def run_async(
    driver: AsyncDriver,
    session: Session,
    source: Iterable[Batch] | AsyncIterable[Batch],
    chosen: Options,
) -> SendReport:
    """Send batches as they come, several at once."""
    tally = Tally(chosen.on_batch)
    await driver.run_many(
        source,
        lambda batch: _paced(session, batch, chosen.pacer),
        tally.took,
        in_flight=chosen.in_flight,
    )
    return tally.finish()


def batches(events: Iterable[E], batcher: Batcher[E]) -> Iterator[Batch]:
    """Yield batches as they fill."""
    add = batcher.add
    for event in events:
        full = add(event)
        if full is not None:
            yield full
    last = batcher.flush()
    if last is not None:
        yield last


def _paced(session: Session, batch: Batch, pacer: Pacer) -> Plan[Outcome]:
    pause = pacer.take()
    if pause:
        yield from sleep(pause)
    return (yield from send_batch(session, batch))


class Tally:
    """Add up what becomes of the batches, tell `on_batch`, and notice when it is no use."""

    def __init__(self, on_batch: Callable[[BatchReport], object] | None) -> None:
        self._on_batch = on_batch
        self._report = SendReport()
        self._failing = 0
        self._stopped_by: InngestError | None = None

    def took(self, batch: Batch, outcome: Outcome | None) -> bool:
        """Take the outcome of a batch, None if it was given up; tell whether to go on."""
        outcome = outcome or unsent(batch, "given up before its answer came")
        self._report += outcome.report
        self._failing = self._failing + 1 if outcome.cause else 0
        if isinstance(outcome.cause, _HOPELESS) or self._failing >= _OUTAGE:
            self._stopped_by = self._stopped_by or outcome.cause
        if self._on_batch is not None:
            self._on_batch(BatchReport(batch.positions, outcome.ids, outcome.report))
        return self._stopped_by is None

    def finish(self) -> SendReport:
        """Return the report, or raise what made going on useless."""
        if self._stopped_by is not None:
            self._stopped_by.add_note(
                f"stopped after {self._report.accepted:,} events were accepted, "
                f"{self._report.rejected:,} rejected, {self._report.unknown:,} left unknown"
            )
            raise self._stopped_by
        return self._report


class Pacer:
    """Space requests evenly: at most so many in a period, whoever sends them.

    Args:
        requests: Most requests in a period; None for no limit.
        period: The period, in seconds.
        clock: Monotonic seconds.
    """

    def __init__(self, requests: int | None, period: float, clock: Callable[[], float]) -> None:
        self._interval = 0.0 if requests is None else period / requests
        self._clock = clock
        self._next = clock()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take a place in the row and return the seconds until it comes."""
        if not self._interval:
            return 0.0
        with self._lock:
            now = self._clock()
            place = max(self._next, now)
            self._next = place + self._interval
            return place - now
