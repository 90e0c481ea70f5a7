"""An export: list, complete, write, save the state; continue an earlier, killed call."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, cast, get_args

import msgspec
from attrs import frozen

from inngest_rest import typing
from inngest_rest._arguments import check_choice, check_path, invalid
from inngest_rest._core import tracing
from inngest_rest._core.arguments import difference
from inngest_rest._core.json_text import encode
from inngest_rest._core.locks import lock_file
from inngest_rest._core.resources.polling import OVERLAP
from inngest_rest._core.resources.windows import instant
from inngest_rest._files import read_file, replace_file, usable
from inngest_rest._operations.export.formats import (
    CsvFile,
    JsonLinesFile,
    Output,
    ParquetFolder,
)
from inngest_rest._redaction import Redactor
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.reports import ExportReport

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from inngest_rest._core.calls.listing import Listing, Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.watch import Watch
    from inngest_rest.models import Run
    from inngest_rest.record import Record

_IN_FLIGHT = 8

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


@frozen(kw_only=True)
class Options:
    """The options of an export as the caller passed them (`inngest_rest.typing.ExportOptions`)."""

    state: str | os.PathLike[str] | None
    format: typing.ExportFormat | None
    escape_formulas: bool
    redact: typing.Redaction | None
    on_progress: Callable[[int, int], object] | None


class State(msgspec.Struct, tag_field="version", tag=1):
    """The content of a state file."""

    asked: dict[str, Any]  # the filters, the server and the format
    path: str
    rows: _Count = 0  # that are final
    size: _Count = 0  # bytes, or Parquet files, that are final
    began: _Instant | None = None  # by the server's clock: relative times refer to it
    since: _Instant | None = None  # the window that is listed
    until: _Instant | None = None
    cursor: str | None = None  # of the page that comes next
    last: list[str] = []  # the ids of the page before it
    is_listed: bool = False
    token: str | None = None  # of the watch that finds the runs which have ended since


class Step(NamedTuple):
    """The result of a page of the listing or a poll of the watch.

    Attributes:
        items: The runs or events.
        changes: The fields of the state that are saved with them.
    """

    items: Sequence[Any]
    changes: dict[str, Any]


class Source(ABC):
    """The records that are exported.

    Attributes:
        kind: The class of the rows.
        asked: The filters, as a state keeps them.
        ends: The names of the filters that bound the export to the past.
        since: The begin of the listing, as the caller passed it.
        is_completed: Whether each item is completed by further requests.
    """

    kind: type[Record]
    asked: dict[str, Any]
    ends: Sequence[str]
    since: datetime | timedelta | None
    is_completed: bool = False
    is_watched: ClassVar[bool]  # for items that end after the listing
    operation: ClassVar[str]  # the method, for programs that trace

    @abstractmethod
    def listing(self, state: State) -> Listing[Any]:
        """Return the listing from a state on; raise ValueError if the state is damaged."""

    @abstractmethod
    def is_wanted(self, item: Any, state: State) -> bool:
        """Return whether an item belongs to the window of a kept state."""

    def complete(self, item: Any) -> Plan[Record]:
        """Return the row of an item, by further requests."""
        raise NotImplementedError

    def watch(self, state: State) -> Watch:
        """Return the watch from a state on; raise ValueError if the state is damaged."""
        raise NotImplementedError


class Export:
    """One call of `export`; its arguments are checked when it is made."""

    def __init__(
        self,
        session: Session,
        path: str | os.PathLike[str],
        source: Source,
        options: Options,
    ) -> None:
        self._session = session
        self._source = source
        self._keeps_state = options.state is not None
        if self._keeps_state and source.ends:
            ends = ", ".join(source.ends)
            raise invalid("state", f"also covers later rows, so it excludes {ends}")
        check_path("path", path)
        check_path("state", path if options.state is None else options.state)
        self._path = Path(path).absolute()
        check_path("path", self._path)  # the state stores the absolute path
        self._state_path = Path(options.state or f"{path}.state")
        self._state_argument = "path" if options.state is None else "state"
        format = _format(self._path, options)
        self._output = _output(format, self._path, source.kind, options)
        self._redact = _redactor(options)
        self._on_progress = options.on_progress
        asked = _asked(session, source, format, options)
        self._state = State(asked=asked, path=str(self._path))
        self._saved_rows = 0  # in the state on disk
        self._completed: list[Record] = []  # of a page, not final
        self._waiting: list[Record] = []  # final once they are on disk
        self._exported = 0  # by this call
        self._saved_at = -math.inf
        self._watch: Watch | None = None
        # Runs that the watch has to fetch before its next poll.
        self._unfetched: Sequence[str] = ()

    def run(self, driver: Driver) -> ExportReport:
        with (
            self._opened(),
            tracing.operation(self._source.operation, facts=self._facts),
        ):
            for plan in self._steps():
                step = driver.run(plan)
                if self._watch is not None and self._unfetched:
                    watch = self._watch
                    driver.run_many(
                        self._unfetched,
                        watch.fetch,
                        watch.on_fetched,
                        in_flight=_IN_FLIGHT,
                    )
                if self._source.is_completed:
                    driver.run_many(
                        step.items,
                        self._source.complete,
                        self._add_row,
                        in_flight=_IN_FLIGHT,
                    )
                self._keep(step)
        return self._report()

    async def run_async(self, driver: AsyncDriver) -> ExportReport:
        with (
            self._opened(),
            tracing.operation(self._source.operation, facts=self._facts),
        ):
            for plan in self._steps():
                step = await driver.run(plan)
                if self._watch is not None and self._unfetched:
                    watch = self._watch
                    await driver.run_many(
                        self._unfetched,
                        watch.fetch,
                        watch.on_fetched,
                        in_flight=_IN_FLIGHT,
                    )
                if self._source.is_completed:
                    await driver.run_many(
                        step.items,
                        self._source.complete,
                        self._add_row,
                        in_flight=_IN_FLIGHT,
                    )
                self._keep(step)
        return self._report()

    def _facts(self) -> tracing.Facts:
        return {"inngest.item.count": self._exported}

    def _report(self) -> ExportReport:
        return ExportReport(
            path=str(self._path),
            rows=self._exported,
            total_rows=self._state.rows,
            until=self._state.until,
        )

    def _steps(self) -> Iterator[Plan[Step]]:
        """Yield each step; its result is kept before the next one."""
        walk = self._source.listing(self._state).walk()
        walk.last_ids = {*self._state.last}
        while not walk.is_done and not self._state.is_listed:
            yield self._next_page(walk)
        if self._keeps_state and self._source.is_watched:
            watch = self._source.watch(self._state)
            self._watch = watch
            while not watch.polls:
                yield self._poll(watch)

    async def _next_page(self, walk: Walk[Any]) -> Step:
        page = await walk.next_page()
        items = page.items
        state = self._state
        now = cast("datetime", walk.now)
        if state.began is None:
            state.began = now
        if state.since is None and self._source.since is not None:
            state.since = instant(self._source.since, now)
        if self._keeps_state:
            if state.until is None:
                state.until = self._end_of_window(walk, state)
            wanted = [item for item in items if self._source.is_wanted(item, state)]
            items = tuple(wanted)
        changes = {
            "cursor": page.next_cursor,
            "is_listed": walk.is_done,
            "last": [str(id) for id in walk.last_ids],
        }
        return Step(items=items, changes=changes)

    def _end_of_window(self, walk: Walk[Any], state: State) -> datetime:
        """Return the time from which a later call goes on: this one lists all until then."""
        clock = self._session.server_clocks["api"]
        until = clock.earliest(walk.began) - OVERLAP
        if state.since is not None:
            return max(until, state.since)
        return until

    async def _poll(self, watch: Watch) -> Step:
        self._unfetched = await watch.poll()
        ended: list[Run] = []
        while (change := watch.next_item()) is not None:
            if change.kind == "ended":
                ended.append(change.run)
        changes = {"token": watch.token, "until": watch.state.window}
        return Step(items=ended, changes=changes)

    def _add_row(self, _: object, row: Record | None) -> bool:
        if row is not None:
            self._completed.append(row)
        return True

    def _keep(self, step: Step) -> None:
        """Let the rows of a step wait to be written, or write them."""
        rows = self._completed if self._source.is_completed else step.items
        total = self._state.rows + len(rows)
        state = msgspec.structs.replace(self._state, rows=total, **step.changes)
        self._waiting += [self._redact(row) for row in rows]
        # Both at once, since an interrupt comes between calls: the waiting rows count from here on.
        self._state, self._completed = state, []
        self._exported += len(rows)
        if self._on_progress is not None:
            self._on_progress(state.rows, self._exported)
        seconds = self._now() - self._saved_at
        if self._output.is_due(len(self._waiting), seconds):
            self._save()

    def _now(self) -> float:
        return self._session.clock.monotonic()

    def _save(self) -> None:
        state = self._state
        # An interrupt may have come before the last rows that wait became part of the state.
        waiting = self._waiting[: state.rows - self._saved_rows]
        with usable("path", self._path):
            size = self._output.write(waiting, state.size)
        # Both at once: an interrupt comes between calls.
        state.size, self._waiting = size, []
        self._save_state(state)
        self._saved_at = self._now()

    def _save_state(self, state: State) -> None:
        with usable(self._state_argument, self._state_path):
            replace_file(self._state_path, encode(state))
        self._saved_rows = state.rows

    @contextmanager
    def _opened(self) -> Generator[None]:
        """Lock the output; however this ends, save the complete rows."""
        self._load()  # before anything is written
        with usable("path", self._path):
            is_new = self._output.create()
        with self._locked():
            self._state = self._load()
            self._save_first_state(is_new=is_new)
            with self._saved_at_exit():
                yield
            if not self._keeps_state:
                self._state_path.unlink()

    @contextmanager
    def _locked(self) -> Generator[None]:
        if os.name != "posix":  # Windows opens no folders, and locks no files
            yield
            return
        with usable("path", self._path):
            lock = os.open(self._path, os.O_RDONLY)
        try:
            lock_file(lock)
            yield
        except BlockingIOError:
            reason = f"{self._path} is written by another export; wait for its end"
            raise invalid("path", reason) from None
        finally:
            os.close(lock)

    def _save_first_state(self, *, is_new: bool) -> None:
        """Save a state before the first row: an output with rows and no state is refused."""
        try:
            self._save_state(self._state)
        except InvalidArgumentError:
            if is_new:
                self._output.remove()
            raise

    @contextmanager
    def _saved_at_exit(self) -> Generator[None]:
        try:
            yield
            self._save()
        except BaseException as error:
            with suppress(InvalidArgumentError):  # the disk may be full
                self._save()
            rows = f"{self._saved_rows:,} rows"
            error.add_note(f"{rows} are in {self._path}: the same call goes on there")
            raise

    def _load(self) -> State:
        """Return the state to go on with, which has to belong to this export and its output."""
        with usable("path", self._path):
            size = self._output.size()
        with usable("state", self._state_path):
            content = read_file(self._state_path)
        if content is None:
            if size:
                reason = f"{self._path} exists, and {self._state_path} does not: name another file"
                raise invalid("path", reason)
            return self._state
        state = self._decode(content)
        self._check_is_of_this_export(state, size)
        if state.path != str(self._path):  # a new output of the same export
            state.path = str(self._path)
            state.size = 0
            state.rows = 0
        if state.is_listed and self._keeps_state and not self._source.is_watched:
            # The next window begins where the last one ended.
            return msgspec.structs.replace(
                state,
                since=state.until,
                until=None,
                cursor=None,
                last=[],
                is_listed=False,
            )
        return state

    def _decode(self, content: bytes) -> State:
        """Read a state, and try each use of it that would fail later if it is damaged."""
        try:
            state = msgspec.json.decode(content, type=State)
            next_window = msgspec.structs.replace(state, since=state.until)
            self._source.listing(state)
            self._source.listing(next_window)
            if state.token is not None and self._source.is_watched:
                self._source.watch(state)
        except (ValueError, OverflowError, RecursionError) as error:
            problem = f"{self._state_path} is not the state of an export, or damaged"
            how = f"delete it and {self._path} to begin anew, or name other files"
            raise invalid("state", f"{problem}: {how}") from error
        return state

    def _check_is_of_this_export(self, state: State, size: int) -> None:
        other_arguments = difference(state.asked, self._state.asked)
        if other_arguments:
            raise self._refusal(f"is of an export with {other_arguments}")
        if state.path != str(self._path):
            is_finished = state.is_listed and not size
            if not is_finished:
                reason = f"is of {state.path}, which is to be finished first"
                raise self._refusal(reason)
        elif size < state.size:
            changed = f"{self._path}, which somebody has changed"
            raise self._refusal(f"says that there is more in {changed}")

    def _refusal(self, reason: str) -> InvalidArgumentError:
        how = "Pass the same arguments as before, or another state."
        return invalid("state", f"{self._state_path} {reason}", how=how)


def _format(path: Path, options: Options) -> str:
    """Return the requested format, or the one of the file name's suffix."""
    suffix = path.suffix.lower().removeprefix(".")
    of_suffix = "jsonl" if suffix == "ndjson" else suffix
    format: str = options.format or of_suffix
    check_choice("format", format, get_args(typing.ExportFormat))
    if options.escape_formulas and format != "csv":
        raise invalid("escape_formulas", f"is for CSV, not for {format}")
    return format


def _asked(
    session: Session,
    source: Source,
    format: str,
    options: Options,
) -> dict[str, Any]:
    """Return the arguments that have to be the same in each call of an export."""
    target = session.settings.target
    asked = {
        **source.asked,
        "format": format,
        "server": target.api_url,
        "environment": target.env,
    }
    if options.escape_formulas:
        asked["escape_formulas"] = True
    if options.redact:
        asked["redact"] = options.redact
    return asked


def _output(
    format: str,
    path: Path,
    kind: type[Record],
    options: Options,
) -> Output:
    match format:
        case "parquet":
            return ParquetFolder(path, kind)
        case "csv":
            return CsvFile(path, kind, escape_formulas=options.escape_formulas)
        case _:
            return JsonLinesFile(path, kind)


def _redactor(options: Options) -> Redactor:
    if options.redact is not None:
        check_choice("redact", options.redact, get_args(typing.Redaction))
    return Redactor(options.redact)
