"""A thousand callers at a server that is down or asks for a pause: retries do not make it worse."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import InngestClient, RateLimitError, RetryPolicy, ServerError
from inngest_rest._core.calls.session import Session
from inngest_rest._core.resources import routes
from tests.support.crowd import Crowd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest._core.plans import Plan

CALLERS = 1_000
HOST = "http://busy.test"


def down(_: float) -> httpx.Response:
    return httpx.Response(503)


def one_client(crowd: Crowd, total: float = 120.0) -> Callable[[], Session]:
    """Return a function that returns the session of one client, each time."""
    session = _session(crowd, total)
    return lambda: session


def a_client_per_call(crowd: Crowd, total: float = 120.0) -> Callable[[], Session]:
    """Return a function that makes a client."""
    return lambda: _session(crowd, total)


def _session(crowd: Crowd, total: float) -> Session:
    with InngestClient(dev=HOST, retries=RetryPolicy(total=total)) as client:
        settings = client._session.settings  # noqa: SLF001 - the tests run its plans
    return Session(settings, crowd.clock, has_own_transport=False)


each_way = pytest.mark.parametrize("session_of", [one_client, a_client_per_call])


def checks(session: Callable[[], Session]) -> Iterator[Plan[None]]:
    for _ in range(CALLERS):
        yield routes.check_health(session())


@each_way
@pytest.mark.parametrize("within", [0.0, 10.0], ids=["all at once", "one by one"])
def test_an_outage_gets_few_more_requests_than_without_retries(
    session_of: Callable[[Crowd], Callable[[], Session]], within: float
) -> None:
    crowd = Crowd(down)
    session = session_of(crowd)
    crowd.run(checks(session), within=within)
    assert len(crowd.times) <= 1.1 * CALLERS
    before = len(crowd.times)
    crowd.run(checks(session), within=within)
    assert len(crowd.times) == before + CALLERS, "the budget is spent"
    assert {type(each) for each in crowd.errors.values()} == {ServerError}
    assert len(crowd.errors) == 2 * CALLERS


def test_retries_come_back_as_the_server_recovers() -> None:
    is_well = False

    def answer(_: float) -> httpx.Response:
        return httpx.Response(200, json={"status": 200}) if is_well else down(0.0)

    crowd = Crowd(answer)
    session = one_client(crowd)
    crowd.run(checks(session))
    is_well = True
    crowd.run(checks(session))
    is_well = False
    before = len(crowd.times)
    crowd.run(checks(session))
    assert before + CALLERS < len(crowd.times) <= before + 1.1 * CALLERS


@each_way
@pytest.mark.parametrize("status", [429, 503])
def test_no_caller_returns_before_the_time_that_the_server_set_nor_all_at_once(
    session_of: Callable[[Crowd, float], Callable[[], Session]], status: int
) -> None:
    crowd = Crowd(lambda _: httpx.Response(status, headers={"retry-after": "5"}))
    crowd.run(checks(session_of(crowd, 8.0)))
    returns: list[float] = []
    for caller, arrivals in crowd.arrivals.items():
        for response, arrival in zip(crowd.responses[caller], arrivals[1:], strict=False):
            assert arrival >= response + 5
            returns.append(arrival)
    assert returns
    busiest = Counter(int(each * 100) for each in returns).most_common(1)[0][1]
    assert busiest <= CALLERS / 10, "in one hundredth of a second"


def test_the_first_refusal_holds_all_other_callers_of_a_client_back() -> None:
    crowd = Crowd(lambda _: httpx.Response(429, headers={"retry-after": "5"}), latency=0.02)
    crowd.run(checks(one_client(crowd)), within=10.0)
    heard = min(responses[0] for responses in crowd.responses.values())
    early = [each for each in crowd.times if heard < each < heard + 5]
    assert early == []
    # When the pause is over, too, those that hear that it goes on spare the server the rest.
    assert len(crowd.times) <= 1.1 * CALLERS
    assert {type(each) for each in crowd.errors.values()} == {RateLimitError}


def test_all_callers_are_served_in_the_end_where_the_server_asks_for_one_pause() -> None:
    def answer(now: float) -> httpx.Response:
        if now < 5:
            return httpx.Response(429, headers={"retry-after": str(5 - now)})
        return httpx.Response(200, json={"status": 200})

    crowd = Crowd(answer)
    crowd.run(checks(one_client(crowd)), within=1.0)
    assert crowd.errors == {}
    assert len(crowd.times) <= 1.1 * CALLERS
