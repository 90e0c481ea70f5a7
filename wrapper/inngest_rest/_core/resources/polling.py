"""Shared by waiting, watching and following: a poller, its pauses, and listings of ended runs."""

from __future__ import annotations

import math
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import frozen

from inngest_rest import errors
from inngest_rest._core.calls.retry import FAULTS, Fault
from inngest_rest._core.resources import runs
from inngest_rest._local.arguments import check_seconds
from inngest_rest._local.faults import RULED_OUT, may_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run
    from inngest_rest.typing import Seconds

T = TypeVar("T")

# A run becomes visible about 0.25 s after its event was accepted; until then it is "not found".
# Five seconds allow for a slow server.
APPEARS_WITHIN = 5.0

OVERLAP = timedelta(seconds=30)
"""The overlap of a window with that of the previous poll.

Runs and ends become visible up to a second late and out of order, and the end of a cancelled run
lies 10 s in the future (operation listRunsV2); the rest is for a slow server. Times are by the
server's clock.
"""

OUTAGE = 300.0
"""Seconds for which a server that has responded may fail."""

SLICE = 1.0
"""Seconds of a single pause: `close` takes effect at its end."""

SHORTEST_PAUSE = 0.001
"""The shortest pause in seconds: a clock may not advance by a rounding error, for ever."""

FEW = 10
"""Up to so many open runs are fetched one by one; for more, the ends are listed, too."""

BATCH = 64
"""Runs that are fetched before the results are returned."""

_LATEST = 10.0  # seconds from one round to the next, after which changes are late

MOST_FETCHED = 1_500
"""Runs that are fetched in a round in which ends are not listed."""


def may_appear(fault: errors.InngestError) -> bool:
    """Return whether an error after a run was seen may be transient."""
    # A server never loses a run or a route: it, or a proxy, is failing.
    is_absent = isinstance(fault, errors.NotFoundError | errors.RouteNotFoundError)
    return is_absent or may_pass(fault)


def asked_pause(fault: Fault | None) -> float:
    """Return the pause in seconds that a server asked for, 0 if none."""
    return getattr(fault, "retry_after", None) or 0.0


def rest_after(spent: float, *, is_busy: bool) -> float:
    """Return the seconds of rest for a server after it was occupied for so many.

    If many runs change, it is kept busy for three quarters of the time; otherwise for a quarter, or
    for up to a half if changes would be more than ten seconds late.
    """
    if is_busy:
        return spent / 3
    longest_rest = max(_LATEST - spent, spent)
    return min(3 * spent, longest_rest)


class Poller(Generic[T]):
    """The source of an iterator: it returns the next item, and polls when there is none.

    `poll` may return the ids of runs. A driver fetches these concurrently, and passes each result
    to `on_fetched`, in the order of the ids and in the thread or task that iterates.
    """

    in_flight = 8

    def __init__(self, session: Session, timeout: Seconds | None) -> None:
        self._session = session
        self._now = session.clock.monotonic
        seconds = math.inf if timeout is None else check_seconds("timeout", timeout)
        self._began = self._now()
        self._deadline = self._began + seconds
        self._pending = deque[T]()
        self._is_exhausted = False
        self._is_closed = False
        self._spent = 0.0  # seconds of requests in this round
        self._fetching_since = self._began

    @property
    def is_done(self) -> bool:
        """True once closed or exhausted."""
        return self._is_closed or (self._is_exhausted and not self._pending)

    def close(self) -> None:
        self._is_closed = True

    def next_item(self) -> T | None:
        """Return the next item; None if another poll is needed."""
        return self._pending.popleft() if self._pending else None

    def poll(self) -> Plan[Sequence[str]]:
        """Pause, or send a request; return the ids of runs to fetch."""
        raise NotImplementedError

    async def fetch(self, run_id: str) -> Run | Fault | None:
        """Return a run, or the fault of its request; None if the time is up."""
        if not self._may_go_on:
            return None
        plan = runs.fetch(self._session, run_id, deadline=self._deadline, cached=False)
        try:
            return await plan
        except FAULTS as error:
            return error

    def on_fetched(self, run_id: str, result: Run | Fault | None) -> bool:
        """Handle the result of `fetch`; return whether to fetch more runs."""
        now = self._now()
        self._spent += now - self._fetching_since
        self._fetching_since = now
        goes_on = result is None or self._note(run_id, result)
        return goes_on and self._may_go_on

    def _note(self, run_id: str, result: Run | Fault) -> bool:
        """Record the state of a run; return whether to fetch more of them."""
        raise NotImplementedError

    @property
    def _is_late(self) -> bool:
        # A timer may expire early by a rounding error.
        return self._deadline - self._now() < SHORTEST_PAUSE

    @property
    def _may_go_on(self) -> bool:
        return not (self._is_closed or self._is_late)

    async def _pause_until(self, moment: float) -> None:
        while self._may_go_on:
            left = moment - self._now()
            if left <= 0:
                return
            pause = min(left, self._deadline - self._now(), SLICE)
            await self._session.driver.sleep(max(pause, SHORTEST_PAUSE))


@frozen(kw_only=True)
class FoundEnds:
    runs: list[Run]
    fault: Fault | None = None


class EndsListing:
    """Lists the runs that have ended, as long as the server is quick.

    A self-hosted server reads all its history for such a listing, which may take minutes. After a
    slow or failed listing, there is none for sixty times its duration, and runs are fetched one by
    one instead.
    """

    _QUICK = 2.0
    _LEFT_ALONE = 60.0

    def __init__(self, session: Session, *, budget: float) -> None:
        self._now = session.clock.monotonic
        self._budget = budget
        self._next_at = -math.inf
        self.is_complete = False  # whether the last one was read to its end

    @property
    def is_due(self) -> bool:
        return self._now() >= self._next_at

    async def read(
        self, listing: Listing[Run], is_wanted: Callable[[Run], bool], deadline: float
    ) -> FoundEnds:
        """Read the listing within the budget; raise an error that is not transient."""
        self.is_complete = False
        began = self._now()
        deadline = min(deadline, began + self._budget)
        walk = listing.walk()
        found: list[Run] = []
        fault: Fault | None = None
        try:
            while not walk.is_done and self._now() < deadline:
                page = await walk.next_page(deadline=deadline)
                found += filter(is_wanted, page.items)
        except RULED_OUT:
            self._next_at = math.inf
            return FoundEnds(runs=found)
        except FAULTS as error:
            if self._now() < deadline and not may_appear(error):
                raise
            fault = error
        took = self._now() - began
        if took > self._QUICK or not walk.is_done:
            self._next_at = self._now() + self._LEFT_ALONE * took
        self.is_complete = walk.is_done
        return FoundEnds(runs=found, fault=fault)
