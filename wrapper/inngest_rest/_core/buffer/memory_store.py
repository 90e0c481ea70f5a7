"""Events that wait in memory: taken from any thread in microseconds, handed on in batches.

No I/O and no thread of its own. Encoding is left to whoever takes batches, outside the lock that
callers of `put` need.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inngest_rest._core.buffer.delivery import final_part, open_part
from inngest_rest._core.sending.batching import Batch
from inngest_rest._core.sending.chunks import batches_of_events
from inngest_rest.errors import InvalidEventError
from inngest_rest.event import Event, EventLike
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inngest_rest._core.buffer.schedule import Pace
    from inngest_rest._core.sending.send import Outcome
    from inngest_rest.reports import BatchReport


class Intake:
    """A bounded queue of events, in the order they came.

    Args:
        pace: Told of what comes and goes.
        wake: Called, outside the lock, when a resting worker has to look.
        batch_size: Most events a batch.
        at_most: Most events that wait or are under way.
    """

    def __init__(
        self, pace: Pace, wake: Callable[[], None], *, batch_size: int, at_most: int
    ) -> None:
        self._pace = pace
        self._wake = wake
        self._batch_size = batch_size
        self._at_most = at_most
        self.restart()

    def restart(self) -> None:
        """Start empty, with locks of our own: a forked child leaves the rest to its parent."""
        # Reentrant: a signal handler or a finalizer may add an event in the middle of an add.
        self._lock = threading.RLock()
        self._taking = threading.Lock()
        self._events: deque[EventLike] = deque()
        self._ready: deque[Batch] = deque()
        self._encoded = 0
        self._again: Batch | None = None
        self._out: Batch | None = None
        self._added = 0
        self._pending = 0
        self._pace.restart()

    def put(self, event: Any) -> bool:
        """Take an event; return False where there is no room.

        Raises:
            InvalidEventError: It is no event; what takes longer to see is found when it is encoded.
        """
        kept: Any
        if event.__class__ is dict:
            # A copy: callers change the mapping they filled for the last event.
            kept = event.copy()
            name, data = kept.get("name"), kept.get("data")
        elif isinstance(event, Event):
            kept, name, data = event, event.name, event.data
        else:
            kept = _as_dict(event)
            name, data = kept.get("name"), kept.get("data")
        if name.__class__ is not str or not name or name[0] in "iI":
            _check_name(name)
        if data.__class__ is not dict and not (data is None or isinstance(data, Mapping)):
            raise InvalidEventError(f"data must be a JSON object, not {type(data).__name__}")
        with self._lock:
            if self._pending >= self._at_most:
                return False
            self._pending += 1
            self._added += 1
            self._events.append(kept)
            wake = self._pace.added()
        if wake:
            self._wake()
        return True

    def shut(self) -> None:
        """Take no more."""
        with self._lock:
            self._at_most = 0

    def take(self) -> Batch | None:
        """Return what goes out next, or None; it stays ours until it is settled."""
        with self._taking:
            self._out = batch = self._again or self._next()
            self._again = None
            with self._lock:
                self._pace.took(self._pending - _size(batch))
            return batch

    def _next(self) -> Batch | None:
        if not self._ready:
            count = min(len(self._events), self._batch_size)
            chunk = [self._events.popleft() for _ in range(count)]
            self._ready += self._encode(chunk)
        return self._ready.popleft() if self._ready else None

    def _encode(self, chunk: Sequence[EventLike]) -> Iterator[Batch]:
        """Encode events that come next, and place them in the order of adding."""
        first = self._encoded
        self._encoded += len(chunk)
        try:
            batches = list(batches_of_events(chunk, len(chunk) or 1, lenient=True))
        except Exception as error:  # noqa: BLE001 - a mapping of the caller's own raised
            if len(chunk) == 1:
                failure = SendFailure(first, _describe(chunk[0]), f"cannot be read: {error!r}")
                yield Batch((), b"[]", (failure,))
                return
            self._encoded = first
            for event in chunk:
                yield from self._encode([event])
        else:
            for batch in batches:
                yield _moved(batch, first)

    def settle(self, batch: Batch, outcome: Outcome) -> BatchReport | None:
        """Let go of what was accepted or rejected, and keep the rest to be sent again.

        Returns:
            What is final; None where the batch was given up meanwhile.
        """
        with self._taking:
            if batch is not self._out:
                return None
            self._out = None
            self._again = again = open_part(batch, outcome)
            with self._lock:
                self._pending -= _size(batch) - _size(again)
                self._pace.waiting = self._pending
            return final_part(batch, outcome)

    def put_back(self, batch: Batch) -> None:
        """Keep a batch whose sending was cut short to be sent again."""
        with self._taking:
            if batch is self._out:
                self._out, self._again = None, batch
                with self._lock:
                    self._pace.waiting = self._pending

    def give_up(self) -> list[Batch]:
        """Return everything that is left, what is under way included, and forget it."""
        with self._taking:
            left = [each for each in (self._out, self._again) if each is not None]
            while (batch := self._next()) is not None:
                left.append(batch)
            self._out = self._again = None
            with self._lock:
                self._pending = 0
                self._pace.took(0)
            return left

    @property
    def pending(self) -> int:
        """How many wait or are under way."""
        return self._pending

    def mark(self) -> int:
        """Return a mark behind the last event that came."""
        with self._lock:
            return self._added

    def has_left(self, mark: int) -> bool:
        """Tell whether one that came before a mark is neither accepted nor rejected."""
        with self._lock:
            return mark > self._added - self._pending

    def close(self) -> None:
        """Nothing is held open."""

    def before_fork(self) -> None:
        """Nothing has to be let go of."""

    def after_fork(self) -> None:
        """Nothing was let go of."""


def _as_dict(event: object) -> dict[str, Any]:
    if isinstance(event, Mapping):
        return {**event}
    raise InvalidEventError(f"an event is an Event or a mapping, not {type(event).__name__}")


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name:
        raise InvalidEventError("name must be text and not empty")
    if name[:8].lower() == "inngest/":
        raise InvalidEventError(f"name {name!r} is reserved: inngest/ belongs to the platform")


def _describe(event: EventLike) -> Mapping[str, Any]:
    """Show an event that was refused, whatever it is."""
    return {"name": event.name} if isinstance(event, Event) else {"name": event.get("name")}


def _moved(batch: Batch, by: int) -> Batch:
    """Count positions from further back."""
    moved = [SendFailure(each.position + by, each.event, each.reason) for each in batch.refused]
    return batch._replace(positions=[each + by for each in batch.positions], refused=moved)


def _size(batch: Batch | None) -> int:
    return 0 if batch is None else len(batch.positions) + len(batch.refused)
