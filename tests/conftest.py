"""Fixtures: a scripted server, a fake clock, an empty environment, and both clients."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest._core.calls import retry
from tests.support.clock import Clock
from tests.support.doors import DoorName, open_door
from tests.support.server import Server

if TYPE_CHECKING:
    from pathlib import Path

# The blocking client stands for both: tests are written once, with its types.
Connect = Callable[..., InngestClient]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kill-rounds", type=int, default=100, help="kills of test_outbox_kills.py")
    parser.addoption(
        "--accounting-steps", type=int, default=10_000, help="steps of test_accounting.py"
    )


def pytest_configure() -> None:
    # A shell ignores Ctrl-C in what runs in its background, and processes inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("INNGEST_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _fresh_retry_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_budgets", {})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Where a buffer keeps its events."""
    return tmp_path / "outbox.db" if request.param == "file" else None


@pytest.fixture(params=["blocking", "async"])
def door(request: pytest.FixtureRequest) -> DoorName:
    name: DoorName = request.param
    return name


@pytest.fixture
def connect(door: DoorName, clock: Clock, server: Server) -> Iterator[Connect]:
    """Make clients of the scripted server, by default as a dev server."""
    clients: list[Any] = []
    with asyncio.Runner(loop_factory=clock.make_loop) as runner:

        def make(**kwargs: Any) -> Any:
            defaults: dict[str, Any] = {"dev": True, "transport": server}
            client = open_door(door, runner, clock, **{**defaults, **kwargs})
            clients.append(client)
            return client

        yield make
        for client in clients:
            client.close()


@pytest.fixture
def client(connect: Connect) -> InngestClient:
    """Return a client of a dev server, which requires no keys."""
    return connect()
