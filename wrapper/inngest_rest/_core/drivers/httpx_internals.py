"""Private attributes of httpx and httpcore in use; no promise rests on them.

A release that lacks one makes a client that cannot be made, or one that uses no connection twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


def has_left_over(transport: object) -> bool:
    """Return whether bytes came behind a response, which httpcore would take for the next one.

    httpcore keeps them where nothing public shows them. Of a release that keeps them elsewhere, no
    connection is used twice.
    """
    connections: list[Any] = getattr(getattr(transport, "_pool", None), "connections", [])
    for each in connections:
        connection = each
        while connection is not None and not hasattr(connection, "_h11_state"):
            connection = getattr(connection, "_connection", None)
        if connection is None or connection._h11_state.trailing_data[0]:  # noqa: SLF001
            return True
    return False


def use_backend(transport: httpx.HTTPTransport | httpx.AsyncHTTPTransport, backend: object) -> None:
    """Put a network backend below a transport: neither httpx nor its proxies take one.

    Raises:
        AttributeError: This release of httpx or httpcore keeps it elsewhere.
    """
    pool: Any = transport._pool  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    assert pool._network_backend is not None  # noqa: SLF001
    pool._network_backend = backend  # noqa: SLF001
