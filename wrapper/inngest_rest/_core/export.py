"""Exports of runs or events to a file: each row once, however often the process is killed.

Rows are appended to a file; a state file has how much of it is final, and where the listing goes
on. It is replaced when the rows up to there are on disk; what a kill leaves behind is written over.
Parquet, to which nothing can be appended, is a folder of numbered files.
"""

from __future__ import annotations

import csv
import io
import math
import os
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import msgspec
from attrs import define, evolve, frozen

from inngest_rest import typing
from inngest_rest._core import arrow
from inngest_rest._core.arguments import check_choice, check_names, check_path, invalid
from inngest_rest._core.files import replace_file
from inngest_rest._core.json_text import encode, encode_lines
from inngest_rest._core.locks import lock_file
from inngest_rest._core.redaction import Redactor
from inngest_rest._core.resources import events, runs, trace
from inngest_rest._core.resources.filters import Selection, instant, plain
from inngest_rest._core.resources.wait import OVERLAP, Watch
from inngest_rest._visible import shown
from inngest_rest.errors import InvalidArgumentError, NotFoundError
from inngest_rest.models import Run, StoredEvent
from inngest_rest.record import Record, columns, plain_or_text
from inngest_rest.reports import ExportReport

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from inngest_rest._core.calls.listing import Listing, Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.plans import Plan

_SAVE_EVERY = 1.0  # seconds between two states of a file of lines
_PART_ROWS = 10_000  # of a Parquet file
_IN_FLIGHT = 8


class _State(msgspec.Struct, tag_field="version", tag=1):
    """The content of a state file."""

    asked: dict[str, Any]  # what is exported, from where, and how
    path: str
    rows: int = 0  # how many are final
    size: int = 0  # bytes, or Parquet files, that are final
    since: datetime | None = None  # the window that is listed
    until: datetime | None = None
    cursor: str | None = None  # of the page that comes next
    last: list[str] = []  # the ids of the page before it
    is_listed: bool = False
    token: str | None = None  # of the watch that finds the runs which have ended since


@define(slots=False)
class Export:
    session: Session
    kind: Any
    asked: dict[str, Any]
    since: datetime | timedelta | None
    listing: Callable[[_State], Listing[Any]]
    is_wanted: Callable[[Any, _State], bool]
    path: str | os.PathLike[str]
    given: typing.ExportOptions
    complete: Any = None  # makes a plan of a row out of an item
    watch: Callable[[_State], Watch] | None = None

    def __attrs_post_init__(self) -> None:
        given: Any = self.given
        path, state, names = self.path, given.get("state"), ("until", "ended_since", "ended_until")
        ends = [name for name in names if given.get(name) is not None]
        if state is not None and ends:
            raise invalid("state", f"is for what comes later, too: it excludes {', '.join(ends)}")
        check_path("path", path)
        check_path("state", state or path)
        self._path, self._state_path = Path(path).absolute(), Path(state or f"{path}.state")
        suffix = self._path.suffix.lower().removeprefix(".")
        self._format = given.get("format") or {"ndjson": "jsonl"}.get(suffix, suffix)
        check_choice("format", self._format, get_args(typing.ExportFormat))
        self._is_parquet, self._keeps = self._format == "parquet", state is not None
        if self._is_parquet:
            arrow.load()
        self._on_progress, self._now = given.get("on_progress"), self.session.clock.monotonic
        if (what := given.get("redact")) is not None:
            check_choice("redact", what, get_args(typing.Redaction))
        self._redact = Redactor(what)
        target = self.session.settings.target
        where = {"format": self._format, "server": target.api_url, "environment": target.env}
        where["redact"] = what
        self._state = _State({**self.asked, **where}, str(self._path))
        self._completed, self._turned = list[Record](), dict[str, Any]()  # of a page, not final
        self._waiting = list[Record]()  # final once they are on disk
        self._rows, self._saved_at = 0, -math.inf

    def run(self, driver: Driver) -> ExportReport:
        with self._opened():
            for step in self._steps():
                items = driver.run(step)
                due = items if self.complete else ()
                driver.run_many(due, self.complete, self._add, in_flight=_IN_FLIGHT)
                self._keep(items)
        return ExportReport(str(self._path), self._rows, self._state.rows, self._state.until)

    async def run_async(self, driver: AsyncDriver) -> ExportReport:
        with self._opened():
            for step in self._steps():
                items = await driver.run(step)
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
            watch = self.watch(self._state)
            while not watch.polls:
                yield self._follow(watch)

    def _turn(self, walk: Walk[Any]) -> Plan[Sequence[Any]]:
        page = yield from walk.next_page()
        state, now, items = self._state, cast("datetime", walk.now), page.items
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
        yield from watch.step()
        ended = [it.run for it in iter(watch.take, None) if it and it.kind == "ended"]
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
        size = state.size + bool(rows)
        if not self._is_parquet:
            text = self._lines(rows)
            size = state.size + len(text)
            with self._path.open("r+b") as file:
                file.truncate(state.size)
                file.seek(state.size)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        elif rows:
            part = self._path / f"part-{state.size:06}.parquet"
            replace_file(part, arrow.parquet(self.kind, rows))
        # Both at once: an interrupt comes between calls.
        state.size, self._waiting = size, []
        replace_file(self._state_path, encode(state))
        self._saved_at = self._now()

    def _lines(self, rows: list[Record]) -> bytes:
        if self._format == "jsonl":
            return encode_lines([row.to_dict() for row in rows])
        text, named = io.StringIO(), columns(self.kind)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([] if self._state.size else [[each.name for each in named]])
        for row in rows:
            cells = (plain_or_text(each.value_of(row)) for each in named)
            writer.writerow([encode(it).decode() if isinstance(it, list) else it for it in cells])
        return text.getvalue().encode(errors="replace")

    @contextmanager
    def _opened(self) -> Generator[None]:
        """Lock the file; however this ends, keep what is whole."""
        if self._is_parquet:
            self._path.mkdir(mode=0o700, exist_ok=True)
        elif not self._path.exists():
            replace_file(self._path, b"")
        # Windows opens no folders, and locks no files.
        lock = os.open(self._path, os.O_RDONLY) if os.name == "posix" else None
        try:
            if lock is not None:
                lock_file(lock)
            self._resume()
            try:
                yield
            except BaseException as error:
                total = self._state.rows
                error.add_note(f"{total:,} rows are in {self._path}: the same call goes on there")
                raise
            finally:
                self._save()
            if not self._keeps:
                self._state_path.unlink()
        except BlockingIOError:
            reason = f"{self._path} is written by another export; wait for its end"
            raise invalid("path", reason) from None
        finally:
            if lock is not None:
                os.close(lock)

    def _resume(self) -> None:
        state, path = self._state, str(self._path)
        size = len([*self._path.iterdir()]) if self._is_parquet else self._path.stat().st_size
        try:
            state = msgspec.json.decode(self._state_path.read_bytes(), type=_State)
        except FileNotFoundError:
            if size:
                reason = f"{path} exists, and {self._state_path} does not: name another file"
                raise invalid("path", reason) from None
        except (ValueError, RecursionError):
            raise self._refusal("is not the state of an export") from None
        for name, ours in self._state.asked.items():
            if (theirs := state.asked.get(name)) != ours:
                raise self._refusal(f"is of one with {name} {shown(theirs)}, not {shown(ours)}")
        if state.path != path:
            if not state.is_listed or size:
                raise self._refusal(f"is of {state.path}, which is to be finished first")
            state.path, state.size, state.rows = path, 0, 0
        elif size < state.size:
            raise self._refusal(f"says that there is more in {path}, which somebody has changed")
        if state.is_listed and self._keeps and self.watch is None:
            window = {"since": state.until, "until": None, "cursor": None, "is_listed": False}
            state = msgspec.structs.replace(state, last=[], **window)
        self._state = state
        # Before there is anything in the file, which without a state is refused.
        replace_file(self._state_path, encode(state))

    def _refusal(self, reason: str) -> InvalidArgumentError:
        how = "pass the same arguments as before, or another state"
        return invalid("state", f"{self._state_path} {reason}: {how}")


