"""The client that most cases use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.contract.world import World


@pytest.fixture
def client(world: World) -> InngestClient:
    """Return a client with the right keys."""
    return world.connect()
