"""Gather what a server shows about an event and the runs that it started, or did not start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from inngest_rest._core.calls.listing import EVERYTHING, read_all
from inngest_rest._core.outcomes.listeners import (
    duration,
    is_of,
    limit,
    name_of,
    singleton,
    starts,
    tried,
)
from inngest_rest._core.resources import event_runs, events, functions, runs
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.outcomes.listeners import Catalogue, Limit
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Function, Run, StoredEvent, Trigger

# For how long a function starts no second run for an event's own id.
_SAME_ID_WITHIN = timedelta(hours=24)

# Of two events at almost the same time, either may be taken for the repeated one.
_RACE = timedelta(seconds=5)

# Of the events with one id, the runs of the oldest are read, with one request each.
_MOST_DUPLICATES = 5

# Of the events of a name, the newest so many are searched, at 50 per request.
_MOST_EVENTS = 200

# The functions whose other runs are looked at, with one request each.
_MOST_FUNCTIONS = 10

# No server is so old. What lies further apart is an error, and some of it near the ends of time.
_LONGEST_AGO = timedelta(days=36_500)

# A run that a singleton skipped for may have started long ago.
_LONGEST_RUN = timedelta(days=1)

_ONE_PAGE: Any = {"limit": None, "page_size": 100, "cursor": None}


@frozen
class OtherRuns:
    """Runs of a function around the time of an event, newest first.

    Attributes:
        runs: The runs.
        is_all: Whether there are no others in that time.
    """

    runs: tuple[Run, ...]
    is_all: bool


@frozen
class DuplicateEvent:
    """Another event with the same own id, and the runs that it started."""

    event: StoredEvent
    runs: tuple[Run, ...]


@frozen
class EventEvidence:
    """What a server shows about an event.

    Attributes:
        now: The time by the server's clock.
        event: The event.
        runs: The runs that it started.
        catalogue: The apps and functions of the server.
        listeners: The functions with a trigger for it, and the triggers that match.
        is_of_v1: Whether v1 listed the runs, where a batch's run belongs to one event alone.
        duplicate: Another event with the same own id; None if there is none, or none was found.
        later: The id of a later event of the same name, if there is one.
        others: Other runs of functions, by their names, where they matter.
        timeouts: The timeouts of functions that have some, by their names.
        unchecked: What could not be checked, and why.
    """

    now: datetime
    event: StoredEvent
    runs: tuple[Run, ...]
    catalogue: Catalogue
    listeners: Sequence[tuple[Function, list[Trigger]]]
    is_of_v1: bool
    duplicate: DuplicateEvent | None = None
    later: str | None = None
    others: Mapping[str, OtherRuns] = field(factory=dict[str, OtherRuns])
    timeouts: Mapping[str, Limit] = field(factory=dict[str, "Limit"])
    unchecked: tuple[str, ...] = ()

    @property
    def received(self) -> datetime:
        """When the event was received, or a moment ago if that is not known, or cannot be."""
        received = self.event.received_at
        is_plausible = received is not None and abs(self.now - received) < _LONGEST_AGO
        return received if received is not None and is_plausible else self.now

    @property
    def without_run(self) -> list[tuple[Function, list[Trigger]]]:
        """The listeners that have no run of the event."""
        return [it for it in self.listeners if not any(is_of(run, it[0]) for run in self.runs)]


def is_later(internal_id: str, *, than: str) -> bool:
    """Return whether an event is not older than another one, by their ids' milliseconds.

    Of two events of one millisecond, either may be the later one.
    """
    return internal_id != than and internal_id[:10] >= than[:10]


def gather(session: Session, found: EventEvidence, *, deadline: float) -> Plan[EventEvidence]:
    """Ask for what else matters: for functions without a run, and for runs that were cancelled."""
    gatherer = _Gatherer(session, found, deadline)
    silent = [
        function
        for function, triggers in found.without_run
        if any(starts(each, found.event) is not False for each in triggers)
    ]
    cancelled = [
        function
        for function in found.catalogue.functions
        if any(run.status == RunStatus.CANCELLED and is_of(run, function) for run in found.runs)
    ]
    duplicate = (yield from gatherer.duplicate()) if silent else None
    if duplicate is not None:
        silent = [it for it in silent if not any(is_of(run, it) for run in duplicate.runs)]
    others = yield from gatherer.others(
        [it for it in silent if _depends_on_others(it)]
        + [it for it in cancelled if singleton(it, "cancel")]
    )
    is_debounced = any(limit(it, "debounce") for it in silent)
    later = (yield from gatherer.later()) if is_debounced else None
    timeouts = yield from gatherer.timeouts({function.app_id: None for function in cancelled})
    return evolve(
        found,
        duplicate=duplicate,
        later=later,
        others=others,
        timeouts=timeouts,
        unchecked=(*found.unchecked, *gatherer.unchecked),
    )


def _depends_on_others(function: Function) -> bool:
    return bool(limit(function, "rateLimit", "debounce") or singleton(function, "skip"))


class _Gatherer:
    """Asks for more evidence, and notes what could not be had."""

    def __init__(self, session: Session, found: EventEvidence, deadline: float) -> None:
        self._session = session
        self._event = found.event
        self._received = found.received
        self._deadline = deadline
        self.unchecked: list[str] = []

    def duplicate(self) -> Plan[DuplicateEvent | None]:
        """Find another event of the same name and own id, the oldest that started a run."""
        event = self._event
        if event.id == event.internal_id:
            return None
        found = yield from self._events(
            self._received - _SAME_ID_WITHIN, self._received + _RACE, "events with the same id"
        )
        same = [it for it in found if it.id == event.id and it.internal_id != event.internal_id]
        duplicate = None
        for each in same[: -_MOST_DUPLICATES - 1 : -1]:
            listing = runs_of(self._session, each.internal_id, self._deadline)
            of_it = yield from tried(
                listing, f"the runs of event {each.internal_id}", self.unchecked
            )
            duplicate = DuplicateEvent(each, of_it or ())
            if of_it:
                break
        return duplicate

    def later(self) -> Plan[str | None]:
        """Find a later event of the same name."""
        found = yield from self._events(self._received, None, "later events of the same name")
        own = self._event.internal_id
        return next((it.internal_id for it in found if is_later(it.internal_id, than=own)), None)

    def others(self, wanted: Sequence[Function]) -> Plan[dict[str, OtherRuns]]:
        """List other runs of functions whose limits depend on those."""
        if len(wanted) > _MOST_FUNCTIONS:
            rest = len(wanted) - _MOST_FUNCTIONS
            self.unchecked.append(f"other runs of {rest} of {len(wanted)} functions")
        found: dict[str, OtherRuns] = {}
        for function in wanted[:_MOST_FUNCTIONS]:
            name, back = name_of(function), timedelta(seconds=1)
            if rate_limit := limit(function, "rateLimit"):
                back += duration(rate_limit.get("period")) or _LONGEST_RUN
            if singleton(function, "skip"):
                back = max(back, _LONGEST_RUN)
            needs_later = limit(function, "debounce") or singleton(function, "cancel")
            listing = runs.list_runs(
                self._session,
                status=None,
                app=function.app_id,
                function=function.id,
                since=self._received - back,
                until=None if needs_later else self._received + timedelta(seconds=1),
                include_output=False,
                **_ONE_PAGE,
            )
            first = listing.walk().next_page(deadline=self._deadline)
            page = yield from tried(first, f"other runs of {name}", self.unchecked)
            if page is not None:
                found[name] = OtherRuns(page.items, page.next_cursor is None)
        return found

    def timeouts(self, app_ids: Iterable[str]) -> Plan[dict[str, Limit]]:
        """Read the timeouts of the functions of some apps, which only v1 has."""
        found: dict[str, Limit] = {}
        for app_id in list(app_ids)[:_MOST_FUNCTIONS]:
            listing = functions.of_v1(self._session, app_id, deadline=self._deadline)
            what = f"the timeouts of functions of {app_id}"
            listed = (yield from tried(listing, what, self.unchecked)) or ()
            found |= {name_of(it): limit(it, "timeouts") or {} for it in listed}
        return found

    def _events(
        self, since: datetime, until: datetime | None, what: str
    ) -> Plan[list[StoredEvent]]:
        listing = events.list_events(
            self._session,
            name=self._event.name,
            since=since.astimezone(UTC),
            until=until,
            limit=_MOST_EVENTS,
            page_size=None,
            cursor=None,
        )
        listed = read_all(listing, deadline=self._deadline)
        found = (yield from tried(listed, what, self.unchecked)) or []
        if len(found) >= _MOST_EVENTS:
            self.unchecked.append(f"{what}, beyond the newest {_MOST_EVENTS}")
        return found


def runs_of(session: Session, event_id: str, deadline: float) -> Plan[tuple[Run, ...]]:
    """List the runs that an event started, past any cache."""
    listing = event_runs.list_runs(session, event_id, cached=False, **EVERYTHING)
    return tuple((yield from read_all(listing, deadline=deadline)))
