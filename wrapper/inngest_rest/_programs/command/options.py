"""Options of every command, their effect on an answer, and command lines as text, for hints."""

from __future__ import annotations

import json
import os
import shlex
import sys
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import fields, frozen

from inngest_rest._programs.bounds import SECRETS
from inngest_rest._programs.parameters import parameters
from inngest_rest._visible import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from inngest_rest._table import Row

PROGRAM = "inngest-rest"
FORMAT_VARIABLE = "INNGEST_REST_OUTPUT"
Format = Literal["table", "json", "ndjson", "id", "markdown", "prometheus"]


@frozen(kw_only=True, eq=False, repr=False)
class Options:
    """Options of every command: where to ask, and how to answer. Keys are none of them."""

    output: Format | None = None
    fields: str | None = None
    max_chars: int | None = None
    redact: str | None = None
    output_file: str | None = None
    force: bool = False
    quiet: bool = False
    env: str | None = None
    dev: bool = False
    base_url: str | None = None
    request_timeout: float = 30.0
    retries: int | None = None

    @property
    def named(self) -> str | None:
        """The format that is named, if it is."""
        return self.output or os.environ.get(FORMAT_VARIABLE)

    @property
    def format(self) -> Format:
        """The format that is named, or that suits where the answer goes."""
        if self.named in get_args(Format):
            return self.named  # type: ignore[return-value]
        return "table" if sys.stdout.isatty() and self.output_file is None else "json"


Argument = tuple[tuple[str, ...], dict[str, Any]]
"""What `ArgumentParser.add_argument` takes."""


def argument(*names: str, **details: Any) -> Argument:
    """Return an argument or option; one with `choices` names the nearest for what is no choice."""
    if "choices" in details:
        details["type"] = partial(_chosen, details["choices"])
    return names, details


flag = partial(argument, action="store_true")


def _chosen(choices: Sequence[str], text: str) -> str:
    if text not in choices:
        raise ArgumentTypeError(f"{text[:80]!r} is no choice{did_you_mean(text[:80], choices)}")
    return text


OPTIONS = (
    argument(
        "-o",
        "--output",
        choices=get_args(Format),
        help="Format of the answer: by default a table on a terminal, and JSON elsewhere "
        "(INNGEST_REST_OUTPUT). The last two are for runs summary.",
    ),
    argument("--json", dest="output", action="store_const", const="json", help=SUPPRESS),
    argument(
        "--fields",
        help="Fields of each item to return, separated by commas, with dots for what is below.",
    ),
    argument(
        "--full",
        dest="fields",
        action="store_const",
        const="*",
        help="Return all fields, where JSON has those that say most.",
    ),
    argument("--max-chars", type=int, help="Truncate text longer than this (minimum 64)."),
    argument(
        "--redact",
        choices=(*SECRETS, "none"),
        help="Redact keys and tokens, or those and e-mail addresses; of mcp, keys by default.",
    ),
    argument("--output-file", help="Write the answer to this file, which must not exist."),
    flag("--force", help="Replace a file that exists."),
    flag("-q", "--quiet", help="Print no progress and no hints."),
    argument("--env", help="Branch environment (INNGEST_ENV)."),
    flag("--dev", help="Use the dev server at http://127.0.0.1:8288 (INNGEST_DEV)."),
    argument("--base-url", help="Base URL of the server (INNGEST_BASE_URL)."),
    argument("--request-timeout", type=float, help="Seconds per request; by default 30."),
    argument("--retries", type=int, help="Maximum number of retries; by default 4."),
    flag("-h", "--help", help="Print this help."),
    flag("--version", help="Print the version."),
)


def parser_of(arguments: Iterable[Argument]) -> ArgumentParser:
    """Return a parser of these alone, which raises its errors."""
    parser = ArgumentParser(
        add_help=False, allow_abbrev=False, argument_default=SUPPRESS, exit_on_error=False
    )
    add_to(parser, arguments)
    return parser


def add_to(parser: Any, arguments: Iterable[Argument]) -> None:
    for names, details in arguments:
        parser.add_argument(*names, **details)


def command_line(
    row: Row, values: Mapping[str, Any], options: Options | None = None, *more: str
) -> str:
    """Return the command line that calls a row, without what has its default, to copy and run."""
    words, positions = list[str](), list[str]()
    for each in parameters(row):
        value = values.get(each.name)
        if value is None or value == each.default:
            continue
        if each.is_text:
            value = [as_typed(it) for it in value] if each.is_many else as_typed(value)
        if each.is_positional:
            positions += _words("", value)
        else:
            words += _words(each.name, value, is_json=each.is_json)
    for option in fields(Options):
        value = getattr(options, option.name, option.default)
        if value != option.default and option.name not in {"output_file", "force"}:
            words += _words(option.name, value)
    words += more
    is_plain = not any(it.startswith("-") for it in positions)
    words = [*positions, *words] if is_plain else [*words, "--", *positions]
    return shlex.join([PROGRAM, *row.words, *words])


def as_typed(text: str) -> str:
    """Return a text as it is typed, where @FILE would stand for one in a file."""
    return f"@{text}" if text.startswith("@") else text


def _words(name: str, value: Any, *, is_json: bool = False) -> Iterator[str]:
    """Return an option as it is typed, or a positional argument."""
    match value:
        case True if not is_json:
            yield _option(name)
            return
        case list() | tuple() if not is_json:
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                yield from _words(name, each)
            return
        case datetime():
            text = value.isoformat()
        case timedelta():  # it would be another window later
            text = (datetime.now(UTC) - value).isoformat()
        case _:
            text = json.dumps(value) if is_json else str(value)
    if name and text.startswith("-"):  # as an option does
        yield f"{_option(name)}={text}"
    else:
        yield from [_option(name), text] if name else [text]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
