"""The state of a watch: the runs that it knows, and the changes of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_id, check_text
from inngest_rest._visible import shown
from inngest_rest.models import RunStatus  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from inngest_rest._core.clock import ServerClock
    from inngest_rest.models import Run
    from inngest_rest.typing import ChangeKind

# Of a beginning or a token: beyond these, adding times would fail.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

# How long ended runs are remembered beyond the window: a listing goes by a time that is slightly
# later than `queued_at`.
_MARGIN = timedelta(seconds=5)

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class WatchState(msgspec.Struct, kw_only=True):
    """Where a watch is, as its token has it; all that was found until then was taken."""

    version: Literal[1] = 1
    filter: dict[str, str]
    since: _Moment  # where it begins
    looks_back: bool  # to what ended since then and was queued before
    is_relative: (
        bool  # the beginning is by our clock, whose difference a response will show
    )
    is_begun: bool = False
    window: _Moment = EARLIEST  # where the next poll begins
    changes: _Moment = EARLIEST  # the same for a listing by ends
    open: dict[str, RunStatus] = {}
    ended: dict[str, _Moment] = {}  # when those of the last window were queued

    @classmethod
    def from_token(cls, token: str, filter: dict[str, str]) -> WatchState:
        """Return the state of a token; reject one that no watch of this selection has made."""
        try:
            state = msgspec.json.decode(check_text("token", token), type=cls)
            for id in (*state.open, *state.ended):
                check_id("id", id)
        except (ValueError, RecursionError):
            raise invalid("token", "is not the token of a watch") from None
        if state.filter != filter:
            asked = ", ".join(
                f"{name}={shown(value)}" for name, value in state.filter.items()
            )
            reason = f"is of a watch with {asked or 'no filter'}"
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
        # Those that ended, the earliest queued first.
        self._forgettable = [
            (queued_at, run_id) for run_id, queued_at in state.ended.items()
        ]
        heapify(self._forgettable)

    def may_be_news(self, run: Run) -> bool:
        """Return whether something about a run may be new, without remembering it."""
        if run.id in self._state.ended:
            return False
        return run.is_ended or self._state.open.get(run.id) != run.status

    def learn(self, run: Run) -> ChangeKind | None:
        """Remember a run, last of all; return what is new about it, None if nothing is."""
        state = self._state
        known = state.open.pop(run.id, None)
        if known is None and run.id in state.ended:
            return None
        ended_before = (
            known is None and run.ended_at is not None and run.ended_at < state.since
        )
        if ended_before or (known is not None and run.is_ended):
            self._remember_end(run)
            return None if ended_before else "ended"
        state.open[run.id] = run.status
        if known is None:
            return "appeared"
        return None if run.status == known else "changed"

    def forget(self, run_id: str) -> None:
        """Forget an open run, which the server has deleted."""
        self._state.open.pop(run_id, None)

    def move_window(self, to: datetime) -> None:
        """Move the window on, and forget the ended runs before it, which are not listed again."""
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
