"""Plans for tests of what runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from inngest_rest._core.plans import Call
from inngest_rest._core.request import new_request, requestable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx

    from inngest_rest._core.plans import Effects, Plan

J = TypeVar("J")
T = TypeVar("T")


class NoDriver:
    """The driver of a session whose plans are not run."""

    async def call(self, call: Call[T], /) -> T:
        raise AssertionError(call)

    async def sleep(self, seconds: float, /) -> None:
        raise AssertionError(seconds)

    async def together(
        self, plan: Callable[[J], Plan[T]], jobs: Iterable[J], *, in_flight: int = 8
    ) -> list[T]:
        raise AssertionError(plan, jobs, in_flight)


async def a_call(driver: Effects, timeout: float = 10.0) -> None:
    """Make a plan of one request, which has so many seconds."""
    return await driver.call(
        Call("api", "GET", "http://a.b", build, timeout, lambda _: None, str, 1_000)
    )


def build(timeout: float, _: object) -> httpx.Request:
    url = "http://a.b"
    return new_request("GET", requestable(url), shown=url, timeout=timeout, trace=None)
