"""The plugin's fixtures are one mock server, in process and on a socket."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

from inngest_rest.testing import pytest_plugin

if TYPE_CHECKING:
    from inngest_rest.testing import MockServer

mock_inngest = pytest_plugin.mock_inngest
mock_inngest_url = pytest_plugin.mock_inngest_url


def test_fixtures_are_one_server(mock_inngest: MockServer, mock_inngest_url: str) -> None:
    httpx.post(f"{mock_inngest_url}/e/k", json={"name": "a"}).raise_for_status()
    assert [event.name for event in mock_inngest.events] == ["a"]


def test_mock_without_its_socket_needs_no_uvicorn() -> None:
    program = """
import sys
sys.modules["uvicorn"] = None
import httpx, inngest_rest.testing
client = httpx.Client(transport=inngest_rest.testing.MockServer().transport)
print(client.get("http://mock/health").status_code)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", program]
    assert (
        subprocess.run(command, env=environment, capture_output=True, check=True).stdout == b"200\n"
    )
