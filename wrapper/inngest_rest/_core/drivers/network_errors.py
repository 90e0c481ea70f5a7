"""Errors of connections, as httpx has them; it takes longer to import than all of this client."""

from __future__ import annotations

from typing import Literal, TypeAlias

Name: TypeAlias = Literal[
    "ConnectError",
    "ConnectTimeout",
    "DecodingError",
    "LocalProtocolError",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "WriteError",
    "WriteTimeout",
]


class UnnamedError(Exception):
    """An error in the place of httpx's, which cannot be imported: no file can be opened, perhaps.

    A process that has none left meets that at a connection, and importing needs files, too.
    """

    def __init__(self, name: Name, reason: str) -> None:
        super().__init__(reason)
        self.name = name


def network_error(name: Name, reason: str) -> Exception:
    """Return the error of httpx with this name."""
    try:
        import httpx  # noqa: PLC0415
    except (ImportError, OSError):
        return UnnamedError(name, reason)
    error: Exception = getattr(httpx, name)(reason)
    return error
