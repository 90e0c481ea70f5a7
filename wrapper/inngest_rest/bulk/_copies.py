"""Which stored events are copies of others, as `events.resend` makes them.

A copy has the id LABEL-INTERNAL_ID, and the name, data and time of the event with that internal id.
Any id may look like that of a copy, so an event is a copy only if the original exists and is equal.
The memory used to compare an event does not depend on its size.
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._core.interface import get_event
from inngest_rest._values.json_text import encode
from inngest_rest._values.ulid import is_ulid
from inngest_rest.errors import NotFoundError

if TYPE_CHECKING:
    from inngest_rest._core.interface import Session
    from inngest_rest.models import StoredEvent


class _Mark(NamedTuple):
    """The evidence of whether an event is a copy, and of which one."""

    digest: bytes  # the same for an event and its copies
    label: str = ""  # in the id, if it looks like that of a copy
    original: str | None = None  # the internal id in it

    @classmethod
    def of(cls, event: StoredEvent) -> _Mark:
        content = encode([event.name, event.data, event.ts])
        digest = blake2b(content, digest_size=16).digest()
        label, _, original = event.id.rpartition("-")
        if label and is_ulid(original):
            return cls(digest=digest, label=label, original=original.upper())
        return cls(digest=digest)


class Family(NamedTuple):
    """An event and its copies, as far as they are listed.

    Attributes:
        original: The internal id of the event.
        ids: The internal ids of the listed ones, the oldest first.
        sent_as: The earlier copy with the same label; None if none is listed.
    """

    original: str
    ids: list[str]
    sent_as: str | None

    @property
    def sender(self) -> str:
        """The event to send: the original, or its oldest copy if it is not listed."""
        if self.original in self.ids:
            return self.original
        return self.ids[0]


class Copies:
    """The listed events, the newest first, by their families.

    `label` is that of the copies to send; None if they go elsewhere, where earlier ones are, too.
    """

    def __init__(self, session: Session, label: str | None) -> None:
        self._session = session
        self._label = label
        self._listed: dict[str, _Mark] = {}
        # Events that are not listed; None if not stored.
        self._others: dict[str, _Mark | None] = {}

    def add(self, event: StoredEvent) -> None:
        self._listed.setdefault(event.internal_id, _Mark.of(event))

    @property
    def least(self) -> int:
        """The least number of families that the label has not sent.

        Copies are listed before the event, which is older.
        """
        marks = self._listed.values()
        digests = {mark.digest for mark in marks}
        sent = {mark.digest for mark in marks if self._is_of_label(mark)}
        return len(digests - sent)

    async def families(self) -> list[Family]:
        """Return the families, the one with the oldest event first."""
        counts = Counter(mark.digest for mark in self._listed.values())
        ids_by_original: dict[str, list[str]] = {}
        for event_id, mark in reversed(self._listed.items()):
            original = event_id
            # Most events are unique, and are sent whatever they are copies of.
            if counts[mark.digest] > 1 or self._is_of_label(mark):
                original = await self._original_of(event_id)
            ids_by_original.setdefault(original, []).append(event_id)
        families: list[Family] = []
        for original, ids in ids_by_original.items():
            sent_as = self._sent_as(original, ids)
            families.append(Family(original=original, ids=ids, sent_as=sent_as))
        return families

    def _sent_as(self, original: str, ids: list[str]) -> str | None:
        for event_id in ids:
            mark = self._listed[event_id]
            if event_id != original and self._is_of_label(mark):
                return event_id
        return None

    def _is_of_label(self, mark: _Mark) -> bool:
        return mark.original is not None and mark.label == self._label

    async def _original_of(self, event_id: str) -> str:
        """Follow a copy, and copies of copies, to the original; return other ids unchanged."""
        original = event_id
        mark = self._listed[event_id]
        seen = {event_id}
        while mark.original is not None and mark.original not in seen:
            copied = await self._mark_of(mark.original)
            if copied is None or copied.digest != mark.digest:
                break
            original = mark.original
            mark = copied
            seen.add(original)
        return original

    async def _mark_of(self, event_id: str) -> _Mark | None:
        """Return the mark of an event, which is read if it is not listed; None if not stored."""
        if event_id in self._listed:
            return self._listed[event_id]
        if event_id not in self._others:
            try:
                event = await get_event(self._session, event_id)
            except NotFoundError:
                self._others[event_id] = None
            else:
                self._others[event_id] = _Mark.of(event)
        return self._others[event_id]
