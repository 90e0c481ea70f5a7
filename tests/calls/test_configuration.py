"""Settings: arguments, then environment variables; a malformed one is named at construction."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AsyncInngestClient,
    ConfigurationError,
    InngestClient,
    MissingKeyError,
    RetryPolicy,
)
from inngest_rest.responses import Target
from tests.support.server import accepts_all, says
from tests.support.settings import Settings, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import Connect
    from tests.support.server import Server

KEY = "signkey-prod-12345678"
HASH = "b2ed992186a5cb19f6668aade821f502c1d00970dfd0e35128d51bac4649916c"


def settings(environ: Mapping[str, str] | None = None, /, **arguments: Any) -> Settings:
    return settings_of(environ=environ or {}, **arguments)


def test_the_default_is_inngest_cloud() -> None:
    found = settings()
    assert (found.event_url, found.api_url) == ("https://inn.gs", "https://api.inngest.com")
    assert not found.dev
    assert found.api_version == "auto"
    assert (found.timeout, found.retry.total) == (30.0, 120.0)


@pytest.mark.parametrize(
    ("argument", "variable", "field", "read_as"),
    [
        ("event_key", "INNGEST_EVENT_KEY", "event_key", "given"),
        ("api_key", "INNGEST_API_KEY", "api_key", "given"),
        ("env", "INNGEST_ENV", "env", "given"),
        ("event_base_url", "INNGEST_EVENT_API_BASE_URL", "event_url", "https://given.example"),
        ("api_base_url", "INNGEST_API_BASE_URL", "api_url", "https://given.example"),
        ("base_url", "INNGEST_BASE_URL", "event_url", "https://given.example"),
        ("base_url", "INNGEST_BASE_URL", "api_url", "https://given.example"),
        ("dev", "INNGEST_DEV", "event_url", "https://given.example"),
    ],
)
def test_an_argument_wins_over_its_variable(
    argument: str, variable: str, field: str, read_as: str
) -> None:
    def read(environ: Mapping[str, str], **arguments: str) -> object:
        found = getattr(settings(environ, **arguments), field)
        return getattr(found, "reveal", lambda: found)()

    other = read_as.replace("given", "other")
    assert read({variable: read_as}) == read_as
    assert read({variable: other}, **{argument: read_as}) == read_as
    assert read({variable: ""}) == read({})


def test_signing_keys_are_kept_as_their_hashes() -> None:
    by_variable = settings({"INNGEST_SIGNING_KEY": KEY, "INNGEST_SIGNING_KEY_FALLBACK": "abcd"})
    by_argument = settings(
        {"INNGEST_SIGNING_KEY": "ff"}, signing_key=KEY, signing_key_fallback="abcd"
    )
    for found in (by_variable, by_argument):
        assert [each.reveal() for each in found.signing_bearers] == [
            HASH,
            sha256(b"\xab\xcd").hexdigest(),
        ]


@pytest.mark.parametrize(
    ("environ", "arguments", "event_url", "api_url"),
    [
        ({}, {"base_url": "https://a.b", "api_base_url": "https://c.d"}, "a.b", "c.d"),
        ({}, {"base_url": "https://a.b", "event_base_url": "https://c.d"}, "c.d", "a.b"),
        ({"INNGEST_API_BASE_URL": "https://c.d"}, {"base_url": "https://a.b"}, "a.b", "a.b"),
        (
            {"INNGEST_BASE_URL": "https://a.b", "INNGEST_API_BASE_URL": "https://c.d"},
            {},
            "a.b",
            "c.d",
        ),
        ({"INNGEST_BASE_URL": "https://a.b"}, {"dev": "https://d.e"}, "d.e", "d.e"),
        ({}, {"base_url": "https://a.b", "dev": "https://d.e"}, "a.b", "a.b"),
        ({"INNGEST_BASE_URL": "https://a.b", "INNGEST_DEV": "1"}, {}, "a.b", "a.b"),
    ],
)
def test_a_specific_setting_overrides_a_general_one(
    environ: dict[str, str], arguments: dict[str, str], event_url: str, api_url: str
) -> None:
    found = settings(environ, **arguments)
    assert (found.event_url, found.api_url) == (f"https://{event_url}", f"https://{api_url}")


DEV = "http://127.0.0.1:8288"
CLOUD = ("https://inn.gs", "https://api.inngest.com")
ALL_VARIABLES = {
    "INNGEST_DEV": "https://dev.env",
    "INNGEST_BASE_URL": "https://base.env",
    "INNGEST_EVENT_API_BASE_URL": "https://event.env",
    "INNGEST_API_BASE_URL": "https://api.env",
}
SPECIFIC_OF_ENV = ("https://event.env", "https://api.env")


@pytest.mark.parametrize("dev", [True, "1", "true", DEV])
@pytest.mark.parametrize("variable", ALL_VARIABLES)
def test_dev_as_an_argument_wins_over_every_base_url_of_the_environment(
    dev: bool | str, variable: str
) -> None:
    for environ in ({variable: ALL_VARIABLES[variable]}, ALL_VARIABLES):
        found = settings({**environ, "INNGEST_SIGNING_KEY": KEY}, dev=dev)
        # Without a URL of its own, it is that of the variable of the same name.
        url = DEV if dev == DEV else environ.get("INNGEST_DEV", DEV)
        assert (found.event_url, found.api_url, found.dev) == (url, url, True)


@pytest.mark.parametrize(
    ("arguments", "urls"),
    [
        ({}, SPECIFIC_OF_ENV),
        ({"dev": False}, SPECIFIC_OF_ENV),
        ({"dev": "https://dev.arg"}, ("https://dev.arg", "https://dev.arg")),
        ({"base_url": "https://base.arg"}, ("https://base.arg", "https://base.arg")),
        ({"event_base_url": "https://event.arg"}, ("https://event.arg", "https://api.env")),
        ({"api_base_url": "https://api.arg"}, ("https://event.env", "https://api.arg")),
        ({"dev": True, "base_url": "https://base.arg"}, ("https://base.arg", "https://base.arg")),
        ({"dev": True, "api_base_url": "https://api.arg"}, ("https://dev.env", "https://api.arg")),
        (
            {"dev": True, "event_base_url": "https://event.arg"},
            ("https://event.arg", "https://dev.env"),
        ),
        (
            {"base_url": "https://base.arg", "event_base_url": "https://event.arg"},
            ("https://event.arg", "https://base.arg"),
        ),
    ],
    ids=str,
)
def test_any_argument_wins_over_any_variable(
    arguments: dict[str, Any], urls: tuple[str, str]
) -> None:
    found = settings(ALL_VARIABLES, **arguments)
    assert (found.event_url, found.api_url) == urls


@pytest.mark.parametrize(
    ("environ", "dev", "urls"),
    [
        ({}, None, CLOUD),
        ({"INNGEST_DEV": "1"}, None, (DEV, DEV)),
        ({"INNGEST_DEV": "1"}, False, CLOUD),
        ({"INNGEST_DEV": "https://dev.env"}, False, CLOUD),
        ({"INNGEST_DEV": "0", "INNGEST_BASE_URL": "https://a.b"}, None, ("https://a.b",) * 2),
        ({"INNGEST_DEV": "1", "INNGEST_BASE_URL": "https://a.b"}, None, ("https://a.b",) * 2),
        ({"INNGEST_DEV": "1", "INNGEST_API_BASE_URL": "https://a.b"}, None, (DEV, "https://a.b")),
        ({"INNGEST_DEV": "1", "INNGEST_BASE_URL": "https://a.b"}, False, ("https://a.b",) * 2),
    ],
    ids=str,
)
def test_among_variables_a_base_url_wins_over_the_dev_server(
    environ: dict[str, str], dev: bool | None, urls: tuple[str, str]
) -> None:
    found = settings(environ, dev=dev)
    assert (found.event_url, found.api_url) == urls


@pytest.mark.parametrize(
    "name", ["localhost:8288", "127.0.0.1:8288", "localhost", "maybe", "user:secret@localhost:8288"]
)
def test_a_dev_server_url_without_http_is_rejected_with_an_example_and_not_shown(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"such as http://127\.0\.0\.1:8288") as caught:
        settings(dev=name)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "variable", "is_dev"),
    [
        (True, "0", True),
        ("1", None, True),
        (None, "1", True),
        (None, "TRUE", True),
        (False, "1", False),
        ("0", "1", False),
        (None, "0", False),
        (None, "false", False),
        (None, None, False),
    ],
)
def test_dev_is_on_or_off(argument: bool | str | None, variable: str | None, is_dev: bool) -> None:
    found = settings({"INNGEST_DEV": variable} if variable else {}, dev=argument)
    assert found.dev is is_dev
    assert (found.api_url == "http://127.0.0.1:8288") is is_dev


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("event_key", "", "printable"),
        ("event_key", "a b", "printable"),
        ("event_key", "a\nb", "printable"),
        ("event_key", "a\x7f", "printable"),
        ("event_key", "schlüssel", "printable"),
        ("event_key", "a/b", "slash"),
        ("event_key", "..", "dots"),
        ("event_key", b"bytes", "must be text, not bytes"),
        ("signing_key", "signkey-prod-xyz", "hex"),
        ("signing_key", "signkey-prod-123", "hex"),
        ("signing_key", "signkey-prod-", "hex"),
        ("signing_key", "12 34", "printable"),
        ("signing_key_fallback", "nonsense", "hex"),
        ("api_key", "a\tb", "printable"),
        ("env", "my branch", "printable"),
        ("dev", "yes", "must be 1, 0 or the URL"),
        ("dev", "", "must be 1, 0 or the URL"),
        ("dev", "ftp://a.b", "must be of the form https"),
    ],
)
def test_a_malformed_value_names_its_source(name: str, value: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} .*{reason}"):
        settings(**{name: value})
    if value and isinstance(value, str):
        variable = f"INNGEST_{name.upper()}"
        with pytest.raises(ConfigurationError, match=f"^{variable} .*{reason}") as caught:
            settings({variable: value})
        assert value not in str(caught.value).split()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"api_version": "v3"}, "api_version"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1.0}, "timeout"),
        ({"timeout": timedelta(0)}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"timeout": None}, "timeout"),
        ({"timeout": True}, "timeout"),
        ({"retries": -1}, "retries"),
        ({"retries": 1.5}, "retries"),
    ],
)
def test_a_malformed_number_names_its_argument(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        settings(**arguments)


@pytest.mark.parametrize("span", ["initial", "maximum", "total"])
def test_a_retry_policy_takes_positive_spans(span: str) -> None:
    spans: Any = {span: timedelta(minutes=1)}
    assert getattr(RetryPolicy(**spans), span) == 60.0
    spans[span] = 0
    with pytest.raises(ConfigurationError, match="RetryPolicy must be positive"):
        RetryPolicy(**spans)


def test_timeout_and_retries_arguments_are_applied() -> None:
    assert settings(timeout=timedelta(seconds=5)).timeout == 5.0
    assert settings(retries=2).retry.retries == 2
    policy = RetryPolicy(retries=1, total=9)
    assert settings(retries=policy).retry is policy


def test_a_malformed_allow_http_names_its_source() -> None:
    with pytest.raises(ConfigurationError, match=r"^INNGEST_ALLOW_HTTP"):
        settings({"INNGEST_ALLOW_HTTP": "maybe"})


def test_the_environment_is_read_when_a_client_is_made(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_ENV", "feature/x")
    monkeypatch.setenv("INNGEST_EVENT_KEY", "key-of-env")
    server.on("POST /e/key-of-env", accepts_all)
    connect(dev=None).send({"name": "a"})
    assert server.requests[0].headers["x-inngest-env"] == "feature/x"


@pytest.mark.parametrize(
    ("call", "words", "missing"),
    [
        (lambda it: it.send({"name": "a"}), r"event_key=.*INNGEST_EVENT_KEY", ["event_key"]),
        (lambda it: it.runs.get("01"), r"signing_key=.*INNGEST_SIGNING_KEY", None),
        (lambda it: it.events.list().page(), "requires a key for v1", ["signing_key"]),
        (lambda it: it.apps.get("a"), "requires a key for v2", ["signing_key", "api_key"]),
    ],
    ids=["event", "run", "v1", "v2"],
)
def test_a_missing_key_is_named_by_the_first_call_that_needs_it(
    connect: Connect, server: Server, call: Any, words: str, missing: list[str] | None
) -> None:
    client = connect(dev=None)
    server.on("GET /health", says({"status": 200, "message": "OK"}))
    client.health()
    with pytest.raises(MissingKeyError, match=words) as caught:
        call(client)
    assert missing in (None, [it.argument for it in caught.value.settings])
    assert server.asked == ["GET /health"]


@pytest.mark.parametrize("kind", [InngestClient, AsyncInngestClient])
def test_no_key_is_in_a_repr(kind: Any) -> None:
    secrets = {"event_key": "evt-secret", "signing_key": "5ec7e7", "api_key": "sk-secret"}
    client = kind(**secrets, transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    checked = settings(**secrets)
    shown = f"{client!r} {checked!r} {client.runs!r}"
    hidden = [*secrets.values(), *(each.reveal() for each in checked.signing_bearers)]
    assert not any(secret in shown for secret in hidden)
    assert repr(client) == f"{kind.__name__}('https://inn.gs', 'https://api.inngest.com')"


@pytest.mark.parametrize("kind", [InngestClient, AsyncInngestClient])
def test_a_client_tells_where_it_sends_and_asks(kind: Any) -> None:
    client = kind(event_key="k", event_base_url="https://a.test", env="staging")
    assert client.target == Target("https://a.test", "https://api.inngest.com", "staging")
