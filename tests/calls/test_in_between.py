"""What refuses a request before it reaches Inngest, and the headers that it may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
)
from inngest_rest.findings import Severity
from inngest_rest_tools.problems import problem_of
from tests.support.server import Reply, recorded, says, text
from tests.support.settings import settings_of

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.server import Server

KEYS: dict[str, Any] = {"event_key": "k", "signing_key": "signkey-prod-1234", "dev": False}
PASSWORD = "dXNlcjpwYXNzd29yZA=="
PAGE = b"<html><h1>401 Authorization Required</h1><hr>nginx</html>"

IN_BETWEEN = {
    "a password": Reply(401, PAGE, {"www-authenticate": 'Basic realm="ops"'}),
    "a password, without a page": Reply(401, b"", {"www-authenticate": "Negotiate"}),
    "a page": Reply(401, PAGE, {"content-type": "text/html"}),
    "a page of a firewall": Reply(403, b"\n<!DOCTYPE html>", {}),
    "407": Reply(407, b"", {"proxy-authenticate": "Basic"}),
    "407, with nothing": Reply(407, b"", {}),
}
OF_INNGEST = {
    "of JSON": says({"error": "Unauthorized"}, status=401),
    "of text": text(401, "no"),
    "of a scope": says({}, status=403, www_authenticate='Bearer error="insufficient_scope"'),
    "with its header": says(
        {}, status=401, x_inngest_server_kind="cloud", www_authenticate="Basic"
    ),
}


@pytest.mark.parametrize("reply", IN_BETWEEN.values(), ids=IN_BETWEEN)
def test_a_refusal_in_between_is_not_blamed_on_the_keys(
    connect: Connect, server: Server, reply: Reply
) -> None:
    server.on("POST /e/k", reply)
    with pytest.raises((AuthenticationError, PermissionDeniedError)) as caught:
        connect(**KEYS).send({"name": "a/b"})
    assert "Something between here and Inngest" in caught.value.advice
    assert "Check event_key" not in str(caught.value)
    problem = problem_of(caught.value)
    assert problem.code == "server"
    assert "checks each key" not in (problem.hint or "")


@pytest.mark.parametrize("reply", OF_INNGEST.values(), ids=OF_INNGEST)
def test_a_refusal_of_inngest_is_one_of_the_key(
    connect: Connect, server: Server, reply: Reply
) -> None:
    server.on("POST /e/k", reply)
    with pytest.raises((AuthenticationError, PermissionDeniedError)) as caught:
        connect(**KEYS).send({"name": "a/b"})
    assert "between" not in caught.value.advice
    assert problem_of(caught.value).code == "authentication"


def test_a_diagnosis_does_not_blame_the_keys_for_a_proxy(connect: Connect, server: Server) -> None:
    server.on("GET /health", IN_BETWEEN["a password"])
    diagnosis = connect(**KEYS).diagnose()
    (problem,) = diagnosis.broken
    assert problem.kind == "server"
    assert problem.message.startswith("the refusal is not from Inngest: ")
    assert "headers (INNGEST_HEADERS)" in (problem.remedy or "")
    assert "Check event_key" not in str(diagnosis)


def test_a_key_that_a_proxy_kept_from_the_server_is_not_told_to_be_rejected(
    connect: Connect, server: Server
) -> None:
    server.on("GET /health", recorded("health"))
    server.on("GET /v1/events", IN_BETWEEN["a password"])
    diagnosis = connect(**KEYS).diagnose()
    assert "the server rejects" not in str(diagnosis)
    states = {each.kind: each.severity for each in diagnosis.findings}
    assert states["signing_key"] is Severity.UNKNOWN


@pytest.mark.parametrize("how", ["argument", "variable", "copy"])
def test_the_password_of_a_proxy_in_front_is_sent_and_never_shown(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    server.on("POST /e/k", text(404, f"no route for {PASSWORD}"))
    header = {"Proxy-Authorization": f"Basic {PASSWORD}"}
    if how == "variable":
        monkeypatch.setenv("INNGEST_HEADERS", f"\nProxy-Authorization:  Basic {PASSWORD}\nx-a: b:c")
    client = connect(**KEYS, **({"headers": header} if how == "argument" else {}))
    client = client.with_options(headers=header) if how == "copy" else client
    with pytest.raises(Exception, match="no route") as caught:
        client.send({"name": "a/b"})
    sent = server.requests[0].headers
    assert sent["proxy-authorization"] == f"Basic {PASSWORD}"
    assert sent.get("x-a") == ("b:c" if how == "variable" else None)
    assert PASSWORD not in f"{caught.value} {caught.value!r} {client!r}"


@pytest.mark.parametrize(
    "value", [PASSWORD, f"a b: {PASSWORD}", f"authorization: {PASSWORD}", f"x-é: {PASSWORD}", "a:"]
)
def test_a_malformed_variable_of_headers_is_named_without_its_value(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^INNGEST_HEADERS must") as caught:
        settings_of(environ={"INNGEST_HEADERS": value})
    assert PASSWORD not in str(caught.value)
    assert [each.variable for each in caught.value.settings] == ["INNGEST_HEADERS"]


def test_headers_that_are_passed_replace_those_of_the_variable(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_HEADERS", "x-a: 1")
    server.on("GET /health", recorded("health"))
    connect().health()
    connect(headers={"x-b": "2"}).health()
    sent = [each.headers for each in server.requests]
    assert [(each.get("x-a"), each.get("x-b")) for each in sent] == [("1", None), (None, "2")]
