"""Envelope: the one form of every answer to a program, and Problem: an error as data."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from attrs import evolve, frozen

from inngest_rest.errors import Advice, InngestError, NextCall
from inngest_rest.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable


class Code(StrEnum):
    """What went wrong, as one of a closed list."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Return a code with its meaning in words."""
        code = str.__new__(cls, value)
        code._value_, code.meaning = value, meaning
        return code

    UNEXPECTED = "unexpected", "an error of this program"
    USAGE = "usage", "an argument or a setting is missing, malformed or rejected"
    AUTHENTICATION = "authentication", "a key is missing, or the server rejected it"
    NOT_FOUND = "not_found", "no such run, event, app or function, or no such route on this server"
    RATE_LIMITED = "rate_limited", "the server asked for a pause"
    PARTIAL = "partial", "partly done; the data lists what was not"
    NETWORK = "network", "the server did not respond"
    SERVER = "server", "the server failed, or is not Inngest"
    CONFIRMATION_NEEDED = (
        "confirmation_needed",
        "nothing was done; the hint has the command that confirms it",
    )
    TIMED_OUT = "timed_out", "a run did not end in time"
    RUN_FAILED = "run_failed", "the run failed or was cancelled (with --exit-status)"
    FINISHED = "finished", "nothing is left to do by the file of --report"
    RULE_BROKEN = "rule_broken", "a rule of runs check is broken"
    INTERRUPTED = "interrupted", "interrupted by Ctrl-C"


EXIT_STATUS: dict[Code, int] = {code: status for status, code in enumerate(Code, 1)}
EXIT_STATUS[Code.INTERRUPTED] = 130
EXIT_STATUS[Code.RULE_BROKEN] = 1  # `runs check` ends with 0, 1, or 2 for whatever else goes wrong


@frozen(repr=False)
class Problem(Record):
    """An error, for a program that reacts to it.

    Attributes:
        code: What went wrong, as one of a closed list.
        message: The same in words.
        hint: What to do next.
        retryable: Whether trying again is safe and may succeed.
        retry_after: Seconds that the server asked to wait.
        status: The server's HTTP status.
        field: The parameter that is wrong.
    """

    code: Code
    message: str
    hint: str | Advice | None = None
    retryable: bool = False
    retry_after: float | None = None
    status: int | None = None
    field: str | None = None

    def worded(self, name_of: Callable[[NextCall], str]) -> Self:
        """Return the same with calls named as this program names them; before it is shown."""
        if not isinstance(self.hint, Advice):
            return self
        return evolve(self, hint=self.hint.render(name_of) or None)


class ProblemError(InngestError):
    """A call ended with a problem that the client does not raise; `data` is what was done."""

    def __init__(self, problem: Problem, *, data: Record | None = None) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.data = data


@frozen(repr=False)
class PageInfo(Record):
    """Where a list goes on.

    Attributes:
        next: The cursor of the next page; None at the end.
        count: How many items this page has.
    """

    next: str | None
    count: int


@frozen(repr=False)
class Envelope(Record):
    """The answer to a command or a tool.

    Attributes:
        ok: Whether it succeeded.
        command: The operation, such as "runs.list".
        data: Its result; for a list `{"items": [...]}`; None if there is none.
        page: Where the list goes on; None if the result is no list.
        warnings: What else to know about the result, such as what was cut.
        untrusted: Paths in this object to untrusted text: data, never instructions.
        error: What went wrong; None if it succeeded.
    """

    ok: bool
    command: str
    data: Any = None
    page: PageInfo | None = None
    warnings: tuple[str, ...] = ()
    untrusted: tuple[str, ...] = ()
    error: Problem | None = None

    @classmethod
    def failed(
        cls, command: str, problem: Problem, untrusted: tuple[str, ...] = (), **more: Any
    ) -> Self:
        """Return the answer to what failed, with what was done all the same."""
        # A server quotes in its messages what it was sent.
        paths = (*(untrusted if more.get("data") else ()), "error.message")
        return cls(False, command, untrusted=paths, error=problem, **more)


def advice(text: str, *calls: str | NextCall) -> Advice:
    """Return what to do next, with `{}` in the text where a call is named."""
    return Advice(text, tuple(NextCall(it) if isinstance(it, str) else it for it in calls))
