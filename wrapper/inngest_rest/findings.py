"""Findings: what was found out about a server, its settings or its work, and how bad it is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from inngest_rest.record import Record

__all__ = ["Finding", "Severity"]


class Severity(StrEnum):
    """How bad a finding is.

    Attributes:
        OK: Nothing wrong is seen.
        WARNING: Something needs a look: it may be as it should.
        BROKEN: Something does not work, or a rule is broken, as the evidence proves.
        UNKNOWN: The evidence says neither, or could not be read.
    """

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@frozen(kw_only=True, repr=False)
class Finding(Record):
    """The answer to one question.

    Attributes:
        kind: The question; the report that has the finding lists them.
        severity: How bad the answer is.
        message: The answer in words, with the figures.
        evidence: The figures by name.
        limits: What the evidence cannot tell; None if there is nothing of that kind.
        remedy: What to do next; None if nothing needs a look. If it names a call, it is an
            `Advice`, which programs render with the names of their own.
    """

    kind: str
    severity: Severity
    message: str
    evidence: Mapping[str, int | float | str] = field(
        factory=dict[str, "int | float | str"]
    )
    limits: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        line = f"{self.severity:<8} {self.kind:<12} {self.message}"
        return f"{line}\n{'':<22}-> {self.remedy}" if self.remedy else line
