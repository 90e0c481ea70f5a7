"""Exports of runs or events to a file: each row once, however often the process is killed.

Rows are appended to a file; a state file has how much of it is final, and where the listing goes
on. It is replaced when the rows up to there are on disk; what a kill leaves behind that is written
over. So the file is never copied, however large it is, and half a row never counts as one.
Parquet, to which nothing can be appended, is a folder of numbered files.
"""

from __future__ import annotations

import csv
import math
import os
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import msgspec
from attrs import define, evolve, frozen

from inngest_rest import typing
from inngest_rest._arguments import check_choice, check_path, invalid
from inngest_rest._core import arrow
from inngest_rest._core.arguments import difference
from inngest_rest._core.json_text import encode, encode_lines
from inngest_rest._core.locks import lock_file
from inngest_rest._core.resources import events, runs, trace
from inngest_rest._core.resources.filters import Selection, Window, instant
from inngest_rest._core.resources.polling import OVERLAP
from inngest_rest._core.resources.watch import Watch
from inngest_rest._files import check_is_regular, create_file, read_file, replace_file, usable
from inngest_rest._redaction import Redactor
from inngest_rest.errors import InvalidArgumentError, NotFoundError
from inngest_rest.models import Run, StoredEvent
from inngest_rest.record import Record, columns, to_builtin
from inngest_rest.reports import ExportReport

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from inngest_rest._core.calls.listing import Listing, Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.plans import Plan

_SAVE_EVERY = 1.0  # seconds between two states of a file of lines
_PART_ROWS = 10_000  # of a Parquet file
_IN_FLIGHT = 8


_Count = Annotated[int, msgspec.Meta(ge=0)]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]

# What a spreadsheet takes for the beginning of a formula, or skips before one.
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@frozen(kw_only=True)
class Options:
    """How to export, as a caller passed it (`inngest_rest.typing.ExportOptions`)."""

    state: str | os.PathLike[str] | None
    format: typing.ExportFormat | None
    escape_formulas: bool
    redact: typing.Redaction | None
    on_progress: Callable[[int, int], object] | None


class _State(msgspec.Struct, tag_field="version", tag=1):
    """The content of a state file."""

    asked: dict[str, Any]  # what is exported, from where, and how
    path: str
    rows: _Count = 0  # how many are final
    size: _Count = 0  # bytes, or Parquet files, that are final
    began: _Instant | None = None  # by the server's clock: what relative times are about
    since: _Instant | None = None  # the window that is listed
    until: _Instant | None = None
    cursor: str | None = None  # of the page that comes next
    last: list[str] = []  # the ids of the page before it
    is_listed: bool = False
    token: str | None = None  # of the watch that finds the runs which have ended since


