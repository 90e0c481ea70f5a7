"""Which stored events are copies of others, as `events.resend` makes them.

A copy has the id LABEL-INTERNAL_ID, and the name, data and time of the event with that internal id.
Any id may look like that of a copy, so an event is a copy only if the original exists and is equal.
The memory used to compare an event does not depend on its size.
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._core.json_text import encode
from inngest_rest._core.resources import events
from inngest_rest._ulid import is_ulid
from inngest_rest.errors import NotFoundError

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import StoredEvent


class _Mark(NamedTuple):
    """What of an event tells whether it is a copy, and of which one."""

    digest: bytes  # the same for an event and its copies
    label: str = ""  # of the id, if it looks like that of a copy
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
        ids: Those of what is listed, the oldest first.
        sent_as: The copy that the label has made before; None if none is listed.
    """

    original: str
    ids: list[str]
    sent_as: str | None

    @property
    def sender(self) -> str:
        """The one to send: the event itself, or if it is not listed, its oldest copy."""
        return self.original if self.original in self.ids else self.ids[0]


class Copies:
    """The events that are listed, the newest first, by their families.

    `label` is the one that is sent now; None if it is sent elsewhere, where its copies are, too.
    """

    def __init__(self, session: Session, label: str | None) -> None:
        self._session, self._label = session, label
        self._listed: dict[str, _Mark] = {}
        self._others: dict[
            str, _Mark | None
        ] = {}  # which are not listed; None if not stored

    def add(self, event: StoredEvent) -> None:
        self._listed.setdefault(event.internal_id, _Mark.of(event))

    @property
    def least(self) -> int:
        """How many families there are at least that the label has not sent.

        Copies are listed before the event, which is older.
        """
        digests = {mark.digest for mark in self._listed.values()}
        sent = {
            mark.digest for mark in self._listed.values() if self._is_of_label(mark)
        }
        return len(digests - sent)

    def families(self) -> Plan[list[Family]]:
        """Return them, the one with the oldest event first."""
        counts = Counter(mark.digest for mark in self._listed.values())
        ids_by_original: dict[str, list[str]] = {}
        for id, mark in reversed(self._listed.items()):
            original = id
            # Most are like no other, and are sent whatever they are copies of.
            if counts[mark.digest] > 1 or self._is_of_label(mark):
                original = yield from self._original_of(id)
            ids_by_original.setdefault(original, []).append(id)
        return [
            Family(original=original, ids=ids, sent_as=self._sent_as(original, ids))
            for original, ids in ids_by_original.items()
        ]

    def _sent_as(self, original: str, ids: list[str]) -> str | None:
        of_label = (id for id in ids if self._is_of_label(self._listed[id]))
        return next((id for id in of_label if id != original), None)

    def _is_of_label(self, mark: _Mark) -> bool:
        return mark.original is not None and mark.label == self._label

    def _original_of(self, id: str) -> Plan[str]:
        """Return the event that one is a copy of, perhaps by copies of copies; else itself."""
        mark, seen = self._listed[id], {id}
        while mark.original is not None and mark.original not in seen:
            copied = yield from self._mark_of(mark.original)
            if copied is None or copied.digest != mark.digest:
                break
            id, mark = mark.original, copied
            seen.add(id)
        return id

    def _mark_of(self, id: str) -> Plan[_Mark | None]:
        """Return the mark of an event, which is read if it is not listed; None without it."""
        if id in self._listed:
            return self._listed[id]
        if id not in self._others:
            try:
                event = yield from events.get(self._session, id, None)
            except NotFoundError:
                self._others[id] = None
            else:
                self._others[id] = _Mark.of(event)
        return self._others[id]
