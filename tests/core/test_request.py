"""Requests are httpx's; nothing that shows one shows the event key."""

from __future__ import annotations

import traceback

import httpx
import pytest

from inngest_rest import InvalidArgumentError
from inngest_rest._core.request import new_request, parsed, requestable

SHOWN = "http://a.b/e/***"


def test_a_request_shows_its_url_without_keys_and_connects_in_half_of_its_time() -> None:
    url = requestable("http://a.b/e/secret")
    request = new_request("POST", url, shown=SHOWN, timeout=2.0, trace=None)
    assert isinstance(request, httpx.Request)
    assert repr(request) == "<Request('POST', 'http://a.b/e/***')>"
    limits = {"connect": 1.0, "read": 2.0, "write": 2.0, "pool": 2.0}
    assert request.extensions["timeout"] == limits


@pytest.mark.parametrize("text", ["http://a.b:port", "http://xn--/", "x" * 65_537])
def test_a_text_that_is_no_url_raises_nothing(text: str) -> None:
    assert parsed(text) is None


@pytest.mark.parametrize(
    ("path", "parameters"),
    [("x" * 65_537, None), ("secret", {"cursor": "x" * 65_537})],
    ids=["path", "query"],
)
def test_what_is_too_long_for_a_url_is_refused_without_its_text(
    path: str, parameters: dict[str, str] | None
) -> None:
    with pytest.raises(InvalidArgumentError, match="too long for a URL") as caught:
        requestable(f"http://a.b/{path}", parameters)
    printed = "".join(traceback.format_exception(caught.value))
    assert "InvalidURL" not in printed
