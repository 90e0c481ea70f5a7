"""One operation, with its keys and retries: what every other plan is made of."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from inngest_rest._core.calls import answers, requests
from inngest_rest._core.calls.retry import is_worth_retrying
from inngest_rest._core.plans import Call, Plan, call, sleep
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    InngestError,
    PermissionDeniedError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from inngest_rest._core.calls.answers import Operation
    from inngest_rest._core.calls.requests import Family
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Host

T = TypeVar("T")

logger = logging.getLogger("inngest_rest")

OK = frozenset({200})


def perform(
    session: Session,
    family: Family,
    operation: Operation,
    kwargs: Mapping[str, Any],
    expected: type[T],
    *,
    repeatable: bool = True,
    accepted: frozenset[int] = OK,
    within: float | None = None,
) -> Plan[T]:
    """Ask one operation, trying other keys and trying again as far as that is safe.

    Args:
        session: Whose settings, keys and retry budget apply.
        family: Which base URL and keys.
        operation: The generated module.
        kwargs: What its `get_kwargs` returned.
        expected: The model a good answer holds.
        repeatable: Whether doing it twice is the same as doing it once.
        accepted: The statuses that are answers, not errors.
        within: Seconds for all tries, where that is less than the policy gives.
    """
    policy = session.settings.retry
    seconds = policy.total if within is None else min(policy.total, within)
    deadline = session.clock.monotonic() + seconds
    attempt = 0
    delivered = False
    while True:
        attempt += 1
        # A pause may end late, and a socket takes no timeout below zero.
        left = max(deadline - session.clock.monotonic(), 0.001)
        try:
            value = yield from _with_keys(
                session, family, operation, kwargs, expected, accepted, timeout=left
            )
        except InngestError as error:
            failure = error
        else:
            session.quota.give_back()
            return value
        if isinstance(failure, ApiError | TransportError):
            failure.attempts = attempt
        if isinstance(failure, TransportError):
            failure.delivered = delivered = delivered or failure.delivered
        else:
            delivered = True
        pause = policy.pause(failure, attempt, session.clock.random())
        if (
            attempt > policy.retries
            or not is_worth_retrying(failure, repeatable=repeatable)
            or session.clock.monotonic() + pause >= deadline
            or not session.quota.take()
        ):
            raise failure
        logger.debug("trying again in %.2f s: %s", pause, failure)
        yield from sleep(pause)


def _with_keys(
    session: Session,
    family: Family,
    operation: Operation,
    kwargs: Mapping[str, Any],
    expected: type[T],
    accepted: frozenset[int],
    *,
    timeout: float,
) -> Plan[T]:
    """Make one attempt; where a key is refused, make it with the next one."""
    host: Host = "event" if family == "ingest" else "api"
    bearers = (None,) if family == "ingest" else session.bearers(family)
    url = requests.redacted_url(session, family, kwargs)
    source = answers.Source(family, kwargs["method"].upper(), url, session.clock.now)

    def read(response: httpx.Response) -> T:
        return answers.read(response, source, operation, expected, accepted)

    refused: InngestError | None = None
    for bearer in bearers:
        seconds = min(session.settings.timeout, timeout)
        request = requests.build(session, family, kwargs, bearer=bearer, timeout=seconds)
        try:
            value = yield from call(Call(host, request, url, seconds, read))
        except (AuthenticationError, PermissionDeniedError) as error:
            refused = refused or error
            continue
        session.bearer_worked(family, bearer)
        return value
    assert refused is not None, "there is always a bearer to try, None included"
    raise refused
