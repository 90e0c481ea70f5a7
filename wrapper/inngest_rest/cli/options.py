"""Options of every command: where to ask, and how to answer."""

# cyclopts reads these annotations when it parses a command line.
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, get_args

from attrs import fields, frozen
from cyclopts import Group, Parameter

from inngest_rest.cli.suggestions import not_valid
from inngest_rest.operations.parameters import ParameterError

Format = Literal["table", "json", "ndjson", "id"]

_VARIABLE = "INNGEST_REST_OUTPUT"

GROUP = Group("Options of every command", sort_key=100)


def _option(*names: str, help: str) -> Parameter:
    return Parameter(name=names, help=help, group=GROUP, show_default=False)


@Parameter(name="*")
@frozen(kw_only=True, eq=False, repr=False)
class Options:
    """Where to ask, and how to answer. Keys are no options: they come from the environment."""

    output: Annotated[
        Format | None,
        _option(
            "--output",
            "-o",
            help="Format of the answer: by default a table on a terminal, and JSON elsewhere "
            "(INNGEST_REST_OUTPUT).",
        ),
    ] = None
    fields: Annotated[
        str | None, _option("--fields", help="Fields of each item to return, separated by commas.")
    ] = None
    max_chars: Annotated[
        int | None, _option("--max-chars", help="Cut text that is longer than this, and than 64.")
    ] = None
    output_file: Annotated[
        str | None, _option("--output-file", help="Write the answer to this file.")
    ] = None
    quiet: Annotated[bool, _option("--quiet", "-q", help="Print no progress and no hints.")] = False
    env: Annotated[str | None, _option("--env", help="Branch environment (INNGEST_ENV).")] = None
    dev: Annotated[
        bool, _option("--dev", help="Use the dev server at http://127.0.0.1:8288 (INNGEST_DEV).")
    ] = False
    base_url: Annotated[
        str | None, _option("--base-url", help="Base URL of the server (INNGEST_BASE_URL).")
    ] = None
    request_timeout: Annotated[
        float, _option("--request-timeout", help="Seconds per request; by default 30.")
    ] = 30.0
    retries: Annotated[
        int | None, _option("--retries", help="Maximum number of retries; by default 4.")
    ] = None

    @property
    def format(self) -> Format:
        """The format that is named, or that suits where the answer goes."""
        return self.output or default_format(to_file=self.output_file is not None)


def default_format(*, to_file: bool = False) -> Format:
    """Return the format where no option names one."""
    named = os.environ.get(_VARIABLE)
    if named in get_args(Format):
        return named  # type: ignore[return-value]
    return "table" if sys.stdout.isatty() and not to_file else "json"


# cyclopts would find them among all tokens, too; this takes a tenth of the time.
def split(tokens: Sequence[str]) -> tuple[Options, list[str]]:
    """Return the options of every command, wherever they stand, and the other tokens.

    Raises:
        ParameterError: One has no value, or one that is malformed.
    """
    named, valid = os.environ.get(_VARIABLE), get_args(Format)
    if named and named not in valid:
        raise ParameterError(not_valid(f"{_VARIABLE} is", named, valid), field="output")
    values: dict[str, Any] = {}
    others: list[str] = []
    rest = iter(tokens)
    for token in rest:
        if token == "--":  # noqa: S105
            return Options(**values), [*others, token, *rest]
        option, has_value, value = token.partition("=")
        name = _NAMES.get(option)
        if name is None:
            others.append(token)
        elif name in _FLAGS and not has_value:
            values[name] = True
        else:
            values[name] = _read(name, value if has_value else next(rest, None))
    return Options(**values), others


_NAMES = {"-o": "output", "-q": "quiet"} | {
    f"--{each.name.replace('_', '-')}": each.name for each in fields(Options)
}
_FLAGS = {each.name for each in fields(Options) if each.default is False}
_KINDS: dict[str, Callable[[str], Any]] = {
    "max_chars": int,
    "request_timeout": float,
    "retries": int,
}


def takes_value(token: str) -> bool:
    """Return whether a token is an option of every command whose value is the next token."""
    return token in _NAMES and _NAMES[token] not in _FLAGS


def _read(name: str, text: str | None) -> Any:
    option = f"--{name.replace('_', '-')}"
    if name in _FLAGS:
        raise ParameterError(f"{option} is on or off, and takes no value", field=name)
    if text is None:
        raise ParameterError(f"{option} needs a value", field=name)
    valid = get_args(Format)
    if name == "output" and text not in valid:
        raise ParameterError(not_valid(f"{option} is", text, valid), field=name)
    try:
        return _KINDS.get(name, str)(text)
    except ValueError:
        raise ParameterError(f"{option} is {text!r}, which is no number", field=name) from None
