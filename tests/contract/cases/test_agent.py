"""An agent does its jobs through the command, with nothing but the skill to go by."""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.mock_world import MockWorld
from tests.support import agent

if TYPE_CHECKING:
    from tests.contract.world import World
    from tests.support.client_kinds import ClientKind


@pytest.fixture
def client_kind() -> ClientKind:
    """Let no client be used beside the command's own."""
    return "blocking"


def environment(world: World, url: str) -> dict[str, str]:
    if world.event_key is None or world.signing_key is None:
        return {"INNGEST_DEV": url}
    return {
        "INNGEST_BASE_URL": url,
        "INNGEST_EVENT_KEY": world.event_key,
        "INNGEST_SIGNING_KEY": world.signing_key,
    }


def test_an_agent_does_all_its_jobs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.needs("listRunsV2", "getRunV2", "cancelRunV2", "rerunRunV2", "listAppsV2")
    shop = agent.Shop(
        app=world.app,
        since=(world.now() - timedelta(minutes=5)).isoformat(),
        pause=partial(world.pause, 1.0),
    )
    with world.on_socket() as url:
        if isinstance(world, MockWorld):  # in this process: there are many of them
            for name, value in environment(world, url).items():
                monkeypatch.setenv(name, value)
            execute: agent.Execute = agent.in_process
        else:
            command = Path(sys.executable).parent / "inngest-rest"
            execute = agent.installed(command, environment(world, url))
        agent.play(execute, shop, tmp_path)
