"""Plans for tests of what runs them."""

from __future__ import annotations

import httpx

from inngest_rest._core.plans import Call, Plan, call


def a_call(timeout: float = 10.0) -> Plan[None]:
    """Make a plan of one request, which has so many seconds."""
    request = httpx.Request("GET", "http://a.b", extensions={"timeout": {"read": timeout}})
    return call(Call("api", request, "http://a.b", timeout, lambda _: None, max_bytes=1_000))
