"""URLs and queries are those that httpx would request."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inngest_rest._core import messages
from inngest_rest._core.messages import Url, json_content, with_query

PLAIN = (
    "https://api.inngest.com/v2/runs?limit=40&cursor=a%2Bb",
    "http://127.0.0.1:8288/e/a_key-1.2~3",
    "http://inngest_dev:8288/v1/events/01?name=app%2Forder+paid",
    "https://a.b:443/x",
    "http://localhost",
    "http://localhost?a=b",
    "http://a.b//x/",
)
PARTS = (
    *("http://", "https://", "HTTP://", "ftp://", "//", "user:pw@", "@"),
    *("a", "B", "a.b", "a-b", "-", "_", ".", "..", "xn--", "1.2.3.4", "01.2.3.4", "256.1.1.1", "1"),
    *(":", ":80", ":443", ":8288", ":0", ":00080", ":65536", "[::1]", "[", "]", "é", "ß.de"),
    *("/", "/.", "/..", "/a", "/a.b", "?", "?a=b", "&", "=", "+", "#", "%", "%2F", "%zz", "%e9"),
    *(" ", "\t", "\n", "\0", "\\", "{", "|", ";", "*", "'", "~", "x" * 64, "x" * 65_536),
)


def by_httpx(text: str) -> Any:
    """Return where httpx would request a URL, and what."""
    try:
        url = httpx.URL(text)
        _ = url.host
        port = url.port if url.port is not None else {"https": 443}.get(url.scheme, 80)
        return (url.scheme, url.raw_host.decode(), port), url.raw_path.decode()
    except (httpx.InvalidURL, ValueError):
        return None


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_url_is_read_without_httpx(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_parsed_by_httpx", None)
    url = Url.parse(text)
    assert url is not None
    assert (tuple(url.origin), url.target) == by_httpx(text)
    assert url.origin.authority == httpx.URL(text).netloc.decode()


@given(
    st.sampled_from(["http://a.b", "https://a.b:1", "http://a.b/c", "http://", ""]),
    st.lists(st.sampled_from(PARTS), max_size=8).map("".join),
)
def test_any_url_is_read_as_httpx_reads_it(start: str, rest: str) -> None:
    url = Url.parse(start + rest)
    assert (url and (tuple(url.origin), url.target)) == by_httpx(start + rest)


def test_a_url_is_in_no_repr() -> None:
    assert "secret" not in repr(Url.parse("http://a.b/e/secret"))


VALUES = st.none() | st.booleans() | st.integers() | st.text()


@given(st.dictionaries(st.text(), VALUES | st.lists(VALUES), max_size=4))
@example({"a": True, "b": None, "c": ["1", 2], "d": "ä &=+/~*"})
def test_a_query_has_the_values_that_httpx_gives_it(parameters: dict[str, Any]) -> None:
    """Only the values: releases of httpx escape differently."""
    query = with_query("http://a.b", parameters).removeprefix("http://a.b").lstrip("?")
    values = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    assert values == httpx.QueryParams(parameters).multi_items()


def test_json_is_compact_and_not_escaped() -> None:
    value: dict[str, object] = {"a": ["ä", 1.5, None, True], "b": 1}
    assert json_content(value).decode() == '{"a":["ä",1.5,null,true],"b":1}'
