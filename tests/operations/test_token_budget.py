"""A budget of tokens, of four bytes each: the list of tools, and answers to an agent's questions.

On a server with data: runs of several functions, some of which failed in code that has a stack.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from inngest_rest import InngestClient
from inngest_rest_api.api import NEWEST_RECORDED
from inngest_rest_mock import MockServer, completes, steps
from inngest_rest_tools import tools
from inngest_rest_tools.command import program
from inngest_rest_tools.cutting import as_text
from tests.support.capabilities import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest_mock import MockEvent

LONGEST_ANSWER = 20_000


def declines(event: MockEvent) -> NoReturn:
    def charge(order: int) -> NoReturn:
        raise ConnectionError(f"connect ECONNREFUSED 10.0.0.{order % 256}:5432")

    charge(event.data["order"])


@pytest.fixture(scope="module")
def mock() -> MockServer:
    mock = MockServer()
    charged: dict[str, Any] = {"charge": "ch_3QK9V2D6", "amount": 4200, "currency": "eur"}
    mock.function("shop", "charge", trigger="shop/order.created", run=completes(charged))
    mock.function("shop", "ship-order", trigger="shop/order.paid", run=declines)
    mock.function("shop", "audit", trigger="shop/order.created", run=completes(charged))
    mock.function("shop", "receipt", trigger="shop/order.paid", run=completes({"mail": "sent"}))
    named = ("load order", "check stock", "reserve", "charge card", "send receipt", "notify")
    taken = [(name, completes({"order": 1001, "ok": True})) for name in named]
    mock.function("shop", "checkout", trigger="shop/checkout", run=steps(*taken))
    with InngestClient(dev=True, transport=mock.transport) as client:
        for order in range(1, 9):
            data = {"order": order, "customer": "c-2", "total": 42.5}
            client.send([{"name": f"shop/order.{it}", "data": data} for it in ("created", "paid")])
        client.send({"name": "shop/checkout", "data": {"order": 1001}})
    mock.advance(60)  # what was just sent does not appear at once
    return mock


@pytest.fixture(scope="module")
def client(mock: MockServer) -> Iterator[InngestClient]:
    with InngestClient(dev=True, transport=mock.transport) as client:
        yield client


def id_of(mock: MockServer, function: str) -> str:
    return next(run.id for run in mock.runs if run.function_id.endswith(function))


def tokens_of(client: InngestClient, name: str, **given: Any) -> float:
    envelope = tools.Tools(client).call(name, given)
    assert envelope.ok
    assert not isinstance(envelope.data.get("items"), list) or len(envelope.data["items"]) == 20
    text = as_text(envelope.to_dict())
    return len(text.encode()) / 4


@pytest.fixture(scope="module")
def cloud(mock: MockServer) -> Iterator[InngestClient]:
    with InngestClient(event_key="k", signing_key="ab", transport=mock.transport) as client:
        yield client


@pytest.mark.parametrize("server", ["client", "cloud"])
@pytest.mark.parametrize(("read_only", "most"), [(False, 4_500), (True, 3_200)])
def test_the_list_of_tools(
    server: str, read_only: bool, most: int, request: pytest.FixtureRequest
) -> None:
    listed = tools.Tools(request.getfixturevalue(server), read_only=read_only).all(files=True)
    found = [it.model_dump(mode="json", by_alias=True, exclude_none=True) for it in listed]
    text = json.dumps({"tools": found}, ensure_ascii=False, separators=(",", ":"))
    assert len(text.encode()) / 4 <= most


def test_no_text_is_in_the_list_of_tools_twice(client: InngestClient) -> None:
    def texts(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(text := value.get("description"), str):
                yield text
            for each in value.values():
                yield from texts(each)

    found = [text for it in tools.Tools(client).all() for text in texts(it.model_dump())]
    assert sorted(found) == sorted(set(found))


def test_a_list_of_20_runs(client: InngestClient) -> None:
    assert tokens_of(client, "runs_list", limit=20) <= 900


def test_a_run_that_failed(mock: MockServer, client: InngestClient) -> None:
    assert tokens_of(client, "runs_get", id=id_of(mock, "ship-order")) <= 250


def test_a_trace_of_six_steps(mock: MockServer, client: InngestClient) -> None:
    assert tokens_of(client, "runs_trace", id=id_of(mock, "checkout")) <= 500


def test_a_diagnosis_and_a_whole_one() -> None:
    mock = MockServer(release=NEWEST_RECORDED)  # of a newer one, it warns
    with InngestClient(dev=True, transport=mock.transport) as client:
        assert tokens_of(client, "doctor") <= 150
        assert tokens_of(client, "doctor", fields="*") > 500


@pytest.mark.parametrize(
    "line",
    ["runs list --limit 1000 --include-output", "events list --limit 1000", "doctor --fields *"],
)
def test_any_answer_of_the_command_where_no_terminal_is(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = MockServer()
    mock.function("shop", "charge", trigger="order/placed", run=completes("é" * 400))
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send([{"name": "order/placed", "data": {"note": "é" * 400}} for _ in range(60)])
    with mock.serve() as url:
        monkeypatch.setenv("INNGEST_DEV", url)
        assert program.run(line.split()) == 0
    text = capsys.readouterr().out
    assert len(text.encode()) <= LONGEST_ANSWER + 1
    answer = json.loads(text)
    if "list" in line:
        assert answer["page"]["next"]
        assert answer["page"]["count"] == len(answer["data"]["items"]) < 60


@pytest.mark.parametrize("name", rows("TOKENS"))
def test_an_answer_of_a_capability(mock: MockServer, client: InngestClient, name: str) -> None:
    tool, arguments, most = rows("TOKENS")[name]
    assert tokens_of(client, tool, **arguments(mock)) <= most
