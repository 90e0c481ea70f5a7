"""The answer of a command: written as its parts arrive, or when all of them are there."""

from __future__ import annotations

import itertools
import json
import sys
from typing import TYPE_CHECKING, Any, ClassVar, cast

from attrs import define, field

from inngest_rest.call_row import Returns
from inngest_rest.calls import command_for
from inngest_rest.programs import visible_json
from inngest_rest_tools.answer import PageInfo, Reply
from inngest_rest_tools.command.answer_file import Output
from inngest_rest_tools.command.command_line import PROGRAM
from inngest_rest_tools.command.stderr import Stderr
from inngest_rest_tools.cutting import ROOM, Rest, as_text
from inngest_rest_tools.ids import ids_of
from inngest_rest_tools.problems import EXIT_STATUS, Code, Problem
from inngest_rest_tools.projection import Projection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inngest_rest.errors import NextCall
    from inngest_rest.models import Page, RunChange
    from inngest_rest.record import Record
    from inngest_rest_tools.command.options import Format, Options

# Codes of problems after which the answer is complete.
_WHOLE = {Code.PARTIAL, Code.RUN_FAILED}


@define(eq=False, repr=False)
class Renderer(Reply):
    """Writes the answer to one command as its parts arrive, or when all of them are there."""

    rests: ClassVar[Mapping[Rest, str]] = {
        **Reply.rests,
        Rest.LONGER: "a larger --max-chars or --output-file gets more",
        Rest.WHOLE: "--fields '*' has it",
        Rest.NARROWER: "--output-file has all",
    }

    # Before attrs 25.4, `kw_only` of the class would be of the fields that it inherits, too.
    format: Format = field(kw_only=True)
    stderr: Stderr = field(factory=Stderr, kw_only=True)
    output: Output = field(factory=Output, kw_only=True)
    # Changes are written as lines in place of a table.
    is_live: bool = field(default=False, kw_only=True)
    _records: list[Record] = field(factory=list, init=False)
    _lines: Iterator[int] = field(factory=itertools.count, init=False)

    def configure(
        self, options: Options, kind: type[Any], inputs: Sequence[str] = ()
    ) -> None:
        """Apply the options about the answer; the files in `inputs` are not overwritten."""
        is_brief = self.format in {"json", "ndjson"} and options.output_file is None
        self.projection = Projection.of(
            options.fields, options.max_chars, kind, is_whole=not is_brief
        )
        self.output = Output(
            options.output_file,
            force=options.force,
            inputs=inputs,
        )
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
        """Write an answer that is text, regardless of the format."""
        self.format = "table"
        self.output.line(text.rstrip("\n"))
        return self.finish()

    def web_page(self, url: str) -> int:
        """Write the URL of a web page, and open it for a person at a terminal."""
        import webbrowser  # noqa: PLC0415 - few look at one

        is_shown = self.output.path is None and self.output.stream.isatty()
        status = self.text(url)
        if is_shown and not webbrowser.open(url):
            self.stderr.hint("No browser could be started.")
        return status

    def add(self, records: Iterable[Record], page: Page[Any] | None = None) -> bool:
        """Add records, and write them at once if the format is a stream of lines."""
        if self.format == "json":
            return super().add(records, page)
        self.page = None
        if page is not None:
            self.page = PageInfo(count=len(page.items), next=page.next_cursor)
        for record in records:
            if self.is_streaming:
                self._write_lines(record)
            else:
                self._records.append(record)
        if self.is_streaming:
            self.output.flush()
        return True

    def finish(
        self, problem: Problem | None = None, *, data: Record | None = None
    ) -> int:
        """Write the rest of the answer, and a problem if there is one; return the exit status."""
        self.stderr.end_progress()
        if problem is not None:
            problem = problem.worded(self.name_of)
            self._abandon_output_of(problem)
        if data is not None:
            self.add((data,))
        self._write_rest(problem)
        self.output.close()
        self._write_hints()
        if problem is None:
            return 0
        # A problem in JSON is repeated only to a person who does not see the JSON.
        is_in_answer = self.format in {"json", "ndjson"}
        is_person_elsewhere = sys.stderr.isatty() and not sys.stdout.isatty()
        if not is_in_answer or is_person_elsewhere:
            self.stderr.error(problem)
        return EXIT_STATUS[problem.code]

    def name_of(self, call: NextCall) -> str:
        words = [*command_for(call.name).words]
        if len(words) == 1:
            words.insert(0, PROGRAM)  # a single word might be taken for something else
        line = " ".join([*words, *call.arguments])
        return f"`{line}`"

    def _abandon_output_of(self, problem: Problem) -> None:
        """Leave an incomplete file where it is, and go on with standard output."""
        if problem.code in _WHOLE:
            return
        part = self.output.abandon()
        if part is not None:
            self.stderr.hint(f"The first lines are in {part}.")

    def _write_rest(self, problem: Problem | None) -> None:
        """Write the parts that were not written on arrival."""
        if self.format == "json":
            self._write_envelope(problem)
        elif self._records and not self.is_streaming:
            self._write_table()
        if self.format == "ndjson" and problem is not None:
            envelope = Reply(self.command).envelope(problem)
            self.output.line(envelope.text())

    def _write_envelope(self, problem: Problem | None) -> None:
        if self.output.path is None:  # it may have been abandoned
            self.room = ROOM
        text = self.envelope(problem).text()
        if self.output.path is None and self.output.stream.isatty():
            envelope = json.loads(text)
            indented = json.dumps(envelope, ensure_ascii=False, indent=2)
            text = visible_json(indented)
        self.output.line(text)

    def _write_table(self) -> None:
        from inngest_rest_tools.command import tables  # noqa: PLC0415 - slow to load

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
        """Write a record as lines: a change, its ids, or its rows."""
        if self.is_live:
            from inngest_rest_tools.command import tables  # noqa: PLC0415 - slow to load

            change = cast("RunChange", record)
            self.output.line(tables.line_of(change))
            return
        if self.format == "id":
            for id in ids_of(record):
                on_one_line = visible_json(id).replace("\n", "\\n")
                self.output.line(on_one_line)
            return
        for row in getattr(record, "rows", (record,)):
            place = f"items[{next(self._lines)}]"
            plain = self.projection.plain(row, is_item=True)
            cut = self.projection.cutter.cut(plain, place)
            self.output.line(as_text(cut))
