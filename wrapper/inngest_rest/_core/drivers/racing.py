"""Connect to the first address of a host that accepts (RFC 8305), and leave no other open.

asyncio has this race, too (`happy_eyeballs_delay`), but forgets a connection that is made while the
race is cancelled: it stays open until it is collected as garbage.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Protocol, TypeVar

from inngest_rest._core.drivers.lookups import is_address, look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

# Seconds after which the next address is tried as well (RFC 8305, section 5).
_NEXT_ADDRESS = 0.25


class Abortable(Protocol):
    """A connection."""

    def abort(self) -> None: ...


C = TypeVar("C", bound=Abortable)


async def connect(host: str, port: int, attempt: Callable[[str], Coroutine[Any, Any, C]]) -> C:
    """Connect to a host.

    Args:
        host: A name or an address.
        port: The port.
        attempt: Connects to an address.

    Raises:
        OSError: The host has no address, or none accepts.
    """
    addresses = [host] if is_address(host) else await _addresses(host, port)
    if len(addresses) == 1:
        return await attempt(addresses[0])
    running: set[asyncio.Task[C]] = set()
    started: list[asyncio.Task[C]] = []
    failures: list[str] = []
    left = deque(addresses)
    winner: asyncio.Task[C] | None = None
    try:
        while left or running:
            if left:
                started.append(asyncio.create_task(attempt(left.popleft())))
                running.add(started[-1])
            done, running = await asyncio.wait(
                running,
                timeout=_NEXT_ADDRESS if left else None,
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
                task.add_done_callback(_abort)


def _abort(task: asyncio.Task[C]) -> None:
    """Close what was connected too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().abort()


async def _addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host, of both families in turn, each once."""
    found = await asyncio.wrap_future(look_up(host, port))
    by_family: dict[int, list[str]] = {}
    for family, _, _, _, address in found:
        by_family.setdefault(family, []).append(str(address[0]))
    in_turn = chain.from_iterable(zip_longest(*by_family.values()))
    addresses = list(dict.fromkeys(each for each in in_turn if each is not None))
    if not addresses:
        raise OSError(f"{host} has no address")
    return addresses
