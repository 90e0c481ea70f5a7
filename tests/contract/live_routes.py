"""Which operations a real server lacks: by the release that it states, else by asking for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest_api.api import OPERATIONS

from .conformance import camel
from .world import CLOUD_ONLY, SINCE, UNKNOWN, parts

if TYPE_CHECKING:
    import httpx

    from inngest_rest_api.api import Operation


@frozen
class Routes:
    """What a server has.

    Attributes:
        release: Its release; one that does not state it is named by the last route it has: "1.40+".
        lacks: The operations, by id, that it does not have yet.
    """

    release: str
    lacks: frozenset[str]

    def present(self) -> list[str]:
        """Return the operations, by id, that the server may have."""
        return sorted({camel(each.name) for each in OPERATIONS} - self.lacks)


def find_routes(http: httpx.Client) -> Routes:
    """Find out what a server has, without changing anything there."""
    release = stated_release(http)
    return _asked_for(http) if release is None else routes_of(release)


def routes_of(release: str) -> Routes:
    """Return what servers of a release have."""
    lacks = CLOUD_ONLY | {name for name, since in SINCE.items() if parts(since) > parts(release)}
    return Routes(release, frozenset(lacks))


def stated_release(http: httpx.Client) -> str | None:
    """Return the release of a dev server; a self-hosted one does not state it."""
    try:
        version = http.get("/dev").json()["version"]
    except (ValueError, KeyError, TypeError):
        return None
    found = re.match(r"\d+\.\d+(\.\d+)?", str(version))
    return found and found[0]


def is_absent(answer: httpx.Response) -> bool:
    """Return whether a server responded as one does that lacks the route."""
    return answer.status_code in (405, 501) or (
        answer.status_code == 404 and not _is_about_a_resource(answer)
    )


def _is_about_a_resource(answer: httpx.Response) -> bool:
    try:
        body: Any = answer.json()
    except ValueError:
        return False
    if not isinstance(body, dict):
        return False
    errors = body.get("errors") or [{}]
    return "error" in body or errors[0].get("code") not in (None, "api_error")


def _asked_for(http: httpx.Client) -> Routes:
    dated = [it for it in OPERATIONS if it.since and it.tag != "ingest" and not it.cloud_only]
    absent = {camel(each.name) for each in dated if is_absent(_ask(http, each))}
    lacks = CLOUD_ONLY | absent
    present = [str(each.since) for each in dated if camel(each.name) not in lacks]
    newest = max(present, key=parts, default="0")
    return Routes(f"{newest.removesuffix('.0')}+", frozenset(lacks))


def _ask(http: httpx.Client, operation: Operation) -> httpx.Response:
    """Send a request that no server can do anything about: for what does not exist, and malformed.

    An empty object would do as a body of some operations, as of addRunMetadataV1.
    """
    path = re.sub(r"\{\w+\}", UNKNOWN, operation.path)
    body = b"{" if operation.method in ("POST", "PUT") else None
    headers = {"Content-Type": "application/json"}
    return http.request(operation.method, path, content=body, headers=headers)
