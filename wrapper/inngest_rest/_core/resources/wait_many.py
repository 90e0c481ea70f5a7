"""Wait until each of many runs has ended."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NoReturn

from inngest_rest import errors
from inngest_rest._core.arguments import check_each, check_run_id, check_seconds
from inngest_rest._core.calls.retry import FAULTS, Fault
from inngest_rest._core.plans import FIRST_PAUSE, Plan, longer
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import ENDED, Selection
from inngest_rest._core.resources.polling import (
    APPEARS_WITHIN,
    BATCH,
    FEW,
    MOST_FETCHED,
    OVERLAP,
    EndsListing,
    FoundEnds,
    Poller,
    asked_pause,
    may_appear,
    rest_after,
)
from inngest_rest._core.resources.windows import Window
from inngest_rest._visible import and_more
from inngest_rest.models import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import Seconds

# Seconds that a listing of ends may take.
_BUDGET = 5.0

# Seconds between two rounds at least, while more than a few runs are open.
_PAUSE_OF_MANY = 1.0


class WaitMany(Poller[Run]):
    """A wait for many runs, with validated arguments.

    It goes round after round. In the first, each run is fetched; later, those that are listed as
    ended and a few others in turn; and where ends cannot be listed quickly, each again.
    """

    def __init__(self, session: Session, ids: Iterable[str], timeout: Seconds) -> None:
        super().__init__(session, check_seconds("timeout", timeout))
        checked = check_each("ids", ids, "run ids", check_run_id)
        # In the order in which they are fetched; and whether they were seen.
        self._open = dict.fromkeys(checked, False)
        self._is_exhausted = not checked
        self._left_in_round = len(self._open)
        self._ended_in_round = 0
        self._missing: dict[str, errors.NotFoundError] = {}
        self._ends = EndsListing(session, budget=_BUDGET)
        self._listed_at = session.clock.now()
        self._pause = FIRST_PAUSE
        self._fault: Fault | None = None  # of the last round

    def poll(self) -> Plan[Sequence[str]]:
        self._check_time()
        if not self._left_in_round:
            yield from self._pause_between_rounds()
            self._check_time()
            yield from self._begin_round()
        if self._is_closed:
            return ()
        batch = list(islice(self._open, min(BATCH, self._left_in_round)))
        self._left_in_round -= len(batch)
        for run_id in batch:
            self._open[run_id] = self._open.pop(run_id)
        self._fetching_since = self._now()
        return batch

    def _check_time(self) -> None:
        """Raise for unfinished runs if the time is up, or for missing ones if all others ended."""
        is_late = self._is_late
        if is_late or not self._open:
            self.close()
            self._raise(is_late=is_late)

    def _raise(self, *, is_late: bool) -> NoReturn:
        if not is_late:
            error = next(iter(self._missing.values()))
            error.add_note(
                f"did not appear: {_named([*self._missing])}; all others have ended"
            )
            raise error
        seen = [run_id for run_id, is_seen in self._open.items() if is_seen]
        unseen = [run_id for run_id, is_seen in self._open.items() if not is_seen]
        unseen += self._missing
        states = (seen, "had not ended"), (unseen, "could not be seen")
        text = " and ".join(f"{_named(ids)} {state}" for ids, state in states if ids)
        raise errors.WaitTimeoutError(
            f"{text} when the timeout expired",
            run=None,
            ids=[*self._open, *self._missing],
            was_seen=bool(seen),
        ) from self._fault

    def _pause_between_rounds(self) -> Plan[None]:
        pause = max(self._pause, asked_pause(self._fault))
        if len(self._open) > FEW:
            pause = max(pause, _PAUSE_OF_MANY)
            if not self._ends.is_due:
                is_busy = self._ended_in_round > FEW
                pause = max(pause, rest_after(self._spent, is_busy=is_busy))
        self._pause = longer(self._pause)
        yield from self._pause_until(self._now() + pause)

    def _begin_round(self) -> Plan[None]:
        """Choose the runs to fetch: those that are listed as ended come first."""
        self._ended_in_round, self._spent, self._fault = 0, 0.0, None
        due = MOST_FETCHED
        if len(self._open) > FEW and self._ends.is_due:
            found = yield from self._list_ends()
            ended = {run.id: self._open[run.id] for run in found.runs}
            self._open = {**ended, **self._open}
            self._fault = found.fault
            # A list may be wrong, and a run may be seen late: each is fetched in turn.
            due = len(ended) + FEW if self._ends.is_complete else MOST_FETCHED
        self._left_in_round = min(due, len(self._open))

    def _list_ends(self) -> Plan[FoundEnds]:
        """List the open runs that have ended since the last time."""
        began = self._session.clock.now()
        since = self._session.server_clocks["api"].earliest(self._listed_at) - OVERLAP
        selection = Selection(statuses=ENDED, window=Window(since))
        listing = runs.list_runs(
            self._session, selection, order="oldest", by_change=True
        )
        found = yield from self._ends.read(
            listing, lambda run: run.id in self._open, self._deadline
        )
        if self._ends.is_complete:
            self._listed_at = began
        return found

    def _note(self, run_id: str, result: Run | Fault) -> bool:
        """Note what became of a run; raise an error that will not pass."""
        if isinstance(result, errors.NotFoundError) and not self._open[run_id]:
            if self._now() >= self._began + APPEARS_WITHIN:
                del self._open[run_id]
                self._missing[run_id] = result
        elif isinstance(result, FAULTS):
            if not (self._is_late or may_appear(result)):
                raise result
            self._fault = max(self._fault or result, result, key=asked_pause)
        else:
            self._open[run_id] = True
            if result.is_ended:
                del self._open[run_id]
                self._pending.append(result)
                self._pause = FIRST_PAUSE
                self._ended_in_round += 1
        self._is_exhausted = not (self._open or self._missing)
        return True


def _named(ids: Sequence[str]) -> str:
    return f"{len(ids)} of the runs ({and_more(ids)})"
