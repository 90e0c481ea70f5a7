"""Bulk jobs: act on many targets, with bounded concurrency and rate, and stop when hopeless."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import closing
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from inngest_rest._core.arguments import (
    check_callable,
    check_count,
    check_count_or_none,
    check_seconds,
    invalid,
)
from inngest_rest._core.calls.retry import is_hopeless
from inngest_rest._core.locks import Locked
from inngest_rest._core.plans import Plan, sleep
from inngest_rest.errors import InngestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest.typing import Seconds

J = TypeVar("J")
T = TypeVar("T")
R = TypeVar("R")

DEFAULT_IN_FLIGHT = 8
"""Default number of requests in flight; see scripts/internal/benchmark/README.md."""

MAX_IN_FLIGHT = 64

ABANDONED = "abandoned before its response arrived"

# This many consecutive failures count as an outage.
_OUTAGE = 10


class BulkJob(Locked, ABC, Generic[J, T, R]):
    """A bulk operation with validated arguments, for a single run.

    Subclasses collect targets, act on each, and tally the results, which arrive in order. Acts are
    spaced evenly over a period.
    """

    # Additional errors after which no later act can succeed; and those of an outage, ten in a row.
    hopeless: ClassVar[tuple[type[InngestError], ...]] = ()
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
        self._in_flight = check_count("in_flight", in_flight, at_most=MAX_IN_FLIGHT)
        requests = check_count_or_none("max_requests", max_requests)
        seconds = check_seconds("period", period)
        self._interval = 0.0 if requests is None else seconds / requests
        self._next_slot = session.clock.monotonic()
        for name, callback in callbacks.items():
            check_callable(name, callback)
        self._callbacks = callbacks
        self._told: object = None  # what the last callback returned
        self.stopped_by: InngestError | None = None
        self._patience = session.settings.retry.total
        self._failures = 0

    @abstractmethod
    def collect(self) -> Plan[Iterable[J] | AsyncIterable[J]]:
        """Return the targets, which are drawn lazily."""

    @abstractmethod
    def act(self, target: J) -> Plan[T]:
        """Act on one target."""

    @abstractmethod
    def tally(self, target: J, result: T | None) -> InngestError | None:
        """Record a result, or None for an abandoned act; return its error, if any."""

    @abstractmethod
    def finish(self) -> R:
        """Return the report, or raise the error that stopped the job."""

    def interrupted(self, error: BaseException) -> None:
        """Handle an external exception, which ends the job."""

    def close(self) -> None:
        """Free what the job holds, however it ended."""

    def run(self, driver: Driver) -> R:
        for name, callback in self._callbacks.items():
            if iscoroutinefunction(callback):
                raise invalid(
                    name, "is asynchronous: pass a plain function, or use AsyncInngestClient"
                )
        with closing(self):
            targets = cast("Iterable[J]", driver.run(self.collect()))
            try:
                driver.run_many(targets, self._paced, self.record, in_flight=self._in_flight)
            except BaseException as error:
                self.interrupted(error)
                raise
            return self.finish()

    async def run_async(self, driver: AsyncDriver) -> R:
        with closing(self):
            targets = await driver.run(self.collect())
            act, in_flight = self._paced, self._in_flight
            try:
                await driver.run_many(targets, act, self._recorded, in_flight=in_flight)
            except BaseException as error:
                self.interrupted(error)
                raise
            return self.finish()

    def record(self, target: J, result: T | None) -> bool:
        """Tally a result; return whether to continue."""
        cause = self.tally(target, result)
        self._failures = self._failures + 1 if isinstance(cause, self.outage) else 0
        is_final = isinstance(cause, self.hopeless) or is_hopeless(cause, self._patience)
        if is_final or self._failures >= _OUTAGE:
            self.stopped_by = self.stopped_by or cause
        return self.stopped_by is None

    async def _recorded(self, target: J, result: T | None) -> bool:
        goes_on = self.record(target, result)
        told, self._told = self._told, None
        if isawaitable(told):
            await told
        return goes_on

    def _paced(self, target: J) -> Plan[T]:
        if self._interval:
            with self._lock:
                now = self.session.clock.monotonic()
                slot = max(self._next_slot, now)
                self._next_slot = slot + self._interval
            if slot > now:
                yield from sleep(slot - now)
        return (yield from self.act(target))
