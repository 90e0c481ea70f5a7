"""Pytest fixtures: a fresh mock server for each test, or a real server for all of them.

pytest loads this module in every project where the package is installed, so it imports the client
and the mock only when a fixture is used.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest import InngestClient
    from inngest_rest_mock import MockServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose a real server."""
    group = parser.getgroup(
        "inngest", "tests on a real Inngest server instead of the mock"
    )
    group.addoption(
        "--inngest-url",
        metavar="URL",
        help="the base URL of a server that runs; its keys are INNGEST_EVENT_KEY and "
        "INNGEST_SIGNING_KEY",
    )
    group.addoption(
        "--inngest-bin",
        metavar="PATH",
        help="the program inngest, to start a dev server on a free port for as long as the tests "
        "take; with INNGEST_POSTGRES_URI, it stores there",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse both options at once."""
    if config.getoption("inngest_url") and config.getoption("inngest_bin"):
        raise pytest.UsageError("--inngest-url and --inngest-bin: give one of them")


@pytest.fixture(scope="session")
def inngest_server_url(pytestconfig: pytest.Config) -> Iterator[str | None]:
    """Yield the URL of the real server that the tests run on, or None if they run on the mock."""
    url: str | None = pytestconfig.getoption("inngest_url")
    program: str | None = pytestconfig.getoption("inngest_bin")
    if program:
        from inngest_rest_mock._binary import run_binary

        path = Path(shutil.which(program) or program).resolve()
        with run_binary(path, os.environ.get("INNGEST_POSTGRES_URI")) as url:
            yield url
        return
    if url:
        with _client(dev=url, retries=0) as client:  # else each test would look for it
            client.health()
    yield url or None


@pytest.fixture
def mock_inngest(inngest_server_url: str | None) -> MockServer:
    """Return a mock server without functions; its transport needs no socket.

    On a real server, `function` does nothing, as its functions are those of your app, and anything
    else skips the test.
    """
    if inngest_server_url is not None:
        return cast("MockServer", _NoMock())
    from inngest_rest_mock import MockServer

    return MockServer()


@pytest.fixture
def mock_inngest_url(
    inngest_server_url: str | None, mock_inngest: MockServer
) -> Iterator[str]:
    """Serve `mock_inngest` on a socket and yield its base URL; on a real server, yield that."""
    if inngest_server_url is not None:
        yield inngest_server_url
        return
    with mock_inngest.serve() as url:
        yield url


@pytest.fixture
def inngest_client(
    inngest_server_url: str | None, mock_inngest: MockServer
) -> Iterator[InngestClient]:
    """Yield a client of `mock_inngest`, or of the real server."""
    transport = mock_inngest.transport if inngest_server_url is None else None
    with _client(dev=inngest_server_url or True, transport=transport) as client:
        yield client


def _client(**options: Any) -> InngestClient:
    from inngest_rest import InngestClient

    return InngestClient(**options)


class _NoMock:
    """Stands where tests look for the mock, while they run on a real server."""

    def function(self, *_: Any, **__: Any) -> None:
        """Do nothing: the app of the tests has registered it."""

    def __getattr__(self, name: str) -> NoReturn:
        from inngest_rest_mock import MockServer

        if not hasattr(MockServer, name):
            raise AttributeError(name)
        __tracebackhide__ = True  # so that the report names the line of the test
        pytest.skip(
            f"mock_inngest.{name} needs the mock server, and this is a real one"
        )
