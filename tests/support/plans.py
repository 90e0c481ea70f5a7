"""Plans for tests of what runs them."""

from __future__ import annotations

from inngest_rest._core.messages import Request, requestable
from inngest_rest._core.plans import Call, Plan, call


def a_call(timeout: float = 10.0) -> Plan[None]:
    """Make a plan of one request, which has so many seconds."""
    return call(Call("api", "GET", "http://a.b", build, timeout, lambda _: None, str, 1_000))


def build(timeout: float, _: object) -> Request:
    return Request("GET", requestable("http://a.b"), {}, timeout=timeout, shown="http://a.b")