@frozen(repr=False, slots=False)
class _DetailedRun(Run):
    """A run with its first event, and its trace, which is a tree."""

    event: StoredEvent | None = None
    trace: Any = None


def of_runs(session: Session, path: str | os.PathLike[str], given: typing.RunExport) -> Export:
    """Export runs; with a state that is kept, only those that have ended."""
    selection = Selection.of(session, given, form=typing.RunExport)
    for each in (includes := sorted({*(given.get("include") or ())})):
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
        options: Any = {"include_output": has_output, "cursor": state.cursor, "is_bounded": False}
        return runs.list_runs(session, evolve(selection, window=window), **options)

    def watch(state: _State) -> Watch:
        options: Any = {"every": 1, "timeout": None, "include_output": has_output}
        options |= {"since": None if state.token else state.until, "token": state.token}
        filter: Any = {name: given.get(name) for name in typing.RunFilter.__annotations__}
        return Watch(session, filter, **options)

    return Export(
        session,
        _DetailedRun if is_detailed else Run,
        {"runs": selection.to_json(), "include": includes},
        selection.window.since,
        listing,
        lambda run, state: run.ended_at is not None and run.ended_at < state.until,
        path,
        given,
        complete if is_detailed else None,
        watch,
    )


def of_events(session: Session, path: str | os.PathLike[str], given: typing.EventExport) -> Export:
    keeps, since = given.get("state") is not None, given.get("since")
    check_names(given, typing.EventExport.__annotations__)
    filter: Any = {name: given.get(name) for name in typing.EventFilter.__annotations__}

    def listing(state: _State) -> Listing[StoredEvent[Any]]:
        # Where windows meet, servers may leave out an event: those of one second are asked twice.
        begin = state.since - timedelta(seconds=1) if state.since and keeps else state.since
        window: Any = {"since": begin or since or events.BEGINNING, "cursor": state.cursor}
        return events.list_events(session, is_bounded=False, **{**filter, **window})

    def is_wanted(event: StoredEvent, state: _State) -> bool:
        at, since, until = event.received_at, state.since, state.until
        return at is None or ((since is None or at >= since) and (until is None or at < until))

    listing(_State({}, ""))  # checks the arguments
    asked = {"events": {name: plain(value) for name, value in filter.items()}}
    return Export(session, StoredEvent, asked, since, listing, is_wanted, path, given)
