"""Operation: one entry of the table."""

from __future__ import annotations

import inspect
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import AttrsInstance, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient

P = TypeVar("P", bound=AttrsInstance)

_SECTION = "\n\nAttributes:\n"


def _never(_parameters: object) -> bool:
    return False


class Effect(StrEnum):
    """What an operation does to the server.

    Attributes:
        READ: Nothing.
        ADD: It adds something, such as an event or a run.
        DESTROY: It ends, changes or repeats what is there.
    """

    READ = "read"
    ADD = "add"
    DESTROY = "destroy"


class Returns(StrEnum):
    """What `Operation.run` returns.

    Attributes:
        ONE: A record.
        PAGES: A paginator of records; the parameters have `limit` and `cursor`.
        STREAM: An iterable of records, which may come as they happen.
    """

    ONE = "one"
    PAGES = "pages"
    STREAM = "stream"


@frozen(kw_only=True)
class Operation(Generic[P]):
    """A job, with all that its readers have to know about it.

    Attributes:
        name: Its name, which is that of the client's method: "runs.list".
        parameters: The attrs class of its parameters; its docstring, and those of its bases, are
            the help text.
        result: The record that it returns, or the one that it returns several of.
        run: Does it.
        returns: Whether `run` returns one record, a paginator or an iterable.
        effect: What it does to the server.
        is_idempotent: Whether doing it twice has the effect of doing it once.
        is_idempotent_for: Whether it is for these parameters, though not for all.
        uses_files: Whether it reads or writes files, so that only the command line has it.
        untrusted: Paths in a result to text that strangers wrote: payloads, outputs, messages.
        examples: Arguments for the command, as one would type them.
    """

    name: str
    parameters: type[P]
    result: type[Any]
    run: Callable[[InngestClient, P], Any]
    returns: Returns = Returns.ONE
    effect: Effect = Effect.READ
    is_idempotent: bool = True
    is_idempotent_for: Callable[[P], bool] = _never
    uses_files: bool = False
    untrusted: tuple[str, ...] = ()
    examples: tuple[str, ...] = field(default=())

    @property
    def help(self) -> str:
        """What it does and what its parameters are, as a docstring with a section `Args`."""
        description, arguments = "", ""
        for kind in reversed(self.parameters.__mro__[:-1]):
            description, _, section = inspect.cleandoc(kind.__doc__ or "").partition(_SECTION)
            arguments += section
        return f"{description}\n\nArgs:\n{arguments}" if arguments else description

    @property
    def parameter_help(self) -> dict[str, str]:
        """What each parameter is, by its name."""
        _, _, section = self.help.partition("\n\nArgs:\n")
        entries = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", section, re.MULTILINE)
        return {name: " ".join(text.split()) for name, text in entries}

    @property
    def description(self) -> str:
        """What it does, without its parameters."""
        return self.help.partition("\n\nArgs:\n")[0]

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return self.help.partition("\n")[0]

    def can_repeat(self, parameters: P) -> bool:
        """Return whether doing it again is safe when it is not known if it was done."""
        return self.is_idempotent or self.is_idempotent_for(parameters)

    @property
    def untrusted_paths(self) -> tuple[str, ...]:
        """Paths in its answer to text that strangers wrote."""
        place = "data" if self.returns is Returns.ONE else "data.items[]"
        return tuple(f"{place}.{path}" for path in self.untrusted)

    @property
    def command(self) -> tuple[str, ...]:
        """The words of its command, as in `inngest-rest runs list`."""
        return tuple(self.name.replace("_", "-").split("."))
