"""Secrets: nothing shows them but `reveal`, and what quotes one is masked."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from inngest_rest._core.secret import Mask, Secret
from tests.secrets.planted_keys import API_KEY, EVENT_KEY, KEYS, SIGNING_KEY, found_in

HASH = KEYS["hash of the signing key"]
MASK = Mask([Secret(EVENT_KEY), Secret(API_KEY), Secret(HASH), Secret("short")])
URL = f"/e/{quote(EVENT_KEY, safe='')}"

QUOTED = {
    "plain": f"Cannot POST /e/{EVENT_KEY}",
    "in a URL": f"no route {URL} here",
    "in a URL, lower case": f"no route {URL.lower()} here",
    "repr of bytes": repr(f"Bearer {API_KEY}\r\n".encode()),
    "upper case": f"BEARER {HASH.upper()}",
    "signing key of a hash": f"the server was started with {SIGNING_KEY}.",
    "signing key without its prefix": f'{{"key": "{KEYS["signing key"].upper()}"}}',
}


def test_only_reveal_returns_the_text() -> None:
    secret = Secret(EVENT_KEY)
    assert secret.reveal() == EVENT_KEY
    assert found_in(f"{secret} {secret!r} {[secret]}") == set()


@pytest.mark.parametrize("text", QUOTED.values(), ids=QUOTED)
def test_a_secret_is_masked_as_it_is_and_percent_encoded(text: str) -> None:
    assert found_in(text), "a form that the search knows"
    masked = MASK(text)
    assert found_in(masked) == set()
    assert "***" in masked


def test_the_rest_of_a_text_is_kept() -> None:
    assert MASK(f"Cannot POST {URL} with {API_KEY}, 100% sure") == (
        "Cannot POST /e/*** with ***, 100% sure"
    )
    text = 'evt-, sk-inn- & "%25" \\u0026 %41 ' + "00" * 32
    assert MASK(text) == text


def test_signing_keys_of_others_are_kept() -> None:
    text = f"{SIGNING_KEY[:-2]} {SIGNING_KEY}00 signkey-prod-zz deadbee"
    assert MASK(text) == text
    assert MASK(f"no, {SIGNING_KEY}!") == "no, ***!"


def test_what_is_too_short_for_a_secret_is_kept() -> None:
    assert MASK("a short word") == "a short word"


def test_without_secrets_nothing_is_masked() -> None:
    assert Mask([])("anything") == "anything"


def test_a_secret_that_begins_like_another_is_masked_as_a_whole() -> None:
    mask = Mask([Secret("first-half"), Secret("first-half-and-second")])
    assert mask("told first-half-and-second here") == "told *** here"
