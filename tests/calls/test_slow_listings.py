"""Listings by the end: a self-hosted server reads all its history for them, which takes long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import InngestError, RequestTimeoutError, ServerError
from inngest_rest_tools.problems import problem_of
from tests.support.server import says

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.support.server import Server

HOUR = timedelta(hours=1)
NOTHING = says({"data": [], "page": {}, "metadata": {}})
DOWN = says({"errors": [{"code": "x", "message": "down"}]}, status=503)
PROXY_GAVE_UP = says({"errors": [{"code": "x", "message": "upstream timed out"}]}, status=504)


@pytest.mark.parametrize(
    ("answer", "error"),
    [(httpx.ReadTimeout("slow"), RequestTimeoutError), (PROXY_GAVE_UP, ServerError)],
)
def test_a_listing_by_the_end_that_takes_too_long_is_asked_for_once(
    client: InngestClient, server: Server, answer: Any, error: type[Any]
) -> None:
    server.on("GET /v2/runs", answer)
    with pytest.raises(error) as raised:
        client.runs.list(ended_since=HOUR).page()
    assert len(server.asked) == raised.value.attempts == 1
    for word in ("whole history", "since", "timeout"):
        assert word in raised.value.advice
    assert str(raised.value).endswith(str(raised.value.advice))
    problem = problem_of(raised.value)
    assert str(raised.value.advice) in str(problem.hint)
    assert "whole history" not in problem.message


@pytest.mark.parametrize("answer", [httpx.ConnectTimeout("full"), httpx.ReadError("reset"), DOWN])
def test_a_listing_by_the_end_is_retried_after_other_failures(
    client: InngestClient, server: Server, answer: Any
) -> None:
    server.on("GET /v2/runs", answer, NOTHING)
    assert client.runs.list(ended_since=HOUR).first() is None
    assert len(server.asked) == 2


@pytest.mark.parametrize("selection", [{}, {"since": HOUR}, {"since": HOUR, "ended_since": HOUR}])
def test_a_listing_by_the_time_of_queueing_is_retried_after_a_timeout(
    client: InngestClient, server: Server, selection: Any
) -> None:
    server.on("GET /v2/runs", httpx.ReadTimeout("slow"))
    with pytest.raises(InngestError) as raised:
        client.runs.list(**selection).page()
    assert len(server.asked) > 1
    assert "whole history" not in str(raised.value)


def test_runs_whose_queueing_is_bounded_too_are_listed_by_that(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v2/runs", NOTHING)
    since, until = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)
    bounds: Any = {"ended_since": since + HOUR, "ended_until": until - HOUR}
    assert client.runs.list(since=since, until=until, **bounds).first() is None
    params = server.requests[0].url.params
    assert "timeField" not in params
    assert (params["from"], params["until"]) == (since.isoformat(), until.isoformat())
    assert params.get_list("status") == ["COMPLETED", "FAILED", "CANCELLED"]
