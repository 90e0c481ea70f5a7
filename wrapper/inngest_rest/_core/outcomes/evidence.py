"""Gather what a server shows about an event that has no run of some function."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from inngest_rest._core.calls.listing import EVERYTHING, read_all
from inngest_rest._core.outcomes import limits
from inngest_rest._core.outcomes.catalogue import is_of, name_of, why
from inngest_rest._core.outcomes.conditions import verdict
from inngest_rest._core.resources import event_runs, events, functions, runs
from inngest_rest.errors import InngestError
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.outcomes.catalogue import Catalogue
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Function, Page, Run, StoredEvent, Trigger

SAME_ID_WITHIN = timedelta(hours=24)
"""For how long a function starts no second run for an event's own id."""

# Of two events at almost the same time, either may be taken for the repeated one.
_RACE = timedelta(seconds=5)

# Of the events with one id, the runs of the oldest are read, with one request each.
_MOST_TWINS = 5

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
class Twin:
    """Another event with the same own id, and the runs that it started."""

    event: StoredEvent
    runs: tuple[Run, ...]


@frozen
class Evidence:
    """What a server shows about an event.

    Attributes:
        now: The time by the server's clock.
        event: The event.
        runs: The runs that it started.
        catalogue: The apps and functions of the server.
        listeners: The functions with a trigger for it, and the triggers that match.
        twin: Another event with the same own id; None if there is none, or none was found.
        later: The id of a later event of the same name, if there is one.
        others: Other runs of functions, by app and function, where they matter.
        timeouts: The timeouts of functions that have some, by app and function.
        is_of_v1: Whether v1 listed the runs, where a batch's run belongs to one event alone.
        unchecked: What could not be checked, and why.
    """

    now: datetime
    event: StoredEvent
    runs: tuple[Run, ...]
    catalogue: Catalogue
    listeners: Sequence[tuple[Function, list[Trigger]]]
    twin: Twin | None = None
    later: str | None = None
    others: dict[tuple[str, str], OtherRuns] = field(factory=dict[tuple[str, str], OtherRuns])
    timeouts: dict[tuple[str, str], dict[str, Any]] = field(
        factory=dict[tuple[str, str], dict[str, Any]]
    )
    is_of_v1: bool = False
    unchecked: tuple[str, ...] = ()

    @property
    def received(self) -> datetime:
        """When the event was received, or a moment ago if that is not known, or cannot be."""
        received = self.event.received_at
        is_plausible = received is not None and abs(self.now - received) < _LONGEST_AGO
        return received if received is not None and is_plausible else self.now


def is_later(internal_id: str, *, than: str) -> bool:
    """Return whether an event is not older than another one, by their ids' milliseconds.

    Of two events of one millisecond, either may be the later one.
    """
    return internal_id != than and internal_id[:10] >= than[:10]


def key(function: Function) -> tuple[str, str]:
    """Return what identifies a function within an environment."""
    return function.app_id, function.id


def gather(session: Session, evidence: Evidence, *, deadline: float = math.inf) -> Plan[Evidence]:
    """Ask for what else matters: for functions without a run, and for runs that were cancelled."""
    gatherer = _Gatherer(session, evidence, deadline)
    silent = [
        function
        for function, triggers in evidence.listeners
        if not any(is_of(run, function) for run in evidence.runs)
        and any(verdict(each, evidence.event) is not False for each in triggers)
    ]
    cancelled = [
        function
        for function in evidence.catalogue.functions
        if any(run.status == RunStatus.CANCELLED and is_of(run, function) for run in evidence.runs)
    ]
    twin = (yield from gatherer.twin()) if silent else None
    if twin is not None:
        silent = [it for it in silent if not any(is_of(run, it) for run in twin.runs)]
    others = yield from gatherer.others(
        [it for it in silent if _depends_on_others(it)]
        + [it for it in cancelled if limits.singleton(it, "cancel")]
    )
    debounced = [it for it in silent if limits.debounce(it)]
    later = (yield from gatherer.later()) if debounced else None
    apps = list(dict.fromkeys(function.app_id for function in cancelled))
    timeouts = yield from gatherer.timeouts(apps)
    return evolve(
        evidence,
        twin=twin,
        later=later,
        others=others,
        timeouts=timeouts,
        unchecked=tuple(gatherer.unchecked),
    )


