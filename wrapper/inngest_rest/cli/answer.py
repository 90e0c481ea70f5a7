"""The answer to a command, in one of four formats; talk goes to standard error."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, get_args

from attrs import Factory, define, field

from inngest_rest._visible import visible_json
from inngest_rest.cli.identifiers import ids_of
from inngest_rest.cli.options import Format, default_format
from inngest_rest.cli.output import Output
from inngest_rest.cli.shape import Shape
from inngest_rest.cli.talk import Talk
from inngest_rest.operations.envelope import Envelope, PageInfo
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.problems import EXIT_STATUS, Problem
from inngest_rest.operations.running import Part, data_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest.cli.options import Options
    from inngest_rest.operations.operation import Operation
    from inngest_rest.record import Record


@define(eq=False, repr=False)
class Answer:
    """The answer to one command, written as its parts arrive, or when all of them are there.

    Attributes:
        command: The operation's name.
        format: The format.
        returns: Whether it has one record, or several.
        untrusted: Paths in its data to text that strangers wrote.
        shape: Which fields are returned, and how long a text may be.
        talk: What is said beside it.
        output: Where it is written.
        warnings: What else to know about it.
        next_cursor: Where a list goes on after it.
    """

    command: str
    format: Format
    returns: Returns = Returns.ONE
    untrusted: tuple[str, ...] = ()
    shape: Shape = Factory(Shape)
    talk: Talk = Factory(Talk)
    output: Output = Factory(Output)
    warnings: list[str] = field(factory=list)
    next_cursor: str | None = None
    _items: list[Record] = field(factory=list, init=False)
    _count: int = field(default=0, init=False)
    _cut: list[str] = field(factory=list, init=False)
    _lines: Iterator[int] = field(factory=itertools.count, init=False)

    @classmethod
    def of(cls, operation: Operation[Any], options: Options) -> Answer:
        """Return the answer to an operation, in the format that the options name."""
        return cls(
            operation.name,
            options.format,
            operation.returns,
            operation.untrusted_paths,
            talk=Talk(options.quiet),
        )

    @classmethod
    def local(cls, command: str, options: Options, result: type[Any]) -> Answer:
        """Return the answer to a command that is no operation, and has one record.

        Raises:
            ParameterError: An option is malformed, or its file cannot be written to.
        """
        return cls(
            command,
            options.format,
            shape=Shape.of(options.fields, options.max_chars, (result,)),
            talk=Talk(options.quiet),
            output=Output(options.output_file),
        )

    @classmethod
    def for_mistake(cls, tokens: Sequence[str], command: str) -> Answer:
        """Return the answer to a command line that could not be read.

        Args:
            tokens: The arguments of the program.
            command: The name of the command that they name; empty if that is not known.
        """
        for name, value in itertools.pairwise((*tokens, "")):
            option, _, attached = name.partition("=")
            value = attached or value  # noqa: PLW2901
            if option in {"-o", "--output"} and value in get_args(Format):
                return cls(command, value)  # type: ignore[arg-type]
        return cls(command, default_format())

    def one(self, record: Record) -> int:
        """Write an answer of one record, and return the exit status."""
        self.add(Part((record,)))
        return self.finish()

    def add(self, part: Part) -> None:
        """Take a part of the result, and write it if the format has no end."""
        self._count += len(part.items)
        self.next_cursor = part.next_cursor
        if self.format in {"json", "table"}:
            self._items += part.items
            return
        for each in part.items:
            self._write_lines(each)
        self.output.flush()

    def finish(self, problem: Problem | None = None, *, data: Record | None = None) -> int:
        """Write what is left of the answer, and return the exit status.

        Args:
            problem: What went wrong.
            data: What was done all the same.
        """
        if self.format == "json":
            self._write_envelope(problem, data)
        elif self.format == "table":
            self._draw(problem, data)
        elif data is not None:
            self._write_lines(data)
        if self.format == "ndjson" and problem is not None:
            self._write(Envelope.failed(self.command, problem))
        self.output.close()
        self._say_the_rest()
        if problem is None:
            return 0
        self.talk.error(problem)
        return EXIT_STATUS[problem.code]

    def fail(self, problem: Problem, *, data: Record | None = None) -> int:
        """Write what went wrong, with what was done all the same; return the exit status."""
        return self.finish(problem, data=data)

    def _write_lines(self, record: Record) -> None:
        """Write a record as lines: those of its ids, or of what it consists of."""
        if self.format == "id":
            for id in ids_of(record):
                self.output.line(visible_json(id))
            return
        for each in getattr(record, "rows", (record,)):
            place = f"items[{next(self._lines)}]"
            values, cut = self.shape.cut(self.shape.select(each.to_dict()), place)
            self._cut += cut
            self._write_value(values)

    def _write_envelope(self, problem: Problem | None, data: Record | None) -> None:
        place, items = "data", self._items
        found: dict[str, Any] | None = None
        page: PageInfo | None = None
        if data is not None:
            found = self.shape.select(data.to_dict())
        elif self.returns is Returns.ONE and items:
            found = self.shape.select(data_of(self.returns, items))
        elif self.returns is not Returns.ONE and (items or problem is None):
            place = "data.items[]"
            found = data_of(self.returns, items)
            found["items"] = [self.shape.select(each) for each in found["items"]]
        if self.returns is Returns.PAGES and found is not None:
            page = PageInfo(self.next_cursor, self._count)
        found, cut = self.shape.cut(found, "data")
        warnings = (*self.warnings, *self.shape.warnings(cut))
        start = len(place) + 1
        untrusted = tuple(it for it in self.untrusted if self.shape.keeps(it[start:]))
        if problem is None:
            envelope = Envelope(True, self.command, found, page, warnings, untrusted)
        else:
            envelope = Envelope.failed(
                self.command,
                problem,
                data=found,
                page=page,
                warnings=warnings,
                untrusted=untrusted,
            )
        self._write(envelope)

    def _draw(self, problem: Problem | None, data: Record | None) -> None:
        """Draw a table of the items, or the one record; an error has only what was done."""
        if data is None and not self._items and (problem or self.returns is Returns.ONE):
            return
        from inngest_rest.cli import tables  # noqa: PLC0415 - rich is slow to load

        if data is not None:
            tables.draw_one(data, self.output, self.shape)
        elif self.returns is Returns.ONE:
            tables.draw_one(self._items[0], self.output, self.shape)
        else:
            tables.draw_many(self._items, self.output, self.shape)

    def _say_the_rest(self) -> None:
        if self.format != "json":
            for each in (*self.warnings, *self.shape.warnings(self._cut)):
                self.talk.hint(f"Warning: {each}")
        if self.output.path is not None:
            self.talk.hint(f"Wrote {self.output.path}.")

    def _write(self, envelope: Envelope) -> None:
        self._write_value(envelope.to_dict())

    def _write_value(self, value: dict[str, Any]) -> None:
        indent = 2 if self.format == "json" and self.output.is_terminal else None
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
        self.output.line(visible_json(text))
