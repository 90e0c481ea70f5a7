"""Pytest fixtures: a fresh mock server for each test that asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest.testing import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def mock_inngest() -> MockServer:
    """Return a mock server without functions; its transport needs no socket."""
    return MockServer()


@pytest.fixture
def mock_inngest_url(mock_inngest: MockServer) -> Iterator[str]:
    """Serve `mock_inngest` on a socket and yield its base URL."""
    with mock_inngest.serve() as url:
        yield url