def _depends_on_others(function: Function) -> bool:
    return any(
        (limits.rate_limit(function), limits.debounce(function), limits.singleton(function, "skip"))
    )


class _Gatherer:
    """Asks for more evidence, and notes what could not be had."""

    def __init__(self, session: Session, evidence: Evidence, deadline: float) -> None:
        self._session = session
        self._event = evidence.event
        self._received = evidence.received
        self._deadline = deadline
        self.unchecked: list[str] = []

    def twin(self) -> Plan[Twin | None]:
        """Find another event of the same name and own id, the oldest that started a run."""
        event = self._event
        if event.id == event.internal_id:
            return None
        found = yield from self._events(
            self._received - SAME_ID_WITHIN, self._received + _RACE, "events with the same id"
        )
        same = [it for it in found if it.id == event.id and it.internal_id != event.internal_id]
        twin = None
        for each in same[: -_MOST_TWINS - 1 : -1]:
            twin = Twin(each, (yield from self._runs_of(each.internal_id)))
            if twin.runs:
                break
        return twin

    def later(self) -> Plan[str | None]:
        """Find a later event of the same name."""
        found = yield from self._events(self._received, None, "later events of the same name")
        own = self._event.internal_id
        return next((it.internal_id for it in found if is_later(it.internal_id, than=own)), None)

    def others(self, wanted: Sequence[Function]) -> Plan[dict[tuple[str, str], OtherRuns]]:
        """List other runs of functions whose limits depend on those."""
        if len(wanted) > _MOST_FUNCTIONS:
            rest = len(wanted) - _MOST_FUNCTIONS
            self.unchecked.append(f"other runs of {rest} of {len(wanted)} functions")
        found: dict[tuple[str, str], OtherRuns] = {}
        for function in wanted[:_MOST_FUNCTIONS]:
            also_later = limits.debounce(function) or limits.singleton(function, "cancel")
            listing = runs.list_runs(
                self._session,
                status=None,
                app=function.app_id,
                function=function.id,
                since=self._received - _looks_back(function),
                until=None if also_later else self._received + timedelta(seconds=1),
                include_output=False,
                **_ONE_PAGE,
            )
            try:
                page: Page[Run] = yield from listing.walk().next_page(deadline=self._deadline)
            except InngestError as error:
                name = name_of(function)
                self.unchecked.append(f"other runs of {name}: {why(error)}")
            else:
                found[key(function)] = OtherRuns(page.items, page.next_cursor is None)
        return found

    def timeouts(self, app_ids: Sequence[str]) -> Plan[dict[tuple[str, str], dict[str, Any]]]:
        """Read the timeouts of the functions of some apps, which only v1 has."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for app_id in app_ids[:_MOST_FUNCTIONS]:
            try:
                of_app = yield from functions.of_v1(self._session, app_id, deadline=self._deadline)
            except InngestError as error:
                self.unchecked.append(f"the timeouts of functions of {app_id}: {why(error)}")
            else:
                for function in of_app:
                    if timeouts := limits.timeouts(function):
                        found[key(function)] = dict(timeouts)
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
        try:
            found = yield from read_all(listing, deadline=self._deadline)
        except InngestError as error:
            self.unchecked.append(f"{what}: {why(error)}")
            return []
        if len(found) >= _MOST_EVENTS:
            self.unchecked.append(f"{what}, beyond the newest {_MOST_EVENTS}")
        return found

    def _runs_of(self, event_id: str) -> Plan[tuple[Run, ...]]:
        listing = event_runs.list_runs(self._session, event_id, cached=False, **EVERYTHING)
        try:
            return tuple((yield from read_all(listing, deadline=self._deadline)))
        except InngestError as error:
            self.unchecked.append(f"the runs of event {event_id}: {why(error)}")
            return ()


def _looks_back(function: Function) -> timedelta:
    """Return for how long before an event other runs of a function matter."""
    back = timedelta(0)
    limit = limits.rate_limit(function)
    if limit is not None:
        back = limits.duration(limit.get("period")) or _LONGEST_RUN
    if limits.singleton(function, "skip") is not None:
        back = max(back, _LONGEST_RUN)
    return back + timedelta(seconds=1)
