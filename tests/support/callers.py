"""Many callers at once, in virtual time: their plans take turns, as in an event loop."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from inngest_rest import InngestError
from inngest_rest._core import clock as _core
from tests.support.clock import STARTED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import httpx

    from inngest_rest._core.plans import Call, Plan

J = TypeVar("J")
T = TypeVar("T")


class Callers:
    """Runs plans concurrently; a response takes some time, and computing takes none.

    Args:
        answer: Returns the response to a request that arrives at a time.
        latency: Seconds from a request to its response.

    Attributes:
        arrivals: When the requests of each caller arrived.
        responses: When the responses to each caller arrived.
        errors: The error that each caller got.
        clock: The time of the callers, for the sessions of its plans.
    """

    def __init__(self, answer: Callable[[float], httpx.Response], *, latency: float = 0.02) -> None:
        self._answer = answer
        self._latency = latency
        self._now = 0.0
        self._turns = itertools.count()
        self._due: list[tuple[float, int, int, Plan[Any]]] = []
        self._caller = 0  # whose turn it is
        self.arrivals: dict[int, list[float]] = defaultdict(list)
        self.responses: dict[int, list[float]] = defaultdict(list)
        self.errors: dict[int, InngestError] = {}
        self.clock = _core.Clock(
            monotonic=lambda: 1_000.0 + self._now,
            now=lambda: STARTED + self._now,
            random=random.Random(20_261_127).random,
        )

    @property
    def times(self) -> list[float]:
        """When requests arrived, of all callers, in order."""
        return sorted(itertools.chain.from_iterable(self.arrivals.values()))

    def run(self, plans: Iterable[Plan[Any]], *, within: float = 0.0) -> None:
        """Run plans to their ends; they begin evenly spaced within some seconds."""
        callers = dict(enumerate(plans, len(self.arrivals)))
        begun = self._now
        for place, (caller, plan) in enumerate(callers.items()):
            self._wake(begun + within * place / len(callers), caller, plan)
        while self._due:
            self._now, _, self._caller, plan = heapq.heappop(self._due)
            self._step(plan)

    def _wake(self, at: float, caller: int, plan: Plan[Any]) -> None:
        heapq.heappush(self._due, (at, next(self._turns), caller, plan))

    def _step(self, plan: Plan[Any]) -> None:
        """Let a plan go on until it pauses, and wake it after that."""
        try:
            pause = plan.send(None)
        except StopIteration:
            return
        except InngestError as error:
            self.errors[self._caller] = error
            return
        self._wake(self._now + pause, self._caller, plan)

    async def call(self, call: Call[T], /) -> T:
        """Answer the request of the plan whose turn it is, after the latency."""
        self.arrivals[self._caller].append(self._now)
        response = self._answer(self._now)
        await _pause(self._latency)
        self.responses[self._caller].append(self._now)
        return call.read(response)

    async def sleep(self, seconds: float, /) -> None:
        await _pause(seconds)

    async def together(
        self, plan: Callable[[J], Plan[T]], jobs: Iterable[J], *, in_flight: int = 8
    ) -> list[T]:
        raise NotImplementedError(plan, jobs, in_flight)


@coroutine
def _pause(seconds: float) -> Generator[float]:
    yield seconds
