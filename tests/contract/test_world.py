"""Each exchange of a contract case is checked against the document: a wrong response fails it."""

from __future__ import annotations

import asyncio
import copy

import httpx
import pytest

from inngest_rest_mock import MockServer, answers

from .recordings import read_all
from .world import Judged

UP = {"status": 200, "message": "OK"}

# What differs from the document, by the count of faults, and of a server that may be newer.
ANSWERS = {
    "as documented": (answers(200, UP), 0, 0),
    "another status": (answers(418), 1, 1),
    "another content type": (answers(200, UP, headers={"Content-Type": "text/html"}), 1, 1),
    "a property too many": (answers(200, {**UP, "version": 1}), 1, 0),
    "a property too few": (answers(200, {"status": 200}), 1, 1),
    "no body": (answers(200), 1, 1),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_response_is_checked_and_an_addition_of_a_newer_server_is_a_difference_and_no_fault(
    answer: str,
) -> None:
    effect, *faults = ANSWERS[answer]
    for allows_more in (False, True):
        mock, found, told = MockServer(), list[str](), set[str]()
        mock.fault(effect)
        transport = judged(mock, found, told, allows_more=allows_more)
        with httpx.Client(transport=transport, base_url="http://test") as client:
            client.get("/health")
        assert (len(found), len(told)) == (faults[allows_more], faults[False])


def test_response_to_an_async_client_is_checked() -> None:
    mock, found = MockServer(), list[str]()
    mock.fault(answers(418))

    async def ask() -> None:
        carrier = judged(mock, found)
        async with httpx.AsyncClient(transport=carrier, base_url="http://test") as client:
            await client.get("/health")
            await client.get("/nowhere")

    asyncio.run(ask())
    assert [each.partition(":")[0] for each in found] == ["GET /health", "GET /nowhere"]


def test_a_difference_is_told_once_by_operation_and_status() -> None:
    mock, found, told = MockServer(), list[str](), set[str]()
    function = {"id": "charge", "isNew": True}
    for n in "1", "2":
        run = {"id": "01K9V2D6N9P1R7Z4W8X3Y5A0B" + n, "status": "COMPLETED", "function": function}
        mock.fault(answers(200, {"data": [run] * 2, "page": {}}))
    with httpx.Client(transport=judged(mock, found, told), base_url="http://test") as client:
        for _ in range(2):
            client.get("/v2/runs")
    assert len(found) > len(told)
    assert any("isNew" in each for each in told)
    assert {each.partition(": ")[0] for each in told} == {"listRunsV2 200"}


def test_new_values_and_operations_of_a_newer_server_are_no_faults() -> None:
    mock, found, told = MockServer(), list[str](), set[str]()
    transport = judged(mock, found, told, allows_more=True)
    with httpx.Client(transport=transport, base_url="http://test") as client:
        listed = client.get("/v2/operations").json()
        listed["data"]["operations"][0]["http"]["path"] = "/bulk/rerun"
        mock.fault(answers(200, listed))
        client.get("/v2/operations")
        (runs,) = (copy.deepcopy(it.received) for it in read_all() if it.name == "v2-runs-list")
        runs["data"][0]["status"] = "WAITING"
        mock.fault(answers(200, runs))
        client.get("/v2/runs")
    assert found == []
    assert any("WAITING" in each for each in told)
    assert any("bulk/rerun" in each for each in told)


def test_operations_and_parameters_that_a_server_lists_are_documented() -> None:
    mock, found = MockServer(), list[str]()
    with httpx.Client(transport=judged(mock, found), base_url="http://test") as client:
        listed = client.get("/v2/operations").json()
        assert found == []
        (runs,) = (it for it in listed["data"]["operations"] if it["id"] == "ListRuns")
        runs["mcp"]["inputSchema"]["properties"]["flavour"] = {}
        bulk = {**runs, "http": {"method": "POST", "path": "/bulk/rerun"}}
        listed["data"]["operations"] += [bulk, {"id": "mcp.read_doc"}]
        mock.fault(answers(200, listed))
        client.get("/v2/operations")
    told = [each.partition(": lists ")[2] for each in found]
    assert "a parameter 'flavour' of listRunsV2, which is not documented" in told
    assert "POST /v2/bulk/rerun, which is not documented" in told


def judged(
    mock: MockServer, found: list[str], told: set[str] | None = None, *, allows_more: bool = False
) -> Judged:
    return Judged(mock.transport, found, differences=told, allows_more=allows_more)
