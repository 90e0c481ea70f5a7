"""What the cases found on a real server: written by pytest, read by scripts/test-live."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, Self

from attrs import asdict, define, field, frozen

from .world import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

    from .live_routes import Routes
    from .world import World

Outcome = Literal["passed", "absent", "skipped", "failed"]


def _names(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(found)


@define
class Case:
    """What came of a case.

    Attributes:
        name: The case, with the client it was tried with.
        outcome: `absent` if it needs a route that the server does not have.
        reason: Why it did not pass, if so.
        asked: The operations it used.
        succeeded: Those that it had a success of.
        last: The one that it used last.
    """

    name: str
    outcome: Outcome
    reason: str = ""
    asked: tuple[str, ...] = field(default=(), converter=_names)
    succeeded: tuple[str, ...] = field(default=(), converter=_names)
    last: str | None = None


@frozen
class Report:
    """What came of all cases.

    Attributes:
        release: The server's release.
        lacks: The operations, by id, that it does not have yet.
        cases: What came of each case.
        differences: How its responses differ from the document, each difference once.
    """

    release: str
    lacks: tuple[str, ...]
    cases: tuple[Case, ...]
    differences: tuple[str, ...] = field(default=(), converter=_names)

    @classmethod
    def of_nothing(cls, release: str, why: str) -> Self:
        """Return the report of a server that could not be tried."""
        return cls(release, (), (Case("every case", "failed", why),))

    def write(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        cases = tuple(Case(**each) for each in found["cases"])
        return cls(found["release"], tuple(found["lacks"]), cases, found["differences"])


class Cases:
    """Collects what comes of each case from the reports of its phases."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._cases: dict[str, Case] = {}
        self._differences = set[str]()

    def note(self, report: pytest.TestReport, world: World | None) -> None:
        """Take in one phase; the first that failed decides, else the first that was skipped."""
        case = self._cases.setdefault(report.nodeid, Case(report.nodeid, "passed"))
        if world is not None:
            case.asked = tuple(dict.fromkeys(step.operation for step in world.trail))
            case.succeeded = tuple({step.operation for step in world.trail if step.is_success})
            case.last = world.trail[-1].operation if world.trail else None
            self._differences |= world.differences
        if report.failed and case.outcome != "failed":
            case.outcome, case.reason = "failed", _reason(report)
        elif report.skipped and case.outcome == "passed":
            case.reason = _reason(report)
            case.outcome = "absent" if case.reason.startswith(ABSENT) else "skipped"

    def report(self) -> Report:
        """Return what was noted."""
        routes = self._routes
        cases, differences = tuple(self._cases.values()), sorted(self._differences)
        return Report(routes.release, tuple(sorted(routes.lacks)), cases, differences)


def _reason(report: pytest.TestReport) -> str:
    told = report.longrepr
    if isinstance(told, tuple):
        return told[2].removeprefix("Skipped: ")
    crash = getattr(told, "reprcrash", None)
    return (crash.message if crash else str(told)).strip().partition("\n")[0]
