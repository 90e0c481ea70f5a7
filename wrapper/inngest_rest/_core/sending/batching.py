"""Batching: group events into request bodies, bounded by count and by bytes. No I/O.

Ordinary events are encoded a whole batch at a time, in a third of the time it takes one by one; if
any of them needs a closer look, each is encoded by itself.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import datetime
from itertools import chain, filterfalse, islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from inngest_rest._core.arguments import is_aware
from inngest_rest._core.json_text import decode, encode_lines
from inngest_rest._core.sending.event_json import (
    MAX_EVENT_BYTES,
    are_all_finite,
    encode,
    fields_of,
    may_have_long_integer,
    milliseconds,
    wire_form,
)
from inngest_rest._core.sending.unsupported_values import FIELDS
from inngest_rest.errors import InvalidEventError
from inngest_rest.event import Event, new_event_id
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence

    from inngest_rest._core.event_names import NameConvention
    from inngest_rest.event import EventLike

E = TypeVar("E")

MAX_EVENTS = 5_000
"""Maximum number of events per request that the platform accepts (operation sendEvents)."""

DEFAULT_EVENTS = 512
"""Default number of events per request."""

DEFAULT_BYTES = 4 * 1024 * 1024
"""Default number of bytes per request; larger than the largest event, so that every event fits."""

# For fewer events, encoding all together costs more than it saves.
_WORTH_TOGETHER = 8

# A compiled pattern finds four bytes faster than bytes.count does.
_find_nulls = re.compile(b"null").findall
_copy = cast("Callable[[dict[str, Any]], dict[str, Any]]", dict.copy)
_values = cast("Callable[[dict[str, Any]], Iterable[Any]]", dict.values)


class Batch(NamedTuple):
    """Events that go out in one request.

    Attributes:
        positions: The index of each in the caller's input.
        body: The events as one JSON array; a comma and a newline are between two of them, and
            there is no other newline, so that the array can be cut.
        refused: Events rejected locally since the previous batch; they are not sent.
        may_be_stored: Whether an earlier request, whose outcome is unknown, had any of them.
        is_to_blame: Whether the server accepts others: if these fail, it is because of them.
    """

    positions: Sequence[int]
    body: bytes
    refused: Sequence[SendFailure] = ()
    may_be_stored: bool = False
    is_to_blame: bool = False

    def events(self) -> list[dict[str, Any]]:
        """Decode the events."""
        events: list[dict[str, Any]] = decode(self.body)
        return events

    @classmethod
    def of(
        cls,
        positions: Sequence[int],
        texts: Sequence[bytes],
        refused: Sequence[SendFailure] = (),
    ) -> Batch:
        """Make a batch of the events' JSON texts."""
        return cls(positions, b"[%b]" % b",\n".join(texts), refused)

    def texts(self) -> list[bytes]:
        """Return the JSON text of each event, in the very bytes that go out."""
        return self.body[1:-1].split(b",\n") if self.positions else []

    def part(self, start: int, end: int | None = None) -> Batch:
        """Return a slice of the events as a batch, in the same bytes."""
        part = Batch.of(self.positions[start:end], self.texts()[start:end])
        return part._replace(may_be_stored=self.may_be_stored)


def batches_of_events(
    events: Iterable[EventLike],
    size: int,
    convention: NameConvention | None = None,
    *,
    lenient: bool = False,
) -> Iterator[Batch]:
    """Draw events as they are needed and yield them in batches.

    Args:
        events: The events; none may change before its batch was yielded.
        size: Maximum number of events per batch.
        convention: The check of their names, if there is one.
        lenient: Whether invalid events are set aside; otherwise the first one raises.
    """
    source, first = iter(events), 0
    while chunk := list(islice(source, size)):
        yield from _batches(chunk, first, convention, lenient=lenient)
        first += len(chunk)


async def batches_of_async_events(
    events: AsyncIterable[EventLike],
    size: int,
    convention: NameConvention | None = None,
    *,
    lenient: bool = False,
) -> AsyncIterator[Batch]:
    """Draw events as they are needed and yield them in batches."""
    chunk: list[EventLike] = []
    first = 0
    async for event in events:
        chunk.append(event)
        if len(chunk) == size:
            for batch in _batches(chunk, first, convention, lenient=lenient):
                yield batch
            first += size
            chunk = []
    for batch in _batches(chunk, first, convention, lenient=lenient):
        yield batch


def _batches(
    chunk: Sequence[EventLike], first: int, convention: NameConvention | None, *, lenient: bool
) -> Iterator[Batch]:
    body = dump_together(chunk, convention) if len(chunk) >= _WORTH_TOGETHER else None
    if body is not None:
        yield Batch(range(first, first + len(chunk)), body)
        return
    batcher = Batcher(
        encode if convention is None else functools.partial(encode, convention=convention),
        describe=_describe if lenient else None,
        max_events=len(chunk) or 1,
        first=first,
    )
    for event in chunk:
        if (full := batcher.add(event)) is not None:
            yield full
    if (last := batcher.flush()) is not None:
        yield last


