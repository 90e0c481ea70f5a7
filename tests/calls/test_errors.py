"""Errors: the documented tree, their messages, pickling, and that none contains a key."""

from __future__ import annotations

import copy
import inspect
import logging
import pickle
import re
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import inngest_rest
from inngest_rest import (
    ApiError,
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    EventDataError,
    Explanation,
    InngestClient,
    InngestError,
    InvalidArgumentError,
    InvalidEventError,
    InvalidResponseError,
    MissingKeyError,
    NoRunError,
    NotFoundError,
    PartialSendError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    RouteNotFoundError,
    Run,
    RunFailedError,
    RunStatus,
    SendReport,
    StoredEvent,
    TransportError,
    WaitTimeoutError,
    errors,
)
from inngest_rest.errors import Advice, NextCall, Setting
from inngest_rest.reports import SendFailure
from inngest_rest_mock import MockServer
from tests.support.capabilities import CAPABILITIES, rows
from tests.support.server import Reply, recorded, says, text
from tests.support.settings import settings_of

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.server import Server

EVENT_KEY, SIGNING_KEY, API_KEY = "evt-very-secret", "signkey-prod-5ec7e75ec7e7", "sk-very-secret"
BEARER = sha256(bytes.fromhex(SIGNING_KEY.rpartition("-")[2])).hexdigest()
SECRETS = [EVENT_KEY, SIGNING_KEY, "5ec7e75ec7e7", BEARER, API_KEY]
MODULES = (errors, *(import_module(f"inngest_rest.{name}") for name in CAPABILITIES))
KINDS = {
    each
    for module in MODULES
    for _, each in inspect.getmembers(module, inspect.isclass)
    if issubclass(each, Exception)
}


def test_every_error_is_public_and_an_absent_route_is_no_absent_run() -> None:
    assert {each.__name__ for each in KINDS} < set(vars(inngest_rest)["__all__"])
    # They call for different remedies.
    assert not issubclass(RouteNotFoundError, NotFoundError)


def api_error(kind: type[ApiError]) -> ApiError:
    error = kind("no", status=418, method="GET", url="https://a.b/v1", code="c", hidden=True)
    error.attempts = 3
    if isinstance(error, RateLimitError):
        error.retry_after = 7.0
    return error


def transport_error(kind: type[TransportError]) -> TransportError:
    error = kind("reset", method="POST", url="https://a.b/e/***", delivered=False)
    error.attempts = 2
    return error


RUN = Run("01", RunStatus("paused"))
REPORT = SendReport(1, 1, 1, (SendFailure(1, {"name": "a"}, "no"),))
EVENT: StoredEvent = StoredEvent("01", "own", "app/x", {"n": "x"}, ts=1, received_at=None)
MADE: list[InngestError] = [
    InngestError("x"),
    ConfigurationError("x", settings=[Setting("env", "INNGEST_ENV")]),
    InvalidArgumentError("x", argument="ids"),
    InvalidEventError("bad", position=7),
    transport_error(TransportError),
    transport_error(RequestTimeoutError),
    InvalidResponseError("odd", method="GET", url="https://a.b", status=200, body="<html>"),
    EventDataError("data.n: not a number", event=EVENT),
    WaitTimeoutError("late", run=RUN),
    WaitTimeoutError("never seen", run=None),
    WaitTimeoutError("several late", run=RUN, runs=[RUN], event_id="01E"),
    NoRunError("none", event_id="01E", explanation=Explanation("01E", None, runs=(RUN,))),
    RunFailedError(RUN, runs=[RUN]),
    PartialSendError(REPORT, ["01", None, None]),
    MissingKeyError("no key", settings=[Setting("event_key", "INNGEST_EVENT_KEY")]),
    ClosedError("closed"),
    InvalidArgumentError("bad", argument="app", advice=Advice("Pass one.")),
    *(api_error(kind) for kind in sorted(KINDS, key=str) if issubclass(kind, ApiError)),
    *rows("ERRORS").values(),
]


def test_every_error_class_is_constructed_here() -> None:
    assert {type(each) for each in MADE} == KINDS


