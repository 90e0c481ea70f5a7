"""Buffers of both kinds, with both stores."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import AsyncEventBuffer, EventBuffer, InngestClient, RetryPolicy
from inngest_rest.buffer import _schedule as schedule
from inngest_rest.buffer import _shared as shared
from tests.support.client_kinds import Blocking, open_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.client_kinds import ClientKind
    from tests.support.server import Server


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Where a buffer keeps its events."""
    return tmp_path / "outbox.db" if request.param == "file" else None


@pytest.fixture
def settings() -> dict[str, Any]:
    """Return more arguments of the client; a test may parametrize them."""
    return {}


@pytest.fixture
def client(client_kind: ClientKind, server: Server, settings: dict[str, Any]) -> Iterator[Any]:
    """Make a client that runs in real time."""
    with asyncio.Runner() as runner:
        client = open_client(client_kind, runner, dev=True, transport=server, **settings)
        yield client
        client.close()


@pytest.fixture
def make(client: Any, store: Path | None) -> Iterator[Callable[..., EventBuffer]]:
    """Make buffers of either kind, with either store; the blocking one stands for all."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        if isinstance(client, InngestClient):
            made.append(EventBuffer(client, store, **options))
        else:
            buffer = AsyncEventBuffer(client.target, store, **options)
            made.append(Blocking(buffer, client.runner))
        return made[-1]

    yield make
    for buffer in made:
        buffer.close(0.05)


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once after a failure."""
    monkeypatch.setattr(schedule, "_PACE", RetryPolicy(initial=1e-9, maximum=1e-9))
    monkeypatch.setattr(shared, "AFTER_A_BUG", 0.0)
