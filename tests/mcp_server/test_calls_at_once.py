"""A call that takes long keeps the server responsive, and ends: in time, or when cancelled."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import InngestClient
from inngest_rest_tools import mcp_server, tool_schemas
from tests.mcp_server.sessions import ERAS, answer, call, talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp import Client

    from inngest_rest_mock import MockServer
    from tests.operations.cases import World

IDS = [f"01HZZZZZZZZZZZZZZZZZZZZ{index:03}" for index in range(100)]


class Stuck(httpx.BaseTransport):
    """A server that answers no request before it is released."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.released = threading.Event()
        self.requests = 0
        self.idle = threading.Condition()

    def handle_request(self, _request: httpx.Request) -> httpx.Response:
        with self.idle:
            self.requests += 1
        self.asked.set()
        self.released.wait(60)
        return httpx.Response(200, json={"data": {}})


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    stuck = Stuck()
    yield stuck
    stuck.released.set()


@pytest.mark.parametrize("era", ERAS)
def test_the_server_answers_while_a_call_waits(stuck: Stuck, era: str) -> None:
    async def conversation(client: Client) -> Any:
        waiting = asyncio.create_task(client.call_tool("runs_get", {"id": IDS[0]}))
        await asyncio.to_thread(stuck.asked.wait, 60)
        wrong = await client.call_tool("runs_get", {})
        assert not waiting.done()
        stuck.released.set()
        await waiting
        return wrong

    with InngestClient(dev=True, transport=stuck, retries=0) as client:
        assert talk(mcp_server.server(client), conversation, era).is_error


class Held(Stuck):
    """A mock server whose answers are held back until it is released."""

    def __init__(self, mock: MockServer) -> None:
        super().__init__()
        self._transport = mock.transport

    def hold(self) -> None:
        """Hold back the answers from now on, and count the requests anew."""
        self.released.clear()
        self.asked.clear()
        self.requests = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        super().handle_request(request)
        return self._transport.handle_request(request)


IN_FLIGHT = 8  # by default

CANCELLED: dict[str, tuple[str, dict[str, Any], int]] = {
    "a look-up": ("runs_replay", {"ids": "failed"}, 1),
    "look-ups": ("runs_cancel", {"ids": "open"}, IN_FLIGHT),
    "a listing": ("runs_cancel", {"app": "shop", "since": "1h"}, 1),
    "acts": ("runs_cancel", {"app": "shop"}, IN_FLIGHT),
}
"""What a call is at when it is cancelled, and the requests that are under way then at most."""


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("at", CANCELLED)
def test_a_cancelled_call_makes_no_further_request(world: World, era: str, at: str) -> None:
    name, arguments, under_way = CANCELLED[at]
    ids = {"open": [world.open_run() for _ in range(40)], "failed": [world.failed_run_id]}
    held = Held(world.mock)

    async def conversation(client: Client) -> None:
        given = {**arguments, **({"ids": ids[arguments["ids"]]} if "ids" in arguments else {})}
        if at == "acts":
            held.released.set()
            planned = await client.call_tool(name, {**given, "dry_run": True})
            given["confirm"] = answer(planned)["data"]["confirm"]
            held.hold()
        acting = asyncio.create_task(client.call_tool(name, given))
        await asyncio.to_thread(held.asked.wait, 60)
        acting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await acting
        # An answer to a later call: the server has seen by then that this one was cancelled.
        await client.call_tool("runs_get", {})

    before = set(threading.enumerate())
    with InngestClient(dev=True, transport=held) as client:
        talk(mcp_server.server(client), conversation, era)
        held.released.set()
        for thread in set(threading.enumerate()) - before:
            if thread.is_alive():  # one that is about to start cannot be waited for
                thread.join(60)
    assert held.requests <= under_way


def test_watching_ends_by_itself(world: World) -> None:
    world.open_run()
    began = world.mock.now
    result = call(mcp_server.server(world.client), "runs_watch", {})
    assert not result.is_error
    assert {it["kind"] for it in answer(result)["data"]["items"]}
    assert (world.mock.now - began).total_seconds() < 2 * tool_schemas.DEFAULT_WATCH_S


def test_waiting_that_took_too_long_returns_what_has_ended(world: World) -> None:
    ids = [world.run_id, world.open_run()]
    result = call(mcp_server.server(world.client), "runs_wait", {"ids": ids, "timeout": 5})
    found = answer(result)
    assert result.is_error
    assert (found["error"]["code"], found["error"]["retryable"]) == ("timed_out", True)
    assert [it["id"] for it in found["data"]["items"]] == ids[:1]
