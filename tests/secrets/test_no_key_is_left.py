"""Whatever becomes of a call, it leaves no key: in errors, pickles, logs, files."""

from __future__ import annotations

import asyncio
import gc
import linecache
import socket
import ssl
import sys
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.secrets.operations import CALLS, public
from tests.secrets.planted_keys import ARGUMENTS, HEADER, found_in
from tests.secrets.quoting_server import FAULTS, QuotingServer
from tests.secrets.traces import all_logs, left_by
from tests.support.client_kinds import open_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.secrets.operations import Call
    from tests.support.client_kinds import ClientKind
    from tests.support.clock import Clock

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# In debug mode, asyncio logs more, and takes more time.
DEBUGGED = {"broken", "silent", "interrupted"}
OTHERS = ["reset", "silent", "interrupted", "refused"]
SENT = {"event key", "API key", "hash of the signing key", "header"}


@pytest.fixture(autouse=True)
def _what_takes_long_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: CONTEXT)
    monkeypatch.setattr(linecache, "checkcache", lambda filename=None: None)  # noqa: ARG005


@pytest.fixture(scope="module")
def quoting() -> Iterator[QuotingServer]:
    server = QuotingServer()
    yield server
    server.close()
    # Or a later test gets the warning of a transport that a Ctrl-C interrupted while it closed:
    # what the last tests held is gone only now.
    gc.collect()


def test_every_public_method_is_called() -> None:
    assert set(CALLS) == public()


# Python 3.11 forgets the socket of a connection that is cancelled while it is made, and an event
# loop that a Ctrl-C ends one that it was about to close.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <(socket|function _SelectorTransport.__del__)"
    ":pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(
            each,
            marks=pytest.mark.skipif(
                each == "interrupted" and sys.gettrace() is not None,
                reason="Ctrl-C may hit coverage while it holds its lock: run without it",
            ),
        )
        for each in (*FAULTS, *OTHERS)
    ],
)
def test_no_call_leaves_a_key(
    fault: str, client_kind: ClientKind, quoting: QuotingServer, clock: Clock, tmp_path: Path
) -> None:
    left = dict[str, str]()
    quoting.seen.clear()
    is_late = fault == "silent"  # which takes real time
    loops = None if is_late else clock.make_loop
    with (
        asyncio.Runner(debug=fault in DEBUGGED, loop_factory=loops) as runner,
        all_logs() as log,
        socket.socket() as closed,
    ):
        closed.bind(("127.0.0.1", 0))  # without listening
        client = open_client(
            client_kind,
            runner,
            None if is_late else clock,
            **ARGUMENTS,
            base_url=url_of(closed) if fault == "refused" else quoting.url(fault),
            timeout=0.1 if is_late else 20,
            retries=0,
        )
        copy = client.with_options(headers={"x-secret-token": HEADER})
        for name, call in CALLS.items():
            with warnings.catch_warnings(record=True) as warned:
                left[name] = outcome(call, copy, tmp_path, quoting=quoting)
            left[name] += f"{log.take()} {[str(each.message) for each in warned]}"
        client.close()
    assert leaks(left) == {}
    if fault != "refused":
        assert found_in("\n".join(quoting.seen)) >= SENT
    assert log.loggers


def leaks(left: dict[str, str]) -> dict[str, list[str]]:
    """Return the lines with keys, by the method that left them."""
    lines = {line for text in left.values() for line in text.splitlines()}
    if not found_in("\n".join(lines)):
        return {}
    return {
        name: [line[:300] for line in text.splitlines() if found_in(line)]
        for name, text in left.items()
        if found_in(text)
    }


def outcome(call: Call, client: Any, folder: Path, *, quoting: QuotingServer) -> str:
    """Call a method, and return all that is left of the call."""
    try:
        with quoting.one_interrupt():
            return repr(call(client, folder))
    except BaseException as error:  # noqa: BLE001 - an interrupt, too
        return left_by(error)


def url_of(taken: socket.socket) -> str:
    return f"http://127.0.0.1:{taken.getsockname()[1]}"
