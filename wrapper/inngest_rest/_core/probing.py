"""Single requests whose errors are evidence, below the calls: the door of the diagnosis.

A call retries, tries its keys and routes one after the other, and remembers what a server lacks.
Here, one route is asked once, with one key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest import errors
from inngest_rest._core.calls import answers, recording
from inngest_rest._core.calls.alternatives import may_ask
from inngest_rest._core.calls.operation import redacted_url, request
from inngest_rest._core.calls.route import (
    V2_ROOT,
    V2_ROOT_BEFORE_1_26,
    Route,
    WholeResponse,
    no_result,
)
from inngest_rest._core.calls.settings import Settings
from inngest_rest._core.clock import http_date
from inngest_rest._core.resources.fields import required
from inngest_rest._core.resources.routes import ROUTES, module_of
from inngest_rest._core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from inngest_rest._core.calls.session import Session
    from inngest_rest_api.api import Operation

__all__ = [
    "ROUTES",
    "V2_ROOTS",
    "Route",
    "Secret",
    "Settings",
    "WholeResponse",
    "ask_once",
    "bare_read",
    "may_ask",
    "required",
]

V2_ROOTS = (V2_ROOT, V2_ROOT_BEFORE_1_26)
"""The paths at which servers have v2, those of newer ones first."""


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


def bare_read(operation: Operation) -> Route[Any, None]:
    """Return a GET with ids of no resource, and of one item if it lists, whose data is not read."""
    path = re.sub(r"{[^}]*}", "0" * 26, operation.path)
    # A server may refuse a parameter that it does not know.
    parameters = module_of(operation).get_kwargs.__kwdefaults__ or ()
    params: Mapping[str, int] = {"limit": 1} if "limit" in parameters else {}
    return Route(
        operation=operation,
        kwargs={"url": path, "params": params},
        forms=(),
        convert=no_result,
    )
