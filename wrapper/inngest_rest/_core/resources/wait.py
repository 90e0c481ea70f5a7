"""Poll runs: wait for the end of one or of many, follow the steps of one, watch all changes."""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import islice
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NoReturn, TypeVar
from weakref import WeakValueDictionary

import msgspec
from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.arguments import (
    check_each,
    check_id,
    check_run_id,
    check_seconds,
    check_text,
    invalid,
)
from inngest_rest._core.calls.retry import FAULTS, RULED_OUT, Fault, may_pass
from inngest_rest._core.clock import whole_milliseconds
from inngest_rest._core.locks import Forked
from inngest_rest._core.plans import FIRST_PAUSE, Plan, longer, sleep
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import ENDED, Selection, Window, check_instant
from inngest_rest._core.resources.trace import get_trace, is_attempt
from inngest_rest._visible import and_more, shown
from inngest_rest.models import UNFINISHED, Run, RunChange, RunStatus, Span, StepChange
from inngest_rest.typing import RunFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inngest_rest._core.calls.listing import Walk
    from inngest_rest._core.calls.route import AbsentRoutes
    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import ChangeKind, Seconds

T = TypeVar("T")

# A run becomes visible about 0.25 s after its event was accepted; until then it is "not found".
# Five seconds allow for a slow server.
APPEARS_WITHIN = 5.0

OVERLAP = timedelta(seconds=30)
"""How far a window reaches back before the poll that precedes it.

Runs and ends become visible up to a second late and out of order, and the end of a cancelled run
lies 10 s in the future (operation listRunsV2); the rest is for a slow server. All moments are of
the server's clock.
"""

# Seconds for which a server may fail that has answered.
_OUTAGE = 300.0

# Seconds of a single pause: `close` takes effect at its end.
_SLICE = 1.0

# Seconds that a clock advances by for sure; a rest that is only a rounding error might never pass.
_SHORTEST_PAUSE = 0.001


def wait(session: Session, run_id: str, timeout: Seconds) -> Plan[Run]:
    return follow(session, run_id, session.clock.monotonic() + check_seconds("timeout", timeout))


def follow(session: Session, run_id: str, deadline: float, *, seen: Run | None = None) -> Plan[Run]:
    """Poll until the run has ended, or until a time by the session's clock.

    "Not found" is tolerated while the run may still appear, and every transient fault once the run
    has been seen.
    """
    now = session.clock.monotonic
    appears_by = now() + APPEARS_WITHIN
    pause = FIRST_PAUSE
    missing: errors.NotFoundError | None = None
    while True:
        is_last = now() >= appears_by
        fault: Fault | None = None
        try:
            # A run appears in v2 no later than in v1: v1 is asked at the start and at the end.
            also_v1 = missing is None or is_last
            seen = yield from runs.fetch(
                session, run_id, deadline=deadline, also_v1=also_v1, cached=False
            )
            missing = None
            if seen.is_ended:
                return seen
        except FAULTS as error:
            fault = error
            if seen is not None:
                if not may_appear(error):
                    raise
            elif isinstance(error, errors.NotFoundError):
                if is_last:
                    raise
                missing = error
            elif not (isinstance(error, errors.TransportError) and now() >= deadline):
                raise
        left = deadline - now()
        if left <= 0:
            state = "did not appear" if seen is None else f"was still {seen.status}"
            message = f"run {run_id} {state} when the timeout expired"
            raise errors.WaitTimeoutError(message, run=seen) from missing or fault
        if seen is None:
            left = min(left, max(appears_by - now(), _SHORTEST_PAUSE))
        yield from sleep(min(max(pause, asked_pause(fault)), left))
        pause = longer(pause)


def may_appear(fault: errors.InngestError) -> bool:
    """Return whether an error after a run was seen may be transient."""
    # A server that has the run and the route loses neither: it, or a proxy, is failing.
    is_absent = isinstance(fault, errors.NotFoundError | errors.RouteNotFoundError)
    return is_absent or may_pass(fault)


