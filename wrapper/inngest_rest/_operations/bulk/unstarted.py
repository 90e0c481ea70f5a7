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
from inngest_rest._core.resources.filters import Selection
from inngest_rest._core.resources.wait_event import DAY, name_of_all_triggers
from inngest_rest._ulid import second_of_ulid
from inngest_rest.errors import NotFoundError, RouteNotFoundError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.windows import Instant
    from inngest_rest.models import Function, StoredEvent

_MOST_EARLIER = 20_000
"""How many events of the day before are looked at for the same id, at 50 per request."""

_MOST_INVOKED = 2_000
"""How many events are read that may have invoked the function, at one per request."""

_FEW_OTHERS = 50
"""As many events as a request lists: for fewer, it is not asked which ones are of a trigger."""


def find_function(session: Session, app: str, function: str) -> Plan[Function]:
    """Get a function of an app; every release lists them."""
    listed = yield from read_all(apps.list_functions(session, app))
    found = next((each for each in listed if each.id == function), None)
    return found or (yield from apps.get_function(session, app, function))


def event_name_of(function: Function) -> str | None:
    """Return the only name of events that trigger a function; None if there may be several."""
    names = [trigger.value for trigger in function.triggers if trigger.kind == "event"]
    name = names[0] if names else ""
    return None if "*" in name else name_of_all_triggers([function], name)


class Past:
    """What started a function: the events of its runs, and what it was invoked with.

    Attributes:
        started: Internal ids of events that started a run; of a batch, one of them.
        ignored: Runs that are known to be no earlier recovery.
        unread: How many runs may come from an invocation that was not looked at.
        lists_runs: Whether the server lists runs, without which no invocation can be found.
    """

    def __init__(self, session: Session, function: Function) -> None:
        self._session, self._function = session, function
        self._lock = Lock()
        self._invoked: defaultdict[bytes, list[str]] = defaultdict(
            list
        )  # runs, by their data
        # The events with an id of their own, each with the time at which it was received.
        self._by_own_id: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._read_back_to: float | None = (
            None  # the oldest event that is known by its own id
        )
        self.started: set[str] = set()
        self.ignored: set[str] = set()
        self.unread = 0
        self.lists_runs = True

    def add(self, event: StoredEvent) -> None:
        """Remember the own id of an event; without one, it has its internal id."""
        if event.id != event.internal_id:
            self._by_own_id[event.id][event.internal_id] = _received(event)

    def read_runs(self, since: Instant | None, known: Container[str]) -> Plan[None]:
        """Read the runs that were queued after a time; known events have invoked nothing."""
        function = self._function
        selection = Selection.of(
            self._session, app=function.app_id, function=function.id, since=since
        )
        event_ids: dict[
            str, str
        ] = {}  # of events that are not known, by the runs they started
        try:
            walk = runs.list_runs(self._session, selection, is_bounded=False).walk()
            while not walk.is_done:
                for run in (yield from walk.next_page()).items:
                    self.started.update(run.event_ids)
                    first = next(iter(run.event_ids), None)
                    if (
                        first is not None
                        and first not in known
                        and run.id not in self.ignored
                    ):
                        event_ids[run.id] = first
        except RouteNotFoundError:
            # The runs of each event are listed before anything is done.
            self.lists_runs = False
            return
        yield from self._read_invocations(event_ids, since)

    def _read_invocations(
        self, event_ids: Mapping[str, str], since: Instant | None
    ) -> Plan[None]:
        """Read which of these events have invoked the function; of too many, only the first."""
        others = [*event_ids.items()]
        if len(others) > _FEW_OTHERS:
            of_triggers = yield from self._ids_of_triggers(since)
            others = [(run_id, id) for run_id, id in others if id not in of_triggers]
        self.unread = max(len(others) - _MOST_INVOKED, 0)
        for run_id, event_id in others[:_MOST_INVOKED]:
            yield from self._read_invocation(run_id, event_id)

    def _ids_of_triggers(self, since: Instant | None) -> Plan[set[str]]:
        """List the events that trigger the function, also those after the selected ones."""
        selection = events.EventSelection(
            name=event_name_of(self._function), since=since
        )
        listing = events.list_events(self._session, selection, limit=_MOST_EARLIER)
        return {event.internal_id for event in (yield from read_all(listing))}

    def _read_invocation(self, run_id: str, event_id: str) -> Plan[None]:
        try:
            event = yield from events.get(self._session, event_id, None)
        except NotFoundError:
            return
        if event.name == events.INVOKED:
            self._invoked[_digest(event.data)].append(run_id)

    def take_invocation(self, event: StoredEvent) -> str | None:
        """Return a run that was invoked with the data of an event; each stands for one event."""
        with self._lock:
            found = self._invoked.get(_digest(event.data))
            return found.pop() if found else None

    def read_day_before(self, oldest: StoredEvent | None) -> Plan[None]:
        """Read the own ids of the events of 24 hours before the oldest of the selected ones."""
        if oldest is None or not self._by_own_id:
            return
        yield from self._read_ids_before(oldest)

    def repeated_by(self, event: StoredEvent) -> Plan[str | None]:
        """Return the event whose id one repeats, which therefore starts no run; None if it is new.

        Functions start one run for an id within 24 hours.
        """
        if event.id == event.internal_id:
            return None
        received = _received(event)
        if self._read_back_to is None or received < self._read_back_to:
            yield from self._read_ids_before(event)
        earlier = {
            time: id
            for id, time in self._by_own_id[event.id].items()
            if id != event.internal_id and 0 <= received - time < DAY.total_seconds()
        }
        return earlier[min(earlier)] if earlier else None

    def _read_ids_before(self, event: StoredEvent) -> Plan[None]:
        received_at = event.received_at or self._session.server_clocks["api"].now()
        selection = events.EventSelection(
            name=event_name_of(self._function),
            since=received_at - DAY,
            until=received_at + timedelta(milliseconds=1),
        )
        walk = events.list_events(self._session, selection, limit=_MOST_EARLIER).walk()
        while not walk.is_done:
            for each in (yield from walk.next_page()).items:
                self.add(each)
        self._read_back_to = _received(event)


def _received(event: StoredEvent) -> float:
    """Return when an event was received, in seconds since 1970; by its id if it does not say."""
    if event.received_at is None:
        return second_of_ulid(event.internal_id)
    return event.received_at.timestamp()


def _digest(data: Mapping[str, Any] | None) -> bytes:
    own = {name: value for name, value in (data or {}).items() if name != "_inngest"}
    return blake2b(encode(own), digest_size=16).digest()