@pytest.mark.parametrize("error", MADE, ids=lambda it: f"{type(it).__name__}-{it}"[:40])
def test_every_error_pickles_with_its_attributes(error: InngestError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.args == error.args
        assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (api_error(ApiError), "GET https://a.b/v1 answered 418 (c): no (after 3 attempts)"),
        (
            api_error(AuthenticationError),
            "answered 418 (c): no (after 3 attempts). Check the key, and that it belongs to",
        ),
        (api_error(RouteNotFoundError), "check the base URL and api_version"),
        (transport_error(TransportError), "POST https://a.b/e/***: reset (after 2 attempts)"),
        (MADE[6], "GET https://a.b answered 200: odd"),
        (InvalidEventError("bad", position=7), "event 7: bad"),
    ],
    ids=lambda it: it[:20] if isinstance(it, str) else type(it).__name__,
)
def test_an_error_message_says_what_happened_and_what_to_do(
    error: InngestError, words: str
) -> None:
    assert words in str(error)


@pytest.mark.parametrize("end", ["", ".", "!", "?"])
@pytest.mark.parametrize("attempts", [1, 3])
def test_server_message_and_advice_are_two_sentences(end: str, attempts: int) -> None:
    error = AuthenticationError(f"Event key not found{end}", status=401, method="GET", url="u")
    error.attempts = attempts
    tries = " (after 3 attempts)" if attempts > 1 else ""
    kept = "" if end == "." and tries else end
    stop = "." if tries or not end else ""
    assert str(error) == (
        f"GET u answered 401: Event key not found{kept}{tries}{stop} {AuthenticationError.advice}"
    )


@pytest.mark.parametrize(
    ("route", "call", "named"),
    [
        (f"POST /e/{EVENT_KEY}", lambda it: it.send({"name": "a"}), {"event_key"}),
        ("GET /v1/events", lambda it: it.events.list().page(), {"signing_key"}),
        ("GET /v2/apps/a", lambda it: it.apps.get("a"), {"signing_key", "api_key"}),
    ],
    ids=["event key", "v1", "v2"],
)
def test_a_refused_key_gets_advice_on_the_keys_that_were_sent(
    connect: Connect, server: Server, route: str, call: Any, named: set[str]
) -> None:
    server.on(route, recorded("start-ingest-wrong"))
    with pytest.raises(AuthenticationError) as caught:
        call(connect(dev=None, event_key=EVENT_KEY, signing_key=SIGNING_KEY, api_key=API_KEY))
    assert re.findall(r"[a-z]+_key\b", str(caught.value)) == sorted(named, reverse=True)
    assert pickle.loads(pickle.dumps(caught.value)).advice == caught.value.advice


def test_advice_names_calls_as_its_readers_do() -> None:
    calls = NextCall("runs.get", ("01",)), NextCall("send")
    advice = Advice("Of /v1/runs/{run_id}: {}, then {}.", calls)
    assert str(advice) == "Of /v1/runs/{run_id}: client.runs.get('01'), then client.send."
    assert advice.render(lambda it: it.name.upper()) == "Of /v1/runs/{run_id}: RUNS.GET, then SEND."
    both = Advice().then(advice).then(Advice("Or {}.", (NextCall("send"),)))
    assert str(both) == f"{advice} Or client.send."
    assert advice
    assert not Advice()
    again = pickle.loads(pickle.dumps(advice))
    assert (again, again.text, again.calls) == (advice, advice.text, calls)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda it: it.runs.get(""), "id"),
        (lambda it: it.runs.list(limit=0), "limit"),
        (lambda it: it.runs.list(status="fialed"), "status"),
        (lambda it: it.events.list(since=3).page(), "since"),
    ],
    ids=["text", "a count", "a misspelt status", "a moment"],
)
def test_a_rejected_argument_is_named(client: InngestClient, call: Any, argument: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        call(client)
    assert caught.value.argument == argument


def test_advice_names_settings_by_their_variables_where_there_are_no_arguments() -> None:
    advice = Advice("Set {}, or check {}.", (Setting("dev"), Setting("env", "INNGEST_ENV")))
    assert str(advice) == "Set dev, or check env (INNGEST_ENV)."
    assert advice.render(str) == "Set dev, or check INNGEST_ENV."


def test_a_place_for_a_name_in_what_a_server_said_stays_as_it_is_beside_other_advice() -> None:
    said = Advice('The key needs the permission "{}".')
    advice = said.then(Advice("{} checks each key.", (NextCall("diagnose"),)))
    assert str(advice) == 'The key needs the permission "{}". client.diagnose checks each key.'
    assert pickle.loads(pickle.dumps(advice)).render(str) == str(advice)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"env": " "}, Setting("env", "INNGEST_ENV")),
        ({"base_url": "x"}, Setting("base_url", "INNGEST_BASE_URL")),
        ({"event_base_url": "x"}, Setting("event_base_url", "INNGEST_EVENT_API_BASE_URL")),
        ({"signing_key": "x"}, Setting("signing_key", "INNGEST_SIGNING_KEY")),
        ({"environ": {"INNGEST_API_KEY": " "}}, Setting("api_key", "INNGEST_API_KEY")),
        ({"environ": {"INNGEST_DEV": "x"}}, Setting("dev", "INNGEST_DEV")),
        ({"timeout": 0}, Setting("timeout")),
        ({"max_response_bytes": 0}, Setting("max_response_bytes")),
        ({"retries": -1}, Setting("retries")),
    ],
)
def test_a_malformed_setting_is_named(settings: dict[str, Any], named: Setting) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings_of(**settings)
    assert caught.value.settings == (named,)
    assert caught.value.argument == named.argument


