"""Events of rows: of CSV, of Parquet, or as a program draws them, such as from a database.

Each becomes a line of NDJSON, and is sent, resumed and rejected as one.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sized
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from inngest_rest._core.arguments import check_each, check_text, invalid
from inngest_rest._core.file_import.lines import EDGE, Chunk, Lines, Position, RefusedLine
from inngest_rest._core.json_text import decode
from inngest_rest._core.sending.batching import describe
from inngest_rest._core.sending.event_json import encode, wire_form
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.errors import InvalidArgumentError, InvalidEventError
from inngest_rest.event import new_event_id
from inngest_rest.reports import SendFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence

    from inngest_rest.event import EventLike

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_TYPES: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "int": int,
    "float": float,
    "bool": lambda cell: _TRUTHS[str(cell).lower()],
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
        try:
            parquet: Any = import_module("pyarrow.parquet")  # an extra
            file = parquet.ParquetFile(lines.raw)
        except ImportError as error:
            how = "pip install 'inngest-rest[arrow]'"
            raise invalid("path", f"is a Parquet file, which needs pyarrow: {how}") from error
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
        """Return the next event, or why a row is none; None at the end."""
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
        self, max_lines: int, max_bytes: int, events: Iterable[EventLike] | None = None
    ) -> Iterator[Chunk]:
        """Yield all events in chunks of at most this size, or those that have been drawn next."""
        events = events or cast("Iterable[EventLike]", self._events)
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
