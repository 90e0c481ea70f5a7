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

from inngest_rest._core.arguments import check_id, invalid, is_ulid
from inngest_rest._core.plans import Plan, wait_for
from inngest_rest._core.resources import events
from inngest_rest._core.resources.filters import Window
from inngest_rest._core.sending import send
from inngest_rest._operations.bulk import reported
from inngest_rest._operations.bulk.copies import Copies
from inngest_rest.action_reports import ActionOutcome, ActionRow
from inngest_rest.errors import InngestError, InvalidEventError
from inngest_rest.typing import EventFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._operations.bulk.copies import Family
    from inngest_rest.models import StoredEvent

_FORGOTTEN = (
    "it may have been sent, so long ago that servers have forgotten its new id, and is not sent "
    "again: look for it, and send it under another label if it is missing"
)

# Servers keep an id for 24 hours; a request may have arrived some time after it was sent.
_REMEMBERED = timedelta(hours=23)

_RESERVED = "inngest/"


class ResendJob(reported.ReportedJob):
    filters = tuple(EventFilter.__annotations__)
    selects = "event"
    bound = ("label", "to")

    def __init__(
        self,
        session: Session,
        driver: object,
        ids: Iterable[str] | None,
        selection: events.EventSelection,
        options: reported.Options,
        *,
        limit: int | None,
        label: str,
        to: Any,
    ) -> None:
        super().__init__(session, "events.resend", options, limit=limit)
        self._label = check_id("label", label)
        self._copies = Copies(session, label if to is None else None)
        if to is None or isinstance(to, str):
            there = session if to is None else session.with_options(env=to)
            self._send: Callable[[Any], Plan[list[str]]] = partial(send.send, there)
            target = there.settings.target
        elif type(getattr(to, "_driver", None)) is type(driver):
            self._send, target = partial(_send_by, to), to.target
        else:
            raise invalid("to", "must be a client of the same kind, or the name of an environment")
        others = {"label": label, "to": None if to is None else target.to_dict()}
        if self.choose(ids, selection.to_json(), others):
            if selection.since is selection.until is None:
                selection = evolve(selection, since=timedelta(hours=1))  # as `events.list` does
            self.asked_window = Window(selection.since, selection.until)
            self.listing = events.list_events(session, selection)

    @staticmethod
    def check_id(name: str, value: str, *, argument: str | None = None) -> str:
        if not is_ulid(check_id(name, value, argument=argument)):
            reason = "is not an internal id of an event, as send returns it"
            raise invalid(name, reason, argument=argument)
        return value

    def keep(self, item: StoredEvent) -> None:
        if not item.name.startswith(_RESERVED):
            super().keep(item)
            self._copies.add(item)

    def row_of(self, item: StoredEvent) -> ActionRow:
        return ActionRow(0, item.internal_id, event_name=item.name, queued_at=item.received_at)

    def is_enough(self) -> bool:
        return self.limit is not None and self._copies.least >= self.limit

    def chosen(self) -> Plan[Iterable[ActionRow]]:
        """Return the rows of the newest events and of their copies, the oldest first."""
        families = yield from self._copies.families()
        new = {family.sender for family in families if family.sent_as is None}
        senders = {*islice((id for id in self.listed if id in new), self.limit)}
        rows = dict[str, ActionRow]()
        for family in families:
            if family.sent_as is not None or family.sender in senders:
                rows.update((id, self._row_in(family, id)) for id in family.ids)
        return [rows[id] for id in reversed(self.listed) if id in rows]

    def _row_in(self, family: Family, id: str) -> ActionRow:
        row = self.listed[id]
        if family.sent_as is None and id == family.sender:
            return row
        if family.sent_as is None:
            reason = f"it is a copy of event {family.original}: event {family.sender} is sent"
        elif id == family.sent_as:
            reason = f"it is the copy of event {family.original} that this label has sent"
        else:
            reason = f"this label has sent it, as event {family.sent_as}"
        return evolve(row, outcome=ActionOutcome.ALREADY_SENT, reason=reason)

    def dated(self, row: ActionRow) -> ActionRow:
        # Of several requests that may have arrived, the id is kept since the first.
        is_dated = row.outcome == ActionOutcome.UNKNOWN and row.requested_at is not None
        return row if is_dated else super().dated(row)

    def act(self, target: ActionRow) -> Plan[reported.BulkResult]:
        row, is_new = target, target.outcome != ActionOutcome.UNKNOWN
        assert row.id is not None
        if self.dry_run and not is_new:
            return reported.BulkResult(row)
        try:
            event = yield from events.get(self.session, row.id, None)
        except InngestError as error:
            if is_new:
                return reported.failure(row, error, is_sent=False)
            return reported.settled(row, row.outcome, error, error)
        if not is_new and row.requested_at is not None:
            clock = self.session.server_clocks["api"]
            _, at_most = clock.elapsed(row.requested_at, row.requested_at_here)
            if at_most > _REMEMBERED:
                return reported.settled(row, row.outcome, _FORGOTTEN)
        row = evolve(row, event_name=event.name, queued_at=event.received_at)
        if event.name.startswith(_RESERVED):
            reason = f"it is of the platform: events named {_RESERVED}... cannot be sent"
            return reported.settled(row, ActionOutcome.REFUSED, reason)
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


def _send_by(client: Any, event: Mapping[str, Any]) -> Plan[list[str]]:
    """Send an event by a client that has connections of its own."""
    sent = client.send(event)
    if isawaitable(sent):
        task = asyncio.ensure_future(sent)
        yield from wait_for(asyncio.wait([task]))
        sent = task.result()
    return sent  # type: ignore[no-any-return]
