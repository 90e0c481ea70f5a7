"""Send stored events again as new ones, to the same server or to another.

The id of each is a label and the internal id of the stored event. So it names the original, the
data is unchanged, and sending it twice runs nothing twice, except functions that debounce or batch
events.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from inngest_rest._core.delivery import send_events
from inngest_rest._core.interface import EventSelection, Window, get_event, list_events
from inngest_rest._local.arguments import check_id, invalid
from inngest_rest._values.ulid import is_ulid
from inngest_rest.bulk import ActionOutcome, ActionRow
from inngest_rest.bulk._copies import Copies
from inngest_rest.bulk._report_file import without_none
from inngest_rest.bulk._reported import (
    BulkResult,
    Options,
    ReportedJob,
    failure,
    with_outcome,
)
from inngest_rest.errors import InngestError, InvalidEventError
from inngest_rest.typing import EventFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inngest_rest._core.interface import Plan, Session
    from inngest_rest.bulk._copies import Family
    from inngest_rest.models import StoredEvent
    from inngest_rest.responses import Target

_FORGOTTEN = (
    "it may have been sent, so long ago that servers have forgotten its new id, and is not sent "
    "again: look for it, and send it under another label if it is missing"
)

# Servers keep an id for 24 hours; a request may have arrived some time after it was sent.
_REMEMBERED = timedelta(hours=23)

_RESERVED = "inngest/"

# Events of the destination that are searched for earlier copies with the label, at 50 per request.
_FEWEST_SEARCHED = 200
_MOST_SEARCHED = 1_000


@frozen(kw_only=True)
class _Destination:
    """The destination of events, with its connections.

    Attributes:
        target: The server and the environment.
        send: Sends an event there.
        newest: Lists a number of the newest events whose ids the server remembers.
    """

    target: Target
    send: Callable[[Mapping[str, Any]], Plan[list[str]]]
    newest: Callable[[int], Plan[list[StoredEvent]]]


class ResendJob(ReportedJob):
    filters = tuple(EventFilter.__annotations__)
    selects = "event"
    bound = ("label", "to")

    def __init__(
        self,
        session: Session,
        driver: object,
        ids: Iterable[str] | None,
        selection: EventSelection,
        options: Options,
        *,
        limit: int | None,
        label: str,
        to: Any,
    ) -> None:
        super().__init__(session, "events.resend", options, limit=limit)
        self._label = check_id("label", label)
        label_here = label if to is None else None
        self._copies = Copies(session, label_here)
        self._destination = _destination(session, driver, to)
        self._lists_copies = False  # the filter also selects earlier copies
        there = None if to is None else self._destination.target.to_dict()
        bound = {"label": label, "to": there}
        if self.pick_source(ids, selection.to_json(), bound):
            if selection.since is None and selection.until is None:
                # The default of `events.list`.
                selection = evolve(selection, since=timedelta(hours=1))
            self._lists_copies = to is None and selection.until is None
            self.asked_window = Window(since=selection.since, until=selection.until)
            self.listing = list_events(session, selection)

    @staticmethod
    def check_id(name: str, value: str, *, argument: str | None = None) -> str:
        event_id = check_id(name, value, argument=argument)
        if not is_ulid(event_id):
            reason = "is not an internal id of an event, as send returns it"
            raise invalid(name, reason, argument=argument)
        return value

    def keep(self, item: StoredEvent) -> None:
        if not item.name.startswith(_RESERVED):
            super().keep(item)
            self._copies.add(item)

    async def collect_rows(self) -> None:
        await super().collect_rows()
        if self.resumed is None and not self._lists_copies:
            await self._note_sent()

    async def _note_sent(self) -> None:
        """Mark the rows that have a copy with the label among the newest events of a day."""
        left: dict[str, ActionRow] = {}
        for row in self.rows:
            if row.is_open and row.id:
                left[self._new_id(row.id.upper())] = row
        if not left:
            return
        count = min(max(_FEWEST_SEARCHED, 2 * len(left)), _MOST_SEARCHED)
        try:
            newest = await self._destination.newest(count)
        except InngestError:
            return  # the key may only be valid for sending
        for event in newest:
            sent = left.get(event.id)
            if sent is None:
                continue
            reason = f"this label has sent it, as event {event.internal_id}"
            self.rows[sent.position] = evolve(
                sent, outcome=ActionOutcome.ALREADY_SENT, reason=reason
            )

    def _new_id(self, internal_id: str) -> str:
        return f"{self._label}-{internal_id}"

    def row_of(self, item: StoredEvent) -> ActionRow:
        return ActionRow(
            0, item.internal_id, event_name=item.name, queued_at=item.received_at
        )

    def is_enough(self) -> bool:
        return self.limit is not None and self._copies.least >= self.limit

    async def selected_rows(self) -> Iterable[ActionRow]:
        """Return the rows of the newest events and of their copies, the oldest first."""
        families = await self._copies.families()
        to_send = self._newest_senders(families)
        rows: dict[str, ActionRow] = {}
        for family in families:
            was_sent = family.sent_as is not None
            if was_sent or family.sender in to_send:
                for event_id in family.ids:
                    rows[event_id] = self._row_in(family, event_id)
        return [
            rows[event_id] for event_id in reversed(self.listed) if event_id in rows
        ]

    def _newest_senders(self, families: Iterable[Family]) -> set[str]:
        """Return the ids of the events to send, no more than the limit allows."""
        unsent = {family.sender for family in families if family.sent_as is None}
        newest = [event_id for event_id in self.listed if event_id in unsent]
        return set(newest[: self.limit])

    def _row_in(self, family: Family, event_id: str) -> ActionRow:
        """Return the row of a family's event; only one of them is sent."""
        row = self.listed[event_id]
        if family.sent_as is None and event_id == family.sender:
            return row
        if family.sent_as is None:
            reason = f"it is a copy of event {family.original}: event {family.sender} is sent"
        elif event_id == family.sent_as:
            reason = (
                f"it is the copy of event {family.original} that this label has sent"
            )
        else:
            reason = f"this label has sent it, as event {family.sent_as}"
        return evolve(row, outcome=ActionOutcome.ALREADY_SENT, reason=reason)

    def dated(self, row: ActionRow) -> ActionRow:
        # The server remembers the id since the first request that may have arrived.
        if _was_requested(row) and row.requested_at is not None:
            return row
        return super().dated(row)

    async def act(self, target: ActionRow) -> BulkResult:
        assert target.id is not None
        if self.dry_run and _was_requested(target):
            return BulkResult(target)
        try:
            event = await get_event(self.session, target.id)
        except InngestError as error:
            if _was_requested(target):
                return with_outcome(target, target.outcome, error, error)
            return failure(target, error, is_sent=False)
        if _was_requested(target) and self._may_be_forgotten(target):
            return with_outcome(target, target.outcome, _FORGOTTEN)
        row = evolve(target, event_name=event.name, queued_at=event.received_at)
        if event.name.startswith(_RESERVED):
            reason = (
                f"it is of the platform: events named {_RESERVED}... cannot be sent"
            )
            return with_outcome(row, ActionOutcome.REFUSED, reason)
        if self.dry_run:
            return with_outcome(row, ActionOutcome.PLANNED)
        return await self._send_copy(row, event)

    def _may_be_forgotten(self, row: ActionRow) -> bool:
        """Return whether servers may have forgotten the id of an earlier request."""
        if row.requested_at is None:
            return False
        now = self.session.server_clocks["api"].now()
        return now - row.requested_at > _REMEMBERED

    async def _send_copy(self, row: ActionRow, event: StoredEvent) -> BulkResult:
        fields = {
            "id": self._new_id(event.internal_id),
            "name": event.name,
            "data": event.data,
            "user": event.user,
            "ts": event.ts,
            "v": event.v,
        }
        row = await self.mark_started(row)
        try:
            ids = await self._destination.send(without_none(fields))
        except InvalidEventError as error:
            return with_outcome(row, ActionOutcome.REFUSED, error)
        except InngestError as error:
            return failure(row, error)
        sent = evolve(row, new_event_id=ids[0])
        return with_outcome(sent, ActionOutcome.DONE)