def _describe(event: EventLike) -> Mapping[str, Any]:
    """Return a rejected event as its failure shows it."""
    if isinstance(event, Event):
        return {"name": event.name, "data": event.data, "id": event.id}
    return dict(event) if isinstance(event, Mapping) else {}  # pyright: ignore[reportUnnecessaryIsInstance]


class Batcher(Generic[E]):
    """Collect events until a request is full, by count or by bytes.

    Args:
        encode: Turns an event and its position into its JSON text, or raises InvalidEventError.
        describe: Turns a rejected event into what its failure shows; without it the first invalid
            event raises.
        max_events: Maximum number of events per batch.
        max_bytes: Maximum size of a batch in bytes, commas and brackets included; a single event
            may exceed it.
        first: The position of the first event.
    """

    def __init__(
        self,
        encode: Callable[[E, int], bytes],
        *,
        describe: Callable[[E], Mapping[str, Any]] | None = None,
        max_events: int = DEFAULT_EVENTS,
        max_bytes: int = DEFAULT_BYTES,
        first: int = 0,
    ) -> None:
        self._encode = encode
        self._describe = describe
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._position = first
        self._start()

    def _start(self) -> None:
        self._positions: list[int] = []
        self._texts: list[bytes] = []
        self._refused: list[SendFailure] = []
        self._bytes = 2

    def add(self, event: E) -> Batch | None:
        """Add an event; return the batch that had to be closed for it, if any."""
        position = self._position
        self._position = position + 1
        try:
            text = self._encode(event, position)
        except InvalidEventError as error:
            return self._refuse(event, error)
        size = len(text) + 1
        texts = self._texts
        full = None
        if texts and (len(texts) >= self._max_events or self._bytes + size > self._max_bytes):
            full = self.flush()
            texts = self._texts
        texts.append(text)
        self._positions.append(position)
        self._bytes += size
        return full

    def _refuse(self, event: E, error: InvalidEventError) -> Batch | None:
        if self._describe is None:
            raise error
        self._refused.append(SendFailure(error.position, self._describe(event), error.reason))
        # A long run of invalid events must not pile up here.
        return self.flush() if len(self._refused) >= self._max_events else None

    def flush(self) -> Batch | None:
        """Return the remaining events as a batch, or None."""
        if not self._texts and not self._refused:
            return None
        batch = Batch.of(self._positions, self._texts, self._refused)
        self._start()
        return batch


def dump_together(
    events: Sequence[EventLike], convention: NameConvention | None = None
) -> bytes | None:
    """Return the events as one JSON array, with ids, or None if any needs a closer look."""
    rows = _as_dicts(events)
    fields = fields_of(rows, convention)
    if fields is None:
        rows = _with_times(rows)
        fields = fields_of(rows, convention)
    if fields is None or not fields <= FIELDS:
        return None
    if "id" not in fields:
        rows = _with_ids(rows)
    try:
        lines = encode_lines(rows)
    except Exception:  # noqa: BLE001 - nested too deep, or a time zone's own code raised
        return None
    # If all of them together are below the limit for one event, none exceeds it. A newline inside a
    # line is msgspec.Raw's.
    if len(lines) > MAX_EVENT_BYTES or lines.count(b"\n") != len(rows):
        return None
    if may_have_long_integer(lines) or not _nulls_are_none(lines, rows):
        return None
    return b"[%b]" % lines[:-1].replace(b"\n", b",\n")


def _as_dicts(events: Sequence[EventLike]) -> Sequence[dict[str, Any]]:
    """Return events of one kind as plain dicts, none if they are of several kinds."""
    kinds = set(map(type, events))
    if kinds == {dict}:
        return cast("Sequence[dict[str, Any]]", events)
    if kinds != {Event}:
        return []
    return [wire_form(each) for each in events]


def _with_times(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return copies with datetimes as milliseconds, none if any `ts` is not a datetime."""
    copies = [
        {**row, "ts": milliseconds(ts)}
        for row in rows
        if type(ts := row.get("ts")) is datetime and is_aware(ts)
    ]
    return copies if len(copies) == len(rows) else []


def _with_ids(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return copies with ids."""
    copies = list(map(_copy, rows))
    ids = map(new_event_id().__add__, islice(_suffixes(), len(copies)))
    for row, id in zip(copies, ids, strict=True):
        row["id"] = id
    return copies


@functools.cache
def _suffixes() -> Sequence[str]:
    return [f"{number:04d}" for number in range(MAX_EVENTS)]


def _nulls_are_none(text: bytes, rows: Sequence[dict[str, Any]]) -> bool:
    """Return whether every null stands for None: NaN and infinities are written as null, too.

    If the text has no more nulls than the events have None values, none of them can be a NaN.
    """
    nulls = len(_find_nulls(text))
    if nulls == 0:
        return True
    data = [row["data"] for row in rows]
    # Comparing a string with None takes four times as long as testing its truth.
    falsy = list(filterfalse(None, chain.from_iterable(map(_values, data))))
    return nulls == falsy.count(None) or are_all_finite(rows)
