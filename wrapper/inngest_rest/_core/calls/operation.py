"""Perform one operation, with its keys and retries: the building block of every plan."""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from inngest_rest._core import tracing
from inngest_rest._core.calls import answers
from inngest_rest._core.calls.retry import had_no_effect, has_retry_after, may_pass
from inngest_rest._core.calls.route import V2_ROOT
from inngest_rest._core.plans import Call, Plan, call, sleep
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    ClosedError,
    InngestError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.secret import Secret
    from inngest_rest._core.tracing import CallSpan
    from inngest_rest_api.api import Operation

A = TypeVar("A")
T = TypeVar("T")

_TOO_LONG = (
    "an id, name, cursor or key is too long: with it, the URL of the request would have more than "
    "65,536 characters"
)

logger = logging.getLogger("inngest_rest")


def perform(session: Session, route: Route[A, T], *, deadline: float = math.inf) -> Plan[T]:
    """Perform an operation, trying other keys and retrying as far as that is safe.

    Args:
        session: The session whose settings, keys and retry budget apply.
        route: The operation.
        deadline: When all attempts must have ended, by the session's clock, if that is sooner than
            the retry policy allows.
    """
    if tracing.is_on():
        return _traced(session, route, deadline)
    return _perform(session, route, deadline)


def _traced(session: Session, route: Route[A, T], deadline: float) -> Plan[T]:
    """Perform an operation within a span."""
    operation = route.operation
    url = redacted_url(session, route)
    span = tracing.start(operation.method, operation.path, url)
    try:
        value = yield from _perform(session, route, deadline, span)
    except BaseException as error:
        if span is not None:
            span.end(error)
        raise
    if span is not None:
        span.end()
    return value


def _perform(
    session: Session, route: Route[A, T], deadline: float, span: CallSpan | None = None
) -> Plan[T]:
    policy = session.settings.retry
    deadline = min(deadline, session.clock.monotonic() + policy.total)
    limit = session.rate_limits[route.host]
    attempt = spent = 0
    delivered = took_effect = False
    failure: InngestError | None = None
    while True:
        while left := limit.left(now := session.clock.monotonic()):
            if now + left >= deadline:
                raise failure or limit.refusal(now)
            # Jitter: if the first retry is limited again, the rest keep waiting.
            spread = session.clock.random() * min(left, policy.initial)
            yield from sleep(min(left + spread, deadline - now))
        attempt += 1
        try:
            value = yield from _with_keys(session, route, deadline, span)
        except ClosedError as error:
            # What became of an earlier attempt matters more than why there is no other.
            raise failure or error from None
        except InngestError as error:
            if route.deletes and took_effect and isinstance(error, NotFoundError):
                # An earlier attempt has deleted it, and its response was lost.
                return route.convert(cast("A", None))
            failure = error
        else:
            session.budgets[route.host].give_back()
            return value
        if isinstance(failure, ApiError | TransportError):
            failure.attempts = attempt
        if isinstance(failure, TransportError):
            failure.delivered = delivered = delivered or failure.delivered
        else:
            delivered = True
        took_effect = took_effect or not had_no_effect(failure)
        if isinstance(failure, ApiError):
            failure.may_have_taken_effect = took_effect
        now = session.clock.monotonic()
        if isinstance(failure, RateLimitError):
            limit.keep(failure, now)
        # Retry-After means the server is healthy, so this retry is free.
        spent += policy.retries == 0 or not has_retry_after(failure)
        pause = policy.pause(failure, attempt, session.clock.random())
        if (
            spent > policy.retries
            or not may_pass(failure)
            or not (route.repeatable or had_no_effect(failure))
            or (route.may_panic and _is_panic(failure))
            or now + pause >= deadline
            # Without a time, too: a rate limit is not an outage, which the budget is for.
            or not (isinstance(failure, RateLimitError) or session.budgets[route.host].take())
        ):
            raise failure
        logger.debug("trying again in %.2f s: %s", pause, failure)
        yield from sleep(pause)


def _is_panic(error: InngestError) -> bool:
    """Return whether a handler of v1 panicked: a 500 with an empty body."""
    if not isinstance(error, ServerError) or error.status != 500:
        return False
    return error.response is not None and not error.response.body


def _with_keys(
    session: Session, route: Route[A, T], deadline: float, span: CallSpan | None
) -> Plan[T]:
    """Make one attempt; if a key is rejected, repeat it with the next one."""
    family = route.operation.tag
    bearers = (None,) if family == "ingest" else session.bearers(family)
    url = redacted_url(session, route)

    def read(response: httpx.Response) -> T:
        session.server_clocks[route.host].observe(response, sent_at)
        answers.record(session, route, response, url)
        if span is not None:
            span.answered(response.status_code)
        return answers.read(response, route, url, session)

    refused: InngestError | None = None
    for bearer in bearers:
        sent_at = session.clock.now()
        # A pause may end late, and a socket does not accept a negative timeout.
        left = max(deadline - session.clock.monotonic(), 0.001)
        seconds = min(session.settings.timeout, left)
        if span is not None:
            span.sent()
        try:
            value = yield from call(request(session, route, bearer, url, seconds, read))
        except (AuthenticationError, PermissionDeniedError) as error:
            refused = refused or error
            continue
        session.bearer_worked(family, bearer)
        return value
    assert refused is not None, "there is always a bearer to try, None included"
    raise refused


def request(
    session: Session,
    route: Route[Any, Any],
    bearer: Secret | None,
    url: str,
    seconds: float,
    read: Callable[[httpx.Response], T],
) -> Call[T]:
    """Return the effect of one attempt, within some seconds; `url` is shown, and has no key."""
    return Call(
        route.host,
        route.operation.method,
        url,
        partial(_build, session, route, bearer, url),
        seconds,
        read,
        session.redact,
        session.settings.max_response_bytes,
        route.accepted,
    )


class _Request(httpx.Request):
    """A request whose repr does not contain its URL: all frames of httpx hold the request."""

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, {self.extensions['shown']!r})>"


def _build(
    session: Session, route: Route[Any, Any], bearer: Secret | None, url: str, timeout: float
) -> httpx.Request:
    """Build a request, keys included: only where it is sent, and in no variable.

    Raises:
        InvalidArgumentError: An argument is too long for a URL.
    """
    kwargs = route.kwargs
    try:
        return _Request(
            route.operation.method,
            session.event_url(route.operation.path).reveal()
            if route.host == "event"
            else httpx.URL(url),
            params=kwargs.get("params"),
            headers={
                **session.headers.reveal(),
                **kwargs.get("headers", {}),
                **({} if bearer is None else {"authorization": f"Bearer {bearer.reveal()}"}),
            },
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
        pass
    # Outside that clause, whose error may quote the event key.
    raise InvalidArgumentError(_TOO_LONG)


def redacted_url(session: Session, route: Route[Any, Any]) -> str:
    """Return the request's URL without its query and without the event key."""
    if route.host == "event":
        return session.settings.event_url + route.operation.path.replace("{event_key}", "***")
    return session.settings.api_url + rooted(session, route.operation, route.path)


def rooted(session: Session, operation: Operation, path: str) -> str:
    """Return the path of an operation as this server has it: v2 may be below another root."""
    if operation.tag == "v2":
        return session.absent.v2_root + path.removeprefix(V2_ROOT)
    return path