def _was_requested(row: ActionRow) -> bool:
    """Return whether an earlier request for a row may have arrived."""
    return row.outcome == ActionOutcome.UNKNOWN


def _destination(session: Session, driver: object, to: Any) -> _Destination:
    """Return this server, the named environment of it, or the server of another client."""
    if to is None or isinstance(to, str):
        there = session
        if to is not None:
            there = session.with_options(env=to)
        return _Destination(
            target=there.settings.target,
            send=partial(send_events, there),
            newest=partial(_newest_of, there),
        )
    if type(getattr(to, "_driver", None)) is type(driver):
        return _Destination(
            target=to.target,
            send=partial(_send_by, to),
            newest=partial(_newest_by, to),
        )
    raise invalid(
        "to", "must be a client of the same kind, or the name of an environment"
    )


async def _send_by(client: Any, event: Mapping[str, Any]) -> list[str]:
    """Send an event by another client."""
    sent = client.send(event)
    if isawaitable(sent):
        sent = await sent
    return sent  # type: ignore[no-any-return]


def _newest_of(session: Session, count: int) -> Plan[list[StoredEvent]]:
    """List the newest events whose ids a server remembers."""
    selection = EventSelection(since=_REMEMBERED)
    return list_events(session, selection, limit=count).read_all()


async def _newest_by(client: Any, count: int) -> list[StoredEvent]:
    """List the newest events by another client."""
    listing = client.events.list(since=_REMEMBERED, limit=count)
    if hasattr(listing, "__iter__"):
        return [*listing]
    return [event async for event in listing]
