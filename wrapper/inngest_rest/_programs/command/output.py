"""Output of a command: its answer to standard output or a file, the rest to standard error."""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from attrs import define, field

from inngest_rest._programs.answer import ROOM, PageInfo, Reply
from inngest_rest._programs.command.command_line import PROGRAM
from inngest_rest._programs.cutting import as_text
from inngest_rest._programs.parameters import unusable_file
from inngest_rest._programs.problems import DONE, EXIT_STATUS, Code, Problem
from inngest_rest._programs.projection import Projection
from inngest_rest._redaction import Redactor
from inngest_rest._table import Returns, command_for
from inngest_rest._visible import safe, visible, visible_json
from inngest_rest.action_reports import ActionRow

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from typing import TextIO

    from inngest_rest._programs.command.options import Format, Options
    from inngest_rest.errors import NextCall
    from inngest_rest.models import Page, RunChange, StepChange
    from inngest_rest.record import Record

BROKEN_PIPE = 128 + 13
"""What a shell reports of a program that ended because nobody read its output any more."""

_PACE = 0.1  # seconds between two states of a progress line

# What has the ids that a record is about: text, or records that have them.
_IDS = (
    "rows",
    "ids",
    "run",
    "cancellation",
    "planned",
    "webhook",
    "new_run_id",
    "run_id",
    "internal_id",
    "event_id",
    "id",
    "name",
)

# Codes after which the answer has all that was asked for.
_WHOLE = {Code.PARTIAL, Code.RUN_FAILED}


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
        return self.ask_for(f"{question} [y/N]", about=about).lower() in {"y", "yes"}

    def ask_for(self, question: str, *, about: str = "") -> str:
        """Ask a question below a table, and return the line that is typed."""
        self.end_progress()
        self._write(f"{about}{visible(question)} ")
        return sys.stdin.readline().strip()

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
    _records: list[Record] = field(factory=list, init=False)
    _lines: Iterator[int] = field(factory=itertools.count, init=False)

    def configure(self, options: Options, kind: type[Any], inputs: Sequence[str] = ()) -> None:
        """Take the options on what is written of records of a class, and where: onto no input."""
        is_whole = self.format != "json" or options.output_file is not None
        self.projection = Projection.of(options.fields, options.max_chars, kind, is_whole=is_whole)
        self.output = Output(options.output_file, force=options.force, inputs=inputs)
        self.redactor = Redactor(options.redact)
        if self.output.path is not None:
            self.room = None

    @property
    def is_streaming(self) -> bool:
        """Whether records are written when they arrive."""
        return self.is_live or self.format in {"ndjson", "id"}

    def many(self, records: Sequence[Record], problem: Problem | None = None) -> int:
        """Write an answer that is a list of records."""
        self.returns = Returns.STREAM
        self.add(records)
        return self.finish(problem)

    def text(self, text: str) -> int:
        """Write an answer that is text, whatever the format."""
        self.format = "table"
        self.output.line(text.rstrip("\n"))
        return self.finish()

    def web_page(self, url: str) -> int:
        """Write the URL of a page on the web, and show that to who sits before a terminal."""
        import webbrowser  # noqa: PLC0415 - few look at one

        is_shown = self.output.path is None and self.output.stream.isatty()
        status = self.text(url)
        if is_shown and not webbrowser.open(url):
            self.stderr.hint("No browser could be started.")
        return status

    def add(self, records: Iterable[Record], page: Page[Any] | None = None) -> bool:
        """Take records, and write them at once if the format has no end."""
        if self.format == "json":
            return super().add(records, page)
        self.page = PageInfo(len(page.items), page.next_cursor) if page else None
        redacted = map(self.redactor, records)
        if not self.is_streaming:
            self._records += redacted
            return True
        for record in redacted:
            self._write_lines(record)
        self.output.flush()
        return True

    def finish(self, problem: Problem | None = None, *, data: Record | None = None) -> int:
        """Write what is left of the answer, or a problem with what was done all the same."""
        self.stderr.end_progress()
        if problem is not None:
            problem = self.redactor(problem.worded(self.name_of))
            self._abandon_output_of(problem)
        if data is not None:
            self.add((data,))
        self._write_rest(problem)
        self.output.close()
        self._write_hints()
        if problem is None:
            return 0
        # Once, to each who reads: the answer has it, too.
        is_read_apart = sys.stderr.isatty() > sys.stdout.isatty()
        if self.format not in {"json", "ndjson"} or is_read_apart:
            self.stderr.error(problem)
        return EXIT_STATUS[problem.code]

    def name_of(self, call: NextCall) -> str:
        words = command_for(call.name).words
        program = (PROGRAM,) if len(words) == 1 else ()
        return f"`{' '.join((*program, *words, *call.arguments))}`"

    def _abandon_output_of(self, problem: Problem) -> None:
        """Leave a file that is not whole where it is, and go on with standard output."""
        if problem.code in _WHOLE:
            return
        part = self.output.abandon()
        if part is not None:
            self.stderr.hint(f"The first lines are in {part}.")

    def _write_rest(self, problem: Problem | None) -> None:
        """Write what has not been written as it arrived."""
        if self.format == "json":
            self._write_envelope(problem)
        elif self._records and not self.is_streaming:
            self._write_table()
        if self.format == "ndjson" and problem is not None:
            self.output.line(Reply(self.command).envelope(problem).text())

    def _write_envelope(self, problem: Problem | None) -> None:
        if self.output.path is None:  # it may have been abandoned
            self.room = ROOM
        text = self.envelope(problem).text()
        if self.output.path is None and self.output.stream.isatty():
            text = visible_json(json.dumps(json.loads(text), ensure_ascii=False, indent=2))
        self.output.line(text)

    def _write_table(self) -> None:
        from inngest_rest._programs.command import tables  # noqa: PLC0415 - slow to load

        table = tables.draw(
            self._records,
            self.projection,
            self.format,
            self.output.stream,
            is_one=self.returns is Returns.ONE,
        )
        self.output.line(table)

    def _write_hints(self) -> None:
        if self.format != "json":  # whose envelope has the warnings
            for warning in self.all_warnings():
                self.stderr.hint(f"Warning: {warning}")
        if self.output.path is not None:
            self.stderr.hint(f"Wrote {self.output.path}.")

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
        for row in getattr(record, "rows", (record,)):
            place = f"items[{next(self._lines)}]"
            line = self.projection.cut(self.projection.plain(row), place)
            self.output.line(as_text(line))


def ids_of(record: Any) -> Iterator[str]:
    """Yield the ids that a record is about, as other commands take them: `-o id` prints them.

    Those of a replay are the new runs.
    """
    if isinstance(record, ActionRow) and record.outcome not in DONE:
        return
    is_function = hasattr(record, "app_id")
    for name in _IDS:
        if name == "internal_id" and is_function:
            continue  # commands take a function's own id
        value: Any = getattr(record, name, None)
        if value is None:
            continue
        items: Any = value
        if not isinstance(value, tuple):
            items = (value,)
        for item in items:
            yield from (item,) if isinstance(item, str) else ids_of(item)
        return
