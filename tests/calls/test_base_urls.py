"""Base URLs: accepted forms, refused forms, and where plain http is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import AuthenticationError, ConfigurationError
from tests.calls.test_configuration import settings
from tests.support.server import about, accepts_all, says

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.server import Server


@pytest.mark.parametrize(
    ("path", "kept"),
    [("/v1", ""), ("/v1/", ""), ("/v2", ""), ("/", ""), ("/inngest/", "/inngest")],
)
def test_a_base_url_may_have_a_path_and_end_in_a_version(path: str, kept: str) -> None:
    found = settings(base_url=f"https://a.b{path}")
    assert (found.event_url, found.api_url) == (f"https://a.b{kept}",) * 2


BAD_URLS = [
    "",
    "a.b",
    "a.b:8288",
    "ftp://a.b",
    "https://",
    "https:a.b",
    "https://a.b?x=1",
    "https://a.b?",
    "https://a.b#x",
    "https://a.b/#",
    "https://user:secret@a.b",
    "https://secret@a.b",
    "https://user:sec/ret@a.b",
    "https://a.b:x",
    "https://a.b:99999",
    "https://a b",
    "https://a..b",
    "https://[a.b",
    "https://xn--",
    "https://xn--\u00fc.b",
    f"https://{'x' * 64}.test",
    "https://a.b/\n",
    " https://a.b",
    "http://a.b",
    "http://10.0.0.1:8288",
    "http://localhost.a.b",
]


VARIABLES = {
    "base_url": "INNGEST_BASE_URL",
    "event_base_url": "INNGEST_EVENT_API_BASE_URL",
    "api_base_url": "INNGEST_API_BASE_URL",
}


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_malformed_base_url_names_its_source(url: str) -> None:
    for name, variable in VARIABLES.items():
        with pytest.raises(ConfigurationError, match=f"^{name} ") as by_argument:
            settings(**{name: url})
        if url:
            with pytest.raises(ConfigurationError, match=f"^{variable} ") as by_variable:
                settings({variable: url})
            assert "sec" not in str(by_argument.value) + str(by_variable.value)


LOOPBACK = ["http://localhost:1", "http://127.0.0.1", "http://127.9.9.9", "http://[::1]:8288"]


@pytest.mark.parametrize("url", LOOPBACK)
def test_plain_http_to_loopback_is_allowed(url: str) -> None:
    assert settings(base_url=url).api_url == url


@pytest.mark.parametrize(
    ("environ", "arguments", "allowed"),
    [
        ({}, {"allow_http": True}, True),
        ({"INNGEST_ALLOW_HTTP": "1"}, {}, True),
        ({"INNGEST_ALLOW_HTTP": "true"}, {}, True),
        ({}, {"dev": True}, True),
        ({"INNGEST_DEV": "1"}, {}, True),
        ({"INNGEST_ALLOW_HTTP": "1"}, {"allow_http": False}, False),
        ({"INNGEST_ALLOW_HTTP": "0"}, {}, False),
        ({"INNGEST_DEV": "0"}, {}, False),
    ],
)
def test_plain_http_elsewhere_must_be_allowed(
    environ: dict[str, str], arguments: dict[str, Any], allowed: bool
) -> None:
    if allowed:
        assert settings(environ, base_url="http://a.b", **arguments).api_url == "http://a.b"
    else:
        with pytest.raises(ConfigurationError, match=r"base_url is plain http to a.b.*allow_http"):
            settings(environ, base_url="http://a.b", **arguments)


KEYS = {"event_key": "event-key", "signing_key": "signkey-prod-5ec7e7", "api_key": "api-key"}


@pytest.mark.parametrize(
    ("environ", "arguments", "sent"),
    [
        ({}, {"dev": "http://a.b:8288"}, set()),
        ({"INNGEST_DEV": "http://10.0.0.1:8288"}, {}, set()),
        ({}, {"dev": True, "base_url": "http://a.b"}, set()),
        ({}, {"dev": True, "event_base_url": "http://a.b"}, {"api"}),
        ({}, {"dev": True, "api_base_url": "http://a.b"}, {"event"}),
        ({}, {"dev": "http://a.b:8288", "allow_http": True}, {"event", "api"}),
        ({"INNGEST_ALLOW_HTTP": "1", "INNGEST_DEV": "http://a.b"}, {}, {"event", "api"}),
        ({}, {"dev": "https://a.b"}, {"event", "api"}),
        ({}, {"dev": True}, {"event", "api"}),
    ],
)
def test_a_dev_server_elsewhere_gets_keys_over_plain_http_only_if_allowed(
    environ: dict[str, str], arguments: dict[str, Any], sent: set[str]
) -> None:
    found = settings(environ, **KEYS, **arguments)
    assert (found.event_key is not None) == ("event" in sent)
    assert (bool(found.signing_bearers), found.api_key is not None) == (("api" in sent),) * 2
    assert found.withholds_keys == (sent != {"event", "api"})
    assert not settings(environ, **arguments).withholds_keys
    for name, key in KEYS.items():
        alone = settings(environ, **{name: key}, **arguments)
        host = "event" if name == "event_key" else "api"
        assert alone.withholds_keys == (host not in sent)


def test_a_refusal_for_lack_of_a_withheld_key_names_the_way_out(
    connect: Connect, server: Server
) -> None:
    server.on("POST /e/NO_EVENT_KEY_SET", says({"error": "no"}, status=401))
    with pytest.raises(AuthenticationError, match=r"gets no keys over plain http.*allow_http=True"):
        connect(dev="http://a.b:8288", **KEYS).send({"name": "a"})


@pytest.mark.parametrize(
    ("arguments", "proxy"),
    [
        ({"dev": True}, None),
        ({"dev": "http://a.b:8288"}, None),
        ({"dev": "http://a.b:8288", "allow_http": True}, None),
        ({"dev": "https://a.b"}, None),
        ({"dev": True, "base_url": "http://a.b"}, None),
        ({"base_url": "http://localhost:1"}, None),
        ({"base_url": "https://127.0.0.1"}, None),
        ({"base_url": "http://a.b", "allow_http": True}, "http://proxy:1"),
        ({"base_url": "https://a.b"}, "http://proxy:1"),
    ],
)
def test_this_machine_and_dev_servers_are_reached_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], proxy: str | None
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:1")
    found = settings(**arguments)
    for each in (found.event_proxy, found.api_proxy):
        assert (each and each.reveal()) == proxy


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_that_of_the_scheme_before_that_of_all(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://all:1")
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", "http://proxy:1")
    found = settings(base_url=f"{scheme}://a.b", allow_http=True)
    assert found.api_proxy is not None
    assert found.api_proxy.reveal() == "http://proxy:1"


@pytest.mark.parametrize(
    ("event", "api", "used"),
    [
        ("https://a.b", "https://a.b", (True, True)),
        ("https://a.b", "http://localhost:1", (True, False)),
        ("http://localhost:1", "https://a.b", (False, True)),
        ("http://localhost:1", "http://localhost:1", (False, False)),
    ],
)
def test_each_host_has_a_proxy_of_its_own(
    monkeypatch: pytest.MonkeyPatch, event: str, api: str, used: Any
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:1")
    found = settings(event_base_url=event, api_base_url=api)
    assert (found.event_proxy is not None, found.api_proxy is not None) == used
    assert found.encrypts is any(used)


@pytest.mark.parametrize(
    "url", ["https://inngest.example:8443", "http://[::1]:8288", "http://127.0.0.1"]
)
def test_a_request_has_the_host_and_the_length_that_httpx_would_add(
    connect: Connect, server: Server, url: str
) -> None:
    server.on("POST /e/key", accepts_all)
    run_id = "01M86WNRKHYE50ZF3GG530BHRT"
    server.on(f"GET /v2/runs/{run_id}", about(run_id, "v2-run-ok"))
    server.on(f"POST /v2/runs/{run_id}/cancel", says({"data": {"id": run_id}}))
    client = connect(dev=None, event_key="key", signing_key="signkey-test-12345678", base_url=url)
    client.send({"name": "a"})
    client.runs.get(run_id)
    client.runs.cancel(run_id)
    assert [each.method for each in server.requests] == ["POST", "GET", "POST"]
    for request in server.requests:
        added = httpx.Request(request.method, request.url, content=request.content or None).headers
        assert {**request.headers, **added} == {**request.headers}
        assert request.headers.keys() & {"content-length"} == added.keys() & {"content-length"}
