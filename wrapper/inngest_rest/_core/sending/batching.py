"""Events become requests of bounded size: push them in, batches come out. No I/O here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import orjson

from inngest_rest.errors import InvalidEventError
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

E = TypeVar("E")

MAX_EVENTS = 5_000
"""Most events the platform takes in one request [facts.md 1]."""

DEFAULT_EVENTS = 512
"""Events a request, unless told otherwise."""

DEFAULT_BYTES = 4 * 1024 * 1024
"""Bytes a request; above the largest event, so that every event fits into one."""


class Batch(NamedTuple):
    """Events that go out in one request.

    Attributes:
        positions: The index of each in what was handed over.
        body: The events as one JSON array.
        refused: What was refused on the way here; it does not go out.
    """

    positions: Sequence[int]
    body: bytes
    refused: Sequence[SendFailure] = ()

    def events(self) -> list[dict[str, Any]]:
        """Read the events back, each as it goes out."""
        events: list[dict[str, Any]] = orjson.loads(self.body)
        return events

    def body_from(self, index: int) -> bytes:
        """Return the events from an index on as one JSON array."""
        return orjson.dumps(self.events()[index:]) if index else self.body


class Batcher(Generic[E]):
    """Collect events until a request is full, by count or by bytes.

    Args:
        encode: Turns an event and its position into its JSON text, or raises InvalidEventError.
        describe: Turns an event that was refused into what its failure shows; without it the
            first invalid event raises.
        max_events: Most events a batch.
        max_bytes: Most bytes a batch, commas and brackets included; one event may exceed it alone.
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
        """Take an event; return the batch that had to be closed for it, if any."""
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
        # A long row of bad events must not pile up here.
        return self.flush() if len(self._refused) >= self._max_events else None

    def flush(self) -> Batch | None:
        """Return what is left, or None."""
        if not self._texts and not self._refused:
            return None
        body = b"[" + b",".join(self._texts) + b"]"
        batch = Batch(self._positions, body, self._refused)
        self._start()
        return batch
