"""The outcome of one batch: one fate per event, from the response to the report."""

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


Fate = str | Rejected | Unknown
"""The internal id of an accepted event, or why it was not accepted.

A bare string, since nearly every fate is one and this is the hot path.
"""


@frozen(slots=False)  # for what is cached
class Fates:
    """The fates of the events of a batch.

    Attributes:
        batch: The events.
        each: The fate of each, in order.
        cause: The error that left some of them unknown, if one did.
    """

    batch: Batch
    each: Sequence[Fate]
    cause: InngestError | None = None

    @classmethod
    def unknown(cls, batch: Batch, reason: str) -> Fates:
        """Return the fates of a batch that got no response."""
        return cls(batch, [Unknown(reason)] * len(batch.positions))

    @cached_property
    def ids(self) -> tuple[str | None, ...]:
        """The internal id of each event, or None if it is not known to be accepted."""
        if self.are_all_accepted:
            return tuple(self.each)  # type: ignore[arg-type] # pyright: ignore[reportReturnType]
        return tuple(fate if isinstance(fate, str) else None for fate in self.each)

    @cached_property
    def are_all_accepted(self) -> bool:
        return {str}.issuperset(map(type, self.each))

    @cached_property
    def known(self) -> int:
        """How many events come before the first one whose fate is unknown."""
        if self.are_all_accepted:
            return len(self.each)
        unknown = (index for index, fate in enumerate(self.each) if isinstance(fate, Unknown))
        return next(unknown, len(self.each))

    @cached_property
    def report(self) -> SendReport:
        """Count the fates and list every failure, including events rejected before sending."""
        refused = self.batch.refused
        if self.are_all_accepted:
            return SendReport(len(self.each), len(refused), 0, tuple(refused))
        failures = [
            SendFailure(position, event, fate.reason)
            for position, event, fate in zip(
                self.batch.positions, self.batch.events(), self.each, strict=True
            )
            if not isinstance(fate, str)
        ]
        unknown = sum(
            isinstance(fate, Unknown) or (isinstance(fate, Rejected) and fate.may_be_stored)
            for fate in self.each
        )
        return SendReport(
            accepted=len(self.each) - len(failures),
            rejected=len(refused) + len(failures) - unknown,
            unknown=unknown,
            failures=(*refused, *failures),
        )

    def rejections(self) -> list[tuple[int, str]]:
        """Return the position and reason of each event that was rejected, here or by the server."""
        refused = [(each.position, each.reason) for each in self.batch.refused]
        rejected = [
            (position, fate.reason)
            for position, fate in zip(self.batch.positions, self.each, strict=True)
            if isinstance(fate, Rejected)
        ]
        return sorted(refused + rejected)

    def batch_report(self) -> BatchReport:
        """Return what `on_batch` is called with."""
        return BatchReport(self.batch.positions, self.ids, self.report)

    def split(self) -> tuple[Fates, Batch | None]:
        """Separate the final fates from the events to send again, the end of the batch."""
        if self.known == len(self.each):
            return self, None
        done = self.batch.part(0, self.known)._replace(refused=self.batch.refused)
        rest = self.batch.part(self.known)._replace(may_be_stored=self.rest_may_be_stored)
        return Fates(done, self.each[: self.known]), rest

    @property
    def rest_may_be_stored(self) -> bool:
        """Whether events whose fate is unknown may be stored."""
        return self.batch.may_be_stored or (
            self.cause is not None and not had_no_effect(self.cause)
        )
