"""A thousand callers at a server that is down or asks for a pause: retries do not make it worse."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import InngestClient, RateLimitError, RetryPolicy, ServerError
from inngest_rest._core.calls.session import Session
from inngest_rest._core.resources import routes
from tests.support.callers import Callers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest._core.plans import Plan

CALLERS = 1_000
HOST = "http://busy.test"


def down(_: float) -> httpx.Response:
    return httpx.Response(503)


def one_client(callers: Callers, total: float = 120.0) -> Callable[[], Session]:
    """Return a function that returns the session of one client, each time."""
    session = _session(callers, total)
    return lambda: session


def a_client_per_call(callers: Callers, total: float = 120.0) -> Callable[[], Session]:
    """Return a function that makes a client."""
    return lambda: _session(callers, total)


def _session(callers: Callers, total: float) -> Session:
    with InngestClient(dev=HOST, retries=RetryPolicy(total=total)) as client:
        settings = client._session.settings  # noqa: SLF001 - the tests run its plans
    return Session(settings, callers, callers.clock, has_own_transport=False)


each_way = pytest.mark.parametrize("session_of", [one_client, a_client_per_call])


def checks(session: Callable[[], Session]) -> Iterator[Plan[None]]:
    for _ in range(CALLERS):
        yield routes.check_health(session())


@each_way
@pytest.mark.parametrize("within", [0.0, 10.0], ids=["all at once", "one by one"])
def test_an_outage_gets_few_more_requests_than_without_retries(
    session_of: Callable[[Callers], Callable[[], Session]], within: float
) -> None:
    callers = Callers(down)
    session = session_of(callers)
    callers.run(checks(session), within=within)
    assert len(callers.times) <= 1.1 * CALLERS
    before = len(callers.times)
    callers.run(checks(session), within=within)
    assert len(callers.times) == before + CALLERS, "the budget is spent"
    assert {type(each) for each in callers.errors.values()} == {ServerError}
    assert len(callers.errors) == 2 * CALLERS


def test_retries_come_back_as_the_server_recovers() -> None:
    is_well = False

    def answer(_: float) -> httpx.Response:
        return httpx.Response(200, json={"status": 200}) if is_well else down(0.0)

    callers = Callers(answer)
    session = one_client(callers)
    callers.run(checks(session))
    is_well = True
    callers.run(checks(session))
    is_well = False
    before = len(callers.times)
    callers.run(checks(session))
    assert before + CALLERS < len(callers.times) <= before + 1.1 * CALLERS


@each_way
@pytest.mark.parametrize("status", [429, 503])
def test_no_caller_returns_before_the_time_that_the_server_set_nor_all_at_once(
    session_of: Callable[[Callers, float], Callable[[], Session]], status: int
) -> None:
    callers = Callers(lambda _: httpx.Response(status, headers={"retry-after": "5"}))
    callers.run(checks(session_of(callers, 8.0)))
    returns: list[float] = []
    for caller, arrivals in callers.arrivals.items():
        for response, arrival in zip(callers.responses[caller], arrivals[1:], strict=False):
            assert arrival >= response + 5
            returns.append(arrival)
    assert returns
    busiest = Counter(int(each * 100) for each in returns).most_common(1)[0][1]
    assert busiest <= CALLERS / 10, "in one hundredth of a second"


def test_the_first_refusal_holds_all_other_callers_of_a_client_back() -> None:
    callers = Callers(lambda _: httpx.Response(429, headers={"retry-after": "5"}), latency=0.02)
    callers.run(checks(one_client(callers)), within=10.0)
    heard = min(responses[0] for responses in callers.responses.values())
    early = [each for each in callers.times if heard < each < heard + 5]
    assert early == []
    # When the pause is over, too, those that hear that it goes on spare the server the rest.
    assert len(callers.times) <= 1.1 * CALLERS
    assert {type(each) for each in callers.errors.values()} == {RateLimitError}


def test_all_callers_are_served_in_the_end_where_the_server_asks_for_one_pause() -> None:
    def answer(now: float) -> httpx.Response:
        if now < 5:
            return httpx.Response(429, headers={"retry-after": str(5 - now)})
        return httpx.Response(200, json={"status": 200})

    callers = Callers(answer)
    callers.run(checks(one_client(callers)), within=1.0)
    assert callers.errors == {}
    assert len(callers.times) <= 1.1 * CALLERS