@define(slots=False)
class Export:
    session: Session
    kind: Any
    asked: dict[str, Any]
    ends: list[str]  # names of filters that bound what is exported to the past
    since: datetime | timedelta | None
    listing: Callable[[_State], Listing[Any]]
    is_wanted: Callable[[Any, _State], bool]
    path: str | os.PathLike[str]
    options: Options
    complete: Any = None  # makes a plan of a row out of an item
    watch: Callable[[_State], Watch] | None = None

    def __attrs_post_init__(self) -> None:
        options, path, state = self.options, self.path, self.options.state
        if state is not None and self.ends:
            ends = ", ".join(self.ends)
            raise invalid("state", f"is for what comes later, too: it excludes {ends}")
        check_path("path", path)
        check_path("state", path if state is None else state)
        self._path, self._state_path = Path(path).absolute(), Path(state or f"{path}.state")
        check_path("path", self._path)  # of which the state has the folders, too
        suffix = self._path.suffix.lower().removeprefix(".")
        self._format: str = options.format or {"ndjson": "jsonl"}.get(suffix, suffix)
        check_choice("format", self._format, get_args(typing.ExportFormat))
        self._is_parquet, self._keeps = self._format == "parquet", state is not None
        if self._is_parquet:
            arrow.load()
        self._escapes = options.escape_formulas
        if self._escapes and self._format != "csv":
            raise invalid("escape_formulas", f"is for CSV, not for {self._format}")
        self._on_progress, self._now = options.on_progress, self.session.clock.monotonic
        if (what := options.redact) is not None:
            check_choice("redact", what, get_args(typing.Redaction))
        self._redact = Redactor(what)
        target = self.session.settings.target
        where: dict[str, Any] = {
            "format": self._format,
            "server": target.api_url,
            "environment": target.env,
        }
        where |= {"escape_formulas": True} if self._escapes else {}
        where |= {"redact": what} if what else {}
        self._state = _State({**self.asked, **where}, str(self._path))
        self._saved_rows = 0  # of which the state on disk knows
        self._completed, self._turned = list[Record](), dict[str, Any]()  # of a page, not final
        self._waiting = list[Record]()  # final once they are on disk
        self._rows, self._saved_at = 0, -math.inf
        self._watch: Watch | None = None
        self._unfetched: Sequence[str] = ()  # runs that it is to fetch before its next poll

    def run(self, driver: Driver) -> ExportReport:
        with self._opened():
            for step in self._steps():
                items = driver.run(step)
                watch, ids = self._watch, self._unfetched
                if watch is not None and ids:
                    driver.run_many(ids, watch.fetch, watch.on_fetched, in_flight=_IN_FLIGHT)
                due = items if self.complete else ()
                driver.run_many(due, self.complete, self._add, in_flight=_IN_FLIGHT)
                self._keep(items)
        return ExportReport(str(self._path), self._rows, self._state.rows, self._state.until)

    async def run_async(self, driver: AsyncDriver) -> ExportReport:
        with self._opened():
            for step in self._steps():
                items = await driver.run(step)
                watch, ids = self._watch, self._unfetched
                if watch is not None and ids:
                    await driver.run_many(ids, watch.fetch, watch.on_fetched, in_flight=_IN_FLIGHT)
                due = items if self.complete else ()
                await driver.run_many(due, self.complete, self._add, in_flight=_IN_FLIGHT)
                self._keep(items)
        return ExportReport(str(self._path), self._rows, self._state.rows, self._state.until)

    def _steps(self) -> Iterator[Plan[Sequence[Any]]]:
        """Yield each step; the items that it returns are kept before the next one."""
        listing = self.listing(self._state)
        walk = listing.walk()
        walk.last_ids = {*self._state.last}
        while not (walk.is_done or self._state.is_listed):
            yield self._turn(walk)
        if self._keeps and self.watch is not None:
            self._watch = watch = self.watch(self._state)
            while not watch.polls:
                yield self._follow(watch)

    def _turn(self, walk: Walk[Any]) -> Plan[Sequence[Any]]:
        page = yield from walk.next_page()
        state, now, items = self._state, cast("datetime", walk.now), page.items
        state.began = state.began or now
        if self.since is not None:
            state.since = state.since or instant(self.since, now)
        if self._keeps:
            # A later call begins there: all that the server has by then is listed in this one.
            until = self.session.server_clocks["api"].earliest(walk.began) - OVERLAP
            state.until = state.until or max(until, state.since or until)
            items = tuple(each for each in items if self.is_wanted(each, state))
        last: Any = [*walk.last_ids]
        self._turned = {"cursor": page.next_cursor, "is_listed": walk.is_done, "last": last}
        return items

    def _follow(self, watch: Watch) -> Plan[Sequence[Any]]:
        self._unfetched = yield from watch.poll()
        ended = [it.run for it in iter(watch.next_item, None) if it and it.kind == "ended"]
        self._turned = {"token": watch.token, "until": watch.state.window}
        return ended

    def _add(self, _: object, row: Record | None) -> bool:
        self._completed += [row] if row is not None else []
        return True

    def _keep(self, items: Sequence[Any]) -> None:
        page = self._completed if self.complete else items
        rows = self._state.rows + len(page)
        state = msgspec.structs.replace(self._state, rows=rows, **self._turned)
        waiting = [*self._waiting, *map(self._redact, page)]
        # All at once: an interrupt comes between calls.
        self._state, self._waiting, self._completed = state, waiting, []
        self._rows += len(page)
        if self._on_progress is not None:
            self._on_progress(state.rows, self._rows)
        is_late = self._now() - self._saved_at >= _SAVE_EVERY
        if len(self._waiting) >= _PART_ROWS if self._is_parquet else is_late:
            self._save()

    def _save(self) -> None:
        state, rows = self._state, self._waiting
        with usable("path", self._path):
            if not self._is_parquet:
                size = self._append(self._lines(rows))
            elif rows:
                part = self._path / f"part-{state.size:06}.parquet"
                replace_file(part, arrow.parquet(self.kind, rows))
                size = state.size + 1
            else:
                size = state.size
        # Both at once: an interrupt comes between calls.
        state.size, self._waiting = size, []
        self._save_state(state)
        self._saved_at = self._now()

    def _append(self, text: bytes) -> int:
        """Write lines behind those that are final, and return where they end."""
        begin = self._state.size
        try:
            with self._path.open("r+b") as file:
                file.truncate(begin)
                file.seek(begin)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            # A full disk may have taken half of a row.
            with suppress(OSError):
                os.truncate(self._path, begin)
            raise
        return begin + len(text)

    def _save_state(self, state: _State) -> None:
        with usable("path" if self.options.state is None else "state", self._state_path):
            replace_file(self._state_path, encode(state))
        self._saved_rows = state.rows

    def _lines(self, rows: list[Record]) -> bytes:
        if self._format == "jsonl":
            return encode_lines([row.to_dict() for row in rows])
        named = columns(self.kind)
        cells = ([self._cell(each.value_of(row)) for each in named] for row in rows)
        text = _csv(cells)
        if not self._state.size:
            # In quotes, by which DuckDB knows that there may be quotes further down.
            text = ",".join(f'"{each.name}"' for each in named) + "\n" + text
        return text.encode(errors="replace")

    def _cell(self, value: Any) -> Any:
        value = to_builtin(value)
        if isinstance(value, list):
            value = encode(value).decode()
        is_formula = isinstance(value, str) and value.startswith(_BEGINS_FORMULA)
        return f"'{value}" if self._escapes and is_formula else value

    @contextmanager
    def _opened(self) -> Generator[None]:
        """Lock the file; however this ends, keep what is whole."""
        self._load()  # before anything is written
        with usable("path", self._path):
            is_new = self._make()
            # Windows opens no folders, and locks no files.
            lock = os.open(self._path, os.O_RDONLY) if os.name == "posix" else None
        try:
            if lock is not None:
                lock_file(lock)
            self._state = self._load()
            try:
                # Before there is anything in the file, which without a state is refused.
                self._save_state(self._state)
            except InvalidArgumentError:
                if is_new:
                    self._path.rmdir() if self._is_parquet else self._path.unlink()
                raise
            try:
                yield
                self._save()
            except BaseException as error:
                with suppress(InvalidArgumentError):  # the disk may be full
                    self._save()
                total = self._saved_rows
                error.add_note(f"{total:,} rows are in {self._path}: the same call goes on there")
                raise
            if not self._keeps:
                self._state_path.unlink()
        except BlockingIOError:
            reason = f"{self._path} is written by another export; wait for its end"
            raise invalid("path", reason) from None
        finally:
            if lock is not None:
                os.close(lock)

    def _make(self) -> bool:
        """Make the file, or the folder of Parquet; return whether there was none."""
        try:
            self._path.mkdir(mode=0o700) if self._is_parquet else create_file(self._path).close()
        except FileExistsError:
            return False
        return True

    def _load(self) -> _State:
        """Return the state to go on with: of this export, and of what is in its file."""
        path, size = str(self._path), self._size()
        with usable("state", self._state_path):
            content = read_file(self._state_path)
        if content is None:
            if size:
                reason = f"{path} exists, and {self._state_path} does not: name another file"
                raise invalid("path", reason)
            return self._state
        try:
            state = msgspec.json.decode(content, type=_State)
            self.listing(state)
            self.listing(msgspec.structs.replace(state, since=state.until))  # of a later call
            if state.token is not None and self.watch is not None:
                self.watch(state)
        except (ValueError, OverflowError, RecursionError) as error:
            how = f"delete it and {path} to begin anew, or name other files"
            reason = f"{self._state_path} is not the state of an export, or damaged: {how}"
            raise invalid("state", reason) from error
        if words := difference(state.asked, self._state.asked):
            raise self._refusal(f"is of an export with {words}")
        if state.path != path:
            if not state.is_listed or size:
                raise self._refusal(f"is of {state.path}, which is to be finished first")
            state.path, state.size, state.rows = path, 0, 0
        elif size < state.size:
            raise self._refusal(f"says that there is more in {path}, which somebody has changed")
        if state.is_listed and self._keeps and self.watch is None:
            window = {"since": state.until, "until": None, "cursor": None, "is_listed": False}
            state = msgspec.structs.replace(state, last=[], **window)
        return state

    def _size(self) -> int:
        """Return how much there is: bytes, or Parquet files."""
        with usable("path", self._path), suppress(FileNotFoundError):
            if self._is_parquet:
                return len([*self._path.iterdir()])
            check_is_regular(self._path)
            return self._path.stat().st_size
        return 0

    def _refusal(self, reason: str) -> InvalidArgumentError:
        how = "pass the same arguments as before, or another state"
        return invalid("state", f"{self._state_path} {reason}: {how}")


