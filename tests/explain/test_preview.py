"""Previews: what sending would do, with every condition evaluated, and nothing sent."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import Event, InngestClient, MissingKeyError
from inngest_rest.explain import EventPreview, SendPreview
from inngest_rest_mock import MockServer, answers, when
from tests.support import agent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect


VIP = when("event.data.total > 100", lambda event: event.data.get("total", 0) > 100)


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer()
    mock.function("shop", "ship", trigger="shop/order")
    mock.function("shop", "vip", trigger="shop/*", condition=VIP)
    return mock


@pytest.fixture
def client(connect: Connect, mock: MockServer) -> InngestClient:
    return connect(transport=mock.transport, retries=0)


def orders() -> list[Event]:
    return [Event("shop/order", {"total": total}, id=f"order-{total}") for total in (5, 500)]


def rows(found: SendPreview) -> dict[str | None, tuple[int, int, int]]:
    return {it.function: (it.events, it.runs, it.undecided) for it in found.functions}


def test_each_function_has_its_number_of_runs_with_its_condition_evaluated(
    client: InngestClient, mock: MockServer
) -> None:
    found = client.preview(orders())
    assert (found.events, found.rejected, found.unchecked) == (2, 0, ())
    assert rows(found) == {"shop/ship": (2, 2, 0), "shop/vip": (2, 1, 0)}
    client.send(orders())
    assert found.bytes == len(mock.requests[-1].body) - len(b"[,]")
    assert len(mock.runs) == 3


def test_a_condition_on_a_field_that_is_missing_is_undecided(client: InngestClient) -> None:
    assert rows(client.preview(Event("shop/order")))["shop/vip"] == (1, 0, 1)


def test_a_name_that_nobody_listens_for_has_the_nearest_triggers(client: InngestClient) -> None:
    (row,) = client.preview(Event("Shop/order")).functions
    assert row == EventPreview("Shop/order", events=1, bytes=row.bytes, nearest=("shop/order",))


def test_invalid_events_are_reported_and_the_others_counted(client: InngestClient) -> None:
    events: list[Any] = [{"name": "shop/order", "dta": {}}, *orders(), {"name": ""}]
    found = client.preview(iter(events))
    assert (found.events, found.rejected) == (2, 2)
    assert [each.position for each in found.failures] == [0, 3]


def test_what_cannot_be_read_is_said_and_the_events_are_checked_all_the_same(
    client: InngestClient, mock: MockServer
) -> None:
    mock.fault(answers(501), operation="list_apps_v2")
    found = client.preview(orders())
    assert found.events == 2
    assert "which functions listen" in found.unchecked[0]


def test_a_preview_without_an_event_key_is_refused_as_sending_is(
    connect: Connect, mock: MockServer
) -> None:
    client = connect(transport=mock.transport, dev=False, signing_key="signkey-test-00")
    with pytest.raises(MissingKeyError):
        client.preview(orders())


@pytest.mark.parametrize("zipped", [False, True])
def test_the_lines_of_a_file_are_previewed_as_they_would_be_sent(
    client: InngestClient, tmp_path: Path, *, zipped: bool
) -> None:
    path = tmp_path / "events.ndjson"
    lines = b'{"name":"shop/order","data":{"total":500}}\n\n{"nam":1}\n'
    path.write_bytes(gzip.compress(lines) if zipped else lines)
    found = client.preview_file(path)
    assert (found.events, found.rejected, found.failures[0].position) == (1, 1, 3)
    assert rows(found)["shop/vip"] == (1, 1, 0)
    assert [each.name for each in tmp_path.iterdir()] == ["events.ndjson"]


def test_the_first_event_is_shown_as_it_would_be_sent(
    client: InngestClient, mock: MockServer, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id,total\nn-1,a lot\nn-2,500\n", encoding="utf-8")
    of_csv: dict[str, Any] = {"event": "shop/order", "columns": {"total": "data.total:float"}}
    found = client.preview_file(path, **of_csv)
    assert (found.events, found.rejected) == (1, 1)
    client.send_file(path, **of_csv)
    (sent,) = json.loads(mock.requests[-1].body)
    assert found.first == sent
    assert client.preview([]).first is None


def test_the_commands_that_send_have_a_dry_run(
    mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text('{"name":"shop/order","data":{"total":500}}\n', encoding="utf-8")
    many = json.dumps([{"name": "shop/order", "data": {"total": 500}}])
    monkeypatch.chdir(tmp_path)
    with mock.serve() as url:
        monkeypatch.setenv("INNGEST_DEV", url)
        for line in (
            ("send", "shop/order", "--data", '{"total": 500}', "--wait", "5"),
            ("send-many", "--events", many),
            ("send-file", "events.ndjson"),
        ):
            status, output = agent.in_process((*line, "--dry-run", "-o", "json"))
            found = json.loads(output)["data"]["preview"]
            assert (status, found["events"], len(found["functions"])) == (0, 1, 2)
            assert found["first"]["data"] == {"total": 500}
        status, output = agent.in_process(("send", "inngest/x", "--dry-run", "-o", "json"))
    answer = json.loads(output)
    assert (status, answer["error"]["code"]) == (6, "partial")
    assert "nothing was sent" in answer["error"]["message"]
    assert not mock.events
