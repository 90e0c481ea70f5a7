"""Masks: whatever form a secret is quoted in, and nothing else, is replaced."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from urllib.parse import quote

import pytest

from inngest_rest._core.calls.mask import Mask
from inngest_rest._core.secret import Secret
from tests.secrets.canaries import API_KEY, EVENT_KEY, KEYS, found_in

HASH = KEYS["hash of the signing key"]
MASK = Mask([Secret(EVENT_KEY), Secret(API_KEY), Secret(HASH), Secret("short")])
URL = f"/e/{quote(EVENT_KEY, safe='')}"

QUOTED = {
    "plain": f"Cannot POST /e/{EVENT_KEY}",
    "in a URL": f"no route {URL} here",
    "in a URL, lower case": f"no route {URL.lower()} here",
    "in a URL in a URL": f"see /login?next={quote(URL, safe='')}",
    "each character in a URL": "".join(f"%{ord(each):02x}" for each in EVENT_KEY),
    "JSON": json.dumps(f'"{EVENT_KEY}\\'),
    "JSON of Go": EVENT_KEY.replace("&", "\\u0026").replace("<", "\\u003c"),
    "JSON in JSON": json.dumps(json.dumps(EVENT_KEY.replace("&", "\\u0026"))),
    "HTML": f"<p>{html.escape(EVENT_KEY)}</p>",
    "HTML by codes": EVENT_KEY.replace("&", "&#38;").replace("<", "&#x3C;"),
    "repr of bytes": repr(f"Bearer {API_KEY}\r\n".encode()),
    "upper case": f"BEARER {HASH.upper()}",
    "base64": base64.b64encode(API_KEY.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(EVENT_KEY.encode()).decode().rstrip("="),
    "base64 of a hash's bytes": base64.b64encode(bytes.fromhex(HASH)).decode(),
    "base64 in a URL": quote(base64.b64encode(API_KEY.encode()).decode(), safe=""),
    "hexadecimal": API_KEY.encode().hex(),
    "base64 of the hash of a key": base64.b64encode(
        hashlib.sha256(API_KEY.encode()).digest()
    ).decode(),
    "hash": hashlib.sha256(API_KEY.encode()).hexdigest(),
}


@pytest.mark.parametrize("text", QUOTED.values(), ids=QUOTED)
def test_a_secret_is_masked_in_any_form(text: str) -> None:
    assert found_in(text), "a form that the canaries know"
    masked = MASK(text)
    assert found_in(masked) == set()
    assert "***" in masked


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "Authorization: Bearer "])
@pytest.mark.parametrize("after", ["", "\r\n", " and more", "~"])
def test_a_secret_is_masked_in_base64_of_a_whole_header(before: str, after: str) -> None:
    text = base64.b64encode(f"{before}{API_KEY}{after}".encode()).decode()
    assert found_in(text) == {"API key"}
    assert found_in(MASK(text)) == set()


def test_the_rest_of_a_text_is_kept() -> None:
    assert MASK(f"Cannot POST {URL} with {API_KEY}, 100% sure") == (
        "Cannot POST /e/*** with ***, 100% sure"
    )
    text = 'evt-, sk-inn- & "%25" \\u0026 %41 ' + "00" * 32
    assert MASK(text) is text


def test_what_is_too_short_for_a_secret_is_kept() -> None:
    assert MASK("a short word") == "a short word"


@pytest.mark.parametrize("length", range(8, len(EVENT_KEY)))
def test_the_beginning_of_a_secret_is_masked_where_a_text_was_cut_off(length: int) -> None:
    assert MASK(f"Cannot POST /e/{EVENT_KEY[:length]}") == "Cannot POST /e/***"


def test_a_secret_cut_off_within_an_escape_is_masked() -> None:
    encoded = quote(EVENT_KEY, safe="")
    for length in range(11, len(encoded)):
        assert EVENT_KEY[:9] not in MASK(f"Cannot POST /e/{encoded[:length]}")


def test_escapes_are_undone_three_deep_and_what_is_deeper_costs_no_more() -> None:
    deep = EVENT_KEY
    for depth in range(1, 9):
        deep = "".join(f"&#{ord(each)};" for each in deep) if depth == 1 else html.escape(deep)
        assert (MASK(deep) != deep) == (depth <= 3)


def test_without_secrets_nothing_is_masked() -> None:
    assert Mask([])("anything") == "anything"


def test_a_secret_that_begins_like_another_is_masked_as_a_whole() -> None:
    mask = Mask([Secret("first-half"), Secret("first-half-and-second")])
    assert mask("told first-half-and-second here") == "told *** here"
