"""The servers that scripts start, or are given: their keys, and databases of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from attrs import field, frozen

from inngest_rest_mock._binary import CannotStartError, run_binary

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from pathlib import Path


@frozen
class Keys:
    """The keys of servers that require some, and where servers that are started store."""

    event_key: str | None = field(default=None, repr=False)
    signing_keys: tuple[str, ...] = field(default=(), repr=False)
    postgres_uri: str | None = field(default=None, repr=False)


def take_keys(environ: MutableMapping[str, str]) -> Keys:
    """Take the keys out of an environment: what is of another server does not reach ours."""
    names = ("INNGEST_SIGNING_KEY", "INNGEST_SIGNING_KEY_FALLBACK")
    keys = Keys(
        event_key=environ.get("INNGEST_EVENT_KEY"),
        signing_keys=tuple(filter(None, map(environ.get, names))),
        postgres_uri=environ.get("INNGEST_POSTGRES_URI"),
    )
    for name in [each for each in environ if each.startswith("INNGEST_")]:
        del environ[name]
    return keys


def end_servers_when_terminated() -> None:
    """Have SIGTERM end this process as an exception does: what it started must not outlive it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


@contextmanager
def started(binary: Path, postgres_uri: str | None) -> Iterator[str]:
    """Run a server during the `with` block, which stores in memory or in its own database.

    Raises:
        CannotStartError: It does not start; the message says why.
    """
    with ExitStack() as stack:
        own = None if postgres_uri is None else stack.enter_context(database(postgres_uri))
        yield stack.enter_context(run_binary(binary, own))


@contextmanager
def database(uri: str) -> Iterator[str]:
    """Create a database during the `with` block, in the server of a URI; yield its own URI."""
    name = f"inngest_live_{os.urandom(4).hex()}"
    psql(uri, f"create database {name}")
    try:
        yield urlunsplit(urlsplit(uri)._replace(path=f"/{name}"))
    finally:
        psql(uri, f"drop database {name} with (force)")


def psql(uri: str, script: str) -> str:
    """Run statements, and return the values that they select, a line per row.

    Raises:
        CannotStartError: There is no psql, or a statement failed.
    """
    parts = urlsplit(uri)
    # A command line is seen by everyone.
    password = {} if parts.password is None else {"PGPASSWORD": unquote(parts.password)}
    user = "" if parts.username is None else f"{parts.username}@"
    shown = parts._replace(netloc=user + parts.netloc.rpartition("@")[2])
    options = ("--quiet", "--no-password", "--no-psqlrc", "--tuples-only", "--no-align")
    try:
        done = subprocess.run(
            ["psql", *options, "--set=ON_ERROR_STOP=1", urlunsplit(shown)],  # noqa: S607 - on PATH
            input=script,
            env={**os.environ, **password},
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise CannotStartError(f"a database needs psql: {error}") from error
    if done.returncode != 0:
        raise CannotStartError(f"psql: {done.stderr.strip()}")
    return done.stdout.strip()
