"""Plans: the logic of calls, written once for both clients.

A plan is a coroutine. It awaits other plans, and what its session's driver does for it: send a
request, pause, or run several plans at once. The asynchronous client awaits a plan; the blocking
one runs it by `now`, on a driver that blocks in all that it awaits, so that it never suspends.

* A request comes back as a value or as one `InngestError`, which the plan may catch; so do plans
  that run together. Anything else (a cancellation, KeyboardInterrupt, a bug) ends the plan.
* Clock and randomness come from the session, so that tests control both.
* A plan awaits nothing of asyncio: the blocking client has no event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    import httpx

J = TypeVar("J")
T = TypeVar("T")

Plan = Coroutine[Any, Any, T]

Host = Literal["event", "api"]
"""Where a request goes: the two hosts of a server, or an app of the user's own."""


class Stopped(Exception):  # noqa: N818 - not an error: the job has no result
    """A plan reached a pause after its bulk job had been stopped."""


class Call(NamedTuple, Generic[T]):
    """One request, and how to read its response."""

    host: Host
    method: str
    url: str  # without keys, for messages and logs
    # Builds the request, keys included, for a number of seconds, and with a `trace` for httpcore.
    # A driver calls it in the expression that sends the request: no variable may hold it.
    build: Callable[[float, object], httpx.Request]
    timeout: float  # seconds for the whole exchange
    read: Callable[[httpx.Response], T]  # the complete one; or raises an `InngestError`
    redact: Callable[[str], str]  # masks the keys in a text from the other side
    max_response_bytes: int  # decoded
    accepted: Container[int] = ()  # statuses beyond 2xx whose body is needed whole
    template: str = ""  # the path with placeholders


class Effects(Protocol):
    """What a plan can do beside computing: the driver of its session does it."""

    async def call(self, call: Call[T], /) -> T:
        """Send one request and return its answer."""
        ...

    async def sleep(self, seconds: float, /) -> None:
        """Pause, perhaps for 0 seconds: a plan of a bulk job that was stopped ends here."""
        ...

    async def together(
        self, plan: Callable[[J], Plan[T]], jobs: Iterable[J], *, in_flight: int = 8
    ) -> list[T]:
        """Run the plan of each job, several at once, and return their results in order.

        The first that fails ends them all. What they share must not change meanwhile: they may run
        in several threads.
        """
        ...


FIRST_PAUSE = 0.05
"""Seconds between the first two polls: short, as the function may be about to end."""

# 29 polls in the first minute.
_GROWTH = 1.6
_LONGEST_PAUSE = 3.0


def longer(pause: float) -> float:
    """Return the pause that follows another one."""
    return min(pause * _GROWTH, _LONGEST_PAUSE)
