"""The runs of earlier events with the id of another one, which take the place of its own.

A function accepts each id once: for an event that repeats one, it starts no run.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import define, field

from inngest_rest._core.resources import events
from inngest_rest._core.resources.event_runs import runs_of
from inngest_rest._local.functions import (
    ignores_repeated_ids,
    is_run_of,
    name_of_all_triggers,
)
from inngest_rest.models import Function, Run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.catalogue import Catalogue
    from inngest_rest.models import StoredEvent

_REMEMBERED = timedelta(days=1)
"""The time for which a server remembers the id of an event."""


async def find_first_runs(
    session: Session,
    event: StoredEvent,
    catalogue: Catalogue,
    own_runs: Iterable[Run],
    *,
    max_events: int,
    deadline: float,
) -> list[Run]:
    """List the runs of earlier events with the same id, for functions without an own run."""
    first = _FirstRuns.of(event, catalogue, list(own_runs))
    clock = session.server_clocks["api"]
    received_at = event.received_at or clock.now()
    selection = events.EventSelection(
        name=name_of_all_triggers(first.functions, event.name),
        since=received_at - _REMEMBERED,
    )
    listing = events.list_events(session, selection, limit=max_events)
    walk = listing.walk()
    while not (first.is_complete or walk.is_done):
        page = await walk.next_page(deadline=deadline)
        for event_id in first.ids_of_earlier(page.items):
            earlier_runs = await runs_of(session, event_id, deadline)
            first.add(earlier_runs)
    return first.runs


@define(kw_only=True)
class _FirstRuns:
    """The runs of earlier events with the same id, which take the place of the event's own."""

    event: StoredEvent
    functions: list[Function]  # without a run of the event; they accept each id once
    repeating: list[Function]  # which run again for a repeated id
    has_unknown_functions: bool
    runs: list[Run] = field(factory=list[Run])

    @staticmethod
    def of(event: StoredEvent, catalogue: Catalogue, own_runs: list[Run]) -> _FirstRuns:
        functions: list[Function] = []
        repeating: list[Function] = []
        for listener in catalogue.listeners(event.name):
            if ignores_repeated_ids(listener.function):
                repeating.append(listener.function)
            elif not _has_run_of(own_runs, listener.function):
                functions.append(listener.function)
        return _FirstRuns(
            event=event,
            functions=functions,
            repeating=repeating,
            has_unknown_functions=bool(catalogue.gaps),
        )

    @property
    def is_complete(self) -> bool:
        """Whether each function has a run, and no other function may have one."""
        if self.has_unknown_functions:
            return False
        return all(_has_run_of(self.runs, function) for function in self.functions)

    def ids_of_earlier(self, listed: Iterable[StoredEvent]) -> set[str]:
        """Return the internal ids of the other listed events with the same id."""
        earlier: set[str] = set()
        for other in listed:
            is_itself = other.internal_id == self.event.internal_id
            if other.id == self.event.id and not is_itself:
                earlier.add(other.internal_id)
        return earlier

    def add(self, runs: Iterable[Run]) -> None:
        for run in runs:
            if not any(is_run_of(run, function) for function in self.repeating):
                self.runs.append(run)


def _has_run_of(runs: Iterable[Run], function: Function) -> bool:
    return any(is_run_of(run, function) for run in runs)
