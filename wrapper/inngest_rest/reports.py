"""What became of the events of a send: a leaf, apart from the models so that sending loads fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@frozen
class SendFailure:
    """An event that was not accepted, or whose fate is unknown.

    Attributes:
        position: Its index in what was handed over, from 0.
        event: The event as it went out, with its id: sending it again repeats no run.
        reason: What the server, or the check before it, said.
    """

    position: int
    event: Mapping[str, Any] = field(repr=False)
    reason: str


MAX_FAILURES = 1_000


@frozen
class SendReport:
    """What became of the events of a send. Reports add up with `+`.

    Attributes:
        accepted: How many the server stored.
        rejected: How many it, or the check before it, refused.
        unknown: How many went out without an answer, or were not tried after a failure.
        failures: The first 1,000 that were not accepted.
    """

    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    failures: tuple[SendFailure, ...] = ()

    def __add__(self, other: SendReport) -> SendReport:
        return SendReport(
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.unknown + other.unknown,
            (self.failures + other.failures)[:MAX_FAILURES],
        )


@frozen
class BatchReport:
    """What became of one batch of a `send_many`, as `on_batch` is told.

    Attributes:
        positions: The index of each event that went out, in what was handed over.
        ids: For each of those its internal id, or None where it was not known to be accepted.
        report: Counts and every failure, those refused before the batch went out included.
    """

    positions: Sequence[int]
    ids: tuple[str | None, ...] = field(repr=False)
    report: SendReport
