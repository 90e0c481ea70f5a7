"""Socket functions of both transports: DNS lookup with a timeout, polling, shutting down.

anyio and asyncio resolve names in the event loop's executor. If the resolver hangs, so does every
lookup in the program once the executor is full, and then `asyncio.run` at exit, for as long as
`resolv.conf` allows (10 s by default, and more per name server;
https://github.com/python/cpython/issues/112169); a blocking client hangs past any timeout.
"""

from __future__ import annotations

import select
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from itertools import zip_longest


def look_up(host: str, port: int) -> Future[list[str]]:
    """Start a DNS lookup; return a future of the addresses, alternating between families.

    Each lookup has its own daemon thread, so neither a closing event loop nor interpreter exit
    waits for it.
    """
    future = Future[list[str]]()
    future.set_running_or_notify_cancel()

    def resolve() -> None:
        try:
            future.set_result(_resolve(host, port))
        except Exception as error:  # noqa: BLE001 - raised again by the future's result
            future.set_exception(error)

    try:
        threading.Thread(
            target=resolve, name="inngest-rest-look-up", daemon=True
        ).start()
    except RuntimeError:
        # The interpreter is exiting, or the thread limit is reached.
        resolve()
    return future


def _resolve(host: str, port: int) -> list[str]:
    by_family: dict[int, list[str]] = {}
    for family, _, _, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        by_family.setdefault(family, []).append(str(address[0]))
    addresses: dict[str, None] = {}
    for one_of_each_family in zip_longest(*by_family.values()):
        for address in filter(None, one_of_each_family):
            addresses[address] = None
    return list(addresses)


def is_readable(own: socket.socket) -> bool:
    """Return whether there is data to read, or the other side has ended the connection."""
    if not hasattr(select, "poll"):  # pragma: no cover - on Windows
        readable, _, _ = select.select([own], [], [], 0)
        return bool(readable)
    poll = select.poll()
    poll.register(own, select.POLLIN)
    return bool(poll.poll(0))


def shut_down(own: socket.socket) -> None:
    """Shut a socket down, which wakes its users; closing it would not."""
    with suppress(OSError), socket.fromfd(own.fileno(), own.family, own.type) as same:
        same.shutdown(socket.SHUT_RDWR)
