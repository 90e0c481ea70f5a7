"""The program as a whole: from the tokens of a command line to an exit status."""

from __future__ import annotations

import os
from argparse import ArgumentError
from contextlib import suppress
from typing import TYPE_CHECKING, get_args

from attrs import evolve

from inngest_rest import __version__
from inngest_rest.errors import InngestError, InvalidArgumentError
from inngest_rest.programs import did_you_mean
from inngest_rest_tools.command.answer_file import BROKEN_PIPE, Output, OutputError
from inngest_rest_tools.command.arguments import parser_of
from inngest_rest_tools.command.commands import find, is_group
from inngest_rest_tools.command.options import (
    FORMAT_VARIABLE,
    OPTIONS,
    Format,
    Options,
)
from inngest_rest_tools.command.stderr import Stderr
from inngest_rest_tools.problems import (
    EXIT_STATUS,
    Code,
    Problem,
    ProblemError,
    problem_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(tokens: Sequence[str]) -> int:
    """Run the command that the tokens name, and return the exit status."""
    try:
        return _run(tokens)
    except KeyboardInterrupt:
        return EXIT_STATUS[Code.INTERRUPTED]
    except (OutputError, OSError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, BrokenPipeError):
            return BROKEN_PIPE
        Stderr().error(
            Problem(Code.UNEXPECTED, f"the answer cannot be written: {cause}")
        )
        return EXIT_STATUS[Code.UNEXPECTED]


def _run(tokens: Sequence[str]) -> int:
    options = Options()
    name = ""
    examples: tuple[str, ...] = ()
    try:
        parsed, others = parser_of(OPTIONS).parse_known_args(tokens)
        typed = vars(parsed)
        wants_help = typed.pop("help", False)
        wants_version = typed.pop("version", False)
        options = Options(**typed)
        if wants_version:
            return _print(__version__)
        if others[:1] == ["help"]:
            return _print_help(others[1:])
        if wants_help or is_group(others):
            return _print_help(others)
        command = find(others)
        name = command.name
        examples = command.examples
        _check_variable()
        own_tokens = others[len(command.words) :]
        return command.run(options, command.read(own_tokens))
    except ArgumentError as error:
        # An option before the command hides it.
        with suppress(InngestError, IndexError):
            name = find(tokens).name
        problem = _problem_of_option(error)
    except (InvalidArgumentError, ProblemError) as error:
        problem = problem_of(error)
    if problem.hint is None and examples:
        problem = evolve(problem, hint=f"For example: {examples[0]}")
    from inngest_rest_tools.command.renderer import Renderer  # noqa: PLC0415 - not for help

    return Renderer(name, format=options.format).finish(problem)


def _print(text: str) -> int:
    output = Output()
    output.line(text.rstrip("\n"))
    output.close()
    return 0


def _print_help(tokens: Sequence[str]) -> int:
    from inngest_rest_tools.command.help import parser_for  # noqa: PLC0415 - few ask for it

    words = tuple(tokens) if is_group(tokens) else find(tokens).words
    return _print(parser_for(words).format_help())


def _check_variable() -> None:
    named = os.environ.get(FORMAT_VARIABLE)
    valid = get_args(Format)
    if named and named not in valid:
        message = f"{FORMAT_VARIABLE} is {named!r}{did_you_mean(named, valid)}"
        raise InvalidArgumentError(message, argument="output")


def _problem_of_option(error: ArgumentError) -> Problem:
    names = (error.argument_name or "").split("/")  # such as -o/--output
    field = names[-1].lstrip("-").replace("-", "_")
    return Problem(Code.USAGE, f"{field}: {error.message}", field=field or None)
