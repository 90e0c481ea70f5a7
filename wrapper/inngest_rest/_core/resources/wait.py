"""Wait until a run has ended, or each of many."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from inngest_rest import errors
from inngest_rest._core.calls.retry import FAULTS, Fault
from inngest_rest._core.plans import FIRST_PAUSE, longer
from inngest_rest._core.resources import run_lists, runs
from inngest_rest._core.resources.filters import ENDED, Selection
from inngest_rest._core.resources.polling import (
    APPEARS_WITHIN,
    BATCH,
    FEW,
    MOST_FETCHED,
    OVERLAP,
    SHORTEST_PAUSE,
    EndsListing,
    FoundEnds,
    Poller,
    asked_pause,
    may_appear,
    rest_after,
)
from inngest_rest._core.resources.windows import Window
from inngest_rest._local.arguments import (
    check_each,
    check_id,
    check_run_id,
    check_seconds,
)
from inngest_rest._values.visible import and_more
from inngest_rest.models import Run, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import Seconds


async def wait(
    session: Session, run_id: str, timeout: Seconds, raise_on_failure: bool
) -> Run:
    deadline = session.clock.monotonic() + check_seconds("timeout", timeout)
    run_id = check_id("run id", run_id, argument="id")
    run = await wait_until_ended(session, run_id, deadline)
    if raise_on_failure:
        check_completed([run])
    return run


def check_completed(runs: Sequence[Run]) -> None:
    """Raise for the first run that did not complete."""
    for run in runs:
        if run.status != RunStatus.COMPLETED:
            raise errors.RunFailedError(run, runs=runs)


async def wait_until_ended(
    session: Session,
    run_id: str,
    deadline: float,
    *,
    seen: Run | None = None,
) -> Run:
    """Poll until the run has ended, or until a time by the session's clock.

    "Not found" is tolerated while the run may still appear, unless the id is that of an event; and
    every transient fault once the run has been seen.
    """
    now = session.clock.monotonic
    appears_by = now() + APPEARS_WITHIN
    pause = FIRST_PAUSE
    missing: errors.NotFoundError | None = None
    while True:
        is_last_chance = now() >= appears_by
        # A run appears in v2 no later than in v1, and an event before its runs: v1, and for an
        # event, is asked at the start and at the end.
        is_first_or_last = missing is None or is_last_chance
        fault: Fault | None = None
        try:
            seen = await runs.fetch(
                session,
                run_id,
                deadline=deadline,
                also_v1=is_first_or_last,
                cached=False,
            )
        except FAULTS as error:
            goes_on = _goes_on_after(
                error,
                was_seen=seen is not None,
                is_last_chance=is_last_chance,
                is_late=now() >= deadline,
            )
            if seen is None and isinstance(error, errors.NotFoundError):
                missing = error
                if is_first_or_last and await runs.note_event_id(
                    session, error, run_id, by=deadline
                ):
                    raise
            if not goes_on:
                raise
            fault = error
        else:
            missing = None
            if seen.is_ended:
                return seen
        left = deadline - now()
        if left <= 0:
            raise _timed_out(run_id, seen) from missing or fault
        if seen is None:
            until_it_appears = max(appears_by - now(), SHORTEST_PAUSE)
            left = min(left, until_it_appears)
        seconds = max(pause, asked_pause(fault))
        await session.driver.sleep(min(seconds, left))
        pause = longer(pause)


def _goes_on_after(
    error: Fault,
    *,
    was_seen: bool,
    is_last_chance: bool,
    is_late: bool,
) -> bool:
    """Return whether a wait goes on after a request that failed."""
    if was_seen:
        return may_appear(error)
    if isinstance(error, errors.NotFoundError):
        return not is_last_chance
    # A request that failed at the deadline ends as an expired wait.
    return is_late and isinstance(error, errors.TransportError)


def _timed_out(run_id: str, seen: Run | None) -> errors.WaitTimeoutError:
    state = "did not appear" if seen is None else f"was still {seen.status}"
    message = f"run {run_id} {state} when the timeout expired"
    return errors.WaitTimeoutError(message, run=seen)


# Seconds that a listing of ends may take.
_BUDGET = 5.0

# Seconds between two rounds at least, while more than a few runs are open.
_PAUSE_OF_MANY = 1.0


class WaitMany(Poller[Run]):
    """A wait for many runs, with validated arguments.

    It polls in rounds. The first round fetches each run; later ones fetch the runs that are listed
    as ended, and a few others in turn; or each run again if ends cannot be listed quickly.
    """

    def __init__(self, session: Session, ids: Iterable[str], timeout: Seconds) -> None:
        super().__init__(session, check_seconds("timeout", timeout))
        checked = check_each("ids", ids, "run ids", check_run_id)
        # Whether each run was seen, in the order in which they are fetched.
        self._open = dict.fromkeys(checked, False)
        self._is_exhausted = not checked
        self._left_in_round = len(self._open)
        self._ended_in_round = 0
        self._missing: dict[str, errors.NotFoundError] = {}
        self._has_asked_for_event = False
        self._event_id: str | None = None  # among the ids
        self._ends = EndsListing(session, budget=_BUDGET)
        self._listed_at = session.clock.now()
        self._pause = FIRST_PAUSE
        self._fault: Fault | None = None  # of the last round

    async def poll(self) -> Sequence[str]:
        self._check_time()
        if not self._left_in_round:
            await self._pause_between_rounds()
            self._check_time()
            await self._begin_round()
        if self._is_closed:
            return ()
        size = min(BATCH, self._left_in_round)
        batch = list(islice(self._open, size))
        self._left_in_round -= len(batch)
        for run_id in batch:
            self._open[run_id] = self._open.pop(run_id)
        self._fetching_since = self._now()
        return batch

    async def fetch(self, run_id: str) -> Run | Fault | None:
        """Get a run; of the first that is not found, ask once if the id is that of an event."""
        result = await super().fetch(run_id)
        has_asked = self._has_asked_for_event
        if isinstance(result, errors.NotFoundError) and not has_asked:
            self._has_asked_for_event = True
            session, deadline = self._session, self._deadline
            if await runs.note_event_id(session, result, run_id, by=deadline):
                self._event_id = run_id
        return result

    def _check_time(self) -> None:
        """Raise for unfinished runs if the time is up, or for missing ones if all others ended."""
        if self._is_late:
            self.close()
            raise self._timed_out() from self._fault
        if not self._open:
            self.close()
            raise self._not_found()

    def _not_found(self) -> errors.NotFoundError:
        error = next(iter(self._missing.values()))
        missing = _named([*self._missing])
        error.add_note(f"did not appear: {missing}; all others have ended")
        return error

    def _timed_out(self) -> errors.WaitTimeoutError:
        seen: list[str] = []
        unseen: list[str] = []
        for run_id, is_seen in self._open.items():
            group = seen if is_seen else unseen
            group.append(run_id)
        unseen += self._missing
        states: list[str] = []
        if seen:
            states.append(f"{_named(seen)} had not ended")
        if unseen:
            states.append(f"{_named(unseen)} could not be seen")
        return errors.WaitTimeoutError(
            f"{' and '.join(states)} when the timeout expired",
            run=None,
            ids=[*self._open, *self._missing],
            was_seen=bool(seen),
        )

    async def _pause_between_rounds(self) -> None:
        pause = max(self._pause, asked_pause(self._fault))
        if len(self._open) > FEW:
            pause = max(pause, _PAUSE_OF_MANY)
            if not self._ends.is_due:
                is_busy = self._ended_in_round > FEW
                pause = max(pause, rest_after(self._spent, is_busy=is_busy))
        self._pause = longer(self._pause)
        await self._pause_until(self._now() + pause)

    async def _begin_round(self) -> None:
        """Choose the runs to fetch: those that are listed as ended come first."""
        self._ended_in_round = 0
        self._spent = 0.0
        self._fault = None
        due = MOST_FETCHED
        if len(self._open) > FEW and self._ends.is_due:
            ends = await self._list_ends()
            ended = {run.id: self._open[run.id] for run in ends.runs}
            self._open = {**ended, **self._open}
            self._fault = ends.fault
            if self._ends.is_complete:
                # The list may be wrong or late, so a few others are fetched in turn.
                due = len(ended) + FEW
        self._left_in_round = min(due, len(self._open))

    async def _list_ends(self) -> FoundEnds:
        """List the open runs that have ended since the last time."""
        began = self._session.clock.now()
        clock = self._session.server_clocks["api"]
        since = clock.at(self._listed_at) - OVERLAP
        selection = Selection(statuses=ENDED, window=Window(since=since))
        listing = run_lists.list_runs(
            self._session, selection, order="oldest", by_change=True
        )

        def is_open(run: Run) -> bool:
            return run.id in self._open

        ends = await self._ends.read(listing, is_open, self._deadline)
        if self._ends.is_complete:
            self._listed_at = began
        return ends

    def _note(self, run_id: str, result: Run | Fault) -> bool:
        """Record the state of a run; raise an error that is not transient."""
        if run_id == self._event_id and isinstance(result, errors.NotFoundError):
            raise result
        if isinstance(result, errors.NotFoundError) and not self._open[run_id]:
            self._note_missing(run_id, result)
        elif isinstance(result, FAULTS):
            if not (self._is_late or may_appear(result)):
                raise result
            self._fault = max(self._fault or result, result, key=asked_pause)
        else:
            self._note_seen(run_id, result)
        self._is_exhausted = not (self._open or self._missing)
        return True

    def _note_missing(self, run_id: str, error: errors.NotFoundError) -> None:
        if self._now() >= self._began + APPEARS_WITHIN:
            del self._open[run_id]
            self._missing[run_id] = error

    def _note_seen(self, run_id: str, run: Run) -> None:
        if not run.is_ended:
            self._open[run_id] = True
            return
        del self._open[run_id]
        self._pending.append(run)
        self._pause = FIRST_PAUSE
        self._ended_in_round += 1


def _named(ids: Sequence[str]) -> str:
    return f"{len(ids)} of the runs ({and_more(ids)})"
