"""Watch runs: changes of status, found by listing windows of time that overlap."""

from __future__ import annotations

import json
import math
from collections import deque
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve

from inngest_rest._core.arguments import check_id, check_seconds, check_text, invalid
from inngest_rest._core.calls.retry import FAULTS, Fault, may_pass
from inngest_rest._core.plans import Plan, sleep
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import ENDED, Selection, check_instant
from inngest_rest._visible import shown
from inngest_rest.errors import InvalidArgumentError, NotFoundError, RequestTimeoutError
from inngest_rest.models import UNFINISHED, Run, RunChange, RunStatus
from inngest_rest.retry import RetryPolicy
from inngest_rest.typing import RunFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from inngest_rest._core.calls.listing import Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import ChangeKind, Seconds

OVERLAP = timedelta(seconds=30)
"""How far a window reaches back before the poll that precedes it.

Runs and ends become visible up to a second late and out of order, and the end of a cancelled run
lies 10 s in the future (operation listRunsV2); the rest is for a slow server. All moments are of
the server's clock.
"""

# How long ended runs are remembered beyond the window: a listing goes by a time that is slightly
# later than `queued_at`.
_MARGIN = timedelta(seconds=5)

# Runs older than a window that one poll gets one by one; one listing finds the ends of more.
_SINGLES = 10

# Share of the time that a watch may keep a slow server busy: a pause is so many times as long as
# the requests before it.
_REST = 3

# Seconds between polls while the server fails, and how long it may fail.
_LONGEST_PAUSE = 60.0
OUTAGE = 300.0

# Seconds of a single pause: `close` takes effect at its end.
SLICE = 1.0

# Seconds that a clock advances by for sure; a rest that is only a rounding error might never pass.
_SHORTEST_PAUSE = 0.001

# Of a beginning or a token: beyond these, adding times would fail.
_EARLIEST, _LAST_YEAR = datetime(1970, 1, 1, tzinfo=UTC), 9000


