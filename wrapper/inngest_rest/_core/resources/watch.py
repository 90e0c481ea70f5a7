"""Watch all runs: report when they appear, change status, and end."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.calls.retry import FAULTS, Fault
from inngest_rest._core.clock import whole_milliseconds
from inngest_rest._core.resources import run_lists
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
from inngest_rest._core.resources.windows import Window
from inngest_rest._local.arguments import check_seconds, invalid
from inngest_rest._local.faults import may_pass
from inngest_rest._values.visible import shown
from inngest_rest.models import UNFINISHED, Run, RunChange, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inngest_rest._core.calls.listing import Listing, Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.typing import ChangeKind, Seconds

# Seconds that a listing of ends may take. It is short: runs that begin meanwhile are seen after it.
_BUDGET = 2.0

# Seconds of a poll in which open runs are fetched one by one; the rest follows in the next poll.
_FETCHING = 5.0

_LONGEST_PAUSE = 60.0  # seconds between two polls that fail


class Watch(Poller[RunChange]):
    """A watch with validated arguments: its state, and when the next poll is due.

    A poll has several steps: it lists the runs that were queued lately, page by page, and finds out
    which of the older open runs have ended, by a listing of ends or one by one. The results of a
    step are taken item by item before the next step. A window advances when all its items were
    taken, so the state is right at any time: a step that fails or is cancelled is repeated, and
    `token` continues exactly after the last item that was taken.

    `polls` is the number of polls that succeeded, and after which no older run was left to fetch.
    """

    def __init__(
        self,
        session: Session,
        selection: Selection,
        *,
        every: Seconds,
        timeout: Seconds | None,
        include_output: bool,
        token: str | None,
    ) -> None:
        super().__init__(session, timeout)
        self._clock = session.server_clocks["api"]
        self._statuses = selection.statuses
        self._local_filter = None
        if selection.evaluated_here:
            self._local_filter = run_lists.local_filter(
                session, selection, self._clock.now(), is_bounded=False
            )
        self._include_output = include_output or selection.needs_output
        # The other filters are evaluated here, as runs change.
        self._listed = selection.without_local()
        self._every = check_seconds("every", every)
        if self._every < 1:
            raise invalid("every", f"must be at least 1 second, not {shown(every)}")
        filters = evolve(selection, statuses=()).to_json()
        self.state = self._initial_state(filters, token)
        self._next_poll = self._began
        self._succeeded_at = self._began
        self._failures = 0
        self._fault: Fault | None = None
        # The remaining steps of the poll.
        self._steps: Iterator[Plan[Sequence[str]]] | None = None
        self._page: tuple[Run, ...] = ()
        # The runs of the last step, and whether each is selected.
        self._found = deque[tuple[Run, bool]]()
        self._changes = 0  # of this poll
        self._known = KnownRuns(self.state, self._clock)
        self._ends = EndsListing(session, budget=_BUDGET)
        # Older open runs to fetch, and the time until which all others are known.
        self._unfetched: dict[str, None] = {}
        self._known_until = EARLIEST
        self._fetch_until = self._began
        self._fetched = deque[tuple[str, "Run | Fault"]]()
        self.polls = 0

    def _initial_state(self, filters: dict[str, str], token: str | None) -> WatchState:
        """Return the state in a token, or that of a watch that begins now."""
        if token is not None:
            return WatchState.from_token(token, filters)
        now = datetime.fromtimestamp(self._session.clock.now(), UTC)
        return WatchState(filter=filters, since=whole_milliseconds(now))

    @property
    def token(self) -> str:
        """The position from which another watch can continue, as JSON."""
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
        """Return whether a change leads to one of the selected statuses, if there are any."""
        if not self._statuses:
            return True
        # A run that had ended before it was seen has one change of status to report, not two.
        is_final = (kind == "ended") is run.is_ended
        return is_final and run.status in self._statuses

    async def poll(self) -> Sequence[str]:
        """Pause, or make one step of a poll; the results of the last one must be taken."""
        if self._now() < self._next_poll:
            await self._pause_until(self._next_poll)
            if self._fault is not None and self._is_late:
                raise self._fault  # changes since then are unknown
            return ()
        steps = self._steps or self._steps_of_poll()
        self._steps = None
        began = self._now()
        due: Sequence[str] = ()
        try:
            step = next(steps, None)
            if step is not None:
                due = await step
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
        """Schedule another poll after an error, or raise the error."""
        if self._ended_before_response(error, began):
            return
        now = self._now()
        is_outage = now - self._succeeded_at > OUTAGE
        if self._is_late or is_outage or not may_pass(error):
            self._succeeded_at = now  # the next iteration may retry as long again
            raise error
        doublings = min(self._failures, 9)
        pause = min(_LONGEST_PAUSE, self._every * 2.0**doublings)
        self._failures += 1
        self._fault = error
        self._next_poll = now + max(pause, asked_pause(error))

    def _ended_before_response(self, error: Fault, began: float) -> bool:
        """Return whether a request failed only because the watch had no time left for it."""
        is_well = self.state.is_begun and self._fault is None
        had_less = self._deadline - began < self._session.settings.timeout
        is_timeout = isinstance(error, errors.RequestTimeoutError)
        return self._is_late and is_well and had_less and is_timeout

    def _steps_of_poll(self) -> Iterator[Plan[Sequence[str]]]:
        """Yield the steps of a poll; the results of each are taken before the next."""
        state = self.state
        began = self._session.clock.now()
        self._spent = 0.0
        self._changes = 0
        if not state.is_begun:
            yield from self._begin()
        recent: set[str] = set()
        newest = state.window
        walk = self._list(since=state.window).walk()
        # In ascending order, a run that is added meanwhile comes after the page, not before it.
        while not walk.is_done:
            yield self._read(walk)
            for run in self._page:
                if run.id in state.open:
                    recent.add(run.id)
            times = [run.queued_at for run in self._page if run.queued_at]
            newest = max(times, default=newest)
            read_at = self._earliest(began, newest)
            read_until = min(newest, read_at)
            self._known.move_window(read_until - OVERLAP)
        passed = self._earliest(began, newest) - OVERLAP
        self._known.move_window(passed)
        if not state.is_begun:
            state.since = self._earliest(state.since.timestamp())
            state.is_begun = True
        yield from self._find_ends(recent, passed)
        if not self._unfetched:
            self.polls += 1
        is_busy = self._changes > FEW or bool(self._unfetched)
        rest = rest_after(self._spent, is_busy=is_busy)
        until_due = self._every - self._spent
        self._next_poll = self._now() + max(until_due, rest)

    def _begin(self) -> Iterator[Plan[Sequence[str]]]:
        """Find the runs that are open, and let the window begin with the watch."""
        state = self.state
        yield from self._pages(self._list(UNFINISHED, are_open=True))
        # Ended runs are listed again below, so they are not forgotten yet, as by `move_window`.
        began = self._earliest(state.since.timestamp())
        state.window = max(state.window, began - OVERLAP)
        state.changes = max(state.changes, state.window)

    def _earliest(self, moment: float, newest: datetime | None = None) -> datetime:
        """Return a moment of our clock, by ours or the server's, whichever has it earlier.

        Either may be wrong, and a window that begins too early loses nothing. Ours is behind if the
        server has shown a later time, `newest`.
        """
        ours = datetime.fromtimestamp(moment, UTC)
        if newest is not None:
            ours = max(ours, newest)
        return whole_milliseconds(min(ours, self._clock.at(moment)))

    def _find_ends(
        self, recent: set[str], passed: datetime
    ) -> Iterator[Plan[Sequence[str]]]:
        """Find out which older runs have ended: open ones that were not just listed.

        Their ends are listed, and a few of them fetched in turn, as a list may be wrong. If the
        server takes too long to list ends, all are fetched, in several polls if necessary.
        """
        state = self.state
        older = [run_id for run_id in state.open if run_id not in recent]
        due = older
        if len(older) > FEW and self._ends.is_due:
            yield self._read_ends(passed)
            older = [run_id for run_id in older if run_id in state.open]
            due = older[:FEW] if self._ends.is_complete else older
        self._choose_unfetched(older, due, passed)
        yield from self._fetch_in_turn()
        if not self._unfetched:
            state.changes = max(state.changes, self._known_until)

    def _choose_unfetched(
        self, older: list[str], due: list[str], passed: datetime
    ) -> None:
        """Choose the runs to fetch: those left from the last poll first, if they are many."""
        left = self._unfetched.keys() & older
        if left and len(due) > FEW:
            due = [run_id for run_id in due if run_id in left]
        else:
            self._known_until = passed
        self._unfetched = dict.fromkeys(due)

    def _list(
        self,
        statuses: tuple[RunStatus, ...] = (),
        *,
        since: datetime | None = None,
        by_change: bool = False,
        are_open: bool = False,
    ) -> Listing[Run]:
        """List the runs that were queued, or that changed, since a time."""
        window = Window(since=since)
        selection = evolve(
            self._listed, statuses=statuses, window=window, are_open=are_open
        )
        return run_lists.list_runs(
            self._session,
            selection,
            order="oldest",
            by_change=by_change,
            include_output=self._include_output,
            is_bounded=False,
        )

    def _pages(self, listing: Listing[Run]) -> Iterator[Plan[Sequence[str]]]:
        walk = listing.walk()
        while not walk.is_done:
            yield self._read(walk)

    async def _read(self, walk: Walk[Run]) -> Sequence[str]:
        """Read the next page, and take up its runs."""
        page = await walk.next_page(deadline=self._deadline)
        self._page = page.items
        await self._take_up(page.items)
        return ()

    async def _read_ends(self, passed: datetime) -> Sequence[str]:
        state = self.state

        def is_open(run: Run) -> bool:
            return run.id in state.open

        changed = self._list(since=state.changes, by_change=True)
        ends = await self._ends.read(changed, is_open, self._deadline)
        if self._ends.is_complete:
            state.changes = max(state.changes, passed)
        await self._take_up(ends.runs)
        return ()

    def _fetch_in_turn(self) -> Iterator[Plan[Sequence[str]]]:
        """Fetch older runs, as many as one poll may."""
        self._fetched.clear()
        self._fetch_until = self._now() + _FETCHING
        left = MOST_FETCHED
        while self._unfetched and left > 0 and self._now() < self._fetch_until:
            size = min(BATCH, left)
            batch = [*islice(self._unfetched, size)]
            left -= len(batch)
            yield self._fetch_later(batch)
            yield self._take_up_fetched()

    async def _fetch_later(self, batch: Sequence[str]) -> Sequence[str]:
        return batch

    def _note(self, run_id: str, result: Run | Fault) -> bool:
        self._fetched.append((run_id, result))
        return not _is_failure(result) and self._now() < self._fetch_until

    async def _take_up_fetched(self) -> Sequence[str]:
        """Take up the fetched runs; then raise the fault of one that failed."""
        failures: list[Fault] = []
        while self._fetched:
            run_id, result = self._fetched[0]
            if isinstance(result, Run):
                await self._take_up([self._as_listed(result)])
                self._unfetched.pop(run_id, None)
            elif isinstance(result, errors.NotFoundError):
                # It was listed before: the server has deleted it.
                self._known.forget(run_id)
                self._unfetched.pop(run_id, None)
            else:
                failures.append(result)
            self._fetched.popleft()
        if failures:
            raise max(failures, key=asked_pause)
        return ()

    def _as_listed(self, run: Run) -> Run:
        if not self._include_output:
            run = evolve(run, output=None, error=None)
        return evolve(run, started_at=None)

    async def _take_up(self, found: Iterable[Run]) -> None:
        """Keep runs for `next_item`, and whether each passes the filters evaluated here."""
        for run in found:
            is_selected = True
            if self._local_filter is not None and self._known.may_be_news(run):
                is_selected = await self._local_filter.wants(run, self._deadline)
            self._found.append((run, is_selected))


def _is_failure(result: Run | Fault) -> bool:
    return not isinstance(result, Run | errors.NotFoundError)
