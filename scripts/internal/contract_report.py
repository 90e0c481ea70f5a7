"""Print which documented responses were tried: by recordings, the mock suite, the live suite.

Beside each response stand its sources: the releases it was recorded from, and whether the vendor
documents it for Inngest Cloud, it was requested, or it was only read in the server's source.

Exit status: 0 success; 1 an operation has neither a method of the client nor a reason for having
none, or a success was never seen, unless the vendor's documents are all that is known of it; 2 the
mock suite itself fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.contract.document import Document
from tests.contract.exercised import LIVE_RECORD, Answer, read
from tests.contract.methods import METHODS, NOT_WRAPPED
from tests.contract.parsing import documented
from tests.contract.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.contract.document import Operation
    from tests.contract.parsing import Exchange

ROOT = Path(__file__).resolve().parents[2]
SUITE = "tests/contract/cases"


@dataclass(frozen=True)
class Row:
    """One response of an operation: a documented status, or a status that v1 hides in a 200.

    Attributes:
        operation: The operation's id.
        method: The method of the client that calls it, if any.
        reason: Why there is none.
        status: The HTTP status.
        body_status: The effective status, where the body has another one.
        recordings: How many recordings show it.
        releases: Of which releases they are.
        sources: The sources that the document states; a response that several operations share has
            those of all of them. None for a status that v1 hides in a 200.
        mock: Whether the suite got it from the mock server.
        live: Whether the suite got it from a real server; None if it never ran here.
    """

    operation: str
    method: str | None
    reason: str | None
    status: int
    body_status: int | None
    recordings: int
    releases: tuple[str, ...]
    sources: Sources | None
    mock: bool
    live: bool | None

    @property
    def is_tried(self) -> bool:
        """Whether a recording or a suite showed it."""
        return bool(self.recordings or self.mock or self.live)

    @property
    def is_only_documented(self) -> bool:
        """Whether the vendor's documents are all that is known of it."""
        return self.sources is not None and str(self.sources) == "documented"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/contract-report", description=(__doc__ or "").partition("\n")[0]
    )
    parser.parse_args()
    try:
        mock = run_mock_suite()
    except subprocess.CalledProcessError as failure:
        print(failure.stdout, "The mock suite fails: no report.", file=sys.stderr)
        return 2
    live = read(LIVE_RECORD) if LIVE_RECORD.exists() else None
    document = Document.load()
    found = list(rows(document, documented(document).values(), mock, live))
    wrong = problems(found)
    print(*table(found), *summary(found), sep="\n")
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


def run_mock_suite(*selection: str) -> set[Answer]:
    """Run the suite on the mock server and return the responses it got."""
    with tempfile.TemporaryDirectory() as scratch:
        record = Path(scratch) / "exercised.json"
        command = [sys.executable, "-m", "pytest", SUITE, "-q", "-p", "no:cacheprovider"]
        subprocess.run(
            [*command, "--exercised", str(record), *selection],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        return read(record)


def rows(
    document: Document, exchanges: Iterable[Exchange], mock: set[Answer], live: set[Answer] | None
) -> Iterator[Row]:
    """Return the rows of the table, sorted by family and name of the operation."""
    recorded: dict[Answer, list[str]] = defaultdict(list)
    for recording, operation in exchanges:
        answer = Answer.of(operation.id, recording.status, recording.received)
        recorded[answer].append(recording.minor_release)
    seen = {*recorded, *mock, *(live or ())}
    for operation in sorted(document.operations, key=lambda each: (each.tag, each.id)):
        for answer in answers_of(operation, seen):
            releases = recorded.get(answer, [])
            response = operation.responses.get(str(answer.status))
            is_hidden = answer.body_status is not None
            yield Row(
                operation=operation.id,
                method=METHODS[operation.id].name if operation.id in METHODS else None,
                reason=NOT_WRAPPED.get(operation.id),
                status=answer.status,
                body_status=answer.body_status,
                recordings=len(releases),
                releases=tuple(sorted(set(releases))),
                sources=None if is_hidden or response is None else Sources.of(response),
                mock=answer in mock,
                live=None if live is None else answer in live,
            )


def answers_of(operation: Operation, seen: set[Answer]) -> list[Answer]:
    """List every documented status of an operation, and those seen hidden in a 200."""
    documented = {Answer(operation.id, int(status), None) for status in operation.responses}
    hidden = {each for each in seen if each.operation == operation.id and each.body_status}
    return sorted(documented | hidden, key=lambda each: (each.status, each.body_status or 0))


def problems(found: Iterable[Row]) -> list[str]:
    """Return the operations that no method calls, and the documented successes never seen."""
    found = list(found)
    unasked = {row.operation: None for row in found if not (row.method or row.reason)}
    return [
        f"{name}: neither a method of the client nor a reason for having none" for name in unasked
    ] + [
        f"{row.operation} {row.status}: documented, but never seen"
        for row in found
        if 200 <= row.status < 300 and not (row.is_tried or row.is_only_documented)
    ]


def table(found: Iterable[Row]) -> Iterator[str]:
    """Format the rows; an operation is named on its first one."""
    layout = "{:<22} {:<21} {:<10} {:>10}  {:<24}  {:<10}  {:<4}  {:<4}"
    yield layout.format(
        "operation", "client.", "status", "recordings", "of releases", "also", "mock", "live"
    )
    last = ""
    for row in found:
        is_first, last = row.operation != last, row.operation
        hidden = f" as {row.body_status}" if row.body_status else ""
        yield layout.format(
            row.operation if is_first else "",
            (row.method or "-") if is_first else "",
            f"{row.status}{hidden}",
            row.recordings or "-",
            " ".join(row.releases) or "-",
            also(row),
            MARKS[row.mock],
            MARKS[row.live],
        ).rstrip()


def also(row: Row) -> str:
    """Name the source of a response beside recordings."""
    if row.sources is None:
        return "-"
    stated = row.sources._asdict()
    return next((name for name in ("documented", "requested", "read") if stated[name]), "-")


MARKS: Mapping[bool | None, str] = {True: "yes", False: "-", None: "?"}


def summary(found: list[Row]) -> Iterator[str]:
    """Explain the marks, and list why some operations have no method."""
    yield ""
    yield "200 as 404: an HTTP 200 whose body says 404, as a v1 GET does."
    yield "documented: by the vendor, for Inngest Cloud; requested: of this project; read: in the"
    yield "source of a server. The description of openapi/inngest.yaml has more on sources."
    if any(row.live is None for row in found):
        yield "live ?: scripts/test-live has not run here."
    for name, reason in {row.operation: row.reason for row in found if row.reason}.items():
        yield f"{name} has no method: {reason}."
    only: dict[str, list[str]] = defaultdict(list)
    for row in found:
        if row.is_only_documented:
            only[row.operation].append(str(row.status))
    if only:
        yield "Only documented, never recorded (a response that operations share counts for each):"
        yield from (f"  {name:<22} {' '.join(statuses)}" for name, statuses in only.items())
    operations = {row.operation for row in found}
    tried = sum(row.is_tried for row in found)
    yield f"{len(operations)} operations, {tried} of {len(found)} answers tried."


if __name__ == "__main__":
    sys.exit(main())
