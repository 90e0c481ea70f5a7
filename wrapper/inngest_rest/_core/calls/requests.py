"""Build an HTTP request from a route, and a URL that is safe to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from inngest_rest._core.calls.route import V2_ROOT
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.secret import Secret
    from inngest_rest_api.api import Operation

_TOO_LONG = (
    "an id, name, cursor or key is too long: with it, the URL of the request would have more than "
    "65,536 characters"
)


class _Request(httpx.Request):
    """A request whose repr does not contain its URL: all frames of httpx hold the request."""

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {self.extensions['shown']!r})>"


def build(
    session: Session, route: Route[Any, Any], bearer: Secret | None, url: str, timeout: float
) -> httpx.Request:
    """Build the request of one attempt, keys included: only where it is sent, and in no variable.

    Args:
        session: The session whose settings apply.
        route: The operation and its arguments.
        bearer: The bearer token, if any.
        url: The URL without keys, which is shown.
        timeout: Seconds for each phase of the exchange, half of them for connecting.

    Raises:
        InvalidArgumentError: An argument is too long for a URL.
    """
    kwargs = route.kwargs
    try:
        request = _Request(
            route.operation.method,
            session.url(route.operation, _path(session, route)),
            params=kwargs.get("params"),
            headers={**session.headers(), **kwargs.get("headers", {})},
            json=kwargs.get("json"),
            content=kwargs.get("content"),
            extensions={
                # Connecting must time out before the exchange does: only then is it certain that
                # nothing was sent.
                "timeout": httpx.Timeout(timeout, connect=timeout / 2).as_dict(),
                "shown": url,
            },
        )
    except httpx.InvalidURL:
        # Without a cause, whose frames hold the event key.
        raise InvalidArgumentError(_TOO_LONG) from None
    if bearer is not None:
        request.headers["authorization"] = f"Bearer {bearer.reveal()}"
    return request


def redacted_url(session: Session, route: Route[Any, Any]) -> str:
    """Return the request's URL without its query and without the event key."""
    if route.operation.tag == "ingest":
        return session.settings.event_url + route.operation.path.replace("{event_key}", "***")
    return session.settings.api_url + _path(session, route)


def _path(session: Session, route: Route[Any, Any]) -> str:
    return rooted(session, route.operation, route.path)


def rooted(session: Session, operation: Operation, path: str) -> str:
    """Return the path of an operation as this server has it: v2 may be below another root."""
    if operation.tag == "v2":
        return session.absent.v2_root + path.removeprefix(V2_ROOT)
    return path
