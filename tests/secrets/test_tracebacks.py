"""Tracebacks of what is no error of this package, or was raised before anything was sent."""

from __future__ import annotations

import logging
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
import pytest

from inngest_rest import AsyncInngestClient, InngestClient, InngestError
from tests.secrets.operations import RUN
from tests.secrets.planted_keys import ARGUMENTS, EVENT_KEY, HEADER, PASSWORD, SIGNING_KEY, found_in
from tests.secrets.traces import all_logs, left_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Connect
    from tests.support.server import Server

CLIENT_KINDS = [InngestClient, AsyncInngestClient]


def report_of(call: Callable[[], object]) -> str:
    """Return what is left of an error that a call raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        call()
    return left_by(caught.value)


class TheEnd(BaseException):
    """As a KeyboardInterrupt, which would end pytest."""


class Fails(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport of the caller's that wraps one of httpx, and raises what the caller likes."""

    def __init__(self, error: Callable[[httpx.Request], BaseException]) -> None:
        self.inner = httpx.MockTransport(self._fail)
        self.error = error

    def _fail(self, request: httpx.Request) -> httpx.Response:
        raise self.error(request) from ZeroDivisionError

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.inner.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.inner.handle_request(request)


ERRORS: dict[str, Callable[[httpx.Request], BaseException]] = {
    "bug": lambda _: LookupError("a bug"),
    "end": lambda _: TheEnd(),
    "connection": lambda it: httpx.ConnectError("refused", request=it),
    "group": lambda _: ExceptionGroup("two", [LookupError(), httpx.ReadError("")]),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_an_error_of_the_callers_transport_brings_no_key_along(
    connect: Connect, error: Callable[[httpx.Request], BaseException]
) -> None:
    client = connect(dev=None, **ARGUMENTS, transport=Fails(error), retries=0)
    for call in (lambda: client.send({"name": "a"}), lambda: client.runs.get(RUN)):
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - any
            call()
        assert found_in(left_by(caught.value)) == set()


def test_the_request_that_a_callers_transport_gets_has_a_repr_without_keys(
    connect: Connect, server: Server
) -> None:
    client = connect(dev=None, **ARGUMENTS, retries=0)
    for call in (lambda: client.send({"name": "a"}), lambda: client.runs.get(RUN)):
        with pytest.raises(InngestError):
            call()
    assert found_in(repr(server.requests)) == set()
    assert repr(server.requests[0]) == "<Request('POST', 'https://inn.gs/e/***')>"
    assert found_in("".join(str(it.url) for it in server.requests)) == {"event key"}


BAD: list[dict[str, Any]] = [
    {"event_key": f"{EVENT_KEY} "},
    {"event_key": f"{EVENT_KEY}/x"},
    {"event_key": EVENT_KEY.encode()},
    {"signing_key": f"{SIGNING_KEY}x"},
    {"signing_key_fallback": f"{SIGNING_KEY}\n"},
    {"api_key": f"{EVENT_KEY}\n"},
    {"event_key": EVENT_KEY, "api_version": "v3"},
    {"event_key": EVENT_KEY, "timeout": -1},
    {"event_key": EVENT_KEY, "transport": 5},
]


@pytest.mark.parametrize("kind", CLIENT_KINDS)
@pytest.mark.parametrize("arguments", BAD, ids=range(len(BAD)))
def test_a_constructor_that_raises_holds_no_key(
    kind: Any, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_API_KEY", ARGUMENTS["api_key"])
    assert found_in(report_of(lambda: kind(**arguments))) == set()


@pytest.mark.parametrize("kind", CLIENT_KINDS)
def test_options_that_are_refused_hold_no_header(kind: Any) -> None:
    client = kind(dev=True, transport=Fails(lambda _: LookupError()))
    for headers in ({"authorization": HEADER}, {"x-token": f"{HEADER}\n"}):
        assert found_in(report_of(partial(client.with_options, headers=headers))) == set()


@pytest.mark.parametrize(
    "proxy",
    [
        "ftp://user:{}@a.b",
        "http://user:{}@127.0.0.1:1",
        "http://user:{}@[::1",
        "http://user:{}@127.0.0.1:x",
        "http://user:{}@a\u2100.b:1",
        "http://user:{}@xn--:1",
        "http://user:{}/x@127.0.0.1:1",
        "http://user:{}?x@127.0.0.1:1",
        "http://user:{}#x@127.0.0.1:1",
        "user:{}/x@127.0.0.1:1",
    ],
)
def test_a_proxy_that_cannot_be_used_shows_no_password(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.format(PASSWORD))
    monkeypatch.setattr(socket, "getaddrinfo", _unknown)
    client = connect(dev=None, **ARGUMENTS, transport=None, retries=0)
    with all_logs() as log:
        left = report_of(partial(client.send, {"name": "a"}))
    assert found_in(left + log.take()) == set()


def _unknown(*_: object, **__: object) -> NoReturn:
    raise OSError


def test_a_key_too_long_for_a_url_is_not_shown(connect: Connect) -> None:
    client = connect(dev=None, event_key=EVENT_KEY * 3_000)
    assert found_in(report_of(lambda: client.send({"name": "a"}))) == set()


def test_what_httpcore_logs_is_masked_as_long_as_there_is_a_client() -> None:
    logger = logging.getLogger("httpcore.http11")
    client = InngestClient(**ARGUMENTS)
    with all_logs() as log:
        logger.debug("sent %r", EVENT_KEY)
    logged = log.take()
    assert found_in(logged) == set()
    assert "***" in logged
    client.close()
