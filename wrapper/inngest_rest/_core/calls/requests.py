"""A generated operation's arguments become one HTTP request, and a URL fit for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session

Family = Literal["ingest", "v1", "v2"]


def build(
    session: Session,
    family: Family,
    kwargs: Mapping[str, Any],
    *,
    bearer: str | None,
    timeout: float,
) -> httpx.Request:
    """Build the request of one attempt.

    Args:
        session: Whose settings apply.
        family: Which base URL; only the API's gets a bearer.
        kwargs: What the generated operation's `get_kwargs` returned.
        bearer: The token, if any.
        timeout: Seconds for each phase of the exchange, half of them for connecting.
    """
    request = httpx.Request(
        kwargs["method"].upper(),
        session.url(kwargs["url"], event=family == "ingest"),
        params=kwargs.get("params"),
        headers={**session.headers, **kwargs.get("headers", {})},
        json=kwargs.get("json"),
        content=kwargs.get("content"),
        # Connecting must end before the whole does: only then it is known that nothing was sent.
        extensions={"timeout": httpx.Timeout(timeout, connect=timeout / 2).as_dict()},
    )
    if bearer is not None:
        request.headers["authorization"] = f"Bearer {bearer}"
    return request


def redacted_url(session: Session, family: Family, kwargs: Mapping[str, Any]) -> str:
    """Return the request's URL for people: no query, and the event key starred out."""
    path: str = kwargs["url"]
    if family == "ingest":
        return session.settings.event_url + ("/e/***" if path.startswith("/e/") else path)
    return session.settings.api_url + path
