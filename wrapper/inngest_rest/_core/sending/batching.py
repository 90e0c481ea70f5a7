"""Batching: group events into request bodies, bounded by count and by bytes. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest._core.json_text import decode
from inngest_rest._core.sending.event_json import encode, encode_together
from inngest_rest.errors import InvalidEventError
from inngest_rest.event import Event
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence

    from inngest_rest._core.arguments import NameConvention
    from inngest_rest.event import EventLike

MAX_EVENTS = 5_000
"""Maximum number of events per request that the platform accepts (operation sendEvents)."""

DEFAULT_EVENTS = 512
"""Default number of events per request."""

DEFAULT_BYTES = 4 * 1024 * 1024
"""Default number of bytes per request; any event fits."""

# For fewer events, encoding them together does not pay.
_WORTH_TOGETHER = 8

# Between two events of a body. Our JSON has no other newline, so a body can be split here.
_SEPARATOR = b",\n"


class Batch(NamedTuple):
    """The events of one request, by their indices in the caller's input."""

    positions: Sequence[int]
    body: bytes  # a JSON array, one event per line
    invalid: Sequence[SendFailure] = ()  # rejected locally since the previous batch
    may_be_stored: bool = False  # by an earlier request of unknown outcome
    origin: Any = None  # what it was made of, for its maker
    share: float | None = None  # of a file, up to its end

    @classmethod
    def of(
        cls, positions: Sequence[int], texts: Iterable[bytes], invalid: Sequence[SendFailure] = ()
    ) -> Batch:
        return cls(positions, b"[%b]" % _SEPARATOR.join(texts), invalid)

    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = decode(self.body)
        return events

    def texts(self) -> list[bytes]:
        """Return the JSON text of each event, exactly as sent."""
        return self.body[1:-1].split(_SEPARATOR) if self.positions else []

    def part(self, start: int, end: int | None = None) -> Batch:
        """Return a slice of the batch, in the same bytes."""
        part = Batch.of(self.positions[start:end], self.texts()[start:end])
        return part._replace(may_be_stored=self.may_be_stored)


def batches_of_events(
    events: Iterable[EventLike],
    size: int,
    convention: NameConvention | None = None,
    *,
    first: int = 0,
    lenient: bool = False,
) -> Iterator[Batch]:
    """Draw events as they are needed and yield them in batches; `first` is the first position.

    No event may change before its batch is yielded. An invalid one raises unless `lenient`.
    """
    source = iter(events)
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
    first = 0
    async for chunk in lists_of(events, size):
        for batch in _batches(chunk, first, convention, lenient=lenient):
            yield batch
        first += size


async def lists_of(events: AsyncIterable[EventLike], size: int) -> AsyncIterator[list[EventLike]]:
    """Draw events as they are needed, and yield them in lists of a size."""
    chunk: list[EventLike] = []
    async for event in events:
        chunk.append(event)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _batches(
    chunk: Sequence[EventLike], first: int, convention: NameConvention | None, *, lenient: bool
) -> Iterator[Batch]:
    lines = encode_together(chunk, convention) if len(chunk) >= _WORTH_TOGETHER else None
    if lines is not None:
        body = b"".join((b"[", lines[:-1].replace(b"\n", _SEPARATOR), b"]"))
        # Otherwise an event contains a newline, from msgspec.Raw.
        if len(body) == len(lines) + len(chunk):
            yield Batch(range(first, first + len(chunk)), body)
            return
    positions: list[int] = []
    texts: list[bytes] = []
    invalid: list[SendFailure] = []
    size = 2
    for position, event in enumerate(chunk, first):
        try:
            text = encode(event, position, convention)
        except InvalidEventError as error:
            if not lenient:
                raise
            invalid.append(SendFailure(position, describe(event), error.reason))
            continue
        size += len(text) + len(_SEPARATOR)
        if texts and size > DEFAULT_BYTES:
            yield Batch.of(positions, texts, invalid)
            positions, texts, invalid, size = [], [], [], 2 + len(text) + len(_SEPARATOR)
        positions.append(position)
        texts.append(text)
    if texts or invalid:
        yield Batch.of(positions, texts, invalid)


def describe(event: EventLike) -> Mapping[str, Any]:
    """Return a rejected event for its `SendFailure`."""
    if isinstance(event, Event):
        return {"name": event.name, "data": event.data, "id": event.id}
    return dict(event) if isinstance(event, Mapping) else {}  # pyright: ignore[reportUnnecessaryIsInstance]
