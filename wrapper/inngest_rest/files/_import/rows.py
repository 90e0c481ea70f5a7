"""Rows of a table in a file: each becomes the event of a line of JSON.

They are sent, resumed and rejected as lines are. To resume, the table is read again from the first
row; final ones are dropped, and the last of them has to be the one that was sent.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from inngest_rest._local.arguments import invalid
from inngest_rest._local.event_json import encode as encode_event
from inngest_rest._values.json_text import encode as to_json
from inngest_rest.errors import InvalidArgumentError, InvalidEventError
from inngest_rest.files._import.csv_rows import CsvRows
from inngest_rest.files._import.lines import EDGE, Chunk, Position, RefusedLine
from inngest_rest.files._import.tables import csv_names
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.files._import.lines import Lines
    from inngest_rest.files._import.tables import Table


class TableRows:
    """The events of a table in a file, which is locked and closed with them."""

    first = 2
    """The number of the first row, after the names."""

    def __init__(self, file: Lines, table: Table, path: str, *, grows: bool) -> None:
        self._file = file
        self._path = path
        self.is_regular = file.is_regular
        self._csv = CsvRows(file, grows=grows)
        rows = iter(self._csv)
        header = next(rows, None)
        names = csv_names(header) if header else ()
        self.head = to_json(names) if self.is_regular else b""
        is_header_incomplete = header is None and grows
        columns = [] if is_header_incomplete else table.columns(names)
        self._events = table.events(columns, rows)
        self._read = 0
        self.position = Position()

    @property
    def unfinished(self) -> str:
        """The incomplete end of the input, which the next import will read; "" if complete."""
        return self._csv.unfinished

    def lock(self) -> None:
        self._file.lock()

    def close(self) -> None:
        self._file.close()

    def share(self) -> float | None:
        return self._file.share()

    def go_to(self, position: Position) -> bool:
        self.position = position
        return True

    def chunks(self, max_lines: int, max_bytes: int) -> Iterator[Chunk]:
        """Yield the events of all rows in chunks of at most this size."""
        lines: list[bytes] = []
        size = 0
        start = self.position
        for event in self._events:
            line = self._line(event)
            if line is None:
                continue
            is_final = not isinstance(line, RefusedLine) or line.is_final
            is_full = len(lines) == max_lines or size + len(line) > max_bytes
            if lines and (is_full or not is_final):
                yield Chunk(lines=lines, start=start, end=self.position)
                lines = []
                size = 0
                start = self.position
            lines.append(line)
            size += len(line)
            self.position = Position(
                line=self.position.line + 1,
                offset=len(self.head),
                edge=line[-EDGE:],
            )
            if not is_final:
                yield Chunk(
                    lines=lines,
                    start=start,
                    end=self.position,
                    is_final=False,
                )
                return
        if lines:
            yield Chunk(lines=lines, start=start, end=self.position)

    def check_all_read(self) -> None:
        """Raise if there are fewer rows than were sent."""
        known = self._read + 1 if self.unfinished else self._read
        if known < self.position.line:
            counts = f"there are {self._read:,}, while {self.position.line:,} are final"
            raise self._other_rows(f"of which {counts}")

    def _other_rows(self, why: str) -> InvalidArgumentError:
        return invalid(
            f"{self._path}.checkpoint",
            f"belongs to other events, {why}",
            how="Delete it, or pass resume=False, to begin at the first line.",
            argument="checkpoint",
        )

    def _line(self, event: dict[str, Any] | RefusedLine) -> bytes | None:
        """Return an event as a line; None if it is final, after a check of the last final one."""
        self._read += 1
        if self._read < self.position.line:
            return None
        line = event if isinstance(event, RefusedLine) else _encoded(event)
        if self._read > self.position.line:
            return line
        if self.position.edge not in {b"", line[-EDGE:]}:
            number = self._read - 1 + self.first
            raise self._other_rows(f"by what is now at {number:,}")
        return None


def _encoded(event: dict[str, Any]) -> bytes:
    """Return the JSON of an event without an id, which is derived from this line."""
    try:
        return encode_event(event, 0, needs_id=False) + b"\n"
    except InvalidEventError as error:
        plain = SendFailure(0, event, error.reason).to_dict()["event"]
        return RefusedLine.of(json.dumps(plain).encode() + b"\n", error.reason)
