"""Options of every command: where to ask, and how to answer."""

# cyclopts reads these annotations when it parses a command line.
import os
import sys
from typing import Annotated, Literal, get_args

from attrs import frozen
from cyclopts import Group, Parameter

Format = Literal["table", "json", "ndjson", "id"]

GROUP = Group("Options of every command", sort_key=100)


def _option(*names: str, help: str) -> Parameter:
    return Parameter(name=names, help=help, group=GROUP, show_default=False)


@Parameter(name="*")
@frozen(kw_only=True)
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
        int | None, _option("--max-chars", help="Cut text that is longer than this.")
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


def default_format(*, to_file: bool = False) -> Format:
    """Return the format where no option names one."""
    named = os.environ.get("INNGEST_REST_OUTPUT")
    if named in get_args(Format):
        return named  # type: ignore[return-value]
    return "table" if sys.stdout.isatty() and not to_file else "json"
