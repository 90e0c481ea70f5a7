"""Watch all runs: report when they appear, change status, and end."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest import errors
from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_seconds
from inngest_rest._core.calls.retry import FAULTS, Fault
from inngest_rest._core.clock import whole_milliseconds
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import ENDED, Selection
from inngest_rest._core.resources.polling import (
    BATCH,
    FEW,
    MOST_FETCHED,
    OUTAGE,
    OVERLAP,
    EndsListing,
    Poller,
    asked_pause,
    rest_after,
)
from inngest_rest._core.resources.watch_state import EARLIEST, KnownRuns, WatchState
from inngest_rest._core.resources.windows import Window, check_instant
from inngest_rest._faults import may_pass
from inngest_rest._visible import shown
from inngest_rest.models import UNFINISHED, Run, RunChange, RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inngest_rest._core.calls.listing import Listing, Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.typing import ChangeKind, Seconds

# Seconds that a listing of ends may take. It is short: what began meanwhile is seen behind it.
_BUDGET = 2.0

# Seconds of a poll in which open runs are fetched one by one; the rest comes in the next one.
_FETCHING = 5.0

_LONGEST_PAUSE = 60.0  # seconds between two polls that fail


class Watch(Poller[RunChange]):
    """A watch with validated arguments: its state, and when the next poll is due.

    A poll has several steps: it lists what was queued lately, page by page, and finds out what
    became of older runs that were open, by a listing of ends or one by one. What a step finds is
    taken item by item before the next one. A window moves on when all of it was taken, so the state
    is right at any moment: a step that fails or is cancelled is repeated, and `token` has exactly
    what was not taken yet.

    `polls` is the number of polls that succeeded, and after which no older run was left to fetch.
    """

    def __init__(
        self,
        session: Session,
        selection: Selection,
        *,
        every: Seconds,
        timeout: Seconds | None,
        since: datetime | timedelta | None,
        include_output: bool,
        token: str | None,
    ) -> None:
        super().__init__(session, timeout)
        self._clock = session.server_clocks["api"]
        self._statuses = selection.statuses
        filters = evolve(selection, statuses=()).to_json()
        self._local_filter = None
        if selection.evaluated_here:
            self._local_filter = runs.local_filter(session, selection, is_bounded=False)
        self._include_output = include_output or selection.needs_output
        # The rest is evaluated by the filter, as runs change.
        self._listed = selection.without_local()
        self._every = check_seconds("every", every)
        if self._every < 1:
            raise invalid("every", f"must be at least 1 second, not {shown(every)}")
        ours = datetime.fromtimestamp(session.clock.now(), UTC)
        begin = whole_milliseconds(
            max(check_instant("since", since, ours) or ours, EARLIEST)
        )
        self.state = WatchState(
            filter=filters,
            since=begin,
            looks_back=since is not None,
            is_relative=not isinstance(since, datetime),
        )
        if token is not None:
            if since is not None:
                raise invalid(
                    "since", "and token exclude each other", how="Pass one of them."
                )
            self.state = WatchState.from_token(token, filters)
        # The beginning by that clock which has it earlier, since either may be wrong.
        self._earliest = self.state.since
        self._next_poll = self._succeeded_at = self._began
        self._failures = 0
        self._fault: Fault | None = None
        self._steps: Iterator[Plan[Sequence[str]]] | None = None  # left of the poll
        self._page: tuple[Run, ...] = ()
        self._found = deque[tuple[Run, bool]]()  # and whether it is selected
        self._changes = 0  # of this poll
        self._known = KnownRuns(self.state, self._clock)
        self._ends = EndsListing(session, budget=_BUDGET)
        # Older open runs that are still to be fetched, and until when all others are known.
        self._unfetched: dict[str, None] = {}
        self._known_until = EARLIEST
        self._fetch_until = self._began
        self._fetched = deque[tuple[str, "Run | Fault"]]()
        self.polls = 0

    @property
    def token(self) -> str:
        """Where another watch can go on: what was taken so far, as JSON."""
        return self.state.token

    @property
    def is_done(self) -> bool:
        """True once closed, or when the time is up."""
        return not self._may_go_on

    def next_item(self) -> RunChange | None:
        while self._found:
            run, is_selected = self._found[0]
            kind = self._known.learn(run)
            # A run that had ended before it was seen first appears, and then ends.
            if kind != "appeared" or not run.is_ended:
                self._found.popleft()
            if kind is None:
                continue
            self._changes += 1
            if is_selected and self._is_reported(kind, run):
                return RunChange(kind, run)
        return None

    def _is_reported(self, kind: ChangeKind, run: Run) -> bool:
        """Return whether a change leads to one of the statuses asked for, if any were."""
        if not self._statuses:
            return True
        # A run that had ended before it was seen has one change of status to report, not two.
        return run.status in self._statuses and (kind == "ended") is run.is_ended

    def poll(self) -> Plan[Sequence[str]]:
        """Pause, or make one step of a poll; all that was found must be taken."""
        if self._now() < self._next_poll:
            yield from self._pause_until(self._next_poll)
            if self._fault is not None and self._is_late:
                raise self._fault  # changes since then are unknown
            return ()
        steps, self._steps = self._steps or self._steps_of_poll(), None
        began = self._now()
        due: Sequence[str] = ()
        try:
            step = next(steps, None)
            if step is not None:
                due = yield from step
                self._steps = steps
        except FAULTS as error:
            self._tolerate(error, began)
            return ()
        self._succeeded_at = self._fetching_since = self._now()
        self._spent += self._succeeded_at - began
        self._failures = 0
        self._fault = None
        return due

    def _tolerate(self, error: Fault, began: float) -> None:
        """Poll again after a pause, unless an error is to be raised."""
        now = self._now()
        if self._ended_before_response(error, began):
            return
        if self._is_late or not may_pass(error) or now - self._succeeded_at > OUTAGE:
            self._succeeded_at = now  # the next iteration may retry as long again
            raise error
        pause = min(_LONGEST_PAUSE, self._every * 2.0 ** min(self._failures, 9))
        self._failures += 1
        self._fault = error
        self._next_poll = now + max(pause, asked_pause(error))

    def _ended_before_response(self, error: Fault, began: float) -> bool:
        """Return whether a request failed only since the watch had no time left for it."""
        is_well = self.state.is_begun and self._fault is None
        had_less = self._deadline - began < self._session.settings.timeout
        is_timeout = isinstance(error, errors.RequestTimeoutError)
        return self._is_late and is_well and had_less and is_timeout

    def _steps_of_poll(self) -> Iterator[Plan[Sequence[str]]]:
        """Yield the steps of a poll; each is made, and what it found taken, before the next."""
        state = self.state
        began = self._session.clock.now()
        self._spent = 0.0
        self._changes = 0
        if not state.is_begun:
            yield from self._begin()
        recent: set[str] = set()
        newest = state.window
        walk = self._list(since=state.window).walk()
        # In ascending order, a run that is added meanwhile comes behind the page and not before it.
        while not walk.is_done:
            yield self._read(walk)
            recent.update(run.id for run in self._page if run.id in state.open)
            newest = max(
                (run.queued_at for run in self._page if run.queued_at), default=newest
            )
            self._known.move_window(
                min(newest, self._clock.earliest(began, shown=newest)) - OVERLAP
            )
        passed = self._clock.earliest(began, shown=newest) - OVERLAP
        self._known.move_window(passed)
        state.since, state.is_begun = self._earliest, True
        yield from self._find_ends(recent, passed)
        if not self._unfetched:
            self.polls += 1
        is_busy = self._changes > FEW or bool(self._unfetched)
        rest = rest_after(self._spent, is_busy=is_busy)
        self._next_poll = self._now() + max(self._every - self._spent, rest)

    def _begin(self) -> Iterator[Plan[Sequence[str]]]:
        """Find what is open, and what ended since the beginning but was queued before it."""
        state = self.state
        yield from self._pages(self._list(UNFINISHED))
        if state.is_relative:  # by our clock; not so if a poll that failed came as far
            began = state.since.timestamp()
            self._earliest = self._clock.earliest(began)
            state.since, state.is_relative = (
                whole_milliseconds(self._clock.at(began)),
                False,
            )
        # What has ended is listed again below: it is not forgotten yet, as by `move_window`.
        state.window = max(state.window, self._earliest - OVERLAP)
        state.changes = max(state.changes, state.window)
        if state.looks_back:
            yield from self._pages(
                self._list(ENDED, since=state.since, by_change=True),
                lambda run: (
                    run.id in state.open
                    or (run.queued_at or state.window) < state.window
                ),
            )

    def _find_ends(
        self, recent: set[str], passed: datetime
    ) -> Iterator[Plan[Sequence[str]]]:
        """Find out which older runs have ended, that is open ones that were not just listed.

        Their ends are listed, and a few of them fetched in turn, as a list may be wrong. Where it
        takes the server too long to list ends, all are fetched, in several polls if need be.
        """
        state = self.state
        older = [run_id for run_id in state.open if run_id not in recent]
        due = older
        if len(older) > FEW and self._ends.is_due:
            yield self._read_ends(passed)
            older = [run_id for run_id in older if run_id in state.open]
            due = older[:FEW] if self._ends.is_complete else older
        left = self._unfetched.keys() & older
        if left and len(due) > FEW:  # the rest of what was too much for the last poll
            due = [run_id for run_id in due if run_id in left]
        else:
            self._known_until = passed
        self._unfetched = dict.fromkeys(due)
        yield from self._fetch_in_turn()
        if not self._unfetched:
            state.changes = max(state.changes, self._known_until)

    def _list(
        self,
        statuses: tuple[RunStatus, ...] = (),
        *,
        since: datetime | None = None,
        by_change: bool = False,
    ) -> Listing[Run]:
        """List the runs that were queued since then, or that changed since then."""
        listing = runs.list_runs(
            self._session,
            evolve(self._listed, statuses=statuses, window=Window(since)),
            order="oldest",
            by_change=by_change,
            include_output=self._include_output,
            is_bounded=False,
        )
        listing.is_relative = self.state.is_relative
        return listing

    def _pages(
        self, listing: Listing[Run], is_wanted: Callable[[Run], bool] | None = None
    ) -> Iterator[Plan[Sequence[str]]]:
        walk = listing.walk()
        while not walk.is_done:
            yield self._read(walk, is_wanted)

    def _read(
        self, walk: Walk[Run], is_wanted: Callable[[Run], bool] | None = None
    ) -> Plan[Sequence[str]]:
        """Read the next page, and add the runs that are wanted to what was found."""
        self._page = (yield from walk.next_page(deadline=self._deadline)).items
        yield from self._take_up(filter(is_wanted, self._page))
        return ()

    def _read_ends(self, passed: datetime) -> Plan[Sequence[str]]:
        state = self.state
        found = yield from self._ends.read(
            self._list(since=state.changes, by_change=True),
            lambda run: run.id in state.open,
            self._deadline,
        )
        if self._ends.is_complete:
            state.changes = max(state.changes, passed)
        yield from self._take_up(found.runs)
        return ()

    def _fetch_in_turn(self) -> Iterator[Plan[Sequence[str]]]:
        """Fetch older runs, until it was enough for one poll."""
        self._fetched.clear()
        self._fetch_until = self._now() + _FETCHING
        left = MOST_FETCHED
        while self._unfetched and left > 0 and self._now() < self._fetch_until:
            batch = [*islice(self._unfetched, min(BATCH, left))]
            left -= len(batch)
            yield self._fetch_later(batch)
            yield self._take_up_fetched()

    def _fetch_later(self, batch: Sequence[str]) -> Plan[Sequence[str]]:
        yield from ()
        return batch

    def _note(self, run_id: str, result: Run | Fault) -> bool:
        self._fetched.append((run_id, result))
        return not _is_failure(result) and self._now() < self._fetch_until

    def _take_up_fetched(self) -> Plan[Sequence[str]]:
        """Add what was fetched to what was found; then raise an error that it met."""
        failures: list[Fault] = []
        while self._fetched:
            run_id, result = self._fetched[0]
            if isinstance(result, FAULTS) and _is_failure(result):
                failures.append(result)
            else:
                if isinstance(result, Run):
                    yield from self._take_up([self._as_listed(result)])
                else:  # it was listed before: the server has deleted it
                    self._known.forget(run_id)
                self._unfetched.pop(run_id, None)
            self._fetched.popleft()
        if failures:
            raise max(failures, key=asked_pause)
        return ()

    def _as_listed(self, run: Run) -> Run:
        if not self._include_output:
            run = evolve(run, output=None, error=None)
        return evolve(run, started_at=None)

    def _take_up(self, found: Iterable[Run]) -> Plan[None]:
        """Add runs to what was found, and whether they are selected, if that is evaluated here."""
        for run in found:
            is_selected = True
            if self._local_filter is not None and self._known.may_be_news(run):
                is_selected = yield from self._local_filter.wants(run, self._deadline)
            self._found.append((run, is_selected))


def _is_failure(result: Run | Fault) -> bool:
    return not isinstance(result, Run | errors.NotFoundError)
