"""Arguments and options of commands, described once for the parser, help, completion and docs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest.programs import did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


Typed = Mapping[str, Any]
"""The typed texts by the names of arguments and options, before they are values."""


@frozen(kw_only=True, eq=False)
class Argument:
    """A positional argument of a command, or an option.

    Attributes:
        names: The name of an argument; those of an option, the long one last.
        help: Its help; SUPPRESS hides it.
        action: The action of an option that takes no value, or several.
        nargs: The number of words that an argument takes.
        choices: The valid words; the error for another names the nearest.
        metavar: The name of the value in help.
        dest: The name of the parsed value, if it differs from the option's.
        type: The converter of the typed text.
        const: The value that an option without one stands for.
    """

    names: tuple[str, ...]
    help: str
    action: str | None = None
    nargs: str | None = None
    choices: Sequence[str] | None = None
    metavar: str | None = None
    dest: str | None = None
    type: Callable[[str], Any] | None = None
    const: str | None = None

    @property
    def is_option(self) -> bool:
        return self.names[0].startswith("-")

    def add_to(self, parser: Any) -> None:
        """Add it to a parser or a group."""
        type = self.type
        if self.choices is not None:
            type = partial(_choice, self.choices)
        details: dict[str, Any] = {
            "help": self.help,
            "action": self.action,
            "nargs": self.nargs,
            "choices": self.choices,
            "metavar": self.metavar,
            "dest": self.dest,
            "type": type,
            "const": self.const,
        }
        # argparse does not accept None for a detail that is missing.
        given = {name: detail for name, detail in details.items() if detail is not None}
        parser.add_argument(*self.names, **given)


def argument(name: str, *, help: str, nargs: str = "?") -> Argument:
    """Return an argument that may be missing; the command raises its own error."""
    return Argument(names=(name,), help=help, nargs=nargs)


def flag(*names: str, help: str, dest: str | None = None) -> Argument:
    """Return an option without a value."""
    return Argument(
        names=names,
        help=help,
        action="store_true",
        dest=dest,
    )


def parser_of(arguments: Iterable[Argument]) -> argparse.ArgumentParser:
    """Return a parser of only these, which raises errors instead of exiting."""
    parser = argparse.ArgumentParser(
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        exit_on_error=False,
    )
    for each in arguments:
        each.add_to(parser)
    return parser


def dashed(name: str) -> str:
    """Return the option of a parameter."""
    return f"--{name.replace('_', '-')}"


def _choice(choices: Sequence[str], text: str) -> str:
    if text not in choices:
        message = f"invalid choice {shown(text)}{did_you_mean(text, choices)}"
        raise argparse.ArgumentTypeError(message)
    return text
