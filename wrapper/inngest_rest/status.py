"""The status of a server: one verdict on whether its work starts, succeeds and arrives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from inngest_rest.record import Record
from inngest_rest.responses import Target

__all__ = ["StatusCheck", "StatusReport", "Verdict"]


class Verdict(StrEnum):
    """What the evidence says of a part of the work.

    Attributes:
        OK: Nothing wrong is seen.
        WARNING: Something needs a look: it may be as it should.
        BROKEN: Something does not work, as the evidence proves.
        UNKNOWN: The evidence says neither, or could not be read.
    """

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@frozen(repr=False)
class StatusCheck(Record):
    """One question about the work of a server, with its verdict.

    Attributes:
        check: "server" (does it answer), "starting" (does work start), "succeeding" (does it
            succeed), "stuck" (is an open run lost or overdue), "fresh" (does anything arrive, and
            do the clocks agree), "crons" (do they fire), "apps" (are they synced, and reached).
        verdict: What the evidence says.
        message: The same in words, with the figures.
        figures: The figures by name.
        limits: What the evidence cannot tell; None if there is nothing of that kind.
        next_command: The command line that shows more; None if nothing needs a look.
    """

    check: str
    verdict: Verdict
    message: str
    figures: Mapping[str, int | float | str] = field(
        factory=dict[str, "int | float | str"]
    )
    limits: str | None = None
    next_command: str | None = None

    def __str__(self) -> str:
        line = f"{self.verdict:<8} {self.check:<11} {self.message}"
        return f"{line}\n{'':<20} -> {self.next_command}" if self.next_command else line


@frozen(repr=False)
class StatusReport(Record):
    """The status of a server. Its `str` has the headline, and each check on a line.

    Attributes:
        verdict: The worst of the checks; "unknown" only if some could not be read, and nothing
            wrong is seen. A quiet server is "ok".
        headline: The verdict in one sentence.
        checks: Each question with its verdict.
        target: The URLs and environment of the client.
        at: When it was found out, by the server's clock.
    """

    verdict: Verdict
    headline: str
    checks: tuple[StatusCheck, ...]
    target: Target
    at: datetime

    @property
    def is_ok(self) -> bool:
        """Whether nothing is broken, and enough could be read to say so; there may be warnings."""
        return self.verdict in {Verdict.OK, Verdict.WARNING}

    def __str__(self) -> str:
        return "\n".join([self.headline, *map(str, self.checks)])
