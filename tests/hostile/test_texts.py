"""Texts from outside: headers, cursors, tokens, keys and the environment."""

from __future__ import annotations

import json
import os
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest import (
    InngestClient,
    InngestError,
    InvalidArgumentError,
    ServerError,
    TransportError,
)
from inngest_rest.errors import ConfigurationError
from inngest_rest_mock import MockServer, sleeps
from tests.hostile.invalid import DEEP, bounded, briefly, damaged, flipped
from tests.support.clock import Clock
from tests.support.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

YEAR = 366 * 86_400.0

# Every text that a command line or a file can hold; environment variables have surrogates for
# bytes that are not UTF-8.
texts = st.text(st.characters(exclude_categories=[]), max_size=40)
headers = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))

NUMBERS = st.sampled_from(
    [
        "0",
        "-1",
        "1e400",
        "-inf",
        "nan",
        "1_0",
        "0x10",
        "\uff19",
        "9" * 5_000,
        ".",
        "+1",
        "1e-400",
    ]
)
PARTS = ["Tue", ",", "24", "Nov", "0", "-1", "2026", "99999999999999999999", "18:00:00"]
DATES = st.lists(
    st.sampled_from([*PARTS, "::", "99:99:99", "GMT", "+9999999999", "-0000", "(x", "=?utf-8?q?"]),
    max_size=9,
).map(" ".join)


@settings(bounded, max_examples=150)
@given(value=st.one_of(headers, NUMBERS, DATES))
def test_any_retry_after_is_a_pause_of_at_most_a_year_or_none(value: str) -> None:
    clock = Clock()
    raw = [(b"retry-after", value.encode("latin-1", "replace"))]
    server = httpx.MockTransport(lambda _: httpx.Response(503, headers=raw))
    with (
        clock.govern(InngestClient)(dev=True, transport=server, retries=0) as client,
        briefly(),
        pytest.raises(ServerError) as raised,
    ):
        client.apps.list().page()
    after = raised.value.retry_after
    assert after is None or 0 <= after <= YEAR


CURSORS = st.one_of(
    texts,
    texts.map("/v2/apps:0:::{}".format),
    st.text("0123456789-:/", max_size=30).map("/v2/apps:{}".format),
    st.just("/v2/apps:0:::" + "x" * 100_000),
    st.just("/v2/apps:" + "9" * 5_000 + ":x"),
)


@settings(bounded, max_examples=100)
@given(cursor=CURSORS)
def test_any_cursor_is_sent_as_it_is_or_rejected(cursor: str) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"data": [], "page": {}})

    with InngestClient(dev=True, transport=httpx.MockTransport(answer)) as client, briefly():
        try:
            client.apps.list(cursor=cursor).page()
        except InngestError:
            assert not sent
        else:
            assert sent[0].url.params.get("cursor", "") == cursor.split(":", 4)[4]


def a_token() -> dict[str, Any]:
    mock = MockServer()
    mock.function("shop", "nap", trigger="nap", run=sleeps(timedelta(hours=1)))
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send({"name": "nap"})
        watch = client.runs.watch(every=1)
        next(watch)
        state: dict[str, Any] = json.loads(watch.token)
    state["ended"] = {"01KADEP2Q2JVT4PM3FEKAZTX4Z": state["window"]}
    return state


TOKEN = a_token()


@settings(bounded, max_examples=100)
@given(data=st.data())
def test_any_token_continues_a_watch_or_is_rejected(data: st.DataObject) -> None:
    token = data.draw(damaged(TOKEN))
    if data.draw(st.booleans()):
        token = data.draw(flipped(token))
    mock = MockServer()
    mock.function("shop", "nap", trigger="nap")
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send({"name": "nap"})
        with briefly():
            try:
                for change in client.runs.watch(
                    token=token.decode("utf-8", "surrogateescape"), timeout=3, every=1
                ):
                    assert change.run.id
            except InvalidArgumentError:
                pass


def test_a_token_that_is_nested_too_deeply_is_rejected() -> None:
    with InngestClient(dev=True) as client, pytest.raises(InvalidArgumentError):
        client.runs.watch(token=DEEP)


VARIABLES = {
    "INNGEST_EVENT_KEY": ["event-key", "a/b", ".."],
    "INNGEST_SIGNING_KEY": ["signkey-test-" + "ab" * 16, "signkey-", "abc"],
    "INNGEST_SIGNING_KEY_FALLBACK": ["ab" * 40_000],
    "INNGEST_API_KEY": ["api-key"],
    "INNGEST_ENV": ["branch", "a\nb"],
    "INNGEST_DEV": ["1", "0", "http://localhost:1", "localhost:8288", "http://user:pw@host"],
    "INNGEST_BASE_URL": ["https://h", "http://h", "https://[::1", "https://h:99999", "//h", "x:"],
    "INNGEST_API_BASE_URL": ["https://h/v1", "https://h?a=b#c", "https://\u00df.de", "https://.."],
    "INNGEST_EVENT_API_BASE_URL": ["https://h:0", "https://%zz", "https://" + "a" * 70_000],
    "INNGEST_ALLOW_HTTP": ["1", "0", "yes"],
    "INNGEST_HEADERS": ["a: b", "a", ":", "a:\u2028b: c", "proxy-authorization: Basic eA=="],
    "HTTPS_PROXY": ["http://proxy:1", "proxy", "socks5://p", "://", "http://[", "http://p:x"],
    "HTTP_PROXY": ["http://u:p@proxy:1", "ftp://p", "http://p:70000", "http:///"],
    "ALL_PROXY": ["all"],
    "NO_PROXY": ["*", "h", ",,", ".", "[", "h:x"],
}
# What execve can pass: no NUL, and any other bytes.
values = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30
) | st.binary(max_size=20).map(lambda it: it.replace(b"\0", b"").decode("utf-8", "surrogateescape"))


def unreachable(*_: object, **__: object) -> NoReturn:
    raise OSError("no network")


@st.composite
def environments(draw: st.DrawFn) -> dict[str, str]:
    names = draw(st.lists(st.sampled_from(sorted(VARIABLES)), max_size=5, unique=True))
    return {name: draw(st.sampled_from(VARIABLES[name]) | values) for name in names}


@settings(bounded, max_examples=100)
@given(environ=environments())
def test_any_environment_makes_a_client_or_a_configuration_error(
    environ: Mapping[str, str],
) -> None:
    with pytest.MonkeyPatch.context() as patch, briefly():
        for name, value in environ.items():
            patch.setitem(os.environ, name, value)
        patch.setattr(socket, "getaddrinfo", unreachable)
        try:
            with InngestClient(retries=0, timeout=0.01) as client:
                repr(client)
                client.apps.list().page()
        except TransportError:
            pass
        except ConfigurationError as error:
            message = str(error)
            secrets = [v for n, v in environ.items() if n.endswith("KEY") and len(v) > 8]
            assert not any(secret in message for secret in secrets)


@settings(bounded, max_examples=200)
@given(
    name=st.sampled_from(["event_key", "signing_key", "signing_key_fallback", "api_key", "env"]),
    key=st.one_of(texts, texts.map("signkey-prod-{}".format), st.text("0123456789abcdef")),
)
def test_any_key_is_taken_or_rejected_without_being_shown(name: str, key: str) -> None:
    with briefly():
        try:
            shown = repr(settings_of(**{name: key}))
        except ConfigurationError as error:
            shown = str(error)
    # What is shorter may be a word of the message, or an environment, which is no secret.
    assert len(key) < 15 or name == "env" or key not in shown
