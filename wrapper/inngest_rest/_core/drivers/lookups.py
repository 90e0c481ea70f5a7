"""The addresses of a host, looked up so that it holds up nobody: the resolver has no timeout.

A look-up has a thread of its own: neither an event loop nor an interpreter that ends waits for it,
as they do for those of asyncio.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    # Family, kind, protocol, canonical name, and an address that begins with the host's.
    Found = tuple[int, int, int, str, Sequence[str | int | bytes]]


def is_address(host: str) -> bool:
    """Return whether a host needs no look-up."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False


def look_up(host: str, port: int) -> Future[list[Found]]:
    """Begin to look up a host, and return what will have its addresses, or why there are none.

    Args:
        host: A name.
        port: The port to connect to.
    """
    future = Future[list["Found"]]()
    future.set_running_or_notify_cancel()

    def resolve() -> None:
        try:
            found: list[Found] = [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except Exception as error:  # noqa: BLE001 - raised where the future is asked
            future.set_exception(error)
        else:
            future.set_result(found)

    try:
        threading.Thread(target=resolve, name="inngest-rest-look-up", daemon=True).start()
    except RuntimeError:
        # The interpreter is exiting, or has all the threads that it may have.
        resolve()
    return future
