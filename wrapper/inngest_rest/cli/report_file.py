"""Report file: what became of each run of a bulk operation, kept as it goes on, to resume from.

The report is replaced as a whole at the beginning and at the end. In between each row is appended
to a journal beside it, before its request is sent and again with what became of it. That costs the
same however long the report is, and survives a kill.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from inngest_rest.action_reports import ActionReport, ActionRow
from inngest_rest.operations.parameters import ParameterError, unusable_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


class ReportFile:
    """The file of a report, and its journal.

    Args:
        path: The file, which need not exist.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._journal_path = Path(f"{path}.journal")
        self._journal: TextIO | None = None
        self._lock = threading.Lock()

    def read(self, action: str) -> ActionReport | None:
        """Return the report that is there, up to the last row of its journal.

        Raises:
            ParameterError: The file cannot be read, or is no report on this action.
        """
        try:
            report = ActionReport.from_json(self._path.read_text(encoding="utf-8"))
            rows = list(report.rows)
            for row in self._journal_rows():
                rows[row.position] = row
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable_file("report", self._path, error) from None
        except (ValueError, LookupError, TypeError) as error:
            raise ParameterError(f"report: {self._path}: {error}", field="report") from None
        if report.action != action:
            raise ParameterError(
                f"report: {self._path} is the report of {report.action}, not of {action}",
                field="report",
            )
        return ActionReport(report.action, rows)

    def begin(self, report: ActionReport) -> None:
        """Write the report as it is before the first act.

        Raises:
            ParameterError: The file cannot be written to.
        """
        try:
            self._replace(report)
            self._journal = self._journal_path.open("w", encoding="utf-8")
        except OSError as error:
            raise unusable_file("report", self._path, error, verb="write") from None

    def add(self, row: ActionRow) -> None:
        """Note what is known of a run; threads may do so at the same time."""
        line = f"{row.to_json()}\n"
        with self._lock:
            if self._journal is not None:
                self._journal.write(line)
                self._journal.flush()

    def finish(self, report: ActionReport) -> None:
        """Write the report as it is now."""
        with self._lock:
            if self._journal is not None:
                self._replace(report)
                self._journal.close()
                self._journal = None
                self._journal_path.unlink(missing_ok=True)

    def _journal_rows(self) -> Iterator[ActionRow]:
        with (
            contextlib.suppress(FileNotFoundError),
            self._journal_path.open(encoding="utf-8") as it,
        ):
            for line in it:
                if line.endswith("\n"):  # the last one may be half of one
                    yield ActionRow.from_dict(json.loads(line))

    def _replace(self, report: ActionReport) -> None:
        part = Path(f"{self._path}.part")
        with part.open("w", encoding="utf-8") as file:
            file.write(report.to_json())
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)
