"""Authentication: event keys and the signing key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import MockServer

if TYPE_CHECKING:
    from tests.mock.shapes import Serve

KEY = "0123456789abcdef" * 4
HASHED = hashlib.sha256(bytes.fromhex(KEY)).hexdigest()
NOT_FOUND = (404, "404 page not found\n")


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {KEY}",
        f"Bearer signkey-prod-{KEY}",
        f"Bearer signkey-test-{KEY}",
        f"Bearer {HASHED}",
        f"bearer signkey-prod-{HASHED}",
        f"BEARER-{HASHED}",
    ],
)
@pytest.mark.parametrize("given", [KEY, f"signkey-branch-{KEY}"])
def test_signing_key_passes_raw_or_hashed_with_or_without_prefix(
    serve: Serve, authorization: str, given: str
) -> None:
    client = serve(MockServer(signing_key=given))
    client.headers["authorization"] = authorization
    for path in ("/v1/events", "/v2/runs", "/v2/health"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["x-inngest-server-kind"]) == (200, "cloud")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        KEY,
        f"Basic {KEY}",
        f"Bearer  {KEY}",
        f"Bearer {KEY.upper()}",
        f"Bearer {hashlib.sha256(KEY.encode()).hexdigest()}",
        "Bearer event-key",
        "Bearer ",
    ],
)
def test_any_other_authorization_is_refused_in_plain_text(
    serve: Serve, authorization: str | None
) -> None:
    client = serve(MockServer(signing_key=KEY, event_keys=["event-key"]))
    if authorization is not None:
        client.headers["authorization"] = authorization
    for path in (
        "/v1/events",
        "/v1/cancellations",
        "/v2/runs",
        "/v2/nope",
        "/api/v2/health",
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (401, "Authentication failed\n")
    assert client.get("/v1/nope").status_code == 404, "no route comes first in v1"
    assert client.get("/health").status_code == 200
    assert client.post("/invoke/x", json={}).status_code == 200
    assert client.get("/dev").text == NOT_FOUND[1]


def test_event_key_is_compared_byte_by_byte(serve: Serve) -> None:
    client = serve(MockServer(event_keys=["a-b", "c"]))
    statuses = [
        client.post(f"/e/{key}", json={"name": "x"}).status_code
        for key in ("a-b", "c", "a%2Db", "A-B", "d")
    ]
    assert statuses == [200, 200, 401, 401, 401]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"signing_key": "not hex"}, ValueError),
        ({"signing_key": "signkey-prod-"}, ValueError),
        ({"event_keys": []}, ValueError),
        ({"event_keys": [""]}, ValueError),
        ({"event_keys": "key"}, TypeError),
    ],
)
def test_malformed_argument_is_refused(
    arguments: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        MockServer(**arguments)  # type: ignore[arg-type]
