"""The answer to a command, on standard output; talk goes to standard error."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any, get_args

from attrs import frozen

from inngest_rest.cli.options import Format, default_format
from inngest_rest.cli.text import safe
from inngest_rest.operations.envelope import Envelope, PageInfo
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.problems import EXIT_STATUS, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inngest_rest import Paginator
    from inngest_rest.cli.options import Options
    from inngest_rest.operations.operation import Operation
    from inngest_rest.record import Record


@frozen
class Answer:
    """How the answer to one command is written.

    Attributes:
        command: The operation's name.
        format: The format.
        untrusted: Paths in its data to text that strangers wrote.
    """

    command: str
    format: Format
    untrusted: tuple[str, ...] = ()

    @classmethod
    def of(cls, operation: Operation[Any], options: Options) -> Answer:
        """Return the answer to an operation, in the format that the options name."""
        place = "data" if operation.returns is Returns.ONE else "data.items[]"
        untrusted = tuple(f"{place}.{path}" for path in operation.untrusted)
        return cls(operation.name, options.output or default_format(), untrusted)

    @classmethod
    def for_mistake(cls, tokens: Sequence[str]) -> Answer:
        """Return the answer to a command line that could not be read."""
        for name, value in itertools.pairwise(tokens):
            if name in {"-o", "--output"} and value in get_args(Format):
                return cls("", value)  # type: ignore[arg-type]
        return cls("", default_format())

    def one(self, record: Record) -> int:
        """Write one record, and return the exit status."""
        self._write(Envelope(True, self.command, record.to_dict(), untrusted=self.untrusted))
        return 0

    def page(self, paginator: Paginator[Any]) -> int:
        """Write the items of a listing, and return the exit status."""
        items: list[Record] = []
        next_cursor: str | None = None
        for page in paginator.pages():
            items += page.items
            next_cursor = page.next_cursor
        self._write(
            Envelope(
                True,
                self.command,
                {"items": [each.to_dict() for each in items]},
                page=PageInfo(next_cursor, len(items)),
                untrusted=self.untrusted,
            )
        )
        return 0

    def stream(self, records: Iterable[Record]) -> int:
        """Write records as they come, one line of JSON each, and return the exit status."""
        for each in records:
            print(each.to_json(), flush=True)
        return 0

    def fail(self, problem: Problem, *, data: Record | None = None) -> int:
        """Write what went wrong, with what was done all the same; return the exit status."""
        self._write(
            Envelope(
                False,
                self.command,
                data and data.to_dict(),
                untrusted=self.untrusted if data else (),
                error=problem,
            )
        )
        sys.stderr.write(f"inngest-rest: {safe(problem.message)}\n")
        if problem.hint:
            sys.stderr.write(f"  {safe(problem.hint)}\n")
        return EXIT_STATUS[problem.code]

    def _write(self, envelope: Envelope) -> None:
        print(envelope.to_json(), flush=True)
