"""The outcome of a batch, event by event, from the response to the report."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from attrs import frozen

from inngest_rest._core.calls.retry import had_no_effect
from inngest_rest.reports import BatchReport, SendFailure, SendReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.errors import InngestError


class Rejected(NamedTuple):
    """The server will never accept the event.

    Attributes:
        reason: Why.
        may_be_stored: Whether it may have accepted it before: then it is reported as unknown.
    """

    reason: str
    may_be_stored: bool = False


class Unknown(NamedTuple):
    """No response accounts for the event, or it was not sent after a failure."""

    reason: str


EventOutcome = str | Rejected | Unknown
"""The internal id of an accepted event, or why it was not accepted.

A bare string, since nearly every outcome is one and this is the hot path.
"""


@frozen(slots=False)  # for what is cached
class BatchOutcome:
    """What became of the events of a batch.

    Attributes:
        batch: The events.
        each: The outcome of each, in order.
        cause: The error that left some of them unknown, if one did.
    """

    batch: Batch
    each: Sequence[EventOutcome]
    cause: InngestError | None = None

    @classmethod
    def unknown(cls, batch: Batch, reason: str) -> BatchOutcome:
        """Return the outcomes of a batch that got no response."""
        return cls(batch, [Unknown(reason)] * len(batch.positions))

    @cached_property
    def ids(self) -> tuple[str | None, ...]:
        """The internal id of each event, or None if it is not known to be accepted."""
        return tuple(result if isinstance(result, str) else None for result in self.each)

    @cached_property
    def are_all_accepted(self) -> bool:
        return {str}.issuperset(map(type, self.each))

    @cached_property
    def known(self) -> int:
        """How many events come before the first one whose outcome is unknown."""
        if self.are_all_accepted:
            return len(self.each)
        unknown = (index for index, result in enumerate(self.each) if isinstance(result, Unknown))
        return next(unknown, len(self.each))

    @cached_property
    def report(self) -> SendReport:
        """Count the outcomes and list every failure, including events rejected before sending."""
        invalid = self.batch.invalid
        if self.are_all_accepted:
            return SendReport(len(self.each), len(invalid), 0, tuple(invalid))
        failures, unknown = list(invalid), 0
        events = zip(self.batch.positions, self.batch.events(), self.each, strict=True)
        for position, event, result in events:
            if not isinstance(result, str):
                failures.append(SendFailure(position, event, result.reason))
                unknown += isinstance(result, Unknown) or result.may_be_stored
        accepted = len(self.each) + len(invalid) - len(failures)
        return SendReport(accepted, len(failures) - unknown, unknown, tuple(failures))

    def rejections(self) -> list[tuple[int, str]]:
        """Return the position and reason of each event that was rejected, here or by the server."""
        invalid = [(each.position, each.reason) for each in self.batch.invalid]
        rejected = [
            (position, result.reason)
            for position, result in zip(self.batch.positions, self.each, strict=True)
            if isinstance(result, Rejected)
        ]
        return sorted(invalid + rejected)

    def batch_report(self) -> BatchReport:
        """Return what `on_batch` is called with."""
        return BatchReport(self.batch.positions, self.ids, self.report)

    def split(self) -> tuple[BatchOutcome, Batch | None]:
        """Separate the final outcomes from the events to send again, the end of the batch."""
        if self.known == len(self.each):
            return self, None
        done = self.batch.part(0, self.known)._replace(invalid=self.batch.invalid)
        rest = self.batch.part(self.known)._replace(may_be_stored=self.rest_may_be_stored)
        return BatchOutcome(done, self.each[: self.known]), rest

    @property
    def rest_may_be_stored(self) -> bool:
        """Whether events whose outcome is unknown may be stored."""
        has_effect = self.cause is not None and not had_no_effect(self.cause)
        return self.batch.may_be_stored or has_effect
