"""The program as a whole: from its arguments to an answer and an exit status."""

from __future__ import annotations

import os
import re
from argparse import ArgumentError
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING, get_args

from inngest_rest._programs.command import parser
from inngest_rest._programs.command.options import (
    FORMAT_VARIABLE,
    OPTIONS,
    Format,
    Options,
    parser_of,
)
from inngest_rest._programs.command.renderer import Renderer
from inngest_rest._programs.command.streams import OutputError, Stderr, write_all
from inngest_rest._programs.envelope import EXIT_STATUS, Code, Problem, ProblemError
from inngest_rest._programs.problems import problem_of
from inngest_rest._version import __version__
from inngest_rest._visible import did_you_mean
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

# A key on a command line ends in the history of a shell, and in the list of processes.
_KEY = re.compile(
    r"--?(event|signing|api|signing[-_]key[-_]fallback)[-_]?(key|token)", re.IGNORECASE
)


def run(tokens: Sequence[str]) -> int:
    """Run the command that the arguments name, and return the exit status."""
    try:
        return _run(tokens)
    except KeyboardInterrupt:
        return EXIT_STATUS[Code.INTERRUPTED]
    except (OutputError, OSError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, BrokenPipeError):
            return parser.BROKEN_PIPE
        Stderr().error(Problem(Code.UNEXPECTED, f"the answer cannot be written: {cause}"))
        return EXIT_STATUS[Code.UNEXPECTED]


def _run(tokens: Sequence[str]) -> int:
    before_dashes = list(takewhile("--".__ne__, tokens))
    after_dashes = tokens[len(before_dashes) + 1 :]
    options = Options()
    try:
        given, others = parser_of(OPTIONS).parse_known_args(before_dashes)
        values = {name: it for name, it in vars(given).items() if name not in {"help", "version"}}
        options = Options(**values)
        for key in filter(None, map(_KEY.match, others)):
            raise _key_option(key[0])
        if "version" in given:
            return write_all(__version__)
        if "help" in given or parser.is_group(others):
            return write_all(parser.help_of(others))
        found = parser.find(others)
        named, valid = os.environ.get(FORMAT_VARIABLE), get_args(Format)
        if named and named not in valid:
            message = f"{FORMAT_VARIABLE} is {named!r}{did_you_mean(named, valid)}"
            raise InvalidArgumentError(message, argument="output")
        return found.run(options, found.read(others[len(found.words) :], after_dashes))
    except ArgumentError as error:
        field = (error.argument_name or "").rpartition("/")[2].lstrip("-").replace("-", "_")
        problem = Problem(Code.USAGE, f"{field}: {error.message}", field=field or None)
    except (InvalidArgumentError, ProblemError) as error:
        problem = problem_of(error)
    return Renderer(_command_in(before_dashes), options.format).finish(problem)


def _command_in(tokens: Sequence[str]) -> str:
    words = [each for each in tokens if not each.startswith("-")]
    for at in range(len(words)):
        with suppress(InvalidArgumentError):
            return parser.find(words[at:]).name
    return ""


def _key_option(option: str) -> ProblemError:
    """Return the error for a key that was given as an option; its value is not repeated."""
    name = option.lstrip("-").upper().replace("-", "_")
    name = name if name.startswith(("EVENT", "SIGNING")) else "API_KEY"
    message = f"{option}: keys are never options, which other users of the machine can read"
    hint = f"Set INNGEST_{name} in the environment."
    return ProblemError(Problem(Code.USAGE, message, hint=hint))
