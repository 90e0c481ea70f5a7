"""The exported records: runs, perhaps with their events and traces, or stored events."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from attrs import evolve, frozen

from inngest_rest import typing
from inngest_rest._arguments import check_choice
from inngest_rest._core.resources import events, runs, trace
from inngest_rest._core.resources.watch import Watch
from inngest_rest._core.resources.windows import Window
from inngest_rest._operations.export.job import Source, State
from inngest_rest.errors import NotFoundError
from inngest_rest.models import Run, StoredEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.filters import Selection
    from inngest_rest.record import Record

_WINDOWS_MEET_WITHIN = timedelta(seconds=1)
"""The overlap of two windows, where servers may leave out an event."""


@frozen(repr=False, slots=False)
class _DetailedRun(Run):
    """A run with its first event, and its trace, which is a tree."""

    event: StoredEvent | None = None
    trace: Any = None


class Runs(Source):
    """Runs; with a kept state, only those that have ended."""

    is_watched: ClassVar[bool] = True
    operation: ClassVar[str] = "runs.export"

    def __init__(
        self,
        session: Session,
        selection: Selection,
        include: Iterable[typing.RunInclude],
    ) -> None:
        included = sorted({*include})
        for name in included:
            check_choice("include", name, get_args(typing.RunInclude))
        self._session = session
        self._selection = selection
        self._included = included
        # Exports of failed runs have their errors, which take no further request.
        are_all_failed = [status.value for status in selection.statuses] == ["failed"]
        self._has_outputs = are_all_failed or "output" in included
        self.is_completed = included not in ([], ["output"])
        self.kind = _DetailedRun if self.is_completed else Run
        filters = selection.to_json()
        self.asked = {"runs": filters, "include": included}
        self.ends = [
            name for name in ("until", "ended_since", "ended_until") if name in filters
        ]
        self.since = selection.window.since

    def listing(self, state: State) -> Listing[Run]:
        selection = self._selection
        if state.began is not None:
            ended_since, ended_until = selection.ended.ends(state.began)
            selection = evolve(selection, ended=Window(ended_since, ended_until))
        if state.since is not None:
            window = evolve(selection.window, since=state.since)
            selection = evolve(selection, window=window)
        return runs.list_runs(
            self._session,
            selection,
            include_output=self._has_outputs,
            also_v1="output" not in self._included,
            cursor=state.cursor,
            is_bounded=False,
        )

    def is_wanted(self, item: Run, state: State) -> bool:
        assert state.until is not None
        return item.ended_at is not None and item.ended_at < state.until

    async def complete(self, item: Run) -> Record:
        """Return a run with its event and its trace, as far as the server still has them."""
        event = None
        root = None
        session = self._session
        if "event" in self._included and item.event_ids:
            with suppress(NotFoundError):
                event = await events.get(session, item.event_ids[0], None)
        if "trace" in self._included:
            with suppress(NotFoundError):
                root = await trace.get_trace(session, item.id, raw=False)
        fields: dict[str, Any] = {
            **vars(item),
            "event": event,
            "trace": root,
        }
        if root is not None:
            fields["started_at"] = root.started_at
        return _DetailedRun(**fields)

    def watch(self, state: State) -> Watch:
        return Watch(
            self._session,
            evolve(self._selection, window=Window(), ended=Window()),
            every=1,
            timeout=None,
            since=None if state.token else state.until,
            include_output=self._has_outputs,
            token=state.token,
        )


class Events(Source):
    """Stored events; with a kept state, those of the windows since the last call."""

    is_watched: ClassVar[bool] = False
    operation: ClassVar[str] = "events.export"
    kind = StoredEvent

    def __init__(
        self, session: Session, selection: events.EventSelection, *, keeps_state: bool
    ) -> None:
        self._session = session
        self._selection = selection
        self._keeps_state = keeps_state
        self.asked = {"events": selection.to_json()}
        self.ends = ["until"] if selection.until is not None else []
        self.since = selection.since
        self.listing(State(asked={}, path=""))  # checks the arguments

    def listing(self, state: State) -> Listing[StoredEvent[Any]]:
        begin = state.since
        if begin is not None and self._keeps_state:
            begin -= _WINDOWS_MEET_WITHIN
        since = begin or self._selection.since or events.BEGINNING
        return events.list_events(
            self._session,
            evolve(self._selection, since=since),
            cursor=state.cursor,
            is_bounded=False,
        )

    def is_wanted(self, item: StoredEvent, state: State) -> bool:
        received = item.received_at
        if received is None:
            return True
        is_early = state.since is not None and received < state.since
        is_late = state.until is not None and received >= state.until
        return not (is_early or is_late)
