"""The store of a buffer: where events wait until they are accepted or rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest._core.sending.batching import Batch
    from inngest_rest._core.sending.fates import Fates
    from inngest_rest.event import EventLike
    from inngest_rest.reports import SendFailure


class Store(Protocol):
    """Where events wait; any thread may call it."""

    def put(self, event: EventLike) -> bool:
        """Take an event and return True, or return False if there is no room.

        Raises:
            InvalidEventError: The event is invalid.
            OutboxError: The event could not be stored.
        """
        ...

    def take(self) -> Batch | None:
        """Return the batch that goes out next, or None: oldest events first, but for failed ones.

        Events stay in the store until they are settled: those of a batch that was not settled are
        returned again. So at most one batch is being sent at a time.
        """
        ...

    def settle(self, fates: Fates) -> Fates | None:
        """Remove events that were accepted or rejected, and keep the rest to be sent again.

        Returns:
            The final fates; None if the store was closed in the meantime.
        """
        ...

    def put_back(self, batch: Batch) -> None:
        """Keep a batch that was not sent to the end; nothing happens if it was settled."""
        ...

    @property
    def pending(self) -> int:
        """How many events wait or are being sent."""
        ...

    def mark(self) -> int:
        """Return a mark after the last event that was put."""
        ...

    def has_left(self, mark: int) -> bool:
        """Return whether any event before the mark is neither accepted nor rejected."""
        ...

    def dead_letters(self) -> list[SendFailure]:
        """Return the rejected events that are kept, oldest first."""
        ...

    def discard(self, letters: Iterable[SendFailure]) -> None:
        """Delete dead letters."""
        ...

    def shut(self) -> None:
        """Take no more events."""
        ...

    def hurry(self) -> None:
        """Wait for no other process any more: the time to close is up."""
        ...

    def close(self, on_lost: Callable[[Fates], object]) -> int:
        """Release everything, log how many events are left, and return that number.

        Args:
            on_lost: Called with the fates of events that are lost.
        """
        ...

    def restart(self) -> None:
        """Start anew in a forked child; batches in flight stay with the parent."""
        ...
