"""Mistakes in a command line: what is wrong, what is valid, and what is nearest."""

from __future__ import annotations

import attrs
from cyclopts import CycloptsError, UnknownCommandError, UnknownOptionError
from cyclopts.exceptions import UnusedCliTokensError

from inngest_rest.cli.options import Options
from inngest_rest.cli.output import STDIN
from inngest_rest.cli.suggestions import not_valid
from inngest_rest.operations.problems import Code, Problem


def key_option(option: str) -> Problem:
    """Return the problem of a key that was given as an option; its value is not repeated."""
    name = option.lstrip("-").upper().replace("-", "_")
    name = name if name.startswith(("EVENT", "SIGNING")) else "API_KEY"
    return Problem(
        Code.USAGE,
        f"{option}: keys are never options, which other users of the machine can read",
        hint=f"Set INNGEST_{name} in the environment.",
    )


def problem_of(error: CycloptsError) -> Problem:
    """Return a mistake as data."""
    match error:
        case UnknownOptionError():
            return _unknown_option(error)
        case UnknownCommandError() if error.app is not None and error.unused_tokens:
            names = [name for name in error.app if not name.startswith("-")]
            return _unknown("command", error.unused_tokens[0], names)
        case UnusedCliTokensError():
            extra = " ".join(error.unused_tokens or ()).replace(STDIN, "-")
            return Problem(Code.USAGE, f"unexpected arguments: {extra}")
        case _:
            message = str(error).replace(STDIN, "-")
            field = None if error.argument is None else _field(error.argument.name)
            return Problem(Code.USAGE, message[:1].lower() + message[1:], field=field)


def _field(option: str) -> str:
    """Return the parameter that an option sets, whether or not there is one."""
    return option.lstrip("-").lower().replace("-", "_")


def _unknown_option(error: UnknownOptionError) -> Problem:
    option = (error.token.keyword or error.token.value).partition("=")[0]
    own = {name for each in error.argument_collection if each.parse for name in each.names}
    common = [f"--{each.name.replace('_', '-')}" for each in attrs.fields(Options)]
    valid = [name for name in (*own, *common, "--help") if name.startswith("--")]
    problem = _unknown("option", option, sorted(dict.fromkeys(valid)))
    return attrs.evolve(problem, field=_field(option))


def _unknown(what: str, given: str, valid: list[str]) -> Problem:
    return Problem(Code.USAGE, not_valid(f"unknown {what}", given, valid))
