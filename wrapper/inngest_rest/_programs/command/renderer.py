"""The answer to a command, in one of four formats, on standard output or in a file."""

from __future__ import annotations

import itertools
import json
import sys
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, evolve, field

from inngest_rest._programs.answer import Answer, Envelope, PageInfo, Projection, bound
from inngest_rest._programs.bounds import LONGEST_ANSWER, SECRETS, as_text, redacted
from inngest_rest._programs.command.options import PROGRAM
from inngest_rest._programs.command.streams import Output, Stderr
from inngest_rest._programs.problems import DONE, EXIT_STATUS, Code, Problem
from inngest_rest._table import ROWS, Returns
from inngest_rest._visible import visible_json
from inngest_rest.action_reports import ActionRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from inngest_rest._programs.command.options import Format, Options
    from inngest_rest.errors import NextCall
    from inngest_rest.models import Page
    from inngest_rest.record import Record

# Codes after which the answer has all that was asked for.
_WHOLE = {Code.PARTIAL, Code.RUN_FAILED}


@define(eq=False, repr=False, kw_only=True)
class Renderer(Answer):
    """Writes the answer to one command as its parts arrive, or when all of them are there."""

    format: Format
    stderr: Stderr = Factory(Stderr)
    output: Output = Factory(Output)
    is_live: bool = False  # lines about changes take the place of a table
    _items: list[Record] = field(factory=list, init=False)
    _lines: Iterator[int] = field(factory=itertools.count, init=False)

    def configure(self, options: Options, kind: type[Any], inputs: Sequence[str] = ()) -> None:
        """Take the options on what is written of records of a class, and where: onto no input."""
        is_whole = self.format != "json" or options.output_file is not None
        chosen = options.fields, options.max_chars, kind
        self.projection = Projection.of(*chosen, is_whole=is_whole)
        self.output = Output(options.output_file, force=options.force, inputs=inputs)
        self.output.secrets = SECRETS.get(options.redact or "")
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
            self._items += records
            return True
        for each in records:
            self._write_lines(each)
        self.output.flush()
        return True

    def finish(self, problem: Problem | None = None, *, data: Record | None = None) -> int:
        """Write what is left of the answer, or a problem with what was done all the same."""
        if problem is not None:
            problem = problem.worded(words_of)
            if problem.code not in _WHOLE and (part := self.output.abandon()) is not None:
                self.stderr.hint(f"The first lines are in {part}.")
        if data is not None:
            self.add((data,))
        if self.format == "json":
            self._write_envelope(problem)
        elif not self.is_streaming and self._items:
            from inngest_rest._programs.command import tables  # noqa: PLC0415 - slow to load

            draw = tables.draw_one if self.returns is Returns.ONE else tables.draw_many
            tables.REPORTS.get(self.format, draw)(self._items, self.output, self.projection)
        if self.format == "ndjson" and problem is not None:
            self.output.line(Envelope.of(self.command, None, problem).text())
        self.output.close()
        if self.format != "json":
            hidden = [f"redacted: {self.output.redacted}"] * bool(self.output.redacted)
            for each in (*self.warnings, *self.projection.warnings, *hidden):
                self.stderr.hint(f"Warning: {each}")
        if self.output.path is not None:
            self.stderr.hint(f"Wrote {self.output.path}.")
        if problem is None:
            return 0
        # Once, to each who reads: the answer has it, too.
        if self.format not in {"json", "ndjson"} or sys.stderr.isatty() > sys.stdout.isatty():
            message, _ = redacted(self.output.secrets, problem.message)
            self.stderr.error(evolve(problem, message=message))
        return EXIT_STATUS[problem.code]

    def _write_lines(self, record: Record) -> None:
        """Write a record as lines: those of its ids, or of what it consists of."""
        if self.is_live:
            from inngest_rest._programs.command import tables  # noqa: PLC0415 - slow to load

            self.output.line(tables.line_of(record))
            return
        if self.format == "id":
            for id in ids_of(record):
                self.output.line(visible_json(id))
            return
        for each in getattr(record, "rows", (record,)):
            place = f"items[{next(self._lines)}]"
            line = self.projection.cut(self.projection.plain(each), place)
            self.output.line(as_text(line))

    def _write_envelope(self, problem: Problem | None) -> None:
        envelope = self.envelope(problem)
        if self.output.path is None:
            most = self.projection.max_chars or LONGEST_ANSWER
            envelope = bound(envelope, max_chars=most, remedy="--output-file has all")
        text = envelope.text(self.output.secrets)
        if self.output.is_terminal:
            text = visible_json(json.dumps(json.loads(text), ensure_ascii=False, indent=2))
        self.output.line(text)


def ids_of(record: Record) -> tuple[str, ...]:
    """Return the ids that a record is about, as other commands take them: `-o id` prints them.

    Those of a replay are the new runs.
    """
    if (rows := getattr(record, "rows", None)) is not None:
        return tuple(id for row in rows for id in ids_of(row))
    if (ids := getattr(record, "ids", None)) is not None:
        return tuple(ids)
    if isinstance(record, ActionRow) and record.outcome not in DONE:
        return ()
    for part in ("run", "cancellation", "planned", "webhook"):
        if (found := getattr(record, part, None)) is not None:
            return ids_of(found)
    for name in ("new_run_id", "run_id", "internal_id", "event_id", "id"):
        if name == "internal_id" and hasattr(record, "app_id"):
            continue  # commands take the function's own id
        if isinstance(found := getattr(record, name, None), str):
            return (found,)
    return ()


def words_of(call: NextCall) -> str:
    """Return what a call that is advised is called here."""
    words = next(row.words for row in ROWS if row.name == call.name)
    program = (PROGRAM,) if len(words) == 1 else ()
    return f"`{' '.join((*program, *words, *call.arguments))}`"
