"""The servers of the contract cases: mocks in every run, a real one with `--live-url`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from inngest_rest import RouteNotFoundError

from . import mock_world
from .live_report import Cases
from .world import DOCUMENT, skip_absent

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.support.client_kinds import ClientKind

    from .live_world import Served
    from .world import World

LIVE = "live"
CASES = pytest.StashKey[Cases]()
KEYS = pytest.StashKey[list[str | None]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live-url",
        metavar="URL",
        help="try the cases on this real server instead; its keys, if it requires any, are those of"
        " INNGEST_EVENT_KEY, INNGEST_SIGNING_KEY and INNGEST_SIGNING_KEY_FALLBACK",
    )
    parser.addoption(
        "--live-report", type=Path, metavar="FILE", help="write what came of each case"
    )
    parser.addoption(
        "--watched-runs", type=int, default=20, metavar="N", help="runs that a case watches (20)"
    )


def pytest_configure(config: pytest.Config) -> None:
    # Read now: no case sees these variables.
    names = ("INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_SIGNING_KEY_FALLBACK")
    config.stash[KEYS] = [os.environ.get(name) for name in names]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try each case in each world; with the other client, too, in the plain ones, and for real."""
    if "world" in metafunc.fixturenames:
        url = metafunc.config.getoption("--live-url", None)
        names = [LIVE] if url else list(mock_world.WORLDS)
        if metafunc.config.getoption("--without"):
            # Where something is left out, the mocks of other servers are.
            names = names[:1]
        pairs = [("blocking", name) for name in names]
        if metafunc.config.getoption("--clients") != "one":
            plain = {names[0], mock_world.THROUGH_HTTPX2}
            pairs += [("async", name) for name in names if name in plain]
        ids = ["-".join(pair) for pair in pairs]
        metafunc.parametrize(("client_kind", "world"), pairs, ids=ids, indirect=True)


@pytest.fixture(scope="session")
def served(pytestconfig: pytest.Config) -> Iterator[Served]:
    """Serve the app under test to the real server, once for all cases."""
    from . import live_world  # noqa: PLC0415 - a run without it needs none of it

    url = str(pytestconfig.getoption("--live-url")).rstrip("/")
    server = live_world.find_server(url, *pytestconfig.stash[KEYS])
    pytestconfig.stash[CASES] = Cases(server.routes)
    with live_world.serve_app(server) as served:
        yield served


@pytest.fixture
def world(request: pytest.FixtureRequest, client_kind: ClientKind) -> Iterator[World]:
    """Return a server with the app under test; its responses must be as documented."""
    if request.param == LIVE:
        from . import live_world  # noqa: PLC0415 - as above

        worlds = live_world.make(client_kind, request.getfixturevalue("served"))
    else:
        worlds = mock_world.make(request.param, client_kind)
    with worlds as world:
        yield world
    assert world.faults == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Skip a case for which the client found no route, if the server's release explains that."""
    try:
        return (yield)
    except RouteNotFoundError as error:
        world: World | None = getattr(item, "funcargs", {}).get("world")
        asked = re.findall(r"\b([A-Z]+) (?:/api)?(/v\d/[^ )]+)", str(error))
        asked.append((error.method, urlsplit(error.url).path))
        for method, path in asked:
            operation = DOCUMENT.match(method, path)
            if world is not None and operation is not None and operation.id in world.lacks:
                skip_absent(operation.id)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note what came of a case on a real server."""
    report = yield
    cases = item.config.stash.get(CASES, None)
    if cases is not None:
        cases.note(report, getattr(item, "funcargs", {}).get("world"))
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write what came of the cases, unless they were cut short."""
    path: Path | None = session.config.getoption("--live-report", None)
    if path is not None and CASES in session.config.stash and exitstatus in (0, 1):
        session.config.stash[CASES].report().write(path)