class _Written(list[str]):
    """What the writer of `csv` takes for a file."""

    write = list[str].append


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    """Return lines of CSV, in which each cell with a quote, a comma or any line end is quoted.

    The writer quotes a carriage return only where that is a part of its own line ends.
    """
    lines = _Written()
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return "".join([f"{line[:-2]}\n" for line in lines])


@frozen(repr=False, slots=False)
class _DetailedRun(Run):
    """A run with its first event, and its trace, which is a tree."""

    event: StoredEvent | None = None
    trace: Any = None


def of_runs(
    session: Session,
    path: str | os.PathLike[str],
    selection: Selection,
    include: Iterable[typing.RunInclude],
    options: Options,
) -> Export:
    """Export runs; with a state that is kept, only those that have ended."""
    for each in (includes := sorted({*include})):
        check_choice("include", each, get_args(typing.RunInclude))
    has_output, is_detailed = "output" in includes, includes not in ([], ["output"])

    def complete(run: Run) -> Plan[Record]:
        event = root = None
        if "event" in includes and run.event_ids:
            with suppress(NotFoundError):
                event = yield from events.get(session, run.event_ids[0], None)
        if "trace" in includes:
            with suppress(NotFoundError):
                root = yield from trace.get_trace(session, run.id, raw=False)
        listed: Any = {**vars(run)}
        started_at = run.started_at if root is None else root.started_at
        listed |= {"started_at": started_at, "event": event, "trace": root}
        return _DetailedRun(**listed)

    def listing(state: _State) -> Listing[Run]:
        window = evolve(selection.window, since=state.since or selection.window.since)
        ended = selection.ended
        if state.began is not None:
            ended = Window(*ended.ends(state.began))
        return runs.list_runs(
            session,
            evolve(selection, window=window, ended=ended),
            include_output=has_output,
            cursor=state.cursor,
            is_bounded=False,
        )

    def watch(state: _State) -> Watch:
        return Watch(
            session,
            evolve(selection, window=Window(), ended=Window()),
            every=1,
            timeout=None,
            since=None if state.token else state.until,
            include_output=has_output,
            token=state.token,
        )

    asked = selection.to_json()
    return Export(
        session=session,
        kind=_DetailedRun if is_detailed else Run,
        asked={"runs": asked, "include": includes},
        ends=[name for name in ("until", "ended_since", "ended_until") if name in asked],
        since=selection.window.since,
        listing=listing,
        is_wanted=lambda run, state: run.ended_at is not None and run.ended_at < state.until,
        path=path,
        options=options,
        complete=complete if is_detailed else None,
        watch=watch,
    )


def of_events(
    session: Session,
    path: str | os.PathLike[str],
    selection: events.EventSelection,
    options: Options,
) -> Export:
    keeps = options.state is not None

    def listing(state: _State) -> Listing[StoredEvent[Any]]:
        # Where windows meet, servers may leave out an event: those of one second are asked twice.
        begin = state.since - timedelta(seconds=1) if state.since and keeps else state.since
        since = begin or selection.since or events.BEGINNING
        return events.list_events(
            session, evolve(selection, since=since), cursor=state.cursor, is_bounded=False
        )

    def is_wanted(event: StoredEvent, state: _State) -> bool:
        at, since, until = event.received_at, state.since, state.until
        return at is None or ((since is None or at >= since) and (until is None or at < until))

    listing(_State({}, ""))  # checks the arguments
    return Export(
        session=session,
        kind=StoredEvent,
        asked={"events": selection.to_json()},
        ends=["until"] if selection.until is not None else [],
        since=selection.since,
        listing=listing,
        is_wanted=is_wanted,
        path=path,
        options=options,
    )
