"""The status of a server: one verdict on whether its work starts, succeeds and arrives.

_plan      the requests, their order, and the handling of failed ones
_rules     the thresholds that a caller sets, checked
_evidence  the results of the requests
_verdicts  a module for each question, from the evidence to a finding
_headline  the worst severity, and its one-line summary
_crons     whether crons fire, by one rule
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from inngest_rest.findings import Finding, Severity
from inngest_rest.record import Record
from inngest_rest.responses import Target

__all__ = ["Share", "StatusReport"]

Share = float | str
"""A share below 1: 0.05, or "5%"."""


@frozen(repr=False)
class StatusReport(Record):
    """The status of a server. Its `str` has the headline, and each finding on a line.

    Attributes:
        verdict: The worst of the findings: "broken", else "unknown" if what a rule or the whole
            needs could not be read, else "warning" or "ok". A quiet server is "ok".
        headline: The verdict in one sentence.
        findings: The answer to each question: "server" (does it answer), "starting" (does work
            start), "succeeding" (does it succeed), "stuck" (is an open run lost or overdue),
            "fresh" (does anything arrive, does it start runs, and do the clocks agree), "crons" (do
            they fire), "apps" (are they synced, and reached); and if a rule asks for it, "success"
            (of the functions that have to succeed) and "queue" (its depth).
        target: The URLs and environment of the client.
        at: When it was found out, by the server's clock.
    """

    verdict: Severity
    headline: str
    findings: tuple[Finding, ...]
    target: Target
    at: datetime

    @property
    def is_ok(self) -> bool:
        """Whether nothing is broken, and enough could be read to say so; there may be warnings."""
        return self.verdict in {Severity.OK, Severity.WARNING}

    def __str__(self) -> str:
        return "\n".join([self.headline, *map(str, self.findings)])