def test_what_to_do_about_an_argument_or_a_setting_is_apart_from_what_is_wrong_with_it(
    client: InngestClient,
) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        client.runs.list(function="charge")
    error = refused.value
    assert error.described == "function needs app: functions are named within one"
    assert error.advice == "Pass app, or write APP/charge."
    assert str(error) == f"{error.described}. {error.advice}"
    with pytest.raises(ConfigurationError) as malformed:
        settings_of(base_url="http://a.b", dev=None)
    assert malformed.value.advice == "Use https, or set allow_http=True (INNGEST_ALLOW_HTTP=1)."
    assert malformed.value.advice not in malformed.value.described


def test_a_value_in_a_remedy_may_look_like_the_place_of_a_call(client: InngestClient) -> None:
    with pytest.raises(InvalidArgumentError, match=r"write APP/{}"):
        client.runs.list(function="{}")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_failed_connection_hints_at_its_cause(connect: Connect, scheme: str) -> None:
    words = {
        "http": r"refused|\[Errno.*; is a server running there\?",
        "https": "expects http there",
    }
    with MockServer().serve() as url:
        running = url.replace("http", scheme)
        port = httpx.URL(url).port
        stopped = f"http://127.0.0.1:{port}"
        if scheme == "https":
            with pytest.raises(TransportError, match=words[scheme]):
                connect(base_url=running, transport=None, retries=0).health()
    if scheme == "http":
        with pytest.raises(TransportError, match=words[scheme]):
            connect(base_url=stopped, transport=None, retries=0).health()


def test_the_body_of_an_invalid_response_is_cut_to_500_characters() -> None:
    error = InvalidResponseError("odd", method="GET", url="u", status=200, body="x" * 10_000)
    assert len(error.body) == 500


def test_no_key_is_logged_on_a_real_connection(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "asyncio", "inngest_rest"):
        caplog.set_level(logging.DEBUG, logger=name)
    mock = MockServer(event_keys=[EVENT_KEY], signing_key=SIGNING_KEY)
    with mock.serve() as url:
        client = connect(
            dev=None, base_url=url, event_key=EVENT_KEY, signing_key=SIGNING_KEY, transport=None
        )
        client.send({"name": "a"})
        client.runs.list().page()
        client.close()
    assert f"POST {url}/e/*** -> 200" in caplog.text
    assert [secret for secret in SECRETS if secret in caplog.text] == []


