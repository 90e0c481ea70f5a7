"""A filter is sent to a family that supports it, never dropped; a cursor stays in its family."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    BadRequestError,
    InngestClient,
    InvalidArgumentError,
    RouteNotFoundError,
    RunStatus,
)
from inngest_rest_mock import MockServer
from tests.calls.test_families import RUNS_LIST, asks
from tests.support.server import says

if TYPE_CHECKING:
    from tests.support.server import Server

DAY = datetime(2026, 11, 24, tzinfo=UTC)

FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"app": "a"}, "appId=a"),
    ({"app": "a", "function": "f"}, "appId=a&functionId=f"),
    ({"since": DAY}, "from=2026-11-24T00:00:00+00:00"),
    ({"until": DAY}, "until=2026-11-24T00:00:00+00:00"),
    ({"status": ["running", "Failed"]}, "status=RUNNING&status=FAILED"),
    ({"status": "queued"}, "status=QUEUED"),
    ({"include_output": True}, "includeOutput=true"),
    ({"order": "oldest"}, "order=ASC"),
]


@pytest.mark.parametrize(("filters", "query"), FILTERS, ids=[query for _, query in FILTERS])
def test_a_filter_that_v1_lacks_goes_to_v2(
    client: InngestClient, server: Server, filters: dict[str, Any], query: str
) -> None:
    server.on(*RUNS_LIST[1])
    server.on("GET /v2/runs", says({"data": [], "page": {}}))
    client.runs.list(**filters).page()
    [asked] = server.asked
    assert asked.startswith("GET /v2/runs?")
    assert sorted(f"limit=100&{query}".split("&")) == sorted(asked.partition("?")[2].split("&"))


@pytest.mark.parametrize(("filters", "query"), FILTERS, ids=[query for _, query in FILTERS])
def test_without_v2_such_a_filter_raises_and_is_never_dropped(
    client: InngestClient, server: Server, filters: dict[str, Any], query: str
) -> None:
    server.on(*RUNS_LIST[1])
    with pytest.raises(RouteNotFoundError):
        client.runs.list(**filters).page()
    assert asks(server) == ["GET /v2/runs"], query


@pytest.mark.parametrize("status", ["running", "Completed", "FAILED", ["cancelled"]])
def test_a_single_status_is_sent_to_v1_in_lower_case_where_v2_is_absent(
    client: InngestClient, server: Server, status: Any
) -> None:
    server.on(*RUNS_LIST[1])
    client.runs.list(status=status, limit=1).page()
    name = (status if isinstance(status, str) else status[0]).lower()
    assert server.asked[1:] == [f"GET /v1/runs?limit=1&status={name}"]


@pytest.mark.parametrize("family", ["v1", "v2"])
def test_a_cursor_stays_in_its_family(client: InngestClient, server: Server, family: str) -> None:
    server.on(*RUNS_LIST[1])
    server.on(*RUNS_LIST[2])
    client.runs.list(cursor=f"/{family}/runs:0:::place", limit=1).page()
    assert {each.partition("?")[0] for each in server.asked} == {f"GET /{family}/runs"}
    assert "cursor=place" in server.asked[0]


def test_a_v1_cursor_is_rejected_with_a_filter_that_v1_lacks(client: InngestClient) -> None:
    with pytest.raises(InvalidArgumentError, match=r"belongs to another listing.* /v2/runs"):
        client.runs.list(cursor="/v1/runs:0:::place", app="a")


@pytest.mark.parametrize(
    "status", ["waiting", "WAITING", " Waiting ", RunStatus("waiting")], ids=repr
)
def test_a_status_of_a_newer_server_is_sent_as_it_is(
    client: InngestClient, server: Server, status: Any
) -> None:
    server.on("GET /v2/runs", says({"data": [], "page": {}}))
    client.runs.list(status=["failed", status]).page()
    assert server.requests[0].url.params.get_list("status") == ["FAILED", "WAITING"]


def test_a_status_like_one_of_ours_is_a_mistake_unless_it_was_made_a_status(
    client: InngestClient, server: Server
) -> None:
    with pytest.raises(InvalidArgumentError, match="did you mean 'cancelled'"):
        client.runs.list(status="cancelling")  # type: ignore[arg-type]
    server.on("GET /v2/runs", says({"data": [], "page": {}}))
    client.runs.list(status=RunStatus("cancelling")).page()
    assert server.requests[0].url.params["status"] == "CANCELLING"


def test_a_server_without_a_status_refuses_it_and_the_error_names_those_that_are_known() -> None:
    mock = MockServer()
    with InngestClient(dev=True, transport=mock.transport) as client:
        with pytest.raises(BadRequestError, match="Status is invalid") as raised:
            client.runs.list(status=RunStatus("waiting")).page()
        assert "has waiting. Known statuses: queued, running" in str(raised.value.advice)
