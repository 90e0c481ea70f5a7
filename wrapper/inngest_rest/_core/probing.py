"""Single requests whose errors are evidence, below the calls: the door of the diagnosis.

A call retries, tries its keys and routes one after the other, and remembers what a server lacks.
Here, one route is asked once, with one key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest import errors
from inngest_rest._core.calls import answers, recording
from inngest_rest._core.calls.alternatives import may_ask
from inngest_rest._core.calls.operation import redacted_url, request
from inngest_rest._core.calls.route import (
    Route,
    WholeResponse,
)
from inngest_rest._core.calls.settings import Settings
from inngest_rest._core.clock import http_date
from inngest_rest._core.resources.fields import required
from inngest_rest._core.resources.routes import ROUTES
from inngest_rest._core.secret import Secret

if TYPE_CHECKING:
    import httpx

    from inngest_rest._core.calls.session import Session

__all__ = [
    "ROUTES",
    "Route",
    "Secret",
    "Settings",
    "WholeResponse",
    "ask_once",
    "may_ask",
    "required",
]


@frozen(kw_only=True)
class Attempt:
    """The result of one request: a value or an error, and facts from the response's headers."""

    value: Any = None
    error: errors.InngestError | None = None
    server_kind: str | None = None
    clock_skew_s: float | None = None


async def ask_once(
    session: Session, route: Route[Any, Any], bearer: Secret | None
) -> Attempt:
    """Make one request, without retries; any error except `ClosedError` is a result."""
    url = redacted_url(session, route)
    began = session.clock.now()

    def read(response: httpx.Response) -> Attempt:
        recording.record(session, route, response, url)
        middle = (began + session.clock.now()) / 2
        skew: float | None = None
        date = http_date(response.headers.get("date"))
        if date is not None:
            # The Date header is truncated to seconds.
            skew = round(date.timestamp() + 0.5 - middle, 1)
        value: Any = None
        refusal: errors.InngestError | None = None
        try:
            value = answers.read(response, route, url, session)
        except errors.InngestError as error:
            refusal = error
        return Attempt(
            value=value,
            error=refusal,
            server_kind=response.headers.get("x-inngest-server-kind"),
            clock_skew_s=skew,
        )

    timeout = session.request_timeout()
    exchange = request(session, route, bearer, url, timeout, read)
    try:
        return await session.driver.call(exchange)
    except errors.ClosedError:
        raise
    except errors.InngestError as error:
        return Attempt(error=error)
