"""A database of its own for each server that scripts/test-live starts."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from inngest_rest.testing._binary import CannotStartError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def database(uri: str) -> Iterator[str]:
    """Create a database during the `with` block, in the server of a URI; yield its own URI."""
    name = f"inngest_live_{os.urandom(4).hex()}"
    _psql(uri, f"create database {name}")
    try:
        yield urlunsplit(urlsplit(uri)._replace(path=f"/{name}"))
    finally:
        _psql(uri, f"drop database {name} with (force)")


def _psql(uri: str, statement: str) -> None:
    parts = urlsplit(uri)
    password = {} if parts.password is None else {"PGPASSWORD": unquote(parts.password)}
    user = "" if parts.username is None else f"{parts.username}@"
    shown = parts._replace(netloc=user + parts.netloc.rpartition("@")[2])
    try:
        done = subprocess.run(
            ["psql", "--quiet", "--no-password", "--command", statement, urlunsplit(shown)],  # noqa: S607 - found on PATH
            env={**os.environ, **password},
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise CannotStartError(f"--postgres-uri needs psql: {error}") from error
    if done.returncode != 0:
        raise CannotStartError(f"psql: {done.stderr.strip()}")