def asked_pause(fault: Fault | None) -> float:
    """Return for how many seconds a server asked not to be asked again."""
    return getattr(fault, "retry_after", None) or 0.0


class Source(Generic[T]):
    """What an iterator polls: it takes what was found, and asks for more when there is nothing."""

    def __init__(self, session: Session, timeout: Seconds | None) -> None:
        self._session, self._now = session, session.clock.monotonic
        seconds = math.inf if timeout is None else check_seconds("timeout", timeout)
        self._began = self._now()
        self._deadline = self._began + seconds
        self._pending = deque[T]()
        self._is_over = self._is_closed = False

    @property
    def is_done(self) -> bool:
        """Whether it was closed, or all there will be was found and taken."""
        return self._is_closed or (self._is_over and not self._pending)

    def close(self) -> None:
        self._is_closed = True

    def take(self) -> T | None:
        """Return the next of what was found; None if another step is needed."""
        return self._pending.popleft() if self._pending else None


# Runs that are asked about in each round for the first time, or where the server cannot list ends.
_BATCH = 64

# Up to so many open runs are asked about one by one; of more, the ends are listed, too.
_FEW = 10


class WaitMany(Source[Run]):
    """A wait for many runs, with validated arguments: the ids that are open, and what has ended."""

    in_flight = 8  # runs that are asked about concurrently

    def __init__(self, session: Session, ids: Iterable[str], timeout: Seconds) -> None:
        super().__init__(session, check_seconds("timeout", timeout))
        checked = check_each("ids", ids, "run ids", check_run_id)
        # In the order in which they are asked about; and whether they were seen.
        self._open = dict.fromkeys(checked, False)
        self._is_over = not checked
        self._new = len(self._open)
        self._missing: dict[str, errors.NotFoundError] = {}
        self._listed_at = session.clock.now()
        self._can_list = True
        self._pause = FIRST_PAUSE
        self._fault: Fault | None = None  # of the last round

    def step(self) -> Plan[Sequence[str]]:
        """Pause, and return the runs to ask about."""
        left = self._deadline - self._now()
        if left <= 0 or not self._open:
            self.close()
            self._raise(is_late=left <= 0)
        if self._new:
            due = self._next(min(_BATCH, self._new))
            self._new -= len(due)
            return due
        is_many = len(self._open) > _FEW
        # A listing costs a server more than a single run.
        pause = max(self._pause, asked_pause(self._fault), 1.0 if is_many else 0.0)
        self._pause, self._fault = longer(self._pause), None
        until = self._now() + min(pause, left)
        while (left := until - self._now()) > 0 and not self._is_closed:
            yield from sleep(max(min(left, _SLICE), _SHORTEST_PAUSE))
        if self._is_closed:
            return ()
        ended = (yield from self._list_ends()) if is_many and self._can_list else []
        # A list may be wrong, and a run may be seen late: each is asked about in turn.
        due = self._next(_FEW if self._can_list else _BATCH)
        return list(dict.fromkeys([*ended, *due]))

    def _raise(self, *, is_late: bool) -> NoReturn:
        """Raise the error of the runs that have not ended, or only of those that there are not."""
        if not is_late:
            error = next(iter(self._missing.values()))
            error.add_note(f"did not appear: {_some([*self._missing])}; all others have ended")
            raise error
        seen = [id for id, is_seen in self._open.items() if is_seen]
        unseen = [id for id, is_seen in self._open.items() if not is_seen] + [*self._missing]
        states = (seen, "had not ended"), (unseen, "could not be seen")
        told = " and ".join(f"{_some(ids)} {state}" for ids, state in states if ids)
        raise errors.WaitTimeoutError(
            f"{told} when the timeout expired", run=None, ids=[*self._open, *self._missing]
        ) from self._fault

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
        if isinstance(result, errors.NotFoundError) and not self._open[id]:
            if self._now() >= self._began + APPEARS_WITHIN:
                del self._open[id]
                self._missing[id] = result
        elif isinstance(result, FAULTS):
            self._tolerate(result)
        elif result is not None:
            self._open[id] = True
            if result.is_ended:
                del self._open[id]
                self._pending.append(result)
                self._pause = FIRST_PAUSE
        self._is_over = not (self._open or self._missing)
        return True

    def _list_ends(self) -> Plan[list[str]]:
        """Return the open runs that the server lists as ended since the last time."""
        began = self._session.clock.now()
        ended: list[str] = []
        since = self._session.server_clocks["api"].earliest(self._listed_at) - OVERLAP
        selection = Selection(statuses=ENDED, window=Window(since))
        walk = runs.list_runs(self._session, selection, order="oldest", by_change=True).walk()
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
        if self._now() < self._deadline and not may_appear(fault):
            raise fault
        self._fault = max(self._fault or fault, fault, key=asked_pause)


