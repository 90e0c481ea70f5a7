"""Private attributes of httpx and httpcore in use; no promise rests on them.

With a release that lacks one, a client cannot be created, or never reuses a connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


def has_left_over(transport: object) -> bool:
    """Return whether excess bytes follow a response; httpcore would take them for the next one.

    httpcore has no public access to them. If a release keeps them elsewhere, no connection is
    reused.
    """
    for each in _connections(transport):
        connection = each
        while connection is not None and not hasattr(connection, "_h11_state"):
            connection = getattr(connection, "_connection", None)
        if connection is None or connection._h11_state.trailing_data[0]:  # noqa: SLF001
            return True
    return False


def has_expired(transport: object) -> bool:
    """Return whether its idle connection can no longer be reused."""
    # One that is listed no more has: httpcore 1.0.9 may keep its socket until the transport closes.
    return hasattr(transport, "_pool") and all(it.has_expired() for it in _connections(transport))


def _connections(transport: object) -> list[Any]:
    found: list[Any] = getattr(getattr(transport, "_pool", None), "connections", [])
    return found


def use_backend(transport: httpx.HTTPTransport | httpx.AsyncHTTPTransport, backend: object) -> None:
    """Set the network backend of a transport, for which httpx has no argument; or raise."""
    pool: Any = transport._pool  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    _ = pool._network_backend  # noqa: SLF001 - not an assertion, which `python -O` drops
    pool._network_backend = backend  # noqa: SLF001
