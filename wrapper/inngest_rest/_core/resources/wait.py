"""Wait until a run has ended, or each of many; and follow one, off its trace, until it has."""

from __future__ import annotations

import math
from collections import deque
from itertools import islice
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.arguments import check_each, check_id, check_run_id, check_seconds
from inngest_rest._core.calls.retry import FAULTS, RULED_OUT, Fault, may_pass
from inngest_rest._core.plans import FIRST_PAUSE, Plan, longer, sleep
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import ENDED
from inngest_rest._core.resources.trace import get_trace, is_attempt
from inngest_rest._core.resources.watch import OUTAGE, OVERLAP, SLICE
from inngest_rest._visible import and_more
from inngest_rest.models import Span, StepChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inngest_rest._core.calls.route import AbsentRoutes
    from inngest_rest._core.calls.session import Session
    from inngest_rest.models import Run
    from inngest_rest.typing import Seconds

# A run becomes visible about 0.25 s after its event was accepted; until then it is "not found".
# Five seconds allow for a slow server.
APPEARS_WITHIN = 5.0


def wait(session: Session, run_id: str, timeout: Seconds) -> Plan[Run]:
    run_id = check_id("run id", run_id, argument="id")
    return follow(session, run_id, session.clock.monotonic() + check_seconds("timeout", timeout))


def wait_for_started(
    session: Session, started: Plan[str], timeout: Seconds | None
) -> Plan[str | Run]:
    """Start a run, and return its id, or with a timeout the run when it has ended."""
    seconds = None if timeout is None else check_seconds("wait", timeout)
    run_id = yield from started
    return run_id if seconds is None else (yield from wait(session, run_id, seconds))


def follow(session: Session, run_id: str, deadline: float, *, seen: Run | None = None) -> Plan[Run]:
    """Poll until the run has ended, or until a time by the session's clock.

    "Not found" is tolerated while the run may still appear, and every transient fault once the run
    has been seen.
    """
    appears_by = session.clock.monotonic() + APPEARS_WITHIN
    also_v1 = True
    pause = FIRST_PAUSE
    missing: errors.NotFoundError | None = None
    while True:
        fault: errors.InngestError | None = None
        asked_pause = 0.0
        try:
            seen = yield from runs.fetch(
                session,
                run_id,
                deadline=deadline,
                v1_first=seen is not None and runs.is_of_v1(seen),
                also_v1=also_v1,
                cached=False,
            )
        except FAULTS as error:
            fault = error
        now = session.clock.monotonic()
        if seen is not None:
            also_v1 = True
            if fault is None and seen.is_ended:
                return seen
            if fault is not None and not may_appear(fault):
                raise fault
            asked_pause = getattr(fault, "retry_after", None) or 0.0
        elif isinstance(fault, errors.NotFoundError):
            missing = fault
            if now >= appears_by and also_v1:
                yield from runs.name_event(session, run_id, fault, deadline)
                raise fault
            # A run appears in v2 no later than in v1: v1 is asked at the start and at the end.
            also_v1 = now >= appears_by
            if also_v1:
                continue
        elif fault is not None and not (
            isinstance(fault, errors.TransportError) and now >= deadline
        ):
            raise fault
        if now >= deadline:
            if seen is None:
                state, fault = "did not appear", missing or fault
            else:
                state = f"was still {seen.status}"
            raise errors.WaitTimeoutError(
                f"run {run_id} {state} when the timeout expired", run=seen
            ) from fault
        yield from sleep(min(max(pause, asked_pause), deadline - now))
        pause = longer(pause)


def may_appear(fault: errors.InngestError) -> bool:
    """Return whether an error after a run was seen may be transient."""
    # A server that has the run and the route loses neither: it, or a proxy, is failing.
    return (
        isinstance(fault, errors.NotFoundError | errors.RouteNotFoundError)
        or (isinstance(fault, errors.ServerError) and fault.hidden)
        or may_pass(fault)
    )


# Runs that are asked about concurrently.
_IN_FLIGHT = 8

# Runs that are asked about in each round for the first time, or where the server cannot list ends.
_BATCH = 64

# Up to so many open runs are asked about one by one; of more, the ends are listed.
_FEW = 10

# Seconds between two listings, which cost a server more than a single run.
_PAUSE_OF_MANY = 1.0


