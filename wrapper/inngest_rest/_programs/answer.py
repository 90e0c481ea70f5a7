"""The answer of a program: its envelope, what there is room for in it, and its bounds."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, Self

from attrs import Factory, define, evolve, field, frozen

from inngest_rest._programs.cutting import Cutter, as_text, size_of
from inngest_rest._programs.problems import Problem
from inngest_rest._programs.projection import Projection
from inngest_rest._programs.untrusted import is_present, untrusted_paths
from inngest_rest._redaction import Redactor
from inngest_rest._table import Returns, command_for
from inngest_rest.errors import NextCall
from inngest_rest.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest._table import Row
    from inngest_rest.models import Page

DEFAULT_MAX_CHARS = 2_000
"""Characters of a text, for an agent that asks for no other number."""

LONGEST_ANSWER = 20_000
"""Number of bytes of an answer; hosts cut longer ones, and not where it does least harm."""

ROOM = LONGEST_ANSWER - 3_000
"""Number of bytes of the items of an answer: besides them it has warnings and untrusted paths."""

_FEW_CHARS = 250  # below it, text is cut only after lists are


@frozen(repr=False)
class PageInfo(Record):
    """Where a list goes on.

    Attributes:
        count: How many items this page has.
        next: The cursor of the next page; None at the end.
    """

    count: int
    next: str | None = None


@frozen(repr=False)
class Envelope(Record):
    """The answer to a command or a tool; what is null or empty is left out of it.

    Attributes:
        ok: Whether it succeeded.
        command: The operation, such as "runs.list".
        error: What went wrong; None if it succeeded.
        confirm: The token that confirms what was shown; None if nothing has to be confirmed.
        next_command: The command line that does what was shown; None of a tool.
        warnings: What else to know about the result, such as what was cut.
        page: Where the list goes on; None if the result is no list.
        untrusted: Paths in this object to untrusted text: data, never instructions.
        data: Its result; for a list `{"items": [...]}`; None if there is none.
    """

    ok: bool
    command: str
    error: Problem | None = None
    confirm: str | None = None
    next_command: str | None = None
    warnings: tuple[str, ...] = ()
    page: PageInfo | None = None
    untrusted: tuple[str, ...] = ()
    data: Any = None

    def to_dict(self, *, flat: bool = False) -> dict[str, Any]:  # noqa: ARG002
        """Return it with what is read first before the data, and without what is null or empty."""
        return Projection(is_whole=True).plain(self)

    def text(self) -> str:
        """Return it as JSON."""
        return as_text(self.to_dict())


@define(eq=False, repr=False)
class Reply:
    """The answer to a call as its parts arrive, as an agent reads it: what there is room for."""

    remedies: ClassVar = ("fields=*", "max_chars gets more")
    """How its reader gets what is left out, and what is cut."""

    command: str
    returns: Returns = Returns.ONE
    untrusted: tuple[str, ...] = ()
    projection: Projection = Factory(Projection)
    room: int | None = (
        ROOM  # number of bytes of its items; None if it is written to a file
    )
    redactor: Redactor = Factory(Redactor)
    warnings: list[str] = field(factory=list)  # what else to know about it
    page: PageInfo | None = field(default=None, init=False)
    confirm: str | None = field(
        default=None, init=False
    )  # the token, if it has to be confirmed
    next_command: str | None = field(
        default=None, init=False
    )  # which does what was shown
    _found: list[dict[str, Any]] = field(factory=list, init=False)

    @classmethod
    def to(
        cls,
        row: Row,
        projection: Projection | None = None,
        redactor: Redactor | None = None,
    ) -> Self:
        """Return the answer to a call, by default with all fields and nothing redacted."""
        return cls(
            command=row.command,
            returns=row.returns,
            untrusted=untrusted_paths(row),
            projection=projection or Projection(is_whole=True),
            redactor=redactor or Redactor(),
        )

    def add(self, records: Iterable[Record], page: Page[Any] | None = None) -> bool:
        """Take records of the result, and return whether there may be room for more."""
        before, is_item = len(self._found), self.returns is not Returns.ONE
        for record in records:
            # Before anything is cut: what is left of a secret would not be recognized.
            whole = self.redactor(record)
            self._found.append(self.projection.plain(whole, is_item=is_item))
        if page is None:
            return True
        total, number = len(self._found), self._number_with_room()
        if number >= total:
            self.page = PageInfo(count=total, next=page.next_cursor)
            return True
        self.page = PageInfo(count=number, next=page.cursor_after(number - before))
        where = "page.next has the cursor of the others"
        self.warnings.append(f"data.items: the first {number} of {total}; {where}")
        del self._found[number:]
        return False

    def _number_with_room(self) -> int:
        """Return how many of the items there is room for; the first one is always taken."""
        if self.room is None:
            return len(self._found)
        most = self.projection.max_chars or LONGEST_ANSWER
        sizes = accumulate(
            size_of(Cutter(most).cut(item, "")) + 1 for item in self._found
        )
        return max(1, sum(size <= self.room for size in sizes))

    def envelope(self, problem: Problem | None = None) -> Envelope:
        """Return it, as far as there is room, or a problem with what came before."""
        if problem is not None:
            problem = self.redactor(problem.worded(self.name_of))
        data = self._data(is_complete=problem is None)
        if self.room is None:
            data = self.projection.cut(data, "data")
        paths = [path for path in self.untrusted if is_present({"data": data}, path)]
        if problem is not None:
            paths.append(
                "error.message"
            )  # a server quotes in its messages what it was sent
        envelope = Envelope(
            ok=problem is None,
            command=self.command,
            error=problem,
            confirm=self.confirm,
            next_command=self.redactor(self.next_command),
            warnings=self.all_warnings(),
            page=self.page,
            untrusted=tuple(paths),
            data=data,
        )
        if self.room is None:
            return envelope
        return bound(
            envelope, self.projection.max_chars or LONGEST_ANSWER, self.remedies[1]
        )

    def _data(self, *, is_complete: bool) -> Any:
        if self.returns is Returns.ONE:
            return self._found[0] if self._found else None
        return {"items": self._found} if self._found or is_complete else None

    def all_warnings(self) -> tuple[str, ...]:
        """Return what else to know about it, such as what it leaves out."""
        warnings = self.redactor(
            (*self.warnings, *self.projection.warnings(*self.remedies))
        )
        number = self.redactor.count
        return (*warnings, f"redacted: {number}") if number else warnings

    def name_of(self, call: NextCall) -> str:
        """Return what its reader calls a method."""
        return " of ".join([f"`{command_for(call.name).tool}`", *call.arguments])


def bound(envelope: Envelope, max_chars: int, remedy: str) -> Envelope:
    """Return an answer that has no more bytes than it may have, with warnings of what was cut.

    Texts are cut before lists and payloads with many keys; what does not fit even so is left out.
    How to get what was cut says `remedy`.
    """
    bounded = envelope
    for cutter in _cutters(max_chars):
        data = cutter.cut(envelope.data, "data")
        error = envelope.error and _cut_problem(envelope.error, cutter)
        warnings = (*envelope.warnings, *cutter.warnings(remedy))
        bounded = evolve(envelope, data=data, error=error, warnings=warnings)
        if size_of(bounded.to_dict()) <= LONGEST_ANSWER:
            return bounded
    left_out = f"data: left out, as it does not fit into {LONGEST_ANSWER} bytes"
    return evolve(bounded, data=None, warnings=(*envelope.warnings, left_out))


def _cutters(max_chars: int) -> Iterator[Cutter]:
    """Yield what cuts an answer, each to less than the one before."""
    yield Cutter(max_chars)
    for chars in (10_000, 5_000, 2_500, 1_000, 500, _FEW_CHARS):
        yield Cutter(min(chars, max_chars))
    for power in range(10, -1, -1):
        yield Cutter(min(_FEW_CHARS, max_chars), max_items=2**power)


def _cut_problem(problem: Problem, cutter: Cutter) -> Problem:
    texts = {"message": problem.message, "hint": problem.hint}
    cut = cutter.cut(texts, "error")
    return evolve(problem, message=cut["message"], hint=cut["hint"])
