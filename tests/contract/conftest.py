"""The servers of the contract cases: mocks in every run, a real one with `--live-url`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import exercised as recording
from . import mock_world
from .exercised import exercised, pytest_collection_modifyitems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.doors import DoorName

    from .exercised import Exercised
    from .live_world import Server
    from .world import World

__all__ = ["exercised", "pytest_collection_modifyitems"]

LIVE = "live"


def pytest_addoption(parser: pytest.Parser) -> None:
    recording.pytest_addoption(parser)
    parser.addoption("--live-url", metavar="URL", help="try the cases on this real server instead")
    parser.addoption("--live-event-key", metavar="KEY", help="its event key, if it asks for one")
    parser.addoption("--live-signing-key", metavar="KEY", help="its signing key, likewise")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "world" in metafunc.fixturenames:
        url = metafunc.config.getoption("--live-url", None)
        names = [LIVE] if url else list(mock_world.WORLDS)
        metafunc.parametrize("world", names, indirect=True)


@pytest.fixture(scope="session")
def live_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """Serve the app under test to the real server, once for all cases."""
    from . import live_world  # noqa: PLC0415 - a run without it needs none of it

    url = str(pytestconfig.getoption("--live-url")).rstrip("/")
    event_key = pytestconfig.getoption("--live-event-key")
    signing_key = pytestconfig.getoption("--live-signing-key")
    with live_world.serve_app(url, event_key, signing_key) as server:
        yield server


@pytest.fixture
def world(request: pytest.FixtureRequest, exercised: Exercised, door: DoorName) -> Iterator[World]:
    """Return a server with the app under test; its responses must be as documented."""
    if request.param == LIVE:
        from . import live_world  # noqa: PLC0415 - as above

        server: Server = request.getfixturevalue("live_server")
        worlds = live_world.make(exercised, door, server)
    else:
        worlds = mock_world.make(request.param, exercised, door)
    for each in worlds:
        yield each
        assert each.faults == []