class WaitMany:
    """A wait for many runs, with validated arguments: the ids that are open, and what has ended."""

    in_flight = _IN_FLIGHT

    def __init__(self, session: Session, ids: Iterable[str], timeout: Seconds) -> None:
        self._session = session
        checked = check_each("ids", ids, "run ids", check_run_id)
        now = session.clock.monotonic()
        self._deadline = now + check_seconds("timeout", timeout)
        self._appears_by = now + APPEARS_WITHIN
        self._open = dict.fromkeys(checked)  # in the order in which they are asked about
        self._new = len(self._open)
        self._seen: set[str] = set()
        self._missing: dict[str, errors.NotFoundError] = {}
        self._ended: deque[Run] = deque()
        self._listed_at = session.clock.now()
        self._can_list = True
        self._pause = FIRST_PAUSE
        self._asked_pause = 0.0
        self._fault: Fault | None = None
        self._is_closed = False

    @property
    def is_done(self) -> bool:
        """Whether it was closed, or each run has ended and was taken."""
        return self._is_closed or not (self._open or self._missing or self._ended)

    def close(self) -> None:
        self._is_closed = True

    def take(self) -> Run | None:
        """Return the next run that has ended; None if the open ones must be asked about."""
        if self._ended:
            return self._ended.popleft()
        open_ids = [*self._open, *self._missing]
        if self._session.clock.monotonic() >= self._deadline:
            self._is_closed = True
            states: dict[str, list[str]] = {"had not ended": [], "could not be seen": []}
            for id in open_ids:
                states["had not ended" if id in self._seen else "could not be seen"].append(id)
            told = " and ".join(f"{_some(ids)} {state}" for state, ids in states.items() if ids)
            raise errors.WaitTimeoutError(
                f"{told} when the timeout expired", run=None, ids=open_ids
            ) from self._fault
        if len(open_ids) == len(self._missing):
            self._is_closed = True
            error = next(iter(self._missing.values()))
            error.add_note(f"did not appear: {_some(open_ids)}; all others have ended")
            raise error
        return None

    def choose(self) -> Plan[Sequence[str]]:
        """Pause, and return the runs to ask about."""
        if self._new:
            due = self._next(min(_BATCH, self._new))
            self._new -= len(due)
            return due
        is_many = len(self._open) > _FEW
        pause = max(self._pause, self._asked_pause, _PAUSE_OF_MANY if is_many else 0.0)
        self._pause, self._asked_pause = longer(self._pause), 0.0
        rest = self._deadline - self._session.clock.monotonic()
        yield from sleep(max(min(pause, rest), 0.001))
        ended = (yield from self._list_ends()) if is_many and self._can_list else []
        # A list may be wrong, and a run may be seen late: each is asked about in turn.
        due = self._next(_FEW if self._can_list else _BATCH)
        return list(dict.fromkeys([*ended, *due]))

    def _next(self, count: int) -> list[str]:
        due = list(islice(self._open, count))
        for id in due:
            self._open[id] = self._open.pop(id)
        return due

    def look(self, id: str) -> Plan[Run | Fault]:
        """Ask about a run; return an error, for `record` to judge."""
        try:
            return (yield from runs.fetch(self._session, id, deadline=self._deadline, cached=False))
        except FAULTS as error:
            return error

    def record(self, id: str, result: Run | Fault | None) -> bool:
        """Note what was found out about a run; raise an error that will not pass."""
        if isinstance(result, errors.NotFoundError) and id not in self._seen:
            if self._session.clock.monotonic() >= self._appears_by:
                del self._open[id]
                self._missing[id] = result
        elif isinstance(result, FAULTS):
            self._tolerate(result)
        elif result is not None:
            self._fault = None
            self._seen.add(id)
            if result.is_ended:
                del self._open[id]
                self._ended.append(result)
                self._pause = FIRST_PAUSE
        return True

    def _list_ends(self) -> Plan[list[str]]:
        """Return the open runs that the server lists as ended since the last time."""
        began = self._session.clock.now()
        ended: list[str] = []
        since = self._session.server_clocks["api"].at(self._listed_at) - OVERLAP
        walk = runs.list_changes(self._session, status=ENDED, since=since, by_change=True)
        try:
            while not walk.is_done:
                page = yield from walk.next_page()
                ended += [run.id for run in page.items if run.id in self._open]
        except RULED_OUT:
            self._can_list = False
            return []
        except FAULTS as error:
            self._tolerate(error)
            return ended
        self._listed_at = began
        return ended

    def _tolerate(self, fault: Fault) -> None:
        if self._session.clock.monotonic() < self._deadline and not may_appear(fault):
            raise fault
        self._fault = fault
        self._asked_pause = max(self._asked_pause, getattr(fault, "retry_after", None) or 0.0)