def _some(ids: Sequence[str]) -> str:
    return f"{len(ids)} of the runs ({and_more(ids)})"


class _Feed(Forked):
    """The trace of a run, which all who follow it by one client read, and one of them requests."""

    def __init__(self) -> None:
        self.asking = Lock()
        super().__init__()
        self.root: Span | None = None
        self.next_at = -math.inf
        self.pause = FIRST_PAUSE

    def after_fork_in_child(self) -> None:
        self.asking = Lock()  # the thread that asks is the parent's


# By the state that all copies of a client share, by run and by environment.
_feeds = WeakValueDictionary["tuple[AbsentRoutes, str, str | None]", _Feed]()


class Follow(Source[StepChange]):
    """A run that is followed, with validated arguments: what was told of it, and what is to be."""

    def __init__(self, session: Session, run_id: str, timeout: Seconds | None) -> None:
        super().__init__(session, timeout)
        self._id = check_id("run id", run_id, argument="id")
        self._fails_at = self._began + APPEARS_WITHIN
        key = session.absent, self._id, session.settings.env
        self._feed = _feeds.setdefault(key, _Feed())
        self._root: Span | None = None
        self._told: set[tuple[str, str]] = set()

    def step(self) -> Plan[None]:
        """Pause, and read the trace, unless another has just read it."""
        feed = self._feed
        if feed.root is self._root:
            now = self._now()
            if now >= self._deadline:
                state = "had not ended" if feed.root else "did not appear"
                raise errors.WaitTimeoutError(
                    f"run {self._id} {state} when the timeout expired", run=None
                )
            left = feed.next_at - now
            asking = feed.asking
            if left > 0 or not asking.acquire(blocking=False):
                # Another's request is looked at again, soon.
                yield from sleep(min(max(left, 0.05), _SLICE, self._deadline - now))
                return
            try:
                yield from runs.act_on(self._session, self._id, self._ask, feed)
            finally:
                asking.release()
        if feed.root is not None and feed.root is not self._root:
            self._root = feed.root
            self._pending += self._changes(feed.root)
            self._is_over = feed.root.ended_at is not None

    def _ask(self, session: Session, run_id: str, feed: _Feed) -> Plan[None]:
        try:
            root = yield from get_trace(session, run_id, deadline=self._deadline)
        except FAULTS as error:
            passes = may_appear(error) if feed.root else isinstance(error, errors.NotFoundError)
            if self._now() >= self._fails_at or not passes:
                raise
            feed.next_at = self._now() + max(feed.pause, asked_pause(error))
            feed.pause = longer(feed.pause)
            return
        feed.pause = longer(feed.pause) if root == feed.root else FIRST_PAUSE
        feed.next_at = self._now() + feed.pause
        self._fails_at = self._now() + _OUTAGE
        feed.root = root

    def _changes(self, root: Span) -> Iterator[StepChange]:
        """Yield what a trace has that was not told: of the run itself, first and last."""
        steps = [(it, it.step_id) for it in root.children if it.step_id]
        # A failed attempt of no step may be one at a step that has not ended.
        below = (it for child in root.children for it in child.children)
        failed = [(it, it.id) for it in below if is_attempt(it) and it.status == "failed"]
        began = [(it.started_at, "started", it, key) for it, key in steps if it.started_at]
        ends = [(it.ended_at, "ended", it, key) for it, key in (*steps, *failed) if it.ended_at]
        first = [(root.started_at, "started", root, "")] if root.started_at else []
        last = [(root.ended_at, "ended", root, "")] if root.ended_at else []
        told: list[Any] = [*first, *sorted([*began, *ends], key=itemgetter(0)), *last]
        for _, kind, span, key in told:
            if (kind, key) not in self._told:
                self._told.add((kind, key))
                yield StepChange(kind, evolve(span, children=()))


