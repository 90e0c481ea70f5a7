"""Reports on sent events, apart from the models so that a program that only sends loads fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from attrs import field, frozen

from inngest_rest.record import Record


@frozen(repr=False)
class SendFailure(Record):
    """An event that was rejected, or whose outcome is unknown.

    Attributes:
        position: Its index in the caller's input, from 0; for a file the number of its line, from
            1; in an outbox the number of its row.
        event: The event as it was sent, with its id: resending it starts no second run, except of
            functions that debounce or batch events. One rejected before sending is unchanged.
        reason: The reason given by the server or by the check before sending.
        outcome: "rejected", or "unknown" if it may be stored or was not sent after a failure.
    """

    position: int
    event: Mapping[str, Any] = field(repr=False)
    reason: str
    outcome: Literal["rejected", "unknown"] = "rejected"


MAX_FAILURES = 1_000


@frozen(repr=False)
class SendReport(Record):
    """The outcome of sending events. Reports can be added with `+`.

    Attributes:
        accepted: Number of events the server acknowledged. A self-hosted server acknowledges
            before it stores, and loses the events of its last second when it ends. One whose id it
            has had within 24 hours is acknowledged as any other, and starts nothing: no response
            tells, `events.explain` does.
        rejected: Number of events rejected by the server or by the check before sending.
        unknown: Number of events sent without getting a response, or not sent after a failure. For
            a buffer, includes events sent without a response that the server rejected on resend.
        failures: The first 1,000 events that were not accepted.
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


@frozen(repr=False)
class BatchReport(Record):
    """The outcome of one batch of a `send_many`, as passed to `on_batch`.

    Attributes:
        positions: The index of each event that was sent, in the caller's input.
        ids: The internal id of each of those, or None if it is not known to be accepted.
        report: Counts and every failure, including events rejected before the batch was sent.
        share: How much of a file has been read at the end of the batch, from 0 to 1; None where
            that is unknown.
    """

    positions: Sequence[int]
    ids: tuple[str | None, ...] = field(repr=False)
    report: SendReport
    share: float | None = None

    @property
    def end(self) -> int:
        """The position after its last event, rejected ones included.

        Everything before it is final if neither this batch nor one before left any unknown.
        """
        last = (each.position for each in self.report.failures)
        return max(*self.positions[-1:], *last, -1) + 1
