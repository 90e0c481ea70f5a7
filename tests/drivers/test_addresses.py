"""Addresses of a host: the first that accepts wins, and no other connection stays open."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest._core.drivers import async_transport

if TYPE_CHECKING:
    from collections.abc import Callable

connect: Any = async_transport.connect

V6, V4 = socket.AF_INET6, socket.AF_INET


class Connection:
    def __init__(self, address: str) -> None:
        self.address = address
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class Network:
    """Accepts, refuses or keeps silent, by address.

    Attributes:
        tried: The addresses, in order.
        made: The connections.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **by_address: str) -> None:
        self._by_address = {name.replace("_", ":"): does for name, does in by_address.items()}
        self.tried: list[str] = []
        self.made: list[Connection] = []
        self.gate, self.all_tried, self.all_made = asyncio.Event(), asyncio.Event(), asyncio.Event()
        found = [
            (V6 if ":" in each else V4, socket.SOCK_STREAM, 6, "", (each, 80))
            for each in self._by_address
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        monkeypatch.setattr(async_transport, "_ATTEMPT_DELAY", 0.01)

    async def attempt(self, address: str, _: int) -> Connection:
        self.tried.append(address)
        if len(self.tried) == len(self._by_address):
            self.all_tried.set()
        match self._by_address[address]:
            case "refuses":
                raise ConnectionRefusedError(f"{address} refuses")
            case "is silent":
                await asyncio.Event().wait()
            case "accepts later":
                await self.gate.wait()
            case _:
                pass
        made = Connection(address)
        self.made.append(made)
        if len(self.made) == len(self._by_address):
            self.all_made.set()
        return made


def test_an_address_that_refuses_is_followed_by_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        network = Network(monkeypatch, a_="refuses", b="accepts", c="accepts")
        assert (await connect("host", 80, network.attempt)).address == "b"
        assert network.tried == ["a:", "b"]

    asyncio.run(scenario())


def test_the_families_take_turns_and_a_silent_address_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        network = Network(monkeypatch, a_="is silent", b_="is silent", c="is silent", d="accepts")
        assert (await connect("host", 80, network.attempt)).address == "d"
        assert network.tried == ["a:", "c", "b:", "d"]
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "stop", [lambda task: task.cancel(), lambda _: None], ids=["cancelled", "lost"]
)
def test_a_connection_that_is_made_too_late_is_closed(
    stop: Callable[[asyncio.Task[Connection]], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        network = Network(monkeypatch, a="accepts later", b="accepts later")
        task = asyncio.create_task(connect("host", 80, network.attempt))
        await network.all_tried.wait()
        network.gate.set()
        await network.all_made.wait()
        stop(task)
        await asyncio.wait([task])
        for _ in range(3):  # until the others are closed
            await asyncio.sleep(0)
        kept = [] if task.cancelled() else [task.result()]
        assert [each for each in network.made if not each.is_closed] == kept

    asyncio.run(scenario())


def test_a_slow_address_is_waited_for_after_the_last_one_has_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        network = Network(monkeypatch, a="accepts later", b="refuses")
        task = asyncio.create_task(connect("host", 80, network.attempt))
        await network.all_tried.wait()
        for _ in range(5):  # until the race has taken note of the refusal
            await asyncio.sleep(0)
        network.gate.set()
        assert (await task).address == "a"

    asyncio.run(scenario())


def test_if_none_accepts_every_reason_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        network = Network(monkeypatch, a="refuses", b="refuses")
        with pytest.raises(OSError, match=r"^a refuses; b refuses$"):
            await connect("host", 80, network.attempt)

    asyncio.run(scenario())
