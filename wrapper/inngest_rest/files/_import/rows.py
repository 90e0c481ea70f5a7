"""Events of a program, such as rows of a database, and of tables: each becomes a line of JSON.

They are sent, resumed and rejected as lines of a file are. To resume, they are iterated again from
the first; final ones are dropped, and the last of them has to be the one that was sent.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Sized
from typing import TYPE_CHECKING, Any

from inngest_rest._local.arguments import invalid
from inngest_rest._local.event_json import encode as encode_event
from inngest_rest._local.event_json import wire_form
from inngest_rest._values.json_text import encode as to_json
from inngest_rest.errors import InvalidArgumentError, InvalidEventError
from inngest_rest.event import new_event_id
from inngest_rest.files._import.csv_rows import CsvRows
from inngest_rest.files._import.lines import EDGE, Chunk, Position, RefusedLine
from inngest_rest.files._import.tables import csv_names
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest.event import EventLike
    from inngest_rest.files._import.lines import Lines
    from inngest_rest.files._import.tables import Table


class EventRows:
    """The events of a program: the same ones in the same order each time."""

    first = 0
    head = b""
    is_regular = True

    def __init__(
        self,
        events: Iterable[EventLike] | AsyncIterable[EventLike],
        checkpoint: str,
        to_begin_anew: str,
    ) -> None:
        self._events = events
        self._checkpoint = checkpoint
        self._to_begin_anew = to_begin_anew
        self._total = len(events) if isinstance(events, Sized) else 0
        self._drawn = 0
        self.position = Position()

    @property
    def unfinished(self) -> str:
        """The incomplete end of the input, which the next import will read; "" if complete."""
        return ""

    def lock(self) -> None:
        """Do nothing: events of a program cannot be locked."""

    def close(self) -> None:
        """Do nothing: the program closes its own source."""

    def share(self) -> float | None:
        if not self._total:
            return None
        return self._drawn / self._total

    def go_to(self, position: Position) -> bool:
        self.position = position
        return True

    def chunks(
        self, max_lines: int, max_bytes: int, drawn: Iterable[EventLike] = ()
    ) -> Iterator[Chunk]:
        """Yield events in chunks of at most this size: all of them, or those drawn for it."""
        events = drawn if isinstance(self._events, AsyncIterable) else self._events
        lines: list[bytes] = []
        size = 0
        start = self.position
        for event in events:
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
                edge=self._edge(line),
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
        """Raise if there are fewer events than were sent."""
        known = self._drawn + 1 if self.unfinished else self._drawn
        if known < self.position.line:
            counts = (
                f"there are {self._drawn:,}, while {self.position.line:,} are final"
            )
            raise self._other_events(f"of which {counts}")

    def _other_events(self, why: str) -> InvalidArgumentError:
        reason = f"belongs to other events, {why}"
        how = self._to_begin_anew
        return invalid(self._checkpoint, reason, how=how, argument="checkpoint")

    def _edge(self, line: bytes) -> bytes:
        # A value that is not JSON may have another repr in another process.
        return b"" if isinstance(line, RefusedLine) else line[-EDGE:]

    def _line(self, event: EventLike | RefusedLine) -> bytes | None:
        """Return an event as a line; None if it is final, after a check of the last final one."""
        self._drawn += 1
        if self._drawn < self.position.line:
            return None
        line = event if isinstance(event, RefusedLine) else _encoded(event)
        if self._drawn > self.position.line:
            return line
        if self.position.edge not in {b"", line[-EDGE:]}:
            number = self._drawn - 1 + self.first
            raise self._other_events(f"by what is now at {number:,}")
        return None


class TableRows(EventRows):
    """The events of a table in a file, which is locked and closed with them."""

    first = 2  # after the names

    def __init__(
        self,
        file: Lines,
        table: Table,
        checkpoint: str,
        to_begin_anew: str,
        *,
        grows: bool,
    ) -> None:
        self._file = file
        self.is_regular = file.is_regular
        self._csv = CsvRows(file, grows=grows)
        rows = iter(self._csv)
        header = next(rows, None)
        names = csv_names(header) if header else ()
        if self.is_regular:
            self.head = to_json(names)
        is_header_incomplete = header is None and grows
        columns = [] if is_header_incomplete else table.columns(names)
        events = table.events(columns, rows)
        super().__init__(events, checkpoint, to_begin_anew)

    @property
    def unfinished(self) -> str:
        return self._csv.unfinished

    def lock(self) -> None:
        self._file.lock()

    def close(self) -> None:
        self._file.close()

    def share(self) -> float | None:
        return self._file.share()

    def _edge(self, line: bytes) -> bytes:
        return line[-EDGE:]


def _encoded(event: EventLike) -> bytes:
    """Return the JSON of an event, without a random id, which would differ the next time."""
    given: dict[str, Any] = {}
    try:
        given = wire_form(event)
        wire = {**given}
        if new_event_id.made(wire.get("id")):
            del wire["id"]
        return encode_event(wire, 0, needs_id=False) + b"\n"
    except Exception as error:  # noqa: BLE001 - a mapping runs the caller's own code
        reason = error.reason if isinstance(error, InvalidEventError) else str(error)
        plain = SendFailure(0, given, reason).to_dict()["event"]
        return RefusedLine.of(json.dumps(plain).encode() + b"\n", reason)
