"""Lines of events: of a file, plain or gzip, of standard input, or made of rows.

Rows are those of CSV or Parquet, or events as a program draws them, such as from a database. Each
becomes a line of NDJSON, and is sent, resumed and rejected as one.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import stat
import sys
import zlib
from collections.abc import AsyncIterable, Sized
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from inngest_rest._core import arrow
from inngest_rest._core.arguments import check_each, check_text, invalid
from inngest_rest._core.json_text import decode
from inngest_rest._core.locks import lock_file
from inngest_rest._core.sending.batching import describe
from inngest_rest._core.sending.event_json import MAX_EVENT_BYTES, encode, wire_form
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.errors import InvalidArgumentError, InvalidEventError
from inngest_rest.event import new_event_id
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from inngest_rest.event import EventLike

STDIN = "-"

MAX_LINE = 16 * 1024 * 1024
"""Longest line kept in memory: five times the largest event, to allow for escapes."""

EDGE = 4_096
"""Bytes that identify the beginning of a file, or the end of a line."""

_BUFFER = 256 * 1024


class RefusedLine(bytes):
    """A line, or a row in words of its own, that is no event, and why; it may be truncated."""

    reason = ""
    skipped = 0  # bytes that are left out

    @classmethod
    def of(cls, line: bytes, reason: str) -> Self:
        refused = cls(line)
        refused.reason = reason
        return refused


class Position(NamedTuple):
    """A position between two lines: the number of lines and of decompressed bytes before it."""

    line: int = 0
    offset: int = 0
    edge: bytes = b""  # the end of the preceding line; empty if unknown

    def after(self, lines: Sequence[bytes]) -> Position:
        """Return the position after lines that begin here; a truncated line comes alone."""
        if not lines:
            return self
        end, last = self.offset + sum(map(len, lines)), lines[-1]
        if isinstance(last, RefusedLine):
            return Position(self.line + 1, end + last.skipped)
        return Position(self.line + len(lines), end, last[-EDGE:])


class Chunk(NamedTuple):
    """Consecutive lines with their endings, and the positions before and after them."""

    lines: Sequence[bytes]
    start: Position
    end: Position


class Lines:
    """Read raw lines in chunks, from a path or, for "-", from standard input; or raise OSError."""

    first = 1
    """The number of the first line."""

    def __init__(self, path: str) -> None:
        self.raw = self._file = _open(path)
        self._path = path
        self._is_ours = path != STDIN
        self._has_ended = False
        try:
            # Standard input and pipes are not seekable, and have no `head`.
            self.is_regular = self._is_ours and stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
            if self._file.peek(2).startswith(b"\x1f\x8b"):
                unzipped = gzip.GzipFile(fileobj=self.raw, mode="rb")
                self._file = io.BufferedReader(unzipped, _BUFFER)
            self._size = os.fstat(self._file.fileno()).st_size if self.is_regular else 0
            with _one_error_of_gzip():
                self.start = self._file.peek(EDGE)[:EDGE]
            self.head = self.start if self.is_regular else b""
            has_mark = self.start.startswith(b"\xef\xbb\xbf")
            self.position = Position(0, len(self._file.read(3 if has_mark else 0)))
        except BaseException:
            self.close()
            raise

    def chunks(self, max_lines: int, max_bytes: int, *_: object) -> Iterator[Chunk]:
        """Yield all lines in chunks of at most this size; a longer line is a chunk of its own."""
        position, lines = self.position, list[bytes]()
        try:
            with _one_error_of_gzip():
                while True:
                    left_over = self._fill(lines, max_lines, max_bytes)
                    if not lines:
                        return
                    chunk = Chunk(lines, position, position.after(lines))
                    yield chunk
                    position, lines = chunk.end, left_over
        except OSError as error:
            error.add_note(f"read until line {position.line + len(lines):,}")
            raise

    def _fill(self, lines: list[bytes], max_lines: int, max_bytes: int) -> list[bytes]:
        """Append lines while they fit; return the first that does not, if any."""
        # A line of MAX_LINE bytes may be incomplete, so it must exceed the limit to be checked.
        max_bytes = min(max_bytes, MAX_LINE - 1)
        size = sum(map(len, lines))
        source = iter(partial(self._file.readline, MAX_LINE), b"")
        for line in islice(source, 0 if self._has_ended else max_lines - len(lines)):
            size += len(line)
            # Bytes that a writer appends meanwhile continue the last line.
            self._has_ended = len(line) < MAX_LINE and not line.endswith(b"\n")
            whole = self._whole(line) if size > max_bytes else line
            if size > max_bytes and lines:
                return [whole]
            lines.append(whole)
            if self._has_ended:
                break
        return []

    def _whole(self, beginning: bytes) -> bytes:
        """Return the line with this beginning; truncate it there if it is longer."""
        if len(beginning) < MAX_LINE or beginning.endswith(b"\n"):
            return beginning
        line = RefusedLine(beginning)
        while rest := self._file.readline(MAX_LINE):
            line.skipped += len(rest)
            if rest.endswith(b"\n"):
                break
        size = f"{len(line) + line.skipped:,}"
        line.reason = f"a line of {size} bytes; the server accepts events of {MAX_EVENT_BYTES:,}"
        return line

    def lock(self) -> None:
        """Lock the file until it is closed, or refuse: another import has locked it."""
        if self.is_regular:
            try:
                lock_file(self.raw.fileno())
            except BlockingIOError:
                why = "is being sent by another send_file; wait until that has ended"
                raise InvalidArgumentError(f"{self._path} {why}") from None

    def go_to(self, position: Position) -> bool:
        """Seek to a position; return False if the line before it has changed."""
        line, offset, edge = position
        with _one_error_of_gzip():
            start = offset - len(edge)
            if self._file.seek(start) != start or self._file.read(len(edge)) != edge:
                return False
            if edge and not edge.endswith(b"\n"):
                # The file ended without a newline. Nothing else may have been appended since.
                ending = self._file.readline(EDGE)
                if ending.strip(b"\r\n"):
                    return False
                position = Position(line, offset + len(ending), edge + ending)
        self.position = position
        return True

    def share(self) -> float | None:
        """Return how much of the file has been read."""
        return min(self.raw.tell() / self._size, 1.0) if self._size else None

    def close(self) -> None:
        if self._is_ours:
            self._file.close()
            self.raw.close()


def may_be_incomplete(line: bytes) -> bool:
    """Return whether a last line may be incomplete because it is still being written."""
    if line.endswith(b"\n") or isinstance(line, RefusedLine):
        return False
    try:
        # More digits may follow a number; any other value is complete.
        return isinstance(decode(line), int | float)
    except ValueError:
        return True


def _open(path: str) -> io.BufferedReader:
    if path == STDIN:
        return cast("io.BufferedReader", sys.stdin.buffer)
    return io.BufferedReader(io.FileIO(path), _BUFFER)


@contextmanager
def _one_error_of_gzip() -> Generator[None]:
    """Raise every error of damaged gzip as BadGzipFile."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise gzip.BadGzipFile(f"damaged gzip: {error}") from error


