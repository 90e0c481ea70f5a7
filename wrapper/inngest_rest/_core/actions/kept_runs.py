"""What a bulk operation remembers of each run that it listed, in little memory."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Self

from attrs import frozen

from inngest_rest._packed_ids import PackedIds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.models import Run

_ENDED, _OF_BATCH = 1, 2


@frozen
class KeptRun:
    """What matters of a run, beside its id.

    Attributes:
        event_id: The event that started it; None for one without.
        function: Its app and function, None where the route does not have them.
        is_ended: Whether it has ended.
        is_of_batch: Whether it handled a batch of events.
    """

    event_id: str | None
    function: tuple[str | None, str | None]
    is_ended: bool
    is_of_batch: bool

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return what matters of a run."""
        return cls(
            next(iter(run.event_ids), None),
            (run.app_id, run.function_id),
            run.is_ended,
            run.batch_id is not None,
        )


class KeptRuns:
    """Runs in the order in which they were added, in 21 bytes each."""

    def __init__(self) -> None:
        self._event_ids = PackedIds()
        self._functions: dict[tuple[str | None, str | None], int] = {}
        self._numbers = array("I")
        self._flags = bytearray()

    def add(self, run: Run) -> None:
        """Remember what matters of a run."""
        kept = KeptRun.of(run)
        self._event_ids[len(self._flags)] = kept.event_id
        self._numbers.append(self._functions.setdefault(kept.function, len(self._functions)))
        self._flags.append(_ENDED * kept.is_ended | _OF_BATCH * kept.is_of_batch)

    def __iter__(self) -> Iterator[KeptRun]:
        functions = list(self._functions)
        for at, (number, flags) in enumerate(zip(self._numbers, self._flags, strict=True)):
            yield KeptRun(
                self._event_ids[at],
                functions[number],
                is_ended=bool(flags & _ENDED),
                is_of_batch=bool(flags & _OF_BATCH),
            )
