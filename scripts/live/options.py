"""What to test: options, else the variables that the client reads as well."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEV_SERVER = "http://127.0.0.1:8288"


@frozen
class Options:
    """What to test, and how.

    Attributes:
        url: The server's base URL; of no use with `bins`.
        event_key: Its event key, if it requires one.
        signing_keys: Its signing key and another to try if that is rejected.
        bins: Servers to start, one after the other.
        postgres_uri: Where the servers of `bins` store; in memory unless given.
        fuzz: Whether to fuzz instead of running the cases.
        yes: Whether to fuzz without asking first.
        arguments: What pytest gets.
    """

    url: str
    event_key: str | None = field(repr=False)
    signing_keys: tuple[str, ...] = field(repr=False)
    bins: tuple[Path, ...]
    postgres_uri: str | None = field(repr=False)
    fuzz: bool
    yes: bool
    arguments: tuple[str, ...]


def parse(arguments: Sequence[str], environ: Mapping[str, str], description: str) -> Options:
    """Read the command line and the environment; an option wins over a variable."""
    parser = _parser(description)
    given, others = parser.parse_known_args(arguments)
    keys = (
        given.signing_key or environ.get("INNGEST_SIGNING_KEY"),
        given.signing_key_fallback or environ.get("INNGEST_SIGNING_KEY_FALLBACK"),
    )
    if given.bins and (given.url or given.fuzz):
        parser.error("--bins starts the servers itself and runs the cases: no --url, no --fuzz")
    if given.postgres_uri and not given.bins:
        parser.error("--postgres-uri is where the servers of --bins store")
    for path in given.bins:
        if not path.is_file():
            parser.error(f"--bins: {path} is not a file")
    if given.fuzz and others:
        parser.error(f"--fuzz does not accept {' '.join(others)}")
    return Options(
        url=(given.url or _url(environ)).rstrip("/"),
        event_key=given.event_key or environ.get("INNGEST_EVENT_KEY"),
        signing_keys=tuple(key for key in keys if key),
        bins=tuple(given.bins),
        postgres_uri=given.postgres_uri,
        fuzz=given.fuzz,
        yes=given.yes,
        arguments=tuple(others),
    )


def _url(environ: Mapping[str, str]) -> str:
    """Return the server's URL by the variables; INNGEST_DEV may have one, or just say yes."""
    dev = environ.get("INNGEST_DEV", "")
    return environ.get("INNGEST_BASE_URL") or (dev if "://" in dev else DEV_SERVER)


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/test-live",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Other arguments go to pytest: scripts/test-live -k cancel",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--url", help=f"the server (INNGEST_BASE_URL or INNGEST_DEV, else {DEV_SERVER})"
    )
    parser.add_argument(
        "--event-key", help="the event key, if the server requires one (INNGEST_EVENT_KEY)"
    )
    parser.add_argument(
        "--signing-key", help="the signing key, if the server requires one (INNGEST_SIGNING_KEY)"
    )
    parser.add_argument(
        "--signing-key-fallback",
        metavar="SIGNING_KEY",
        help="the one to use if the server rejects the first (INNGEST_SIGNING_KEY_FALLBACK)",
    )
    parser.add_argument(
        "--bins",
        type=_paths,
        default=(),
        metavar="A:B:C",
        help="paths of servers to start, one after the other, to try them all",
    )
    parser.add_argument(
        "--postgres-uri",
        metavar="URI",
        help="let the servers of --bins store in PostgreSQL, each in a database of its own that "
        "is made and removed with psql",
    )
    parser.add_argument("--fuzz", action="store_true", help="fuzz instead of running the cases")
    parser.add_argument("--yes", action="store_true", help="fuzz without asking first")
    return parser


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(Path(each).resolve() for each in text.split(":") if each)
