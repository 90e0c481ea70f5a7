"""A connection that fails in every attempt, until its cause is mended: told so, and tried once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import TransportError

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.server import Server

VERIFY = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
ALERT = "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"

LASTING = {
    "own authority": (httpx.ConnectError(f"{VERIFY}self-signed certificate"), "SSL_CERT_FILE"),
    "chain": (
        httpx.ConnectError(f"{VERIFY}self signed certificate in certificate chain"),
        "does not trust the authority",
    ),
    "issuer": (
        httpx.ConnectError(f"{VERIFY}unable to get local issuer certificate"),
        "does not trust the authority",
    ),
    "expired": (httpx.ConnectError(f"{VERIFY}certificate has expired"), "have it renewed"),
    "early": (httpx.ConnectError(f"{VERIFY}certificate is not yet valid"), "the clock of this"),
    "host": (
        httpx.ConnectError(f"{VERIFY}Hostname mismatch, certificate is not valid for 'a.b'."),
        "for another name",
    ),
    "address": (httpx.ConnectError(f"{VERIFY}IP address mismatch"), "for another name"),
    "strict": (
        httpx.ConnectError(f"{VERIFY}Missing Authority Key Identifier"),
        "have another one issued",
    ),
    "client": (httpx.ReadError(ALERT), "a transport of httpx that has one"),
    "proxy's password": (
        httpx.ProxyError("407 Proxy Authentication Required"),
        "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",
    ),
    "proxy's rules": (httpx.ProxyError("403 Forbidden"), "The proxy does not connect"),
    "password of SOCKS": (
        httpx.ProxyError(
            "Requested NO AUTHENTICATION REQUIRED from proxy server, but got USERNAME/PASSWORD."
        ),
        "The proxy asks for a user and a password",
    ),
    "wrong password of SOCKS": (
        httpx.ProxyError("Invalid username/password"),
        "The proxy asks for a user and a password",
    ),
    "rules of SOCKS": (
        httpx.ProxyError("Proxy Server could not connect: Connection not allowed by ruleset."),
        "The proxy does not connect",
    ),
}


@pytest.mark.parametrize(("failure", "advice"), LASTING.values(), ids=LASTING)
def test_what_fails_in_every_attempt_is_tried_once_and_its_cause_is_named(
    connect: Connect, server: Server, failure: httpx.RequestError, advice: str
) -> None:
    server.on("GET /health", failure)
    with pytest.raises(TransportError) as caught:
        connect().health()
    assert caught.value.permanent
    assert caught.value.attempts == 1
    assert advice in caught.value.advice
    assert str(caught.value).endswith(f". {caught.value.advice}")


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("[Errno 111] Connection refused"),
        httpx.ProxyError("502 Bad Gateway"),
        httpx.ProxyError("Proxy Server could not connect: Host unreachable."),
        httpx.ReadError("[SSL] record layer failure"),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_again(
    connect: Connect, server: Server, failure: httpx.RequestError
) -> None:
    server.on("GET /health", failure)
    with pytest.raises(TransportError) as caught:
        connect(retries=2).health()
    assert not caught.value.permanent
    assert (caught.value.attempts, caught.value.advice) == (3, "")


def test_a_diagnosis_names_what_to_do_about_a_certificate(connect: Connect, server: Server) -> None:
    server.on("GET /health", LASTING["own authority"][0])
    finding = connect().diagnose().findings[0]
    assert finding.kind == "connection"
    assert "SSL_CERT_FILE" in (finding.remedy or "")
    assert "SSL_CERT_FILE" not in finding.message
