"""Pytest fixtures: a fresh mock server for each test that asks for one."""

from collections.abc import Iterator

import pytest

from ._server import MockServer


@pytest.fixture
def mock_inngest() -> MockServer:
    """Give a mock server without functions; its transport needs no socket."""
    return MockServer()


@pytest.fixture
def mock_inngest_url(mock_inngest: MockServer) -> Iterator[str]:
    """Serve `mock_inngest` on a socket and give its base URL."""
    with mock_inngest.serve() as url:
        yield url
