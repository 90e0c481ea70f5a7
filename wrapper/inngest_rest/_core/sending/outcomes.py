"""The outcome of a batch, event by event, from the response to the report."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from attrs import frozen

from inngest_rest._core.calls.retry import had_no_effect
from inngest_rest.reports import BatchReport, SendFailure, SendReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest._core.sending.batching import Batch
    from inngest_rest.errors import InngestError


class Rejected(NamedTuple):
    """The server will never accept the event, and says why."""

    reason: str
    may_be_stored: bool = False  # by an earlier request; reported as unknown then


class Unknown(NamedTuple):
    """No response accounts for the event, or it was not sent after a failure."""

    reason: str


EventOutcome = str | Rejected | Unknown
"""The internal id of an accepted event, or the reason it was not accepted.

A bare string, since nearly every outcome is one and this is the hot path.
"""


@frozen(slots=False)  # for cached_property
class BatchOutcome:
    """The outcome of each event of a batch, and the error that left some of them unknown."""

    batch: Batch
    each: Sequence[EventOutcome]
    cause: InngestError | None = None

    @classmethod
    def unknown(cls, batch: Batch, reason: str) -> BatchOutcome:
        return cls(batch, [Unknown(reason)] * len(batch.positions))

    @cached_property
    def ids(self) -> tuple[str | None, ...]:
        """The internal id of each event known to be accepted, else None."""
        return tuple(result if isinstance(result, str) else None for result in self.each)

    @cached_property
    def are_all_accepted(self) -> bool:
        return {str}.issuperset(map(type, self.each))

    @cached_property
    def known(self) -> int:
        """The number of events before the first of unknown outcome."""
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
                is_unknown = isinstance(result, Unknown) or result.may_be_stored
                outcome: Literal["rejected", "unknown"] = "unknown" if is_unknown else "rejected"
                failures.append(SendFailure(position, event, result.reason, outcome))
                unknown += is_unknown
        accepted = len(self.each) + len(invalid) - len(failures)
        return SendReport(accepted, len(failures) - unknown, unknown, tuple(failures))

    def rejections(self) -> list[tuple[int, str]]:
        """Return the position and reason of each event rejected locally or by the server."""
        invalid = [(each.position, each.reason) for each in self.batch.invalid]
        rejected = [
            (position, result.reason)
            for position, result in zip(self.batch.positions, self.each, strict=True)
            if isinstance(result, Rejected)
        ]
        return sorted(invalid + rejected)

    def batch_report(self) -> BatchReport:
        return BatchReport(self.batch.positions, self.ids, self.report, self.batch.share)

    def split(self) -> tuple[BatchOutcome, Batch | None]:
        """Split into final outcomes and the rest of the batch, to resend."""
        if self.known == len(self.each):
            return self, None
        done = self.batch.part(0, self.known)._replace(invalid=self.batch.invalid)
        rest = self.batch.part(self.known)._replace(may_be_stored=self.rest_may_be_stored)
        return BatchOutcome(done, self.each[: self.known]), rest

    @property
    def rest_may_be_stored(self) -> bool:
        """Whether events of unknown outcome may be stored."""
        has_effect = self.cause is not None and not had_no_effect(self.cause)
        return self.batch.may_be_stored or has_effect
