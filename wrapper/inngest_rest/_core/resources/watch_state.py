"""The state of a watch: the runs that it knows, and the changes of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from inngest_rest._core.clock import whole_milliseconds
from inngest_rest._local.arguments import check_id, check_text, invalid
from inngest_rest._values.visible import shown
from inngest_rest.models import RunStatus  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from inngest_rest._core.clock import ServerClock
    from inngest_rest.models import Run
    from inngest_rest.typing import ChangeKind

# The earliest time of a beginning or a token: with an earlier one, arithmetic could fail.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

# Ended runs are remembered so long beyond the window: a listing uses a time that is slightly later
# than `queued_at`.
_MARGIN = timedelta(seconds=5)

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class WatchState(msgspec.Struct, kw_only=True):
    """The position of a watch, which its token contains; all changes before it were taken."""

    version: Literal[1] = 1
    filter: dict[str, str]
    # The beginning of the watch: by our clock until its first poll has shown the server's.
    since: _Moment
    is_begun: bool = False
    window: _Moment = EARLIEST  # the beginning of the next poll
    changes: _Moment = EARLIEST  # the same for a listing by ends
    open: dict[str, RunStatus] = {}
    ended: dict[str, _Moment] = {}  # when the ended runs of the last window were queued

    @classmethod
    def from_token(cls, token: str, filter: dict[str, str]) -> WatchState:
        """Return the state in a token; reject a token of another selection."""
        try:
            text = check_text("token", token)
            state = msgspec.json.decode(text, type=cls)
            for run_id in (*state.open, *state.ended):
                check_id("id", run_id)
        except (ValueError, RecursionError):
            raise invalid("token", "is not the token of a watch") from None
        if state.filter != filter:
            filters = [f"{name}={shown(value)}" for name, value in state.filter.items()]
            words = ", ".join(filters) or "no filter"
            reason = f"is of a watch with {words}"
            raise invalid("token", reason, how="Pass the same filters.")
        return state

    @property
    def token(self) -> str:
        return msgspec.json.encode(self).decode()


class KnownRuns:
    """The runs of a state: those that are open, and those that ended in its window."""

    def __init__(self, state: WatchState, clock: ServerClock) -> None:
        self._state = state
        self._clock = clock
        # A heap of the ended runs, the earliest queued first.
        self._forgettable: list[tuple[datetime, str]] = []
        for run_id, queued_at in state.ended.items():
            heappush(self._forgettable, (queued_at, run_id))

    def may_be_news(self, run: Run) -> bool:
        """Return whether a run may have changed, without remembering it."""
        if run.id in self._state.ended:
            return False
        known_status = self._state.open.get(run.id)
        return run.is_ended or run.status != known_status

    def learn(self, run: Run) -> ChangeKind | None:
        """Remember a run as the most recent one; return its change, None if there is none."""
        state = self._state
        known_status = state.open.pop(run.id, None)
        if known_status is None:
            if run.id in state.ended:
                return None
            if run.ended_at is not None and self._is_earlier(run.ended_at):
                self._remember_end(run)
                return None
            state.open[run.id] = run.status
            return "appeared"
        if run.is_ended:
            self._remember_end(run)
            return "ended"
        state.open[run.id] = run.status
        return None if run.status == known_status else "changed"

    def _is_earlier(self, at: datetime) -> bool:
        """Return whether a time by the server's clock is before the beginning of the watch."""
        begin = self._state.since
        if not self._state.is_begun:
            begin = whole_milliseconds(self._clock.at(begin.timestamp()))
        return at < begin

    def forget(self, run_id: str) -> None:
        """Forget an open run, which the server has deleted."""
        self._state.open.pop(run_id, None)

    def move_window(self, to: datetime) -> None:
        """Advance the window, and forget the ended runs before it, which are not listed again."""
        state = self._state
        state.window = max(state.window, to)
        oldest = state.window - _MARGIN
        while self._forgettable and self._forgettable[0][0] < oldest:
            _, run_id = heappop(self._forgettable)
            state.ended.pop(run_id, None)

    def _remember_end(self, run: Run) -> None:
        state = self._state
        queued_at = run.queued_at or self._clock.now()
        if not state.is_begun or queued_at >= state.window - _MARGIN:
            state.ended[run.id] = queued_at
            heappush(self._forgettable, (queued_at, run.id))
