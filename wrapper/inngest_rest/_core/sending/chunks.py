"""Events become batches: together where they are alike, one by one where that fails."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from inngest_rest._core.sending.batching import Batch, Batcher
from inngest_rest._core.sending.bodies import dump_together
from inngest_rest._core.sending.event_json import encode
from inngest_rest.event import Event, EventLike

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence

# Of fewer, looking at all together costs more than it saves.
_WORTH_TOGETHER = 8


def batches_of_events(
    events: Iterable[EventLike], size: int, *, lenient: bool = False
) -> Iterator[Batch]:
    """Draw events as they are needed and yield them in batches.

    Args:
        events: The events; each an object of its own until its batch was yielded.
        size: Most events a batch.
        lenient: Whether an invalid event is set aside; otherwise the first one raises.
    """
    source, first = iter(events), 0
    while chunk := list(islice(source, size)):
        yield from _batches(chunk, first, lenient=lenient)
        first += len(chunk)


async def batches_of_async_events(
    events: AsyncIterable[EventLike], size: int, *, lenient: bool = False
) -> AsyncIterator[Batch]:
    """Draw events as they are needed and yield them in batches."""
    chunk: list[EventLike] = []
    first = 0
    async for event in events:
        chunk.append(event)
        if len(chunk) == size:
            for batch in _batches(chunk, first, lenient=lenient):
                yield batch
            first += size
            chunk = []
    for batch in _batches(chunk, first, lenient=lenient):
        yield batch


def _batches(chunk: Sequence[EventLike], first: int, *, lenient: bool) -> Iterator[Batch]:
    body = dump_together(chunk) if len(chunk) >= _WORTH_TOGETHER else None
    if body is not None:
        yield Batch(range(first, first + len(chunk)), body)
        return
    batcher = Batcher(
        encode, describe=_describe if lenient else None, max_events=len(chunk) or 1, first=first
    )
    for event in chunk:
        if (full := batcher.add(event)) is not None:
            yield full
    if (last := batcher.flush()) is not None:
        yield last


def _describe(event: EventLike) -> Mapping[str, Any]:
    """Show an event that was refused."""
    if isinstance(event, Event):
        return {"name": event.name, "data": event.data, "id": event.id}
    return dict(event) if isinstance(event, Mapping) else {}  # pyright: ignore[reportUnnecessaryIsInstance]
