"""An answer is never longer than a host takes: what is missing is said, and can be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import completes, fails
from inngest_rest_tools import cutting, mcp_server
from tests.mcp_server.sessions import ERAS, answer, call, call_confirmed, talk

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from tests.operations.cases import World

UNKNOWN = "01HZZZZZZZZZZZZZZZZZZZZZZZ"


def called(server: Server[Any], tool: str, /, **arguments: Any) -> Any:
    result = call(server, tool, arguments)
    (text,) = result.content
    assert text.type == "text"
    assert len(text.text) <= cutting.LONGEST_ANSWER
    return answer(result)


def test_text_is_cut_unless_more_is_asked_for(world: World, server: Server[Any]) -> None:
    world.mock.function("shop", "talk", trigger="order/talk", run=completes({"said": "x" * 9_000}))
    world.client.send({"name": "order/talk"})
    run_id = world.mock.runs[-1].id
    short = called(server, "runs_get", id=run_id)
    assert short["data"]["output"]["said"] == "x" * 2_000 + "...[7000 more characters]"
    assert short["warnings"] == ["cut at 2000 characters: data.output.said; max_chars gets more"]
    whole = called(server, "runs_get", id=run_id, max_chars=10_000)
    assert whole["data"]["output"]["said"] == "x" * 9_000
    assert whole["warnings"] == []


def test_a_list_ends_where_it_fits_and_goes_on_from_there(
    world: World, server: Server[Any]
) -> None:
    ids = world.client.send([{"name": "order/noted", "data": {"text": "x" * 1_500}}] * 30)
    asked = len(world.mock.requests)
    first = called(server, "events_list", name="order/noted", limit=30)
    assert len(world.mock.requests) == asked + 1
    seen = [it["internal_id"] for it in first["data"]["items"]]
    assert 0 < len(seen) < 30
    assert first["page"]["count"] == len(seen)
    assert first["warnings"] == [
        f"cut at {len(seen)} items: data.items (30); page.next has the cursor of the others"
    ]
    cursor = first["page"]["next"]
    while cursor is not None:
        page = called(server, "events_list", name="order/noted", limit=30, cursor=cursor)
        seen += [it["internal_id"] for it in page["data"]["items"]]
        cursor = page["page"]["next"]
    assert sorted(seen) == sorted(ids)


def test_of_many_runs_those_come_first_that_were_not_replayed(
    world: World, server: Server[Any]
) -> None:
    world.mock.function("shop", "break", trigger="order/broken", run=fails("no"))
    world.client.send([{"name": "order/broken"}] * 200)
    ids = [it.id for it in world.mock.runs if it.function_id.endswith("break")]
    given = {"ids": [*ids, "01HZZZZZZZZZZZZZZZZZZZZZZZ"]}
    result = answer(talk(server, lambda client: call_confirmed(client, "runs_replay", given)))
    data = result["data"]
    assert data["counts"] == {"done": 200, "not_found": 1}
    assert data["rows"][0]["outcome"] == "not_found"
    number = len(data["rows"])
    assert number < 201
    assert (
        f"cut at {number} items: data.rows (201); a narrower call shows more" in result["warnings"]
    )


def test_a_payload_of_many_keys_is_cut(world: World, server: Server[Any]) -> None:
    data = {f"key {index}": "x" * 30 for index in range(5_000)}
    (event_id,) = world.client.send({"name": "order/wide", "data": data})
    result = called(server, "events_get", id=event_id)
    assert result["warnings"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("depth", "warnings"), [(90, {0}), (300, {1}), (900, {0, 1})], ids=["90", "300", "900"]
)
def test_a_payload_nested_deeply_is_answered(era: str, depth: int, warnings: set[int]) -> None:
    payload = '{"k":' * depth + "1" + "}" * depth
    event = f'{{"internal_id": "{UNKNOWN}", "id": "1", "name": "a", "data": {payload}}}'
    body = f'{{"data": {event}}}'
    carrier = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    with InngestClient(dev=True, transport=carrier) as client:
        result = call(mcp_server.server(client), "events_get", {"id": UNKNOWN}, era)
    found = answer(result)
    assert found["ok"]
    # Where Python's stack is short, the client makes text of what is deeper still.
    assert len(found["warnings"]) in warnings
