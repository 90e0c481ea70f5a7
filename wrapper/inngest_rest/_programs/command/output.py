"""Output of a command: its answer to standard output or a file, the rest to standard error."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

from attrs import define, field, fields, frozen

from inngest_rest._programs.answer import ROOM, PageInfo, Reply
from inngest_rest._programs.cutting import as_text
from inngest_rest._programs.parameters import parameters, unusable_file
from inngest_rest._programs.problems import DONE, EXIT_STATUS, Code, Problem
from inngest_rest._programs.projection import Projection
from inngest_rest._redaction import Redactor
from inngest_rest._table import ROWS, Returns
from inngest_rest._visible import safe, visible, visible_json
from inngest_rest.action_reports import ActionRow
from inngest_rest.typing import Redaction

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

    from inngest_rest._table import Row
    from inngest_rest.errors import NextCall
    from inngest_rest.models import Page, RunChange, StepChange
    from inngest_rest.record import Record

PROGRAM = "inngest-rest"
FORMAT_VARIABLE = "INNGEST_REST_OUTPUT"
Format = Literal["table", "json", "ndjson", "id", "markdown", "prometheus"]

_PACE = 0.1  # seconds between two states of a progress line

# What has the ids that a record is about: text, or records that have them.
_IDS = (
    *("rows", "ids", "run", "cancellation", "planned", "webhook"),
    *("new_run_id", "run_id", "internal_id", "event_id", "id", "name"),
)

# Codes after which the answer has all that was asked for.
_WHOLE = {Code.PARTIAL, Code.RUN_FAILED}


def _option(help: str, *names: str, default: Any = None, **details: Any) -> Any:
    """Return a field with its help, and what else `ArgumentParser.add_argument` takes of it."""
    return field(default=default, metadata={"names": names, "help": help, **details})


@frozen(kw_only=True, eq=False, repr=False)
class Options:
    """Options of every command: where to ask, and how to answer. Keys are none of them."""

    output: Format | None = _option(
        "Format of the answer: by default a table on a terminal, and JSON elsewhere "
        "(INNGEST_REST_OUTPUT). The last two are for runs summary.",
        "-o",
        choices=get_args(Format),
    )
    fields: str | None = _option(
        "Fields of each item to return, separated by commas, with dots for what is below."
    )
    max_chars: int | None = _option("Truncate text longer than this (minimum 64).", type=int)
    redact: Redaction | Literal["none"] | None = _option(
        "Redact what looks like a key or token, or that and e-mail addresses; no guarantee. By "
        "default none, of mcp keys.",
        choices=(*get_args(Redaction), "none"),
    )
    output_file: str | None = _option("Write the answer to this file, which must not exist.")
    force: bool = _option("Replace a file that exists.", default=False)
    quiet: bool = _option("Print no progress and no hints.", "-q", default=False)
    env: str | None = _option("Branch environment (INNGEST_ENV).")
    dev: bool = _option("Use the dev server at http://127.0.0.1:8288 (INNGEST_DEV).", default=False)
    base_url: str | None = _option("Base URL of the server (INNGEST_BASE_URL).")
    request_timeout: float = _option(
        "Seconds per request; by default 30.", default=30.0, type=float
    )
    retries: int | None = _option("Maximum number of retries; by default 4.", type=int)

    @property
    def named(self) -> str | None:
        return self.output or os.environ.get(FORMAT_VARIABLE)

    @property
    def format(self) -> Format:
        """The format that is named, or that suits where the answer goes."""
        if self.named in get_args(Format):
            return self.named  # type: ignore[return-value]
        return "table" if sys.stdout.isatty() and self.output_file is None else "json"


class OutputError(Exception):
    """The answer cannot be written; `__cause__` says why."""


@contextmanager
def _writing() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError from error


class Output:
    """The stream of the answer: a file, or standard output, which somebody may stop reading.

    A file is written as FILE.part, for its owner alone, and has its name when it is whole.
    """

    def __init__(
        self, path: str | None = None, *, force: bool = False, inputs: Sequence[str] = ()
    ) -> None:
        self.path = None if path in {"-", "/dev/stdout"} else path
        self.stream: TextIO = sys.stdout
        self._part: str | None = None
        if self.path is None:
            return
        here, part = self.path, f"{self.path}.part"
        try:
            # A directory cannot be opened; a pipe or a device takes what is written at once.
            if os.path.exists(here) and not os.path.isfile(here):  # noqa: PTH110, PTH113
                self.stream = open(here, "w", encoding="utf-8")  # noqa: PTH123, SIM115
                return
            read = {*map(os.path.realpath, (*inputs, "/dev/stdin"))}
            if read & {*map(os.path.realpath, (here, part))}:
                raise ValueError("this command reads it; name another file")
            if os.path.lexists(here) and not force:
                raise ValueError("it exists; name another file, or pass --force")
            Path(part).unlink(missing_ok=True)  # left by a kill, or a planted link
            ours = partial(os.open, mode=0o600)
            self.stream = open(part, "x", encoding="utf-8", opener=ours)  # noqa: SIM115
            self._part = part
        except (OSError, ValueError) as error:
            raise unusable_file("output_file", here, error, verb="write") from None

    def line(self, text: str) -> None:
        """Write a line; what is written before `flush` may be held back."""
        with _writing():
            self.stream.write(f"{text}\n")

    def flush(self) -> None:
        with _writing():
            self.stream.flush()

    def close(self) -> None:
        """Close a file, which is whole."""
        self.flush()
        if self.path is None or self.stream.closed:
            return
        with _writing(), self.stream:
            if self._part is None:
                return
            # Another command may have put its own in its place.
            if not os.path.samestat(os.stat(self._part), os.fstat(self.stream.fileno())):  # noqa: PTH116
                raise FileExistsError(f"another command has written to {self._part}")
            Path(self._part).replace(self.path)

    def abandon(self) -> str | None:
        """Go on with standard output; return the path of what has been written, if anything was."""
        path, file, self.path, self.stream = self.path, self.stream, None, sys.stdout
        if path is None or file.closed:
            return None
        file.close()
        if self._part is None or Path(self._part).stat().st_size:
            return self._part
        Path(self._part).unlink()
        return None


def _below(text: str) -> str:
    """Return text whose further lines are indented: none of them can pass for one of ours."""
    return safe(text).replace("\n", "\n    ")


@define(eq=False, repr=False)
class Stderr:
    """Hints, progress and a question for a person; where it is quiet, errors alone."""

    quiet: bool = False
    _progress_at: float = 0.0
    _progress: str = ""

    def error(self, problem: Problem) -> None:
        self._line(f"inngest-rest: {_below(problem.message)}")
        if problem.hint:
            self._line(f"  {_below(str(problem.hint))}")

    def hint(self, text: str) -> None:
        if not self.quiet:
            self._line(safe(text))

    def progress(self, text: str) -> None:
        """Show how far it is, on one line of a terminal that is written over."""
        if self.quiet or not sys.stderr.isatty():
            return
        now = time.monotonic()
        if now - self._progress_at < _PACE:
            return
        self._progress_at = now
        line = safe(text)
        self._write(f"\r{line}{' ' * (len(self._progress) - len(line))}")
        self._progress = line

    def end_progress(self) -> None:
        if self._progress:
            self._write(f"\r{' ' * len(self._progress)}\r")
        self._progress = ""

    @property
    def can_ask(self) -> bool:
        return sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, question: str, *, about: str = "") -> bool:
        """Ask a question below a table, and return whether the answer is yes; by default no."""
        self.end_progress()
        self._write(f"{about}{visible(question)} [y/N] ")
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def _line(self, line: str) -> None:
        self.end_progress()
        self._write(f"{line}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # nobody listens
            sys.stderr.write(text)
            sys.stderr.flush()


@define(eq=False, repr=False)
class Renderer(Reply):
    """Writes the answer to one command as its parts arrive, or when all of them are there."""

    remedies: ClassVar = ("--full", "a larger --max-chars or --output-file gets more")

    # Before attrs 25.4, `kw_only` of the class would be of the fields that it inherits, too.
    format: Format = field(kw_only=True)
    stderr: Stderr = field(factory=Stderr, kw_only=True)
    output: Output = field(factory=Output, kw_only=True)
    is_live: bool = field(default=False, kw_only=True)  # lines of changes stand for a table
    _items: list[Record] = field(factory=list, init=False)
    _lines: Iterator[int] = field(factory=itertools.count, init=False)

    def configure(self, options: Options, kind: type[Any], inputs: Sequence[str] = ()) -> None:
        """Take the options on what is written of records of a class, and where: onto no input."""
        is_whole = self.format != "json" or options.output_file is not None
        chosen = options.fields, options.max_chars, kind
        self.projection = Projection.of(*chosen, is_whole=is_whole)
        self.output = Output(options.output_file, force=options.force, inputs=inputs)
        self.redactor = Redactor(options.redact)
        self.room = self.room if self.output.path is None else None

    @property
    def is_streaming(self) -> bool:
        return self.is_live or self.format in {"ndjson", "id"}

    def many(self, records: Sequence[Record], problem: Problem | None = None) -> int:
        self.returns = Returns.STREAM
        self.add(records)
        return self.finish(problem)

    def text(self, text: str) -> int:
        """Write an answer that is text, whatever the format."""
        self.format = "table"
        self.output.line(text.rstrip("\n"))
        return self.finish()

    def add(self, records: Iterable[Record], page: Page[Any] | None = None) -> bool:
        """Take records, and write them at once if the format has no end."""
        if self.format == "json":
            return super().add(records, page)
        self.page = PageInfo(len(page.items), page.next_cursor) if page else None
        if not self.is_streaming:
            self._items += map(self.redactor, records)
            return True
        for each in map(self.redactor, records):
            self._write_lines(each)
        self.output.flush()
        return True

    def finish(self, problem: Problem | None = None, *, data: Record | None = None) -> int:
        """Write what is left of the answer, or a problem with what was done all the same."""
        self.stderr.end_progress()
        if problem is not None:
            problem = self.redactor(problem.worded(self.name_of))
            if problem.code not in _WHOLE and (part := self.output.abandon()) is not None:
                self.stderr.hint(f"The first lines are in {part}.")
        if data is not None:
            self.add((data,))
        if self.format == "json":
            if self.output.path is None:  # it may have been abandoned
                self.room = ROOM
            text = self.envelope(problem).text()
            if self.output.path is None and self.output.stream.isatty():
                text = visible_json(json.dumps(json.loads(text), ensure_ascii=False, indent=2))
            self.output.line(text)
        elif not self.is_streaming and self._items:
            from inngest_rest._programs.command import tables  # noqa: PLC0415 - slow to load

            told = self._items, self.projection, self.format, self.output.stream
            self.output.line(tables.draw(*told, is_one=self.returns is Returns.ONE))
        if self.format == "ndjson" and problem is not None:
            self.output.line(Reply(self.command).envelope(problem).text())
        self.output.close()
        if self.format != "json":
            for each in self.all_warnings():
                self.stderr.hint(f"Warning: {each}")
        if self.output.path is not None:
            self.stderr.hint(f"Wrote {self.output.path}.")
        if problem is None:
            return 0
        # Once, to each who reads: the answer has it, too.
        if self.format not in {"json", "ndjson"} or sys.stderr.isatty() > sys.stdout.isatty():
            self.stderr.error(problem)
        return EXIT_STATUS[problem.code]

    def name_of(self, call: NextCall) -> str:
        words = next(row.words for row in ROWS if row.name == call.name)
        program = (PROGRAM,) if len(words) == 1 else ()
        return f"`{' '.join((*program, *words, *call.arguments))}`"

    def _write_lines(self, record: Record) -> None:
        """Write a record as lines: those of its ids, or of what it consists of."""
        if self.is_live:
            from inngest_rest._programs.command import tables  # noqa: PLC0415 - slow to load

            self.output.line(tables.line_of(cast("StepChange | RunChange", record)))
            return
        if self.format == "id":
            for id in ids_of(record):
                self.output.line(visible_json(id).replace("\n", "\\n"))
            return
        for each in getattr(record, "rows", (record,)):
            place = f"items[{next(self._lines)}]"
            line = self.projection.cut(self.projection.plain(each), place)
            self.output.line(as_text(line))


def ids_of(record: Any) -> Iterator[str]:
    """Yield the ids that a record is about, as other commands take them: `-o id` prints them.

    Those of a replay are the new runs.
    """
    if isinstance(record, ActionRow) and record.outcome not in DONE:
        return
    for name in _IDS:
        found = getattr(record, name, None)
        # Commands take a function's own id.
        if found is None or (name == "internal_id" and hasattr(record, "app_id")):
            continue
        items: Any = found
        for each in items if isinstance(found, tuple) else (found,):
            yield from (each,) if isinstance(each, str) else ids_of(each)
        return


def command_line(row: Row, values: Mapping[str, Any], options: Options | None = None) -> str:
    """Return the command line that calls a row, without what has its default, to copy and run."""
    words, positions = list[str](), list[str]()
    for each in parameters(row):
        value = values.get(each.name)
        if value is None or value == each.default:
            continue
        if each.is_text:
            value = [as_typed(it) for it in value] if each.is_many else as_typed(value)
        if each.is_positional:
            positions += _words("", value)
        else:
            words += _words(each.name, value, is_json=each.is_json)
    for option in fields(Options):
        value = getattr(options, option.name, option.default)
        if value != option.default and option.name not in {"output_file", "force"}:
            words += _words(option.name, value)
    is_plain = not any(it.startswith("-") for it in positions)
    words = [*positions, *words] if is_plain else [*words, "--", *positions]
    return shlex.join([PROGRAM, *row.words, *words])


def as_typed(text: str) -> str:
    """Return a text as it is typed, where @FILE would stand for one in a file."""
    return f"@{text}" if text.startswith("@") else text


def _words(name: str, value: Any, *, is_json: bool = False) -> Iterator[str]:
    match value:
        case True if not is_json:
            yield dashed(name)
            return
        case list() | tuple() if not is_json:
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                yield from _words(name, each)
            return
        case datetime():
            text = value.isoformat()
        case timedelta():  # it would be another window later
            text = (datetime.now(UTC) - value).isoformat()
        case _:
            text = json.dumps(value) if is_json else str(value)
    if name and text.startswith("-"):  # as an option does
        yield f"{dashed(name)}={text}"
    else:
        yield from [dashed(name), text] if name else [text]


def dashed(name: str) -> str:
    return f"--{name.replace('_', '-')}"