_TYPES: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "int": int,
    "float": float,
    "bool": lambda cell: {"true": True, "1": True, "false": False, "0": False}[str(cell).lower()],
    "time": lambda cell: datetime.fromisoformat(str(cell)),
    "json": decode,
}
_PLACES = ("name", "id", "ts", "v")


class Column(NamedTuple):
    """Where the cells of a column go in an event, nowhere by an empty path, and their type."""

    name: str
    path: Sequence[str]
    type: str = ""

    @classmethod
    def of(cls, name: str, text: str) -> Column:
        """Check what a caller passed, such as "total=data.total:float"."""
        column, _, rest = text.partition("=")
        place, _, kind = rest.partition(":")
        path = place.split(".") if place else []
        is_inside = path[:1] in (["data"], ["user"]) and all(path[1:] or [""])
        if "=" not in text or not (is_inside or place in _PLACES or not rest):
            how = f"COLUMN=PLACE or COLUMN=PLACE:TYPE, where places are {', '.join(_PLACES)}"
            raise invalid(name, f"is {shown(text)}: write {how}, data.NAME or user.NAME")
        kind = kind or ("time" if place == "ts" else "")
        if kind and kind not in _TYPES:
            raise invalid(name, f"has the type {shown(kind)}{did_you_mean(kind, _TYPES)}")
        return cls(column, path, kind)

    def put(self, cell: Any, event: dict[str, Any]) -> None:
        """Put a cell into an event; an empty one is null, unless it is text."""
        if self.type:
            is_empty = cell is None or (cell == "" and self.type != "text")
            try:
                cell = None if is_empty else _TYPES[self.type](cell)
            except Exception as error:  # noqa: BLE001 - of a value of any type
                raise ValueError(f"column {self.name} is no {self.type}: {error}") from None
        for each in self.path[:-1]:
            event = event.setdefault(each, {})
        event.update(dict.fromkeys(self.path[-1:], cell))


