"""Find the events that started no run of a function, from the lists of the server.

A function invoked for an event, as by `functions.recover`, has a run of another event, which names
neither. So only its data identifies an earlier recovery: the events of such runs are read and
compared.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

from inngest_rest._core.calls.listing import read_all
from inngest_rest._core.json_text import encode
from inngest_rest._core.resources import apps, events, runs
from inngest_rest._core.resources.catalogue import event_triggers
from inngest_rest._core.resources.filters import Selection
from inngest_rest._core.resources.wait_event import DAY, name_of_all_triggers
from inngest_rest._ulid import second_of_ulid
from inngest_rest.errors import NotFoundError, RouteNotFoundError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.windows import Instant
    from inngest_rest.models import Function, StoredEvent

_MOST_EARLIER = 20_000
"""The number of events of the day before that are searched for the same id, at 50 per request."""

_MOST_INVOKED = 2_000
"""The number of possible invocations that are read, at one per request."""

_FEW_OTHERS = 50
"""The events of one request: for fewer, the events of the triggers are not listed."""


async def find_function(session: Session, app: str, function: str) -> Function:
    """Get a function of an app; every release lists them."""
    listed = await read_all(apps.list_functions(session, app))
    for candidate in listed:
        if candidate.id == function:
            return candidate
    return await apps.get_function(session, app, function)


def event_name_of(function: Function) -> str | None:
    """Return the only name of events that trigger a function; None if there may be several."""
    triggers = event_triggers(function)
    if not triggers:
        return None
    name = triggers[0].value
    if "*" in name:
        return None
    return name_of_all_triggers([function], name)


class Past:
    """The earlier starts of a function: the events of its runs, and its invocations.

    Attributes:
        started: Internal ids of events that started a run; of a batch, one of them.
        ignored: Runs that are not an earlier recovery.
        unread: The number of runs that may come from an invocation that was not read.
        lists_runs: Whether the server lists runs, without which no invocation can be found.
    """

    def __init__(self, session: Session, function: Function) -> None:
        self._session = session
        self._function = function
        self._lock = Lock()
        # The invoked runs by the digest of their data.
        self._invoked: defaultdict[bytes, list[str]] = defaultdict(list)
        # The time of receipt of each event with an id of its own, by both ids.
        self._by_own_id: defaultdict[str, dict[str, float]] = defaultdict(dict)
        # The time of the oldest event that is known by its own id.
        self._read_back_to: float | None = None
        self.started: set[str] = set()
        self.ignored: set[str] = set()
        self.unread = 0
        self.lists_runs = True

    def add(self, event: StoredEvent) -> None:
        """Remember the own id of an event; an event without one has its internal id."""
        if event.id != event.internal_id:
            self._by_own_id[event.id][event.internal_id] = _received(event)

    async def read_runs(self, since: Instant | None, known: Container[str]) -> None:
        """Read the runs that were queued after a time; known events are not invocations."""
        function = self._function
        selection = Selection.of(
            self._session,
            app=function.app_id,
            function=function.id,
            since=since,
        )
        # The unknown events that started a run, by the id of the run.
        event_ids: dict[str, str] = {}
        try:
            listing = runs.list_runs(self._session, selection, is_bounded=False)
            walk = listing.walk()
            while not walk.is_done:
                page = await walk.next_page()
                for run in page.items:
                    self.started.update(run.event_ids)
                    if not run.event_ids or run.id in self.ignored:
                        continue
                    first_event_id = run.event_ids[0]
                    if first_event_id not in known:
                        event_ids[run.id] = first_event_id
        except RouteNotFoundError:
            # Each event's runs are listed before anything is done.
            self.lists_runs = False
            return
        await self._read_invocations(event_ids, since)

    async def _read_invocations(
        self, event_ids: Mapping[str, str], since: Instant | None
    ) -> None:
        """Read which of these events invoked the function; only the first ones if they are many."""
        others = [*event_ids.items()]
        if len(others) > _FEW_OTHERS:
            of_triggers = await self._ids_of_triggers(since)
            others = [
                (run_id, event_id)
                for run_id, event_id in others
                if event_id not in of_triggers
            ]
        self.unread = max(len(others) - _MOST_INVOKED, 0)
        for run_id, event_id in others[:_MOST_INVOKED]:
            await self._read_invocation(run_id, event_id)

    async def _ids_of_triggers(self, since: Instant | None) -> set[str]:
        """List the events that trigger the function, also those after the selected ones."""
        selection = events.EventSelection(
            name=event_name_of(self._function), since=since
        )
        listing = events.list_events(self._session, selection, limit=_MOST_EARLIER)
        listed = await read_all(listing)
        return {event.internal_id for event in listed}

    async def _read_invocation(self, run_id: str, event_id: str) -> None:
        try:
            event = await events.get(self._session, event_id, None)
        except NotFoundError:
            return
        if event.name == events.INVOKED:
            digest = _digest(event.data)
            self._invoked[digest].append(run_id)

    def take_invocation(self, event: StoredEvent) -> str | None:
        """Return a run that was invoked with the data of an event, and remove it."""
        digest = _digest(event.data)
        with self._lock:
            run_ids = self._invoked.get(digest)
            return run_ids.pop() if run_ids else None

    async def read_day_before(self, oldest: StoredEvent | None) -> None:
        """Read the own ids of the events of 24 hours before the oldest of the selected ones."""
        if oldest is None or not self._by_own_id:
            return
        await self._read_ids_before(oldest)

    async def repeated_by(self, event: StoredEvent) -> str | None:
        """Return the earliest event with the same id within 24 hours, if there is one.

        Functions start one run for an id within that time.
        """
        if event.id == event.internal_id:
            return None
        received = _received(event)
        if self._read_back_to is None or received < self._read_back_to:
            await self._read_ids_before(event)
        earlier: dict[float, str] = {}
        for event_id, time in self._by_own_id[event.id].items():
            is_recent = 0 <= received - time < DAY.total_seconds()
            if is_recent and event_id != event.internal_id:
                earlier[time] = event_id
        return earlier[min(earlier)] if earlier else None

    async def _read_ids_before(self, event: StoredEvent) -> None:
        clock = self._session.server_clocks["api"]
        received_at = event.received_at or clock.now()
        selection = events.EventSelection(
            name=event_name_of(self._function),
            since=received_at - DAY,
            until=received_at + timedelta(milliseconds=1),
        )
        listing = events.list_events(self._session, selection, limit=_MOST_EARLIER)
        walk = listing.walk()
        while not walk.is_done:
            page = await walk.next_page()
            for stored in page.items:
                self.add(stored)
        self._read_back_to = _received(event)


def _received(event: StoredEvent) -> float:
    """Return the time of receipt in seconds since 1970, from the id if it is not stated."""
    if event.received_at is None:
        return second_of_ulid(event.internal_id)
    return event.received_at.timestamp()


def _digest(data: Mapping[str, Any] | None) -> bytes:
    """Return a digest of an event's data, without the fields that the server adds."""
    own = dict(data or {})
    own.pop("_inngest", None)
    return blake2b(encode(own), digest_size=16).digest()
