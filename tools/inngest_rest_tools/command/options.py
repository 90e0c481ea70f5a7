"""The global options: where to ask, and how to answer. Keys are deliberately not among them."""

from __future__ import annotations

import os
import sys
from argparse import SUPPRESS
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import evolve, field, fields, frozen

from inngest_rest_tools.command.arguments import Argument, dashed, flag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FORMAT_VARIABLE = "INNGEST_REST_OUTPUT"
Format = Literal["table", "json", "ndjson", "id", "markdown"]

_FORMATS = get_args(Format)


def _option(
    help: str,
    *names: str,
    default: Any = None,
    choices: Sequence[str] | None = None,
    type: Callable[[str], Any] | None = None,
) -> Any:
    """Return a field that is read from an option, which has its name as well."""
    action = "store_true" if default is False else None
    argument = Argument(
        names=names,
        help=help,
        choices=choices,
        type=type,
        action=action,
    )
    return field(default=default, metadata={"argument": argument})


@frozen(kw_only=True, eq=False, repr=False)
class Options:
    """Global options; keys are deliberately not among them."""

    output: Format | None = _option(
        "Format of the answer: by default a table on a terminal, and JSON elsewhere "
        "(INNGEST_REST_OUTPUT). The last is for status and runs summary.",
        "-o",
        choices=_FORMATS,
    )
    fields: str | None = _option(
        "Fields of each item to return, separated by commas, with dots for what is below; '*' for "
        "all, where JSON has those that say most."
    )
    max_chars: int | None = _option(
        "Truncate text longer than this (minimum 64).", type=int
    )
    output_file: str | None = _option(
        "Write the answer to this file, which must not exist."
    )
    force: bool = _option("Replace a file that exists.", default=False)
    audit: str | None = _option(
        "Append a line for each act to this file: time, call, ids, outcome, target."
    )
    quiet: bool = _option("Print no progress and no hints.", "-q", default=False)
    profile: str | None = _option("Server in the file of profiles (INNGEST_PROFILE).")
    confirm_profile: str | None = _option(
        "Name of a protected profile, for an act on its server."
    )
    env: str | None = _option("Branch environment (INNGEST_ENV).")
    dev: bool = _option(
        "Use the dev server at http://127.0.0.1:8288 (INNGEST_DEV).", default=False
    )
    base_url: str | None = _option("Base URL of the server (INNGEST_BASE_URL).")
    request_timeout: float = _option(
        "Seconds per request; by default 30.", default=30.0, type=float
    )
    retries: int | None = _option("Maximum number of retries; by default 4.", type=int)

    @property
    def named(self) -> str | None:
        """The format that is named, by the option or by the variable."""
        return self.output or os.environ.get(FORMAT_VARIABLE)

    @property
    def format(self) -> Format:
        """The format that is named, or that suits where the answer goes."""
        if self.named in _FORMATS:
            return self.named  # type: ignore[return-value]
        return "table" if sys.stdout.isatty() and self.output_file is None else "json"


def _argument_of(option: Any) -> Argument:
    argument: Argument = option.metadata["argument"]
    return evolve(argument, names=(*argument.names, dashed(option.name)))


OPTIONS = (
    *map(_argument_of, fields(Options)),
    Argument(
        names=("--json",),
        dest="output",
        action="store_const",
        const="json",
        help=SUPPRESS,
    ),
    flag("-h", "--help", help="Print this help."),
    flag("--version", help="Print the version."),
)
"""The global options as the parser takes them."""
