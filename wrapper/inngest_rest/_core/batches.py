"""Events become requests of bounded size: push them in, batches come out. No I/O here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        texts: The JSON text of each.

    """

    positions: Sequence[int]
    texts: Sequence[bytes]


class Batcher:
    """Collect events until a request is full, by count or by bytes.

    Args:
        max_events: Most events a batch.
        max_bytes: Most bytes a batch, commas and brackets included; one event may exceed it alone.

    """

    def __init__(self, max_events: int = DEFAULT_EVENTS, max_bytes: int = DEFAULT_BYTES) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._start()

    def _start(self) -> None:
        self._positions: list[int] = []
        self._texts: list[bytes] = []
        self._bytes = 2

    def add(self, position: int, text: bytes) -> Batch | None:
        """Take an event; return the batch that had to be closed for it, if any."""
        full = None
        if self._texts and (
            len(self._texts) == self._max_events or self._bytes + len(text) + 1 > self._max_bytes
        ):
            full = self.flush()
        self._positions.append(position)
        self._texts.append(text)
        self._bytes += len(text) + 1
        return full

    def flush(self) -> Batch | None:
        """Return what is left, or None."""
        if not self._texts:
            return None
        batch = Batch(self._positions, self._texts)
        self._start()
        return batch
