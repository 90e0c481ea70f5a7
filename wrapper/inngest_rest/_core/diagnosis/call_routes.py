"""Which operation answers each call of the client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.calls.families import may_ask
from inngest_rest._core.diagnosis.releases import oldest
from inngest_rest._core.resources.routes import ROUTES
from inngest_rest.diagnosis import CallRoute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.diagnosis.releases import Releases
    from inngest_rest_api.api import Operation

# Health is a finding of its own.
_CALLS = {call: operations for call, operations in ROUTES.items() if call != "health"}


def call_routes(settings: Settings, releases: Releases) -> tuple[CallRoute, ...]:
    """Return which route answers each call on a server of one of these releases."""
    return tuple(_routes(settings, releases))


def calls_not_asked(settings: Settings) -> list[str]:
    """Return the calls that have operations only in a family that these settings rule out."""
    return [call for call, operations in _CALLS.items() if not _asked(settings, operations)]


def _routes(settings: Settings, releases: Releases) -> Iterator[CallRoute]:
    for call, operations in _CALLS.items():
        yield _route(call, operations, _asked(settings, operations), releases)


def _asked(settings: Settings, operations: Sequence[Operation]) -> list[Operation]:
    return [it for it in operations if it.tag == "ingest" or may_ask(settings, it.tag)]


def _route(
    call: str, operations: Sequence[Operation], asked: Sequence[Operation], releases: Releases
) -> CallRoute:
    """Return the first route that the server has, or else the first that it may have."""
    for answer in (True, None):
        found = [it for it in asked if releases.have(it) is answer]
        if found:
            # Of several that it may have, rather one that some server is known to have.
            operation = next((it for it in found if it.since is not None), found[0])
            route = f"{operation.method} {operation.path}"
            return CallRoute(call, answer, operation.tag, route, operation.since)
    released = [it.since for it in asked or operations if it.since is not None]
    return CallRoute(call, False, since=oldest(released))
