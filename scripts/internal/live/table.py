"""Tabulate which operations work on which releases."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, get_args

from inngest_rest_api.api import NEWEST_RECORDED, OPERATIONS
from scripts.internal.tables import aligned
from tests.contract.conformance import camel, general
from tests.contract.live_report import Outcome
from tests.contract.world import SINCE, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.contract.live_report import Report

LEGEND = """\
works: all cases that used it passed   absent: not in this release   fails: a case failed on it
refuses: only errors, as documented    -: no case used it"""


def table(reports: Sequence[Report]) -> Iterator[str]:
    """Yield the lines of a table: a row per operation, a column per server, and counts of cases."""
    rows = [["operation", *(report.release for report in reports)]]
    rows += [
        [name, *(state(name, report) for report in reports)]
        for name in (camel(each.name) for each in OPERATIONS)
    ]
    counts = [Counter(case.outcome for case in report.cases) for report in reports]
    rows += [
        [f"cases {outcome}", *(str(each[outcome]) for each in counts)]
        for outcome in get_args(Outcome)
    ]
    yield from aligned(rows)
    yield from ("", *LEGEND.splitlines())


def state(operation: str, report: Report) -> str:
    """Return what is known of an operation on one server."""
    using = [case for case in report.cases if operation in case.asked]
    if operation in report.lacks:
        return "absent"
    if any(case.outcome == "failed" and case.last == operation for case in using):
        return "fails"
    if any(operation in case.succeeded for case in using):
        return "works"
    if not using:
        return "-"
    return "refuses" if operation in SINCE else "absent"


def differences(reports: Sequence[Report]) -> Iterator[str]:
    """Yield what each server answers otherwise than the document, and whether it is a newer one."""
    for report in reports:
        release = report.release
        newest = NEWEST_RECORDED
        is_newer = re.match(r"\d", release) and parts(release)[:2] > parts(newest)[:2]
        if is_newer:
            yield f"{release} is newer than {newest}, the newest release that was recorded."
        if is_newer or report.differences:
            found = len(report.differences)
            yield f"{release} answers otherwise than the document: {found} differences"
            yield from (f"  {each}" for each in report.differences)


def failures(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a line for each reason for which cases failed, the most frequent first."""
    for report in reports:
        failed: dict[str, list[str]] = defaultdict(list)
        for case in report.cases:
            if case.outcome == "failed":
                failed[general(case.reason)].append(case.name.rpartition("/")[2])
        for reason, names in sorted(failed.items(), key=lambda each: -len(each[1])):
            cases = names[0] if len(names) == 1 else f"{len(names)} cases, such as {names[0]}"
            yield f"FAILED {report.release} {cases}: {reason}"
