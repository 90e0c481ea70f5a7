"""Many callers at once, in virtual time: their plans take turns, as in an event loop."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from inngest_rest import InngestError
from inngest_rest._core import clock as _core
from inngest_rest._core.drivers.httpx_transport import response_of
from inngest_rest._core.plans import Call
from tests.support.clock import STARTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx

    from inngest_rest._core.plans import Plan


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
        self._due: list[tuple[float, int, int, Plan[Any], Any]] = []
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
            self._wake(begun + within * place / len(callers), caller, plan, None)
        while self._due:
            self._now, _, caller, plan, value = heapq.heappop(self._due)
            self._step(caller, plan, value)

    def _wake(self, at: float, caller: int, plan: Plan[Any], value: Any) -> None:
        heapq.heappush(self._due, (at, next(self._turns), caller, plan, value))

    def _step(self, caller: int, plan: Plan[Any], value: Any) -> None:
        """Give a plan what it waited for, and do what it asks for next."""
        try:
            if isinstance(value, tuple):
                self.responses[caller].append(self._now)
                effect = self._read(plan, *value)
            else:
                effect = plan.send(None)
        except StopIteration:
            return
        except InngestError as error:
            self.errors[caller] = error
            return
        if isinstance(effect, Call):
            self.arrivals[caller].append(self._now)
            response = self._answer(self._now)
            self._wake(self._now + self._latency, caller, plan, (effect, response))
        else:
            self._wake(self._now + effect.seconds, caller, plan, None)

    def _read(self, plan: Plan[Any], call: Call[Any], response: httpx.Response) -> Any:
        try:
            answer = call.read(response_of(response))
        except InngestError as error:
            return plan.throw(error)
        return plan.send(answer)
