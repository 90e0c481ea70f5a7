"""A store in memory: takes events from any thread in microseconds, and hands them on in batches.

Encoding is left to the worker that takes batches, outside the lock that callers of `put` need.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inngest_rest._core.buffer.parking import Parking, may_be_about_the_events
from inngest_rest._core.event_names import check_name
from inngest_rest._core.sending.batching import Batch, batches_of_events
from inngest_rest._core.sending.fates import Fates
from inngest_rest._visible import shown
from inngest_rest.errors import InvalidArgumentError, InvalidEventError
from inngest_rest.event import Event, EventLike
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from inngest_rest._core.buffer.schedule import Schedule
    from inngest_rest._core.event_names import NameConvention

logger = logging.getLogger("inngest_rest")


class MemoryStore:
    """A bounded queue of events, in the order they came.

    Args:
        schedule: Notified of events that come and go; its lock also guards the counts here.
        wake: Called, outside the lock, to wake a resting worker.
        batch_size: Maximum number of events per batch.
        max_pending: Maximum number of events that wait or are being sent.
        convention: The check of the events' names, if there is one.
    """

    def __init__(
        self,
        schedule: Schedule,
        wake: Callable[[], None],
        *,
        batch_size: int,
        max_pending: int,
        convention: NameConvention | None = None,
    ) -> None:
        self._schedule = schedule
        self._wake = wake
        self._batch_size = batch_size
        self._max_pending = max_pending
        self._convention = convention
        self.restart()

    def restart(self) -> None:
        """Start empty, with locks of our own: a forked child leaves the rest to its parent."""
        self._taking = threading.Lock()
        self._events: deque[EventLike] = deque()
        self._ready: deque[Batch] = deque()
        self._encoded = 0
        # Taken and not yet settled: being sent, or to be sent again.
        self._taken: Batch | None = None
        self._parking = Parking(self._schedule, _size, Batch.part)
        # How many events are parked or were taken from there, and the first of them.
        self._parked = 0
        self._first_parked: float = math.inf
        self._added = 0
        self._gone = 0
        # `_added` at which there is no more room: so `put` makes one comparison.
        self._full_at = self._max_pending
        self._schedule.restart()

    def put(self, event: Any) -> bool:
        """Take an event; nested values are validated when it is encoded."""
        kept: Any
        if event.__class__ is dict:
            # A copy: callers may reuse the mapping for their next event.
            kept = event.copy()
            name, data = kept.get("name"), kept.get("data")
        elif isinstance(event, Event):
            kept, name, data = event, event.name, event.data
        else:
            kept = _as_dict(event)
            name, data = kept.get("name"), kept.get("data")
        if name.__class__ is not str or not name or name[0] in "iI" or self._convention is not None:
            _check_name(name, self._convention)
        if data.__class__ is not dict and not (data is None or isinstance(data, Mapping)):
            raise InvalidEventError(f"data must be a JSON object, not {type(data).__name__}")
        schedule = self._schedule
        with schedule.lock:
            if self._added >= self._full_at:
                return False
            wake = schedule.count_one()
            self._added += 1
            self._events.append(kept)
        if wake:
            self._wake()
        return True

    def shut(self) -> None:
        with self._schedule.lock:
            self._max_pending = self._full_at = 0

    def take(self) -> Batch | None:
        with self._taking:
            self._taken = self._taken or self._next()
            with self._schedule.lock:
                self._note_parked()
                taken = 0 if self._parking.taken else _size(self._taken)
                self._schedule.took(
                    self.pending - self._parked - taken,
                    is_full=bool(self._ready),
                    parked_until=self._parking.next_due(),
                )
            return self._taken

    def _next(self) -> Batch | None:
        if self._parking.comes_first:
            return self._next_parked() or self._next_new()
        batch = self._next_new()
        if batch is not None and len(batch.positions) > 1 and self._parking.is_full:
            self._ready.appendleft(batch.part(1))
            return batch.part(0, 1)._replace(refused=batch.refused)
        return batch or self._next_parked()

    def _next_parked(self) -> Batch | None:
        parked = self._parking.take()
        if parked is None:
            return None
        return parked.item._replace(is_to_blame=parked.is_to_blame)

    def _note_parked(self) -> None:
        self._parked = sum(map(_size, self._parking))
        self._first_parked = min((each.positions[0] for each in self._parking), default=math.inf)

    def _next_new(self) -> Batch | None:
        if not self._ready:
            count = min(len(self._events), self._batch_size)
            chunk = [self._events.popleft() for _ in range(count)]
            self._ready += self._encode(chunk)
        return self._ready.popleft() if self._ready else None

    def _encode(self, chunk: Sequence[EventLike]) -> Iterator[Batch]:
        """Encode the next events; their positions count in the order of adding."""
        first = self._encoded
        self._encoded += len(chunk)
        try:
            batches = list(batches_of_events(chunk, len(chunk) or 1, lenient=True))
        except Exception as error:  # noqa: BLE001 - a mapping class of the caller's own raised
            if len(chunk) == 1:
                failure = SendFailure(first, _describe(chunk[0]), f"cannot be read: {shown(error)}")
                yield Batch((), b"[]", (failure,))
                return
            self._encoded = first
            for event in chunk:
                yield from self._encode([event])
        else:
            for batch in batches:
                yield _moved(batch, first)

    def settle(self, fates: Fates) -> Fates | None:
        with self._taking:
            if fates.batch is not self._taken:
                return None
            final, rest = fates.split()
            self._taken = rest
            if rest is None:
                self._parking.taken = None
                if fates.each:
                    self._parking.succeeded()
            elif may_be_about_the_events(fates.cause):
                self._parking.failed(rest)
                self._taken = None
            else:
                self._stay(rest)
            with self._schedule.lock:
                self._gone += _size(fates.batch) - _size(rest)
                self._full_at = self._max_pending and self._max_pending + self._gone
                self._note_kept()
            return final

    def _stay(self, batch: Batch) -> None:
        """Keep a batch that is not to blame where it came from."""
        is_parked = self._parking.taken is not None
        self._parking.put_back(batch)
        self._taken = None if is_parked else batch

    def _note_kept(self) -> None:
        self._note_parked()
        self._schedule.kept(self.pending - self._parked, parked_until=self._parking.next_due())

    def put_back(self, batch: Batch) -> None:
        with self._taking:
            if batch is self._taken:
                self._stay(batch._replace(may_be_stored=True))
                with self._schedule.lock:
                    self._note_kept()

    @property
    def pending(self) -> int:
        with self._schedule.lock:
            return self._added - self._gone

    def mark(self) -> int:
        with self._schedule.lock:
            return self._added

    def has_left(self, mark: int) -> bool:
        with self._schedule.lock:
            # All before the last that was taken are gone, but for those that are parked.
            return mark > self._gone + self._parked or mark > self._first_parked

    def dead_letters(self) -> list[SendFailure]:
        raise InvalidArgumentError(
            "dead letters are kept in a file: give the buffer a path as its store"
        )

    def discard(self, letters: Iterable[SendFailure]) -> None:  # noqa: ARG002
        self.dead_letters()

    def hurry(self) -> None:
        pass

    def close(self, on_lost: Callable[[Fates], object]) -> int:
        """Forget everything that is left, including what is being sent."""
        with self._taking:
            left = list(self._parking)
            if self._taken is not None and self._parking.taken is None:
                left.append(self._taken)
            self._taken = None
            while (batch := self._next_new()) is not None:
                left.append(batch)
            self._parking = Parking(self._schedule, _size, Batch.part)
            with self._schedule.lock:
                self._gone = self._added
                self._note_parked()
                self._schedule.took(0)
        for batch in left:
            on_lost(Fates.unknown(batch, "the buffer was closed before it was accepted"))
        count = sum(len(batch.positions) for batch in left)
        if count:
            logger.warning("%d events were not accepted when the buffer closed; see report", count)
        return count


def _as_dict(event: object) -> dict[str, Any]:
    if isinstance(event, Mapping):
        return {**event}
    raise InvalidEventError(f"an event is an Event or a mapping, not {type(event).__name__}")


def _check_name(name: object, convention: NameConvention | None) -> None:
    try:
        check_name(name, convention)
    except ValueError as error:
        raise InvalidEventError(str(error)) from None


def _describe(event: EventLike) -> Mapping[str, Any]:
    """Describe an event whose data cannot be read, for its failure."""
    return {"name": event.name} if isinstance(event, Event) else {"name": event.get("name")}


def _moved(batch: Batch, by: int) -> Batch:
    """Shift the positions."""
    moved = [SendFailure(each.position + by, each.event, each.reason) for each in batch.refused]
    return batch._replace(positions=[each + by for each in batch.positions], refused=moved)


def _size(batch: Batch | None) -> int:
    return 0 if batch is None else len(batch.positions) + len(batch.refused)
