"""The runs of an event: by v1, which is quick, and by v2 where v1 may not have them all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import MockServer, answers, completes, fails, sleeps

if TYPE_CHECKING:
    from collections.abc import Iterator

BY_V1, BY_V2 = "list_event_runs_v1", "list_event_runs_v2"


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer()
    mock.function("shop", "charge", trigger="paid", run=completes({"n": 1}))
    mock.function("shop", "ship", trigger="paid", run=fails("no stock"))
    mock.function("shop", "pack", trigger="packed", batch_size=2)
    mock.function("shop", "label", trigger="packed")
    return mock


@pytest.fixture
def client(mock: MockServer) -> Iterator[InngestClient]:
    with InngestClient(dev=True, transport=mock.transport) as client:
        yield client


def listings(mock: MockServer, since: int = 0) -> list[str]:
    return [it.operation for it in mock.requests[since:] if it.operation in {BY_V1, BY_V2}]


def functions(client: InngestClient, event_id: str) -> list[str]:
    return sorted(str(run.function_id) for run in client.events.runs(event_id))


def test_runs_are_listed_by_v1_as_v2_has_them(client: InngestClient, mock: MockServer) -> None:
    (event_id,) = client.send({"name": "paid"})
    mock.drain()
    found = list(client.events.runs(event_id))
    assert listings(mock) == [BY_V1]
    with InngestClient(dev=True, transport=mock.transport, api_version="v2") as other:
        assert found == list(other.events.runs(event_id))
    assert [run.app_id for run in found] == ["shop", "shop"]


def test_no_listing_by_v1_is_answered_from_its_cache(
    client: InngestClient, mock: MockServer
) -> None:
    """It keeps a response for 15 s, by all of the URL."""
    (event_id,) = client.send({"name": "paid"})
    mock.drain()
    for _ in range(2):
        assert functions(client, event_id) == ["charge", "ship"]
    asked = [it.query for it in mock.requests if it.operation == BY_V1]
    assert len({*asked}) == len(asked) == 2


def test_the_names_of_a_function_are_read_once(client: InngestClient, mock: MockServer) -> None:
    for expected in (2, 0):
        (event_id,) = client.send({"name": "paid"})
        mock.drain()
        before = len(mock.requests)
        assert functions(client, event_id) == ["charge", "ship"]
        asked = [each.operation for each in mock.requests[before:]]
        assert asked.count("get_run_v2") == expected


def test_the_run_of_a_batch_is_found_from_each_of_its_events_beside_others(
    client: InngestClient, mock: MockServer
) -> None:
    ids = client.send([{"name": "packed"}, {"name": "packed"}])
    mock.drain()
    for event_id in ids:
        assert functions(client, event_id) == ["label", "pack"]
    (other,) = client.send({"name": "paid"})
    mock.drain()
    before = len(mock.requests)
    assert functions(client, other) == ["charge", "ship"]
    assert listings(mock, before) == [BY_V1]


def test_the_run_of_a_batch_is_found_from_each_event_that_invoked_its_function(
    client: InngestClient, mock: MockServer
) -> None:
    invoked = [client.functions.invoke("shop", "pack") for _ in range(2)]
    mock.drain()
    (in_batch,) = [run.id for run in client.runs.list() if run.id not in invoked]
    for run_id in invoked:
        (event_id,) = client.runs.get(run_id).event_ids
        assert {run.id for run in client.events.runs(event_id)} == {run_id, in_batch}


def test_v2_is_asked_too_where_v1_has_no_run(client: InngestClient, mock: MockServer) -> None:
    (event_id,) = client.send({"name": "nobody/listens"})
    mock.drain()
    assert list(client.events.runs(event_id)) == []
    assert listings(mock) == [BY_V1, BY_V2]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_v2_is_asked_where_v1_refuses(client: InngestClient, mock: MockServer, status: int) -> None:
    (event_id,) = client.send({"name": "paid"})
    mock.drain()
    refusal = {"error": "no", "status": status}
    mock.fault(answers(status, refusal), operation=BY_V1, times=None)
    assert functions(client, event_id) == ["charge", "ship"]
    assert listings(mock) == [BY_V1, BY_V2]


@pytest.mark.parametrize("name", ["paid", "packed"])
def test_a_wait_polls_v2_only_if_a_listener_batches(
    client: InngestClient, mock: MockServer, name: str
) -> None:
    mock.function("shop", "nap", trigger="paid", run=sleeps(timedelta(seconds=2)))
    client.send({"name": name})
    found = client.send_and_wait({"name": name}, timeout=30)
    assert len(found) == {"paid": 3, "packed": 2}[name]
    assert {*listings(mock)} == {{"paid": BY_V1, "packed": BY_V2}[name]}