# How long ended runs are remembered beyond the window: a listing goes by a time that is slightly
# later than `queued_at`.
_MARGIN = timedelta(seconds=5)

# Of a beginning or a token: beyond these, adding times would fail.
_EARLIEST, _LAST_YEAR = datetime(1970, 1, 1, tzinfo=UTC), 9000

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _State(msgspec.Struct, kw_only=True):
    """Where a watch is, as its token has it; all that was found until then was taken."""

    version: Literal[1] = 1
    filter: dict[str, str]
    since: _Moment  # where it begins
    looks_back: bool  # to what ended since then and was queued before
    is_relative: bool  # the beginning is by our clock, whose difference a response will show
    is_begun: bool = False
    window: _Moment = _EARLIEST  # where the next poll begins
    changes: _Moment = _EARLIEST  # the same for a listing by ends
    open: dict[str, RunStatus] = {}
    ended: dict[str, _Moment] = {}  # when those of the last window were queued


class Watch(Source[RunChange]):
    """A watch with validated arguments: its state, and when the next poll is due.

    `step` sends at most a few requests, for one page or one run; what it finds is then taken one by
    one. A window moves on when all of it was taken, so the state is right at any moment: a step
    that fails or is cancelled is repeated, and `token` has exactly what was not taken yet.
    `polls` is the number of those that succeeded.
    """

    def __init__(
        self,
        session: Session,
        filter: RunFilter,
        every: Seconds,
        timeout: Seconds | None,
        since: datetime | timedelta | None,
        include_output: bool,
        token: str | None,
    ) -> None:
        super().__init__(session, timeout)
        self._clock = session.server_clocks["api"]
        others = "every", "timeout", "since", "include_output", "token"
        selection = Selection.of(session, filter, *others, form=RunFilter)
        self._statuses, filters = selection.statuses, evolve(selection, statuses=()).to_json()
        self._sieve = None
        if selection.needs_sieve:
            self._sieve = runs.sieve(session, selection, is_bounded=False)
        self._include_output = include_output or selection.needs_output
        # The rest is evaluated by the sieve, as runs change.
        self._listed = evolve(selection, error_contains=None, where=None)
        self._every = check_seconds("every", every)
        if self._every < 1:
            raise invalid("every", f"must be at least 1 second, not {shown(every)}")
        ours = datetime.fromtimestamp(session.clock.now(), UTC)
        begin = whole_milliseconds(max(check_instant("since", since, ours) or ours, _EARLIEST))
        self.state = _State(
            filter=filters,
            since=begin,
            looks_back=since is not None,
            is_relative=not isinstance(since, datetime),
        )
        if token is not None:
            if since is not None:
                raise invalid("since", "and token exclude each other: pass one of them")
            self.state = _restored(token, filters)
        # The beginning by that clock which has it earlier, since either may be wrong.
        self._earliest = self.state.since
        self._next_poll = self._succeeded_at = self._began
        self._failures = 0
        self._fault: Fault | None = None
        self._spent = 0.0
        self._poll: Iterator[Plan[None]] | None = None
        self._page: tuple[Run, ...] = ()
        self._found = deque[tuple[Run, bool]]()
        self.polls = 0

    @property
    def token(self) -> str:
        """Where another watch can go on: what was taken so far, as JSON."""
        return msgspec.json.encode(self.state).decode()

    @property
    def is_done(self) -> bool:
        """Whether it was closed, or its timeout has expired."""
        return self._is_closed or self._now() >= self._deadline

    def take(self) -> RunChange | None:
        while self._found:
            run, is_selected = self._found[0]
            kind = self._kind_of(run)
            if kind != "appeared" or not run.is_ended:
                self._found.popleft()
            # A run that had ended before it was seen has one change of status to report, not two.
            is_to_one = run.status in self._statuses and (kind == "ended") is run.is_ended
            if kind is not None and is_selected and (is_to_one or not self._statuses):
                return RunChange(kind, run)
        return None

    def step(self) -> Plan[None]:
        """Pause for a moment, or fetch one page or one run; all that was found must be taken."""
        began = self._now()
        if began < self._next_poll:
            rest = min(self._next_poll, self._deadline) - began
            yield from sleep(max(min(rest, _SLICE), _SHORTEST_PAUSE))
            if self._fault is not None and self._now() >= self._deadline:
                raise self._fault  # changes since then are unknown
            return
        poll, self._poll = self._poll or self._poll_once(), None
        try:
            request = next(poll, None)
            if request is not None:
                yield from request
                self._poll = poll
        except FAULTS as error:
            now = self._now()
            is_late, is_well = now >= self._deadline, self.state.is_begun and self._fault is None
            had_less = self._deadline - began < self._session.settings.timeout
            if is_late and is_well and had_less and isinstance(error, errors.RequestTimeoutError):
                return  # the end came before the response
            if is_late or not may_pass(error) or now - self._succeeded_at > _OUTAGE:
                self._succeeded_at = now  # the next iteration may retry as long again
                raise
            pause = min(60.0, self._every * 2.0 ** min(self._failures, 9))
            self._failures, self._fault = self._failures + 1, error
            self._next_poll = now + max(pause, asked_pause(error))
        else:
            self._succeeded_at = self._now()
            self._spent += self._succeeded_at - began
            self._failures, self._fault = 0, None

    def _poll_once(self) -> Iterator[Plan[None]]:
        """Yield the requests of a poll; each is made, and what it found taken, before the next."""
        state, began = self.state, self._session.clock.now()
        self._spent = 0.0
        if not state.is_begun:
            yield from self._begin()
        recent: set[str] = set()
        newest = state.window
        # In ascending order, a run that is added meanwhile comes behind the page and not before it.
        for request in self._pages(since=state.window):
            yield request
            recent.update(run.id for run in self._page if run.id in state.open)
            newest = max((run.queued_at for run in self._page if run.queued_at), default=newest)
            self._move(min(newest, self._clock.earliest(began, shown=newest)) - OVERLAP)
        passed = self._clock.earliest(began, shown=newest) - OVERLAP
        self._move(passed)
        state.since, state.is_begun = self._earliest, True
        older = [id for id in state.open if id not in recent]
        for id in older[:_FEW]:
            yield self._get(id)
        if len(older) > _FEW:
            yield from self._pages((), state.changes, lambda run: run.id in state.open)
        state.changes = max(state.changes, passed)
        self.polls += 1
        # A slow server is kept busy for a quarter of the time.
        self._next_poll = self._now() + max(self._every - self._spent, 3 * self._spent)

    def _begin(self) -> Iterator[Plan[None]]:
        """Find what is open, and what ended since the beginning but was queued before it."""
        state = self.state
        yield from self._pages(UNFINISHED)
        if state.is_relative:  # by our clock; not so if a poll that failed came as far
            began = state.since.timestamp()
            self._earliest = self._clock.earliest(began)
            state.since, state.is_relative = whole_milliseconds(self._clock.at(began)), False
        # What has ended is listed again below: it is not forgotten yet, as by `_move`.
        state.window = max(state.window, self._earliest - OVERLAP)
        state.changes = max(state.changes, state.window)
        if state.looks_back:
            yield from self._pages(
                ENDED,
                state.since,
                lambda run: run.id in state.open or (run.queued_at or state.window) < state.window,
            )

    def _pages(
        self,
        statuses: tuple[RunStatus, ...] = (),
        since: datetime | None = None,
        changed: Callable[[Run], bool] | None = None,
    ) -> Iterator[Plan[None]]:
        """Yield the requests for the runs that began since then, or for such as changed."""
        selection = evolve(self._listed, statuses=statuses, window=Window(since))
        options: Any = {"order": "oldest", "by_change": changed is not None}
        options |= {"include_output": self._include_output, "is_bounded": False}
        listing = runs.list_runs(self._session, selection, **options)
        listing.is_relative = self.state.is_relative
        walk = listing.walk()
        while not walk.is_done:
            yield self._fetch(walk, changed)

    def _fetch(self, walk: Walk[Run], wanted: Callable[[Run], bool] | None) -> Plan[None]:
        self._page = (yield from walk.next_page(deadline=self._deadline)).items
        yield from self._take_up(filter(wanted, self._page))

    def _get(self, id: str) -> Plan[None]:
        """Get an open run; the next poll gets others first."""
        try:
            run = yield from runs.fetch(self._session, id, cached=False, deadline=self._deadline)
        except errors.NotFoundError:
            # It was listed before: the server has deleted it.
            del self.state.open[id]
            return
        if not self._include_output:
            run = evolve(run, output=None, error=None)
        yield from self._take_up([evolve(run, started_at=None)])

    def _take_up(self, found: Iterable[Run]) -> Plan[None]:
        """Add runs to what was found, and whether they are selected, if that is evaluated here."""
        state = self.state
        for run in found:
            is_new = run.is_ended or state.open.get(run.id) != run.status
            is_selected = True
            if self._sieve is not None and is_new and run.id not in state.ended:
                chosen = yield from self._sieve.chosen([run], [0], None, self._deadline)
                is_selected = bool(chosen)
            self._found.append((run, is_selected))

    def _kind_of(self, run: Run) -> ChangeKind | None:
        """Return what is new about a run, and remember it, last; None if nothing is."""
        state = self.state
        known = state.open.pop(run.id, None)
        if known is None and run.id in state.ended:
            return None
        is_old = known is None and run.ended_at is not None and run.ended_at < state.since
        if is_old or (known is not None and run.is_ended):
            queued_at = run.queued_at or self._clock.now()
            if not state.is_begun or queued_at >= state.window - _MARGIN:
                state.ended[run.id] = queued_at
            return None if is_old else "ended"
        state.open[run.id] = run.status
        if known is None:
            return "appeared"
        return None if run.status == known else "changed"

    def _move(self, window: datetime) -> None:
        """Move the window on, and forget the ended runs before it, which are not listed again."""
        state = self.state
        state.window = max(state.window, window)
        oldest = state.window - _MARGIN
        state.ended = {id: at for id, at in state.ended.items() if at >= oldest}


def _restored(token: str, filter: dict[str, str]) -> _State:
    """Return the state of a token; reject one that no watch of this selection has made."""
    try:
        state = msgspec.json.decode(check_text("token", token), type=_State)
        for id in (*state.open, *state.ended):
            check_id("id", id)
        moments = state.since, state.window, state.changes, *state.ended.values()
        if min(moments) < _EARLIEST or max(moments).year > _LAST_YEAR:
            raise ValueError("no clock will ever show it")
    except (ValueError, RecursionError):
        raise invalid("token", "is not the token of a watch") from None
    if state.filter != filter:
        told = ", ".join(f"{name}={shown(value)}" for name, value in state.filter.items())
        raise invalid("token", f"is of a watch with {told or 'no filter'}: pass the same")
    return state
