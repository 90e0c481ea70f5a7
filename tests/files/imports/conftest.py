"""A server that accepts every event, and the file that is sent to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.files.imports.ndjson import ROUTE
from tests.support.server import accepts_all

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.server import Server


@pytest.fixture(autouse=True)
def server(server: Server) -> Server:
    """Accept every event unless told otherwise."""
    server.on(ROUTE, accepts_all)
    return server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.ndjson"
