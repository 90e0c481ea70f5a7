"""Plans, and the effects that they yield to the driver that runs them.

A plan is a generator: it yields an effect, is sent the result, and returns a typed value. An effect
is a request (`Call`), a pause (`Sleep`), or several plans to run at once (`Together`).

* It never yields an effect itself: `yield from call(...)`, `sleep(...)` and `together(...)` are the
  only places that do, so the type of an answer is asserted once.
* A `Call` comes back as a value or as one `InngestError`, which the plan may catch; so do plans
  that run together. Anything else (a cancellation, KeyboardInterrupt, a bug) closes the plan and
  propagates.
* Nothing is held open across a yield: no `finally` that yields, no context manager.
* Clock and randomness come from the session, so that tests control both.
* A plan is used once.
"""

from __future__ import annotations

from collections.abc import (
    Awaitable,
    Callable,
    Container,
    Coroutine,
    Generator,
    Iterable,
    Sequence,
)
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, cast

if TYPE_CHECKING:
    from inngest_rest._core.messages import Request, Response

T = TypeVar("T")

Host = Literal["event", "api", "app"]
"""Where a request goes: the two hosts of a server, or an app of the user's own."""


class Stopped(Exception):  # noqa: N818 - not an error: the job has no result
    """A plan reached a pause after its bulk job had been stopped."""


class Call(NamedTuple, Generic[T]):
    """Send one request and read its answer."""

    host: Host
    method: str
    url: str  # without keys, for messages and logs
    # Builds the request, keys included, for a number of seconds, and with a `trace` for httpcore.
    # A driver calls it in the expression that sends the request: no variable may hold it.
    build: Callable[[float, object], Request]
    timeout: float  # seconds for the whole exchange
    read: Callable[[Response], T]  # the complete one; or raises an `InngestError`
    redact: Callable[[str], str]  # masks the keys in a text from the other side
    max_response_bytes: int  # decoded
    accepted: Container[int] = ()  # statuses beyond 2xx whose body is needed whole
    template: str = ""  # the path with placeholders


class Sleep(NamedTuple):
    """Pause for some seconds, perhaps 0: a plan of a bulk job that was stopped ends there."""

    seconds: float
    until: Awaitable[object] | None = None  # what an asynchronous callback returned


class Together(NamedTuple):
    """Run several plans at once; the answer is the list of what they return, in their order.

    What they share must not change meanwhile: they may run in several threads.
    """

    plans: Sequence[Generator[Any, Any, Any]]
    in_flight: int


Plan = Generator[Call[Any] | Sleep | Together, Any, T]


def call(effect: Call[T]) -> Plan[T]:
    """Send one request and return its answer."""
    return cast("T", (yield effect))


def sleep(seconds: float) -> Plan[None]:
    yield Sleep(seconds)


def together(plans: Iterable[Plan[T]], *, in_flight: int = 8) -> Plan[list[T]]:
    """Run plans at once, and return their results in order; the first that fails ends them all."""
    listed = tuple(plans)
    if not listed:
        return []
    # A single plan needs no thread of its own.
    at_once = min(in_flight, len(listed))
    return cast("list[T]", (yield Together(plans=listed, in_flight=at_once)))


def itself(plan: Plan[T]) -> Plan[T]:
    """Return a plan as its own job, for a driver that runs plans together."""
    return plan


FIRST_PAUSE = 0.05
"""Seconds between the first two polls: short, as the function may be about to end."""

# 29 polls in the first minute.
_GROWTH = 1.6
_LONGEST_PAUSE = 3.0


def longer(pause: float) -> float:
    """Return the pause that follows another one."""
    return min(pause * _GROWTH, _LONGEST_PAUSE)


def now(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends: everything it awaits blocks."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("unreachable: all that it awaits blocks")


def wait_for(result: object) -> Plan[None]:
    """Pause until what a callback returned is done, if it can be awaited."""
    if isawaitable(result):
        yield Sleep(0.0, result)
