"""The command, run in this process against a mock server."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from inngest_rest import InngestClient
from inngest_rest_mock import MockServer, completes, fails, sleeps
from inngest_rest_tools.command import execute
from tests.support.command import Run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer(cloud=True)
    mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": 1}))
    mock.function("shop", "ship", trigger="order/failed", run=fails("no stock"))
    mock.function("shop", "wait", trigger="order/open", run=sleeps(timedelta(hours=1)))
    soon = sleeps(timedelta(seconds=1), fails("no stock"))
    mock.function("shop", "reserve", trigger="order/reserved", run=soon)
    return mock


@pytest.fixture
def client(mock: MockServer) -> InngestClient:
    return InngestClient(dev=True, transport=mock.transport)


@pytest.fixture
def run(
    mock: MockServer,
    client: InngestClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return what runs a command; standard input is text that is no terminal."""
    monkeypatch.setattr(execute, "InngestClient", partial(InngestClient, transport=mock.transport))
    monkeypatch.setenv("INNGEST_DEV", "1")
    monkeypatch.setenv("COLUMNS", "100")
    return Run(mock, client, monkeypatch, capsys)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
