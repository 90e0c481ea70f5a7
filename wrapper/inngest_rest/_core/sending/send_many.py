"""Bulk sending: stream events in bounded memory, with several batches in flight.

Events are encoded as they are drawn; batches are sent by the driver's `run_many`, which returns
results in order. An invalid event is reported and the rest are sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._core.arguments import check_count, check_count_or_none, check_seconds
from inngest_rest._core.calls.retry import names_a_pause
from inngest_rest._core.drivers.tracebacks import shorten
from inngest_rest._core.pacing import Pacer
from inngest_rest._core.plans import Plan, sleep
from inngest_rest._core.sending.batching import (
    DEFAULT_EVENTS,
    MAX_EVENTS,
    batches_of_async_events,
    batches_of_events,
)
from inngest_rest._core.sending.fates import Fates
from inngest_rest._core.sending.send import each_event, send_batch
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    ClosedError,
    InngestError,
    InvalidArgumentError,
    PermissionDeniedError,
    RouteNotFoundError,
)
from inngest_rest.reports import SendReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.event import EventLike
    from inngest_rest.reports import BatchReport
    from inngest_rest.typing import Seconds

DEFAULT_IN_FLIGHT = 8
"""Default number of requests in flight; see scripts/benchmark/README.md."""

MAX_IN_FLIGHT = 64

# After one of these, no later batch can succeed either; nor before the time that a rate limit sets,
# which the batch has waited for as long as its policy lets it.
_HOPELESS = (AuthenticationError, ClosedError, PermissionDeniedError, RouteNotFoundError)

# This many batches in a row without a response are an outage, not bad luck.
_OUTAGE = 10


class SendOptions(NamedTuple):
    """Validated options of bulk sending."""

    batch_size: int
    in_flight: int
    on_fates: Callable[[Fates], object]
    pacer: Pacer


def check_options(
    session: Session,
    batch_size: int = DEFAULT_EVENTS,
    in_flight: int = DEFAULT_IN_FLIGHT,
    on_batch: Callable[[BatchReport], object] | None = None,
    max_requests: int | None = None,
    period: Seconds = 1.0,
) -> SendOptions:
    """Validate the options common to all bulk sending; a missing key raises here, too."""
    check_count("batch_size", batch_size, at_most=MAX_EVENTS)
    check_count("in_flight", in_flight, at_most=MAX_IN_FLIGHT)
    check_count_or_none("max_requests", max_requests)
    if on_batch is not None and not callable(on_batch):
        raise InvalidArgumentError("on_batch must be callable")
    _ = session.event_key

    def on_fates(fates: Fates) -> None:
        if on_batch is not None:
            on_batch(fates.batch_report())

    pacer = Pacer(max_requests, check_seconds("period", period), session.clock.monotonic)
    return SendOptions(batch_size, in_flight, on_fates, pacer)


def send_many(
    driver: Driver, session: Session, events: Iterable[EventLike], options: SendOptions
) -> SendReport:
    """Send events from an iterable of any length."""
    size, convention = options.batch_size, session.name_convention
    source = batches_of_events(each_event(events), size, convention, lenient=True)
    return run(driver, session, source, options)


async def send_many_async(
    driver: AsyncDriver,
    session: Session,
    events: Iterable[EventLike] | AsyncIterable[EventLike],
    options: SendOptions,
) -> SendReport:
    """Send events from an iterable or asynchronous iterable of any length."""
    size, convention = options.batch_size, session.name_convention
    source = (
        batches_of_async_events(events, size, convention, lenient=True)
        if isinstance(events, AsyncIterable)
        else batches_of_events(each_event(events), size, convention, lenient=True)
    )
    return await run_async(driver, session, source, options)


def run(
    driver: Driver, session: Session, source: Iterable[Batch], options: SendOptions
) -> SendReport:
    """Send batches as they come, several at once."""
    tally = Tally(options.on_fates, session.settings.retry.total)
    try:
        driver.run_many(
            source,
            lambda batch: _paced(session, batch, options.pacer),
            tally.record,
            in_flight=options.in_flight,
        )
        return tally.finish()
    except InngestError as error:
        shorten(error)
        raise


async def run_async(
    driver: AsyncDriver,
    session: Session,
    source: Iterable[Batch] | AsyncIterable[Batch],
    options: SendOptions,
) -> SendReport:
    """Send batches as they come, several at once."""
    tally = Tally(options.on_fates, session.settings.retry.total)
    try:
        await driver.run_many(
            source,
            lambda batch: _paced(session, batch, options.pacer),
            tally.record,
            in_flight=options.in_flight,
        )
        return tally.finish()
    except InngestError as error:
        shorten(error)
        raise


def _paced(session: Session, batch: Batch, pacer: Pacer) -> Plan[Fates]:
    pause = pacer.take()
    if pause:
        yield from sleep(pause)
    return (yield from send_batch(session, batch))


class Tally:
    """Sums up the fates of batches, passes them on, and detects when continuing is pointless.

    Args:
        on_fates: Called with the fates of each batch.
        patience: Seconds that a batch may wait, with all its retries.
    """

    def __init__(self, on_fates: Callable[[Fates], object], patience: float) -> None:
        self._on_fates = on_fates
        self._patience = patience
        self._report = SendReport()
        self._failing = 0
        self._stopped_by: InngestError | None = None

    def record(self, batch: Batch, fates: Fates | None) -> bool:
        """Add a batch, which was abandoned if it has no fates; return whether to continue."""
        fates = fates or Fates.unknown(batch, "abandoned before its response arrived")
        self._report += fates.report
        self._failing = self._failing + 1 if fates.cause else 0
        if self._is_hopeless(fates.cause) or self._failing >= _OUTAGE:
            self._stopped_by = self._stopped_by or fates.cause
        self._on_fates(fates)
        return self._stopped_by is None

    def _is_hopeless(self, cause: InngestError | None) -> bool:
        if isinstance(cause, _HOPELESS) or names_a_pause(cause):
            return True
        # A 503, too, may ask for a longer pause than any batch can make.
        asked = cause.retry_after if isinstance(cause, ApiError) else None
        return asked is not None and asked > self._patience

    def finish(self) -> SendReport:
        """Return the report, or raise the error that stopped the sending."""
        if self._stopped_by is not None:
            self._stopped_by.add_note(
                f"stopped after {self._report.accepted:,} events were accepted, "
                f"{self._report.rejected:,} rejected, {self._report.unknown:,} left unknown"
            )
            raise self._stopped_by
        return self._report
