"""What to test: options, else the variables that the client reads as well."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ONLY_VARIABLES = {
    "--event-key": "INNGEST_EVENT_KEY",
    "--signing-key": "INNGEST_SIGNING_KEY",
    "--signing-key-fallback": "INNGEST_SIGNING_KEY_FALLBACK",
    "--postgres-uri": "INNGEST_POSTGRES_URI",
}

DEV_SERVER = "http://127.0.0.1:8288"


class Options(argparse.Namespace):
    """What to test, and how.

    Attributes:
        url: The server's base URL; of no use with `bins`.
        bins: Servers to start, one after the other.
        fuzz: Whether to fuzz instead of running the cases.
        yes: Whether to fuzz without asking first.
        arguments: What pytest gets.
    """

    url: str
    bins: tuple[Path, ...]
    fuzz: bool
    yes: bool
    arguments: tuple[str, ...]


def parse(arguments: Sequence[str], environ: Mapping[str, str], description: str) -> Options:
    """Read the command line and the environment; an option wins over a variable."""
    parser = argparse.ArgumentParser(
        prog="scripts/test-live",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Keys are variables: INNGEST_EVENT_KEY, INNGEST_SIGNING_KEY, and to be tried if\n"
        "the server rejects that, INNGEST_SIGNING_KEY_FALLBACK. INNGEST_POSTGRES_URI lets the\n"
        "servers of --bins store in PostgreSQL, each in a database that psql makes and removes.\n"
        "Other arguments go to pytest: scripts/test-live -k cancel",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--url", help=f"the server (INNGEST_BASE_URL or INNGEST_DEV, else {DEV_SERVER})"
    )
    parser.add_argument(
        "--bins",
        type=_paths,
        default=(),
        metavar="A:B:C",
        help="paths of servers to start, one after the other, to try them all",
    )
    parser.add_argument("--fuzz", action="store_true", help="fuzz instead of running the cases")
    parser.add_argument("--yes", action="store_true", help="fuzz without asking first")
    options, others = parser.parse_known_args(arguments, Options())
    for option, variable in ONLY_VARIABLES.items():
        if any(each.partition("=")[0] == option for each in others):
            parser.error(f"{option}: everyone sees a command line; set {variable} instead")
    if options.bins and (options.url or options.fuzz):
        parser.error("--bins starts the servers itself and runs the cases: no --url, no --fuzz")
    for path in options.bins:
        if not path.is_file():
            parser.error(f"--bins: {path} is not a file")
    if options.fuzz and others:
        parser.error(f"--fuzz does not accept {' '.join(others)}")
    options.url = (options.url or _url(environ)).rstrip("/")
    options.arguments = tuple(others)
    return options


def _url(environ: Mapping[str, str]) -> str:
    """Return the server's URL by the variables; INNGEST_DEV may have one, or just say yes."""
    dev = environ.get("INNGEST_DEV", "")
    return environ.get("INNGEST_BASE_URL") or (dev if "://" in dev else DEV_SERVER)


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(Path(each).resolve() for each in text.split(":") if each)
