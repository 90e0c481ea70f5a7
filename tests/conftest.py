"""Fixtures: a scripted server, a fake clock, an empty environment, and both clients."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache, partialmethod
from inspect import signature
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest._core.calls import retry
from inngest_rest_mock import MockServer
from tests.support.client_kinds import ClientKind, open_client
from tests.support.clock import Clock
from tests.support.selection import TABLES, clients_for, is_in
from tests.support.server import Server

if TYPE_CHECKING:
    from pathlib import Path

# jsonschema imports it for formats that no test checks, and it builds 38 grammars: over a second.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

MAKE_AS_USERS_DO = MockServer.__init__

# The blocking client stands for both: tests are written once, with its types.
Connect = Callable[..., InngestClient]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--clients",
        choices=["one", "differing", "both"],
        default="differing",
        help="with which client tests run: one, or both where they may differ, or both everywhere",
    )
    parser.addoption(
        "--without",
        choices=list(TABLES),
        action="append",
        default=[],
        help="leave out a table of tests/support/selection.py",
    )
    parser.addoption("--kill-rounds", type=int, default=30, help="kills of test_outbox_kills.py")
    parser.addoption(
        "--accounting-steps", type=int, default=5_000, help="steps of test_accounting.py"
    )


HANGS_AFTER = 600.0
REARM_EVERY = 30.0


class Watchdog:
    """Ends a run that hangs, with the traceback of each thread.

    pytest's own `faulthandler_timeout` starts a thread for each test and joins it, for which two
    busy cores wait longer than for many a test. This one starts anew only now and then: a test that
    hangs is ended 570 to 600 seconds after it began.
    """

    def __init__(self) -> None:
        self._output = os.dup(2)  # before pytest captures it
        self._started = -REARM_EVERY

    def pytest_runtest_logstart(self) -> None:
        if time.monotonic() - self._started >= REARM_EVERY:
            self._started = time.monotonic()
            faulthandler.dump_traceback_later(HANGS_AFTER, file=self._output, exit=True)

    def pytest_unconfigure(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        os.close(self._output)


def pytest_configure(config: pytest.Config) -> None:
    # Without pytest's own, as mutmut runs tests: a thread does not survive its forks.
    if config.pluginmanager.hasplugin("faulthandler"):
        config.pluginmanager.register(Watchdog())
    # Coverage measures the processes of pytest-xdist, not those that tests start: some are killed.
    if "PYTEST_XDIST_WORKER" in os.environ:
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    # A shell ignores Ctrl-C in what runs in its background, and processes inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Save what was covered before pytest-xdist ends its processes, which does not wait long."""
    if "PYTEST_XDIST_WORKER" in os.environ and "coverage" in sys.modules:
        measured = sys.modules["coverage"].Coverage.current()
        if measured is not None:
            measured.stop()
            measured.save()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[Any]:
    """Look for no garbage among what is collected: all of it stays, and each look takes longer."""
    gc.disable()
    collected = yield
    gc.enable()
    gc.freeze()
    return collected


@cache
def _is_left_out(node: str, tables: tuple[str, ...]) -> bool:
    return any(is_in(node, TABLES[name]) for name in tables)


def _is_wanted(item: pytest.Item) -> bool:
    # The newest httpx is one that pytest-httpx does not allow yet.
    if "httpx_mock" in getattr(item, "fixturenames", ()):
        return item.config.pluginmanager.hasplugin("pytest_httpx")
    function = item.nodeid.partition("[")[0]
    return not _is_left_out(function, tuple(item.config.getoption("--without")))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out whole modules without importing them."""
    if not collection_path.is_relative_to(config.rootpath):
        return None
    node = collection_path.relative_to(config.rootpath).as_posix()
    return _is_left_out(node, tuple(config.getoption("--without"))) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out single tests; refuse ids with which pytest-xdist would refuse the whole run."""
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"the id of a test differs from run to run: {item.nodeid}")
    left_out = [item for item in items if not _is_wanted(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _is_wanted(item)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with one client, or with both."""
    given = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    decided = "world" in metafunc.fixturenames or any("client_kind" in names for names in given)
    if "client_kind" in metafunc.fixturenames and not decided:
        chosen = metafunc.config.getoption("--clients")
        clients = clients_for(metafunc.definition.nodeid, chosen)
        metafunc.parametrize("client_kind", clients, indirect=True)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("INNGEST_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _fresh_memory_of_the_process() -> None:
    retry.budget_of.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _events_are_readable_at_once() -> Iterator[None]:
    """Make mocks without a delay: many tests read at once what they sent, also by plain HTTP."""
    with pytest.MonkeyPatch.context() as patch:
        without_delay = partialmethod(MAKE_AS_USERS_DO, visibility_delay=0)
        patch.setattr(MockServer, "__init__", without_delay)
        yield


@pytest.fixture
def visibility_delay(monkeypatch: pytest.MonkeyPatch) -> float:
    """Make mocks as users do, and return the seconds until an event and its runs are readable."""
    monkeypatch.setattr(MockServer, "__init__", MAKE_AS_USERS_DO)
    default = signature(MAKE_AS_USERS_DO).parameters["visibility_delay"].default
    return float(default)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def client_kind(request: pytest.FixtureRequest) -> ClientKind:
    name: ClientKind = request.param
    return name


@pytest.fixture
def connect(client_kind: ClientKind, clock: Clock, server: Server) -> Iterator[Connect]:
    """Make clients of the scripted server, by default as a dev server."""
    clients: list[Any] = []
    with asyncio.Runner(loop_factory=clock.make_loop) as runner:

        def make(**kwargs: Any) -> Any:
            defaults: dict[str, Any] = {"dev": True, "transport": server}
            client = open_client(client_kind, runner, clock, **{**defaults, **kwargs})
            clients.append(client)
            return client

        yield make
        for client in clients:
            client.close()


@pytest.fixture
def client(connect: Connect) -> InngestClient:
    """Return a client of a dev server, which requires no keys."""
    return connect()
