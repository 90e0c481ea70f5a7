"""Perform an operation, with its keys and retries: all that one request of the API takes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar, cast

from inngest_rest import errors
from inngest_rest._core import tracing
from inngest_rest._core.calls import answers, recording
from inngest_rest._core.calls.retry import has_retry_after
from inngest_rest._core.plans import Call
from inngest_rest._core.request import json_content, new_request, requestable
from inngest_rest._local.faults import may_pass
from inngest_rest._values.logs import logger, request_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.secret import Secret
    from inngest_rest._core.tracing import CallSpan

A = TypeVar("A")
T = TypeVar("T")


async def perform(
    session: Session, route: Route[A, T], *, deadline: float = math.inf
) -> T:
    """Perform an operation, trying other keys and retrying as far as that is safe.

    All attempts end by the deadline, by the session's clock, or sooner, as the retry policy says.
    """
    url = redacted_url(session, route)
    attempts = _Attempts(session, route, deadline)
    with tracing.start(route.operation.method, route.operation.path, url) as span:
        while True:
            await attempts.wait_for_rate_limit()
            try:
                value = await _with_keys(session, route, url, attempts.deadline, span)
            except errors.ClosedError as error:
                # The outcome of an earlier attempt matters more than why there is no other.
                raise attempts.failure or error from None
            except errors.InngestError as error:
                if attempts.may_have_deleted(error):
                    return route.convert(cast("A", None))
                if route.may_panic and is_panic(error):
                    raise _unsupported(error, route) from error
                attempts.add_failure(error)
            else:
                session.budgets[route.host].give_back()
                return value
            await attempts.pause_or_raise()


class _Attempts:
    """The attempts at one route: their failures, and whether another one may follow."""

    def __init__(
        self, session: Session, route: Route[Any, Any], deadline: float
    ) -> None:
        self._session = session
        self._route = route
        self._policy = session.settings.retry
        self.deadline = min(deadline, session.deadline(self._policy.total))
        self.failure: errors.InngestError | None = None
        self._failures = 0
        self._spent_retries = 0
        self._was_delivered = False  # the server may have received a request
        self._took_effect = False  # it may have carried one out

    async def wait_for_rate_limit(self) -> None:
        """Wait until the host accepts requests again; raise if that is after the deadline."""
        limit = self._session.rate_limits[self._route.host]
        clock = self._session.clock
        while True:
            now = clock.monotonic()
            left = limit.left(now)
            if not left:
                return
            if now + left >= self.deadline:
                raise self.failure or limit.refusal(now)
            # Jitter: if the first retry is limited again, the rest keep waiting.
            spread = clock.random() * min(left, self._policy.initial)
            await self._session.driver.sleep(min(left + spread, self.deadline - now))

    def may_have_deleted(self, error: errors.InngestError) -> bool:
        """Return whether an earlier attempt deleted the resource and its response was lost."""
        is_gone = isinstance(error, errors.NotFoundError)
        return self._route.deletes and self._took_effect and is_gone

    def add_failure(self, failure: errors.InngestError) -> None:
        """Record a failure, and add the outcome of earlier attempts to it."""
        self.failure = failure
        self._failures += 1
        if isinstance(failure, errors.ApiError | errors.TransportError):
            failure.attempts = self._failures
            if _took_too_long(failure):
                slow = self._route.advice.get(errors.RequestTimeoutError)
                failure.advice = slow or failure.advice
        self._add_effects(failure)
        if isinstance(failure, errors.RateLimitError):
            limit = self._session.rate_limits[self._route.host]
            limit.keep(failure, self._session.clock.monotonic())
        # Retry-After means the server is healthy, so this retry is free.
        is_free = has_retry_after(failure) and self._policy.retries > 0
        if not is_free:
            self._spent_retries += 1

    def _add_effects(self, failure: errors.InngestError) -> None:
        """Add to a failure what this request and the earlier ones may have done."""
        if isinstance(failure, errors.TransportError):
            self._was_delivered = self._was_delivered or failure.delivered
            failure.delivered = self._was_delivered
        else:
            self._was_delivered = True
        self._took_effect = self._took_effect or failure.may_have_taken_effect
        failure.may_have_taken_effect = self._took_effect

    async def pause_or_raise(self) -> None:
        """Pause before the next attempt; raise the last failure if there must be none."""
        failure = self.failure
        assert failure is not None, "it was added"
        clock = self._session.clock
        pause = self._policy.pause(failure, self._failures, clock.random())
        ends_in_time = clock.monotonic() + pause < self.deadline
        if not ends_in_time or not self._may_retry(failure):
            raise failure
        if not self._has_budget(failure):
            raise failure
        operation = self._route.operation
        extra = {
            **request_fields(operation.method, operation.path),
            "attempt": self._failures,
            "pause_s": round(pause, 3),
        }
        logger.debug("trying again in %.2f s: %s", pause, failure, extra=extra)
        await self._session.driver.sleep(pause)

    def _may_retry(self, failure: errors.InngestError) -> bool:
        """Return whether the same request is safe to repeat, and may succeed."""
        route = self._route
        if self._spent_retries > self._policy.retries or not may_pass(failure):
            return False
        if failure.may_have_taken_effect and not route.repeatable:
            return False
        is_busy = route.is_slow and _took_too_long(failure)
        return not is_busy

    def _has_budget(self, failure: errors.InngestError) -> bool:
        """Take a retry from the budget; a rate limit is not an outage, and needs none."""
        if isinstance(failure, errors.RateLimitError):
            return True
        return self._session.budgets[self._route.host].take()


def _took_too_long(error: errors.InngestError) -> bool:
    """Return whether the server received the request, and did not respond in time."""
    if isinstance(error, errors.RequestTimeoutError):
        return error.delivered
    return isinstance(error, errors.ApiError) and error.status == 504


def is_panic(error: BaseException | None) -> TypeGuard[errors.ServerError]:
    """Return whether a handler of v1 panicked: a 500 with an empty body."""
    if not isinstance(error, errors.ServerError) or error.status != 500:
        return False
    return error.response is not None and not error.response.body


def _unsupported(
    error: errors.ServerError, route: Route[Any, Any]
) -> errors.RouteNotFoundError:
    """Return the error for an operation that the server routes to a handler which only panics."""
    absent = errors.RouteNotFoundError(
        "the server has the route, but does not implement it",
        status=error.status,
        method=error.method,
        url=error.url,
        response=error.response,
    )
    absent.may_have_taken_effect = False
    absent.advice = route.advice.get(errors.RouteNotFoundError, absent.advice)
    return absent


async def _with_keys(
    session: Session,
    route: Route[A, T],
    url: str,
    deadline: float,
    span: CallSpan,
) -> T:
    """Make one attempt; if a key is rejected, repeat it with the next one."""
    api = route.operation.tag
    bearers: tuple[Secret | None, ...] = (None,)
    if api != "ingest":
        bearers = session.bearers(api, is_needed=route.needs_key)

    def read(response: httpx.Response) -> T:
        session.server_clocks[route.host].observe(response, sent_at)
        recording.record(session, route, response, url)
        span.status = response.status_code
        return answers.read(response, route, url, session)

    refusal: errors.InngestError | None = None
    for bearer in bearers:
        sent_at = session.clock.now()
        seconds = session.request_timeout(deadline)
        span.requests += 1
        try:
            value = await session.driver.call(
                request(session, route, bearer, url, seconds, read)
            )
        except (errors.AuthenticationError, errors.PermissionDeniedError) as error:
            refusal = refusal or error
            continue
        session.bearer_worked(api, bearer)
        return value
    assert refusal is not None, "there is always a bearer to try, None included"
    raise refusal


def request(
    session: Session,
    route: Route[Any, Any],
    bearer: Secret | None,
    url: str,
    seconds: float,
    read: Callable[[httpx.Response], T],
) -> Call[T]:
    """Return the effect of one attempt, within some seconds; `url` is shown, and has no key."""
    method, kwargs = route.operation.method, route.kwargs
    content: bytes = kwargs.get("content", b"")
    type_of_body: dict[str, str] = {}
    if kwargs.get("json") is not None:
        content = json_content(kwargs["json"])
        type_of_body["Content-Type"] = "application/json"

    def build(timeout: float, trace: object) -> httpx.Request:
        """Build the request, keys included."""
        return new_request(
            method,
            session.event_url(route.operation.path)
            if route.host == "event"
            else requestable(url, kwargs.get("params")),
            shown=url,
            timeout=timeout,
            trace=trace,
            headers={
                **session.headers,
                **type_of_body,
                **kwargs.get("headers", {}),
                **_authorization(bearer),
            },
            content=content,
        )

    return Call(
        host=route.host,
        method=method,
        url=url,
        build=build,
        timeout=seconds,
        read=read,
        redact=session.redact,
        max_response_bytes=session.settings.max_response_bytes,
        accepted=route.accepted,
        template=route.operation.path,
    )


def _authorization(bearer: Secret | None) -> dict[str, str]:
    return {} if bearer is None else {"authorization": f"Bearer {bearer.reveal()}"}


def redacted_url(session: Session, route: Route[Any, Any]) -> str:
    """Return the request's URL without its query and without the event key."""
    if route.host == "event":
        path = route.operation.path.replace("{event_key}", "***")
        return session.settings.event_url + path
    return session.settings.api_url + route.path