@pytest.mark.parametrize(
    ("settings", "may_lack_v2"),
    [
        ({"base_url": None, "signing_key": "ab12"}, True),
        ({"base_url": None, "api_key": "a"}, False),  # which v1 does not take
        ({"signing_key": "ab12"}, False),
    ],
)
def test_a_key_that_v2_of_inngest_cloud_rejects_may_be_of_an_account_without_v2(
    settings: dict[str, Any], may_lack_v2: bool, connect: Connect, server: Server
) -> None:
    server.on("GET /v2/runs/01", text(401, "no"))
    server.on("GET /v1/events/01", text(401, "no"))
    client = connect(**{"base_url": "https://server.test", "dev": False, **settings})
    with pytest.raises(AuthenticationError, match=r"Check .*api_key") as caught:
        client.runs.get("01")
    assert ('v2 for the account: api_version="v1" avoids it' in str(caught.value)) is may_lack_v2
    if may_lack_v2:
        with pytest.raises(AuthenticationError, match=r"Check (?!.* v2 for the account)"):
            client.events.get("01")


SCOPE = {"errors": [{"code": "insufficient_scope", "message": "Not permitted"}]}
DENIED = {"errors": [{"code": "access_denied", "message": "Not permitted"}]}
CHALLENGE = 'Bearer error="insufficient_scope"'


@pytest.mark.parametrize(
    ("reply", "permission"),
    [
        (says(SCOPE, status=403), "apps:read:get"),
        (says(SCOPE, status=401), "apps:read:get"),
        (says(DENIED, status=403), "apps:read:get"),
        (text(403, "no"), "apps:read:get"),
        (says({}, status=401, www_authenticate=CHALLENGE), "apps:read:get"),
        (
            says({}, status=403, www_authenticate=f'{CHALLENGE}, scope="apps:read:*"'),
            "apps:read:*",
        ),
    ],
)
def test_a_key_without_the_permission_of_a_call_is_told_which_it_is_and_where_keys_are_made(
    reply: Reply, permission: str, client: InngestClient, server: Server
) -> None:
    server.on("GET /v2/apps/a", reply)
    with pytest.raises(PermissionDeniedError) as caught:
        client.apps.get("a")
    assert f"needs a key with the permission {permission}. " in caught.value.advice
    assert "made, with their permissions, in the dashboard" in caught.value.advice
    assert "account:" not in str(caught.value)


@pytest.mark.parametrize("reply", [says(SCOPE, status=403), text(403, "no")])
def test_a_permission_that_is_not_known_is_not_guessed(
    reply: Reply, client: InngestClient, server: Server
) -> None:
    server.on("GET /v2/runs/01", reply)
    with pytest.raises(PermissionDeniedError, match=r"needs a key with the permission\. API keys"):
        client.runs.get("01")


@pytest.mark.parametrize(
    ("reply", "permission"),
    [
        (says({"error": "no", "code": "insufficient_scope"}, status=401), "permission. "),
        (says({"error": "no"}, status=403, www_authenticate=f'{CHALLENGE}, scope="a:b"'), "a:b. "),
        (says({"error": "no"}, status=403), None),
    ],
    ids=["code", "challenge", "refused"],
)
def test_v1_is_believed_to_lack_a_permission_only_if_it_says_so(
    reply: Reply, permission: str | None, connect: Connect, server: Server
) -> None:
    server.on("GET /v1/events/01", reply)
    with pytest.raises(PermissionDeniedError) as caught:
        connect(api_version="v1").events.get("01")
    assert (permission or "needs a key") in str(caught.value) or permission is None
    assert ("needs a key with the permission" in str(caught.value)) is (permission is not None)


@pytest.mark.parametrize(
    ("options", "is_named"),
    [
        ({"signing_key": "ab" * 32}, True),
        ({"base_url": "http://127.0.0.1:8288", "signing_key": "ab" * 32}, False),
    ],
    ids=["Cloud", "self-hosted"],
)
def test_a_key_that_cloud_refuses_may_have_expired_or_be_a_disabled_legacy_one(
    options: dict[str, Any], is_named: bool
) -> None:
    refuse = httpx.MockTransport(lambda _: httpx.Response(401, text="Authentication failed\n"))
    with (
        InngestClient(**options, retries=0, transport=refuse) as client,
        pytest.raises(AuthenticationError) as caught,
    ):
        client.events.get("01HZZZZZZZZZZZZZZZZZZZZZZZ")
    assert ("disabled legacy keys" in str(caught.value)) is is_named
