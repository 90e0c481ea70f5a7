"""Probes: single requests that tell what a server is, each with its error instead of raising it."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import field, frozen

from inngest_rest._core.calls import answers, raw, requests
from inngest_rest._core.calls.route import Route
from inngest_rest._core.calls.server_clock import stated_time
from inngest_rest._core.plans import Call, Plan, call
from inngest_rest._core.resources.absent import needed
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    ClosedError,
    InngestError,
    InvalidResponseError,
    PermissionDeniedError,
    RateLimitError,
    RouteNotFoundError,
    ServerError,
    TransportError,
)
from inngest_rest_api import models as api
from inngest_rest_api.api import ingest, v1, v2

if TYPE_CHECKING:
    import httpx

    from inngest_rest._core.calls.route import OperationModule
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Host
    from inngest_rest._core.secret import Secret
    from inngest_rest_api.api import Operation

T = TypeVar("T")

_WRONG_METHOD = 501

_NO_ULID = "0" * 26
_NO_APP = "inngest-rest-doctor"

HEALTH = Route(
    ingest.get_health,
    ingest.get_health.get_kwargs(),
    api.Health,
    lambda it: needed(it.message, "message"),
)
DEV_INFO = Route(
    ingest.get_dev_info,
    ingest.get_dev_info.get_kwargs(),
    api.DevInfo,
    lambda it: needed(it.version, "version"),
)
V1 = Route(
    v1.list_events_v1,
    v1.list_events_v1.get_kwargs(limit=1),
    api.V1EventListEnvelope,
    lambda _: None,
)
"""A read that costs a server little; it needs the signing key."""
V2 = Route(v2.get_health_v2, v2.get_health_v2.get_kwargs(), api.V2HealthEnvelope, lambda _: None)
"""The same of v2, which takes an API key, too."""


def _of_nothing(
    module: Any, *arguments: str, expected: type[Any], **options: Any
) -> Route[Any, None]:
    return Route(module, module.get_kwargs(*arguments, **options), expected, lambda _: None)


@frozen
class _WithGet:
    """An operation with its path, but another method: GET, which does nothing there."""

    OPERATION: Operation


def _of_path(module: OperationModule) -> Route[Any, None]:
    """Return a route by which a server shows whether it has a path, but not for GET.

    To a wrong method v2 responds with 501, to an unknown path with 404 (document, info).
    """
    operation = module.OPERATION._replace(method="GET")
    url = re.sub(r"\{\w+\}", _NO_ULID, operation.path)
    return Route(_WithGet(operation), {"url": url}, api.V2RunIdEnvelope, lambda _: None)


BY_RELEASE: tuple[Route[Any, None], ...] = (
    _of_nothing(v2.list_apps_v2, limit=1, expected=api.V2AppListEnvelope),
    _of_path(v2.cancel_run_v2),
    _of_nothing(v2.list_runs_v2, limit=1, expected=api.V2RunListEnvelope),
    _of_path(v2.rerun_run_v2),
    _of_nothing(v2.get_app_v2, _NO_APP, expected=api.V2AppEnvelope),
    _of_nothing(v2.list_event_runs_v2, _NO_ULID, expected=api.V2RunListEnvelope),
    _of_nothing(v2.get_run_v2, _NO_ULID, expected=api.V2RunEnvelope),
    _of_path(v2.invoke_function_v2),
    V2,
    _of_nothing(v1.list_functions_v1, _NO_APP, expected=list[api.V1Function]),
    V1,
)
"""Reads that releases have since some release, the newest first; they find nothing."""


@frozen
class Answer(Generic[T]):
    """What came of a probe.

    Attributes:
        url: The URL, without keys.
        family: The family of the operation: "ingest", "v1" or "v2".
        value: The result; None if there is none.
        error: Why there is none.
        server_kind: The kind of server that the response states.
        skew_s: How far the server's clock is ahead, in seconds.
    """

    url: str
    family: str
    value: T | None = None
    error: InngestError | None = field(default=None, repr=False)
    server_kind: str | None = None
    skew_s: float | None = None

    @property
    def is_inngest(self) -> bool:
        """Whether Inngest answered, and is well."""
        if self.error is None:
            return True
        if not self.is_response or self.is_failure or self.has_route is False:
            return False
        return self.server_kind is not None or (self.is_refused and self.family != "ingest")

    @property
    def is_response(self) -> bool:
        """Whether there was a response at all."""
        return not isinstance(self.error, TransportError)

    @property
    def is_of_web_ui(self) -> bool:
        """Whether it is a web page, or nothing, instead of JSON."""
        error = self.error
        cause = error.__cause__ if isinstance(error, RouteNotFoundError) else error
        return isinstance(cause, InvalidResponseError)

    @property
    def is_refused(self) -> bool:
        """Whether the key was rejected."""
        return isinstance(self.error, AuthenticationError | PermissionDeniedError)

    @property
    def is_accepted(self) -> bool | None:
        """Whether the key was accepted; None if that is not known."""
        if self.is_refused:
            return False
        return True if self.has_route else None

    @property
    def has_route(self) -> bool | None:
        """Whether the server has the route; None if the response does not show it."""
        if self.error is None:
            return True
        if isinstance(self.error, RouteNotFoundError) and self.error.status == _WRONG_METHOD:
            return True
        if isinstance(self.error, RouteNotFoundError) or self.is_of_web_ui:
            return False
        if isinstance(self.error, ApiError) and not (
            self.is_refused or self.is_failure or isinstance(self.error, RateLimitError)
        ):
            return True
        return None

    @property
    def is_failure(self) -> bool:
        """Whether the server failed; for v1, "no such thing" is a failure in the body of a 200."""
        return isinstance(self.error, ServerError) and not self.error.hidden


def probe(session: Session, route: Route[Any, T], bearer: Secret | None = None) -> Plan[Answer[T]]:
    """Make one request, without a retry.

    Args:
        session: The session whose settings and clock apply.
        route: The operation.
        bearer: The bearer token to send, if any.

    Raises:
        ClosedError: The client is closed.
    """
    url, family = requests.redacted_url(session, route), route.operation.tag
    timeout, began = session.settings.timeout, session.clock.now()

    def read(response: httpx.Response) -> Answer[T]:
        raw.record(session, route, response, url)
        found: dict[str, Any]
        try:
            found = {"value": answers.read(response, route, url, session)}
        except InngestError as error:
            found = {"error": error}
        middle = (began + session.clock.now()) / 2
        kind = response.headers.get("x-inngest-server-kind")
        return Answer(url, family, server_kind=kind, skew_s=_skew(response, middle), **found)

    build = partial(requests.build, session, route, bearer, url)
    host: Host = "event" if family == "ingest" else "api"
    attempt = Call(
        host,
        route.operation.method,
        url,
        build,
        timeout,
        read,
        session.redact,
        session.settings.max_bytes,
    )
    try:
        return (yield from call(attempt))
    except ClosedError:
        raise
    except InngestError as error:
        return Answer(url, family, error=error)


def _skew(response: httpx.Response, now: float) -> float | None:
    """Return how many seconds the server's clock is ahead; its time is cut to whole ones."""
    stated = stated_time(response)
    return None if stated is None else round(stated.timestamp() + 0.5 - now, 1)
