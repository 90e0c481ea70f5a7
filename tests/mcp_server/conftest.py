"""A mock server with runs, which the tools use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest.calls import commands
from inngest_rest_tools import mcp_server
from tests.operations.cases import World

if TYPE_CHECKING:
    from pathlib import Path

    from mcp.server.lowlevel import Server


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def server(world: World) -> Server[Any]:
    return mcp_server.server(world.client, groups={row.words[0] for row in commands()})