class Watch:
    """A watch with validated arguments: what is known of the runs, and where the next poll begins.

    `step` sends at most a few requests, for one page or one run; what it finds is then taken one by
    one. A window moves on when all of it was taken, so the state is right at any moment: a step
    that fails or is cancelled is repeated, and `token` has exactly what was not taken yet.

    It holds the ids of open runs, and of those that were queued within the last window. `polls` is
    the number of those that succeeded; `window` is where the next one begins.
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
        self._session = session
        self._clock = session.server_clocks["api"]
        others = "every", "timeout", "since", "include_output", "token"
        selection = Selection.of(session, filter, *others, form=RunFilter)
        self._statuses, self._of = selection.statuses, selection.kind
        self._sieve = None
        if selection.needs_sieve:
            self._sieve = runs.sieve(session, selection, is_bounded=False)
        self._include_output = include_output or selection.needs_output
        self._walk = partial(runs.list_changes, session, selection, include_output=include_output)
        self._every = check_seconds("every", every)
        if self._every < 1:
            raise invalid("every", f"must be at least 1 second, not {shown(every)}")
        limit = math.inf if timeout is None else check_seconds("timeout", timeout)
        ours = datetime.fromtimestamp(session.clock.now(), UTC)
        begin = check_instant("since", since, ours) or ours
        now = session.clock.monotonic()
        self._deadline = now + limit
        self._next_poll = self._succeeded_at = now
        self._failures = 0
        self._pace = RetryPolicy(initial=self._every, maximum=_LONGEST_PAUSE)
        self._fault: Fault | None = None
        self._spent = 0.0
        self._is_closed = False
        self._poll: Iterator[Plan[None]] | None = None
        self._pending: deque[tuple[Run, bool]] = deque()
        self._open: dict[str, RunStatus] = {}
        self._ended: dict[str, datetime] = {}
        self._is_begun = False
        self.polls = 0
        self.window = self._changes = _EARLIEST
        if token is None:
            self._looks_back = since is not None
            # Then it is by our clock, whose difference the server's first response shows.
            self._is_relative = not isinstance(since, datetime)
            self._begin_at = max(begin, _EARLIEST)
        elif since is not None:
            raise InvalidArgumentError(
                "since and token exclude each other: pass one of them", argument="since"
            )
        else:
            self._restore(token)

    def take(self) -> RunChange | None:
        """Return the next change that was found; None if another step is needed."""
        while self._pending:
            run, is_selected = self._pending[0]
            kind = self._kind_of(run)
            if kind != "appeared" or not run.is_ended:
                self._pending.popleft()
            if kind is None or not is_selected:
                continue
            if not self._statuses:
                return RunChange(kind, run)
            # A run that had ended before it was seen has one change of status to report, not two.
            if run.status in self._statuses and (kind == "ended") is run.is_ended:
                return RunChange(kind, run)
        return None

    @property
    def is_done(self) -> bool:
        """Whether it was closed, or its timeout has expired."""
        return self._is_closed or self._session.clock.monotonic() >= self._deadline

    def close(self) -> None:
        self._is_closed = True

    def step(self) -> Plan[None]:
        """Pause for a moment, or fetch one page or one run; all that was found must be taken."""
        now = self._session.clock.monotonic()
        if now < self._next_poll:
            rest = min(self._next_poll, self._deadline) - now
            yield from sleep(max(min(rest, SLICE), _SHORTEST_PAUSE))
            self._raise_fault_at_end()
            return
        if self._poll is None:
            self._poll, self._spent = self._poll_once(), 0.0
        poll, self._poll = self._poll, None
        try:
            request = next(poll, None)
            if request is not None:
                yield from request
        except FAULTS as error:
            if self._is_cut_short(error, now):
                return
            self._pause_after(error)
            self._raise_fault_at_end()
            return
        ended_at = self._session.clock.monotonic()
        self._spent += ended_at - now
        self._failures, self._fault, self._succeeded_at = 0, None, ended_at
        if request is not None:
            self._poll = poll
        else:
            self.polls += 1
            pause = max(self._every - self._spent, _REST * self._spent)
            self._next_poll = ended_at + pause

    @property
    def token(self) -> str:
        """Where another watch can go on: what was taken so far, as JSON."""
        state = {
            "version": 1,
            **self._of,
            "since": self._begin_at.isoformat(),
            "looks_back": self._looks_back,
            "is_relative": self._is_relative,
            "is_begun": self._is_begun,
            "window": self.window.isoformat(),
            "changes": self._changes.isoformat(),
            "open": self._open,
            "ended": {id: at.isoformat() for id, at in self._ended.items()},
        }
        return json.dumps(state, separators=(",", ":"))

    def _restore(self, token: str) -> None:
        try:
            state = cast("dict[str, Any]", json.loads(check_text("token", token) or ""))
            if state["version"] != 1:
                raise ValueError
            of = {name: state.get(name) for name in self._of}
            self._looks_back, self._is_begun = bool(state["looks_back"]), bool(state["is_begun"])
            self._begin_at, self.window, self._changes = (
                _moment(state[name]) for name in ("since", "window", "changes")
            )
            self._is_relative = bool(state["is_relative"])
            of_open, of_ended = state["open"].items(), state["ended"].items()
            self._open = {check_id("id", it): RunStatus(status) for it, status in of_open}
            self._ended = {check_id("id", it): _moment(at) for it, at in of_ended}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
            raise invalid("token", "is not the token of a watch") from None
        if of != self._of:
            told = ", ".join(f"{name}={shown(value)}" for name, value in of.items())
            raise invalid("token", f"is of a watch with {told}: pass the same")

    def _poll_once(self) -> Iterator[Plan[None]]:
        """Yield the requests of a poll; each is made, and what it found taken, before the next."""
        began = self._session.clock.now()
        if not self._is_begun:
            yield from self._begin()
        recent: set[str] = set()
        newest = self.window
        # In ascending order, a run that is added meanwhile comes behind the page and not before it.
        walk = self._walk(since=self.window)
        while not walk.is_done:
            page: list[Run] = []
            yield self._fetch(walk, page)
            recent.update(run.id for run in page if run.id in self._open)
            newest = max((run.queued_at for run in page if run.queued_at), default=newest)
            self._move(min(newest, self._clock.at(began)) - OVERLAP)
        # A clock may be wrong: time has passed as far as both say, or as far as a run shows.
        passed = max(datetime.fromtimestamp(began, UTC), newest)
        passed = min(passed, self._clock.at(began)) - OVERLAP
        self._move(passed)
        self._begin_at, self._is_relative, self._is_begun = self._earliest, False, True
        older = [id for id in self._open if id not in recent]
        for id in older[:_SINGLES]:
            yield self._get(id)
        if len(older) > _SINGLES:
            walk = self._walk(since=self._changes, by_change=True)
            yield from self._pages(walk, lambda run: run.id in self._open)
        self._changes = max(self._changes, passed)

    def _begin(self) -> Iterator[Plan[None]]:
        """Find what is open, and what ended since the beginning but was queued before it."""
        walk = self._walk(status=UNFINISHED, is_relative=self._is_relative)
        while not walk.is_done:
            yield self._fetch(walk, [])
            # What has ended is listed again below: it is not forgotten yet, as by `_move`.
            self.window = max(self.window, self._earliest - OVERLAP)
        self._changes = max(self._changes, self.window)
        if self._looks_back:
            walk = self._walk(status=ENDED, since=self._since, by_change=True)
            yield from self._pages(walk, self._is_before_window)

    @property
    def _since(self) -> datetime:
        """The beginning by the server's clock."""
        begin = self._begin_at
        return self._clock.at(begin.timestamp()) if self._is_relative else begin

    @property
    def _earliest(self) -> datetime:
        """The beginning by that clock which has it earlier: either may be wrong."""
        return min(self._begin_at, self._since)

    def _is_before_window(self, run: Run) -> bool:
        return run.id in self._open or (run.queued_at or self.window) < self.window

    def _pages(self, walk: Walk[Run], wanted: Callable[[Run], bool]) -> Iterator[Plan[None]]:
        while not walk.is_done:
            yield self._fetch(walk, [], wanted)

    def _fetch(
        self, walk: Walk[Run], found: list[Run], wanted: Callable[[Run], bool] | None = None
    ) -> Plan[None]:
        page = yield from walk.next_page(deadline=self._deadline)
        found += page.items
        yield from self._take_up(filter(wanted, page.items))

    def _get(self, id: str) -> Plan[None]:
        """Get an open run; the next poll gets others first."""
        try:
            run = yield from runs.fetch(self._session, id, cached=False, deadline=self._deadline)
        except NotFoundError:
            # It was listed before: the server has deleted it.
            del self._open[id]
            return
        self._open[id] = self._open.pop(id)
        if not self._include_output:
            run = evolve(run, output=None, error=None)
        yield from self._take_up([evolve(run, started_at=None)])

    def _take_up(self, found: Iterable[Run]) -> Plan[None]:
        """Add runs to what was found, and whether they are selected, if that is evaluated here."""
        for run in found:
            is_new = run.is_ended or self._open.get(run.id) != run.status
            is_selected = True
            if self._sieve is not None and is_new and run.id not in self._ended:
                chosen = yield from self._sieve.chosen([run], [0], None, self._deadline)
                is_selected = bool(chosen)
            self._pending.append((run, is_selected))

    def _kind_of(self, run: Run) -> ChangeKind | None:
        """Return what is new about a run, and remember it; None if nothing is."""
        known = self._open.get(run.id)
        if known is None:
            if run.id in self._ended:
                return None
            if run.ended_at is not None and run.ended_at < self._since:
                self._remember_end(run)
                return None
            self._open[run.id] = run.status
            return "appeared"
        if run.is_ended:
            del self._open[run.id]
            self._remember_end(run)
            return "ended"
        self._open[run.id] = run.status
        return None if run.status == known else "changed"

    def _remember_end(self, run: Run) -> None:
        queued_at = run.queued_at or self._clock.now()
        if not self._is_begun or queued_at >= self.window - _MARGIN:
            self._ended[run.id] = queued_at

    def _move(self, window: datetime) -> None:
        """Move the window on, and forget the ended runs before it, which are not listed again."""
        self.window = max(self.window, window)
        oldest = self.window - _MARGIN
        while self._ended and next(iter(self._ended.values())) < oldest:
            del self._ended[next(iter(self._ended))]

    def _pause_after(self, error: Fault) -> None:
        """Put off the next poll after a transient error; raise another, or one that lasts."""
        now = self._session.clock.monotonic()
        if not may_pass(error) or now - self._succeeded_at > OUTAGE:
            self._succeeded_at = now  # the next iteration may retry as long again
            raise error
        self._failures, self._fault = self._failures + 1, error
        asked: float = getattr(error, "retry_after", None) or 0.0
        self._next_poll = now + max(self._pace.backoff(self._failures), asked)

    def _is_cut_short(self, error: Fault, began: float) -> bool:
        """Return whether the end of the watch came before a response of a server that was well."""
        return (
            isinstance(error, RequestTimeoutError)
            and self._is_begun
            and self._fault is None
            and self._deadline - began < self._session.settings.timeout
            and self._session.clock.monotonic() >= self._deadline
        )

    def _raise_fault_at_end(self) -> None:
        """Raise the last error if the timeout has expired: changes since then are unknown."""
        if self._fault is not None and self._session.clock.monotonic() >= self._deadline:
            raise self._fault


def _moment(text: str) -> datetime:
    """Return an instant of a token, in UTC; reject one that no clock will ever show."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.year > _LAST_YEAR:
        raise ValueError("no time zone, or no time")
    return max(moment.astimezone(UTC), _EARLIEST)
