"""DNS lookup with a timeout, and happy eyeballs (RFC 8305).

anyio and asyncio resolve names in the event loop's executor. If the resolver hangs, so does every
lookup in the program once the executor is full, and then `asyncio.run` at exit, for as long as
`resolv.conf` allows (10 s by default, and more per name server;
https://github.com/python/cpython/issues/112169); a blocking client hangs past any timeout. Their
happy eyeballs take a name, not addresses, so they cannot be used without that lookup.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

# Connection Attempt Delay in seconds (RFC 8305, section 5).
_ATTEMPT_DELAY = 0.25


class Closable(Protocol):
    async def aclose(self) -> None: ...


C = TypeVar("C", bound=Closable)

# Strong references: an event loop keeps only weak ones to its tasks.
_closing: set[asyncio.Task[None]] = set()


def look_up(host: str, port: int) -> Future[list[str]]:
    """Start a DNS lookup; return a future of the addresses, alternating between families.

    Each lookup has its own daemon thread, so neither a closing event loop nor interpreter exit
    waits for it. An address needs no lookup.
    """
    future = Future[list[str]]()
    future.set_running_or_notify_cancel()
    if _is_address(host):
        future.set_result([host])
        return future

    def resolve() -> None:
        try:
            future.set_result(_resolve(host, port))
        except Exception as error:  # noqa: BLE001 - raised again by the future's result
            future.set_exception(error)

    try:
        threading.Thread(target=resolve, name="inngest-rest-look-up", daemon=True).start()
    except RuntimeError:
        # The interpreter is exiting, or the thread limit is reached.
        resolve()
    return future


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            return bool(socket.inet_pton(family, host))
    return False


def _resolve(host: str, port: int) -> list[str]:
    by_family: dict[int, list[str]] = {}
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        by_family.setdefault(family, []).append(str(address[0]))
    in_turn = chain.from_iterable(zip_longest(*by_family.values()))
    addresses = list(dict.fromkeys(each for each in in_turn if each is not None))
    if not addresses:
        raise OSError(f"{host} has no address")
    return addresses


async def connect(host: str, port: int, attempt: Callable[[str], Awaitable[C]]) -> C:
    """Connect to the first address that accepts, if any, and close any other connection."""
    import asyncio  # noqa: PLC0415 - the blocking client does without it

    addresses = await asyncio.wrap_future(look_up(host, port))
    if len(addresses) == 1:
        return await attempt(addresses[0])
    left = iter(addresses)
    started: list[asyncio.Task[C]] = []
    running: set[asyncio.Task[C]] = set()
    failures: list[str] = []
    winner: asyncio.Task[C] | None = None
    address = next(left, None)
    try:
        while address is not None or running:
            if address is not None:
                started.append(asyncio.ensure_future(attempt(address)))
                running.add(started[-1])
                address = next(left, None)
            done, running = await asyncio.wait(
                running,
                timeout=None if address is None else _ATTEMPT_DELAY,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                if (failure := task.exception()) is None:
                    winner = task
                    return task.result()
                if not isinstance(failure, OSError):
                    raise failure
                failures.append(str(failure))
        raise OSError("; ".join(dict.fromkeys(failures)))
    finally:
        for task in started:
            if task is not winner:
                task.cancel()
                task.add_done_callback(_close_late)


def _close_late(task: asyncio.Task[C]) -> None:
    """Close a connection that lost the race."""
    if not task.cancelled() and task.exception() is None:
        import asyncio  # noqa: PLC0415 - as above

        closing = asyncio.ensure_future(task.result().aclose())
        _closing.add(closing)
        closing.add_done_callback(_closing.discard)
