"""Send stored events again as new ones, to the same server or to another.

The id of each is a label and the internal id of the event as it was stored. So it says where the
event comes from, its data stay as they were, and sending it twice runs nothing twice, except
functions that debounce or batch events.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from inspect import isawaitable
from itertools import islice
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inngest_rest._core.arguments import check_count_or_none, check_each, check_id, invalid, is_ulid
from inngest_rest._core.bulk import reported
from inngest_rest._core.calls.session import changed
from inngest_rest._core.json_text import encode
from inngest_rest._core.plans import Plan, wait_for
from inngest_rest._core.resources import events
from inngest_rest._core.resources.filters import instant, plain
from inngest_rest._core.sending import send
from inngest_rest.action_reports import ActionOutcome, ActionRow
from inngest_rest.errors import InngestError, InvalidArgumentError, InvalidEventError
from inngest_rest.typing import EventFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest.models import StoredEvent
    from inngest_rest.typing import BulkEvents

# What `events.list` lists by default.
_LATELY = timedelta(hours=1)

# Servers keep ids for 24 hours; a request may have arrived some time after it was sent.
_REMEMBERED_FOR = timedelta(hours=23)
_FORGOTTEN = (
    "it may have been sent, so long ago that servers have forgotten its new id, and is not sent "
    "again: look for it, and send it under another label if it is missing"
)

_RESERVED = "inngest/"
_OWN = f"it is of the platform: events named {_RESERVED}... cannot be sent"


class ResendJob(reported.ReportedJob):
    """Reads each event, and sends it again under its new id."""

    def __init__(
        self,
        session: Session,
        driver: object,
        ids: Iterable[str] | None,
        given: BulkEvents,
        limit: int | None,
        label: str,
        to: Any,
    ) -> None:
        filter = EventFilter.__annotations__
        options = {name: it for name, it in given.items() if name not in filter}
        super().__init__(session, "events.resend", options)
        self._limit, self._label = check_count_or_none("limit", limit), check_id("label", label)
        self._listing: Listing[StoredEvent] | None = None
        if to is None or isinstance(to, str):
            others: dict[str, Any] = {"timeout": None, "retries": None, "headers": None}
            there = session if to is None else changed(session, env=to, **others)
            self._send: Callable[[Any], Plan[list[str]]] = partial(send.send, there)
            target = there.settings.target
        elif type(getattr(to, "_driver", None)) is type(driver):
            self._send, target = partial(_send_by, to), to.target
        else:
            raise invalid("to", "must be a client of the same kind, or the name of an environment")
        asked: dict[str, Any] = {"label": label, "to": None if to is None else target.to_dict()}
        chosen: dict[str, Any] = {it: given[it] for it in filter if given.get(it) is not None}  # type: ignore[literal-required] # pyright: ignore[reportTypedDictNotRequiredAccess]
        if sum(it is not None for it in (ids, self.resumed, chosen or None)) != 1:
            ways = f"ids, a filter ({', '.join(filter)}) or resume"
            raise InvalidArgumentError(f"pass what selects events, one of {ways}", argument="ids")
        if ids is not None:
            unique = list(dict.fromkeys(check_each("ids", ids, "event ids", _check_event_id)))
            self.rows = [ActionRow(at, id) for at, id in enumerate(unique[: self._limit])]
            asked["ids"] = reported.digest(sorted(unique))
        elif chosen:
            asked |= {name: plain(it) for name, it in chosen.items()}
            if limit is not None:
                asked["limit"] = limit
            self._since, self._until = chosen.get("since"), chosen.pop("until", timedelta())
            if self._since is None and not self._until:
                self._since = chosen["since"] = _LATELY
            if self._until:
                chosen["until"] = self._until
            self._listing = events.list_events(session, **chosen)
            self._listing.is_relative = True
        self.selection = asked
        self.resume()
        if any(self.selection.get(name) != asked[name] for name in ("label", "to")):
            raise invalid("resume", "is a report with another label, or to another place")

    def collect(self) -> Plan[Iterable[ActionRow]]:
        return islice((yield from super().collect()), self._limit)

    def check_rows(self, rows: Iterable[ActionRow], argument: str) -> None:
        for row in rows:
            _check_event_id(f"{argument}: the id of row {row.position}", row.id or "")

    def select(self) -> Plan[None]:
        """Add a row for each event of the filter, oldest first, but those that this would send.

        Of an event and what other labels have sent for it, the oldest stands for all.
        """
        if self._listing is None:
            return
        found: dict[object, StoredEvent] = {}
        walk = self._listing.walk()
        while not walk.is_done and len(found) < (self._limit or len(found) + 1):
            for event in (yield from walk.next_page()).items:
                is_own = event.id.startswith(f"{self._label}-")
                if not (is_own or event.name.startswith(_RESERVED)):
                    found[_origin(event)] = event
        oldest_first = reversed(list(found.values())[: self._limit])
        self.rows = [
            ActionRow(at, it.internal_id, event_name=it.name, queued_at=it.received_at)
            for at, it in enumerate(oldest_first)
        ]
        assert walk.now is not None
        since = None if self._since is None else instant(self._since, walk.now)
        self.window = since, instant(self._until, walk.now)

    def act(self, target: ActionRow) -> Plan[reported.BulkResult]:
        row, is_new = target, target.outcome != ActionOutcome.UNKNOWN
        assert row.id is not None
        if self.dry_run and not is_new:
            return reported.BulkResult(row)
        try:
            event = yield from events.get(self.session, row.id, None)
        except InngestError as error:
            if is_new:
                return reported.not_done(row, error)
            return reported.settled(row, row.outcome, error, error)
        now = self.session.server_clocks["api"].now()
        if not is_new and row.requested_at and now - row.requested_at > _REMEMBERED_FOR:
            return reported.settled(row, row.outcome, _FORGOTTEN)
        row = evolve(row, event_name=event.name, queued_at=event.received_at)
        if event.name.startswith(_RESERVED):
            return reported.settled(row, ActionOutcome.REFUSED, _OWN)
        if self.dry_run:
            return reported.settled(row, ActionOutcome.PLANNED)
        fields = {name: getattr(event, name) for name in ("name", "data", "ts", "user", "v")}
        fields["id"] = f"{self._label}-{event.internal_id}"
        row = yield from self.begin(row)
        try:
            ids = yield from self._send({key: it for key, it in fields.items() if it is not None})
        except InvalidEventError as error:
            return reported.settled(row, ActionOutcome.REFUSED, error)
        except InngestError as error:
            return reported.failure(row, error)
        return reported.settled(evolve(row, new_event_id=ids[0]), ActionOutcome.DONE)


def _origin(event: StoredEvent) -> object:
    """Return the same for an event and its copies, which have its id at the end of theirs."""
    tail = event.id.rpartition("-")[2]
    return event.name, tail if is_ulid(tail) else event.internal_id, encode([event.data])


def _send_by(client: Any, event: Mapping[str, Any]) -> Plan[list[str]]:
    """Send an event by a client that has connections of its own."""
    sent = client.send(event)
    if isawaitable(sent):
        task = asyncio.ensure_future(sent)
        yield from wait_for(asyncio.wait([task]))
        sent = task.result()
    return sent  # type: ignore[no-any-return]


def _check_event_id(name: str, value: str) -> str:
    if not is_ulid(check_id(name, value, argument="ids")):
        raise invalid(name, "is not an internal id of an event, as send returns it", argument="ids")
    return value
