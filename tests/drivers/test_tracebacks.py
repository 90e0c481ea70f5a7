"""Tracebacks of errors: the caller's frames, those of this package, and the causes."""

from __future__ import annotations

import re
import socket
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import inngest_rest
import inngest_rest_api
from inngest_rest import (
    InngestError,
    InvalidResponseError,
    NotFoundError,
    PartialSendError,
    RouteNotFoundError,
    ServerError,
    TransportError,
    WaitTimeoutError,
)
from tests.support.server import Reply, accepts_all, recorded, says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.server import Server

OURS = tuple(f"{Path(each.__path__[0])}/" for each in (inngest_rest, inngest_rest_api))
EVENTS = "POST /e/NO_EVENT_KEY_SET"
RUN = "GET /v1/runs/01"


def lines_of_own_frames(error: BaseException) -> list[str]:
    """Return the lines that a traceback prints of frames of the package."""
    own, found = False, []
    for line in "".join(traceback.format_exception(error)).splitlines():
        if frame := re.match(r'  File "(.*?)", line \d+', line):
            own = frame[1].startswith(OURS)
        elif not line.startswith("    "):
            own = False
        if own:
            found.append(line)
    return found


def send_two(client: InngestClient) -> object:
    return client.send([{"name": "a"}, {"name": "b"}], batch_size=1)


@pytest.fixture
def client(connect: Connect, server: Server) -> InngestClient:
    server.on("GET /v1/events/01", recorded("v1-event-unknown"))
    server.on(EVENTS, accepts_all, Reply(500))
    server.on(RUN, recorded("v1-run-slow"))
    server.on("GET /v2/runs/01", recorded("v2-unknown-route"))
    return connect()


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda client: client.events.get("01"), NotFoundError),
        (lambda client: client.apps.list().page(), RouteNotFoundError),
        (lambda client: list(client.webhooks.list()), RouteNotFoundError),
        (lambda client: client.runs.trace("01"), RouteNotFoundError),
        (lambda client: client.health(), InvalidResponseError),
        (lambda client: client.runs.wait("01", 20), WaitTimeoutError),
        (send_two, PartialSendError),
    ],
    ids=["get", "page", "iteration", "one-route", "web-ui", "wait", "send"],
)
def test_an_error_shows_the_frames_of_its_plan(
    client: InngestClient, call: Callable[[InngestClient], Any], kind: type[InngestError]
) -> None:
    with pytest.raises(kind) as caught:
        call(client)
    assert any("/_core/" in line for line in lines_of_own_frames(caught.value))


@pytest.mark.parametrize(
    "call",
    [lambda client: client.runs.get("01"), lambda client: client.send({"name": "a"})],
    ids=["get", "send"],
)
def test_a_refused_connection_keeps_its_cause_without_the_frames_of_the_library(
    connect: Connect, call: Callable[[InngestClient], Any]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without listening
        client = connect(dev=f"http://127.0.0.1:{taken.getsockname()[1]}", transport=None)
        with pytest.raises(TransportError) as caught:
            call(client)
    cause = caught.value.__cause__
    assert isinstance(cause, httpx.ConnectError)
    printed = "".join(traceback.format_exception(caught.value))
    assert "/httpcore/" not in printed
    # Newer Pythons underline what each frame calls.
    assert printed.count("\n  File ") <= 10
    assert "The above exception was the direct cause" in printed


# No generator of a coroutine's can await another call.
@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)
def test_a_refused_connection_keeps_the_frames_of_a_generator_of_events(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /health", httpx.ConnectError("refused"))

    def events() -> Iterator[dict[str, str]]:
        client.health()
        yield {"name": "a"}

    with pytest.raises(TransportError) as caught:
        client.send(events())
    assert "in events" in "".join(traceback.format_exception(caught.value))


def test_the_cause_of_a_partial_send_is_kept(client: InngestClient) -> None:
    with pytest.raises(PartialSendError) as caught:
        send_two(client)
    assert isinstance(caught.value.__cause__, ServerError)
    assert "ServerError: POST" in "".join(traceback.format_exception(caught.value))


def test_the_frames_that_could_not_read_a_response_are_kept(
    client: InngestClient, server: Server
) -> None:
    server.on(RUN, says({"data": 5}))
    with pytest.raises(InvalidResponseError) as caught:
        client.runs.get("01")
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__traceback__ is not None


def test_a_bug_shows_all_frames(client: InngestClient, server: Server) -> None:
    server.on(RUN, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError) as caught:
        client.runs.get("01")
    assert len(lines_of_own_frames(caught.value)) > 4


def test_the_frames_of_the_caller_are_kept(client: InngestClient) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.events.get("01")
    assert caught.traceback[0].path == Path(__file__)