class Table(NamedTuple):
    """How rows become events: the name of these, and what is known of columns by theirs."""

    event: str | None
    known: dict[str, Column]

    @classmethod
    def of(cls, event: str | None, columns: Iterable[str] | None) -> Table:
        found = check_each("columns", columns or (), "texts", Column.of)
        if check_text("event", event) is None and ["name"] not in [each.path for each in found]:
            raise invalid("event", "is missing: pass the name of the events, such as shop/x")
        return cls(event, {each.name: each for each in found})

    def csv(self, lines: Lines) -> Iterator[Any]:
        """Return the events of CSV, of which the first row has the names of the columns."""
        chunks = lines.chunks(512, 1 << 20)
        texts = (it.decode("utf-8", "surrogateescape") for chunk in chunks for it in chunk.lines)
        first = next(texts, "")
        separator = max(",;\t", key=first.count)
        (header,) = csv.reader([first], delimiter=separator)
        return self._events(header, csv.reader(texts, delimiter=separator))

    def parquet(self, lines: Lines) -> Iterator[Any]:
        parquet = arrow.load("pyarrow.parquet")
        try:
            file = parquet.ParquetFile(lines.raw)
        except ValueError as error:
            raise invalid("path", f"is no whole Parquet file: {error}") from None
        rows = ([*row.values()] for it in file.iter_batches(1_000) for row in it.to_pylist())
        return self._events(file.schema_arrow.names, rows)

    def _events(self, header: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[Any]:
        """Return the event of each row, or what it is instead."""
        if unknown := [name for name in self.known if name not in header]:
            reason = f"there is none called {shown(unknown[0])}{did_you_mean(unknown[0], header)}"
            raise invalid("columns:", reason, argument="columns")
        columns = [self.known.get(name) or Column(name, ("data", name)) for name in header]
        return iter(partial(self._next, columns, rows), None)

    def _next(self, columns: list[Column], rows: Iterator[Sequence[Any]]) -> Any:
        event: dict[str, Any] = {"name": self.event, "data": {}}
        row: Sequence[Any] = ("",)
        try:
            row = next(rows)
            if len(row) != len(columns):
                raise ValueError(f"it has {len(row)} cells, and the header {len(columns)}")
            for column, cell in zip(columns, row, strict=True):
                column.put(cell, event)
        except StopIteration:
            return None
        except (TypeError, ValueError, csv.Error) as error:
            data = {each.name: cell for each, cell in zip(columns, row, strict=False)}
            text = json.dumps({"name": self.event, "data": data}, default=str).encode()
            return RefusedLine.of(text + b"\n" if row else b"\n", str(error))
        return event


class EventRows:
    """The events of a table, or of a program: the same ones in the same order each time."""

    def __init__(
        self,
        checkpoint: str,
        events: Iterable[EventLike] | AsyncIterable[EventLike],
        first: int = 0,
        lines: Lines | None = None,
    ) -> None:
        self._checkpoint, self._events, self.first = checkpoint, events, first
        self.head = lines.head if lines else b""
        self._total = len(events) if isinstance(events, Sized) else 0
        self.is_regular = lines is None or lines.is_regular
        nothing: Callable[[], None] = lambda: None  # noqa: E731
        self.lock, self.close = (lines.lock, lines.close) if lines else (nothing, nothing)
        self._read = lines.share if lines else nothing
        self.position, self._drawn = Position(), 0

    def go_to(self, position: Position) -> bool:
        self.position = position
        return True

    def share(self) -> float | None:
        return self._drawn / self._total if self._total else self._read()

    def chunks(
        self, max_lines: int, max_bytes: int, drawn: Iterable[EventLike] = ()
    ) -> Iterator[Chunk]:
        """Yield events in chunks of at most this size: all of them, or those drawn for it."""
        events = drawn if isinstance(self._events, AsyncIterable) else self._events
        lines, size, start = list[bytes](), 0, self.position
        for line in filter(None, map(self._line, events)):
            if lines and (len(lines) == max_lines or size + len(line) > max_bytes):
                yield Chunk(lines, start, self.position)
                lines, size, start = [], 0, self.position
            lines.append(line)
            size += len(line)
            # A value that is no JSON may have another repr in another process.
            edge = b"" if isinstance(line, RefusedLine) else line[-EDGE:]
            self.position = Position(self.position.line + 1, len(self.head), edge)
        if lines:
            yield Chunk(lines, start, self.position)

    def _line(self, event: EventLike | RefusedLine) -> bytes | None:
        """Return an event as a line; None if it is final, and is the one that was sent."""
        self._drawn += 1
        behind = self.position.line - self._drawn
        if behind > 0:
            return None
        line = event if isinstance(event, RefusedLine) else self._encoded(event)
        if behind < 0:
            return line
        if self.position.edge not in {b"", line[-EDGE:]}:
            message = (
                f"{self._checkpoint} belongs to other events, by what is now at "
                f"{self._drawn - 1 + self.first:,}; delete it to begin anew"
            )
            raise InvalidArgumentError(message, argument="checkpoint")
        return None

    def _encoded(self, event: EventLike) -> bytes:
        """Return the JSON of an event, without an id that it would not have another time."""
        try:
            wire = wire_form(event)
            if new_event_id.made(wire.get("id")):
                del wire["id"]
            return encode(wire, 0, needs_id=False) + b"\n"
        except Exception as error:  # noqa: BLE001 - a mapping runs the caller's own code
            reason = error.reason if isinstance(error, InvalidEventError) else str(error)
            plain = SendFailure(0, describe(event), reason).to_dict()["event"]
            return RefusedLine.of(json.dumps(plain).encode() + b"\n", reason)