def _some(ids: Sequence[str]) -> str:
    return f"{len(ids)} of the runs ({and_more(ids)})"


# Seconds after which one that waits for another's request looks again.
_LOOK = 0.05


class _Feed:
    """The trace of a run, which all who follow it by one client read, and one of them requests."""

    def __init__(self) -> None:
        self.asking = Lock()
        self.root: Span | None = None
        self.version = 0
        self.next_at = -math.inf
        self.pause = FIRST_PAUSE


# By run and environment, and by the state that all copies of a client share.
_feeds: WeakKeyDictionary[AbsentRoutes, WeakValueDictionary[tuple[str, str | None], _Feed]] = (
    WeakKeyDictionary()
)


class Follow:
    """A run that is followed, with validated arguments: what was told of it, and what is to be."""

    def __init__(self, session: Session, run_id: str, timeout: Seconds | None) -> None:
        self._session = session
        self._id = check_id("run id", run_id, argument="id")
        now = session.clock.monotonic()
        self._deadline = math.inf if timeout is None else now + check_seconds("timeout", timeout)
        self._fails_at = now + APPEARS_WITHIN
        feeds = _feeds.setdefault(session.absent, WeakValueDictionary())
        self._feed = feeds.setdefault((self._id, session.settings.env), _Feed())
        self._version: int = 0
        self._told: set[tuple[str, str]] = set()
        self._pending: deque[StepChange] = deque()
        self._is_over = False

    @property
    def is_done(self) -> bool:
        """Whether it was closed, or the run has ended and all was taken."""
        return self._is_over and not self._pending

    def close(self) -> None:
        self._is_over = True
        self._pending.clear()

    def take(self) -> StepChange | None:
        """Return the next change; None if the trace must be read again."""
        return self._pending.popleft() if self._pending else None

    def step(self) -> Plan[None]:
        """Pause, and read the trace, unless another has just read it."""
        feed, clock = self._feed, self._session.clock
        if feed.version == self._version:
            now = clock.monotonic()
            left = feed.next_at - now
            if now >= self._deadline:
                state = "had not ended" if feed.root else "did not appear"
                raise errors.WaitTimeoutError(
                    f"run {self._id} {state} when the timeout expired", run=None
                )
            if left > 0 or not feed.asking.acquire(blocking=False):
                yield from sleep(min(max(left, _LOOK), SLICE, self._deadline - now))
                return
            try:
                yield from self._ask()
            finally:
                feed.asking.release()
        if feed.root is not None and feed.version != self._version:
            self._version = feed.version
            self._pending += self._changes(feed.root)
            self._is_over = feed.root.ended_at is not None

    def _ask(self) -> Plan[None]:
        feed, clock = self._feed, self._session.clock
        try:
            root = yield from get_trace(self._session, self._id, raw=False, deadline=self._deadline)
        except FAULTS as error:
            passes = may_appear(error) if feed.root else isinstance(error, errors.NotFoundError)
            if clock.monotonic() >= self._fails_at or not passes:
                if isinstance(error, errors.NotFoundError) and not feed.root:
                    yield from runs.name_event(self._session, self._id, error)
                raise
            asked = getattr(error, "retry_after", None) or 0.0
            feed.next_at = clock.monotonic() + max(feed.pause, asked)
            feed.pause = longer(feed.pause)
            return
        feed.pause = longer(feed.pause) if root == feed.root else FIRST_PAUSE
        feed.next_at = clock.monotonic() + feed.pause
        self._fails_at = clock.monotonic() + OUTAGE
        feed.root, feed.version = root, feed.version + 1

    def _changes(self, root: Span) -> Iterator[StepChange]:
        """Yield what a trace has that was not told: of the run itself, first and last."""
        steps = [(it, it.step_id) for it in root.children if it.step_id]
        # A failed attempt of no step may be one at a step that has not ended.
        below = (it for child in root.children for it in child.children)
        failed = [(it, it.id) for it in below if is_attempt(it) and it.status == "failed"]
        began = [(it.started_at, "started", it, key) for it, key in steps if it.started_at]
        ends = [(it.ended_at, "ended", it, key) for it, key in (*steps, *failed) if it.ended_at]
        changes = sorted([*began, *ends], key=itemgetter(0))
        first = [(root.started_at, "started", root, "")] if root.started_at else []
        last = [(root.ended_at, "ended", root, "")] if root.ended_at else []
        for _, kind, span, key in (*first, *changes, *last):
            if (kind, key) not in self._told:
                self._told.add((kind, key))
                yield StepChange(
                    "ended" if kind == "ended" else "started", evolve(span, children=())
                )
