"""Secrets: nothing shows them but `reveal`."""

from __future__ import annotations

import pickle

import pytest

from inngest_rest._core.secret import Secret
from tests.secrets.planted_keys import EVENT_KEY, found_in
from tests.secrets.traces import left_by


def test_only_reveal_returns_the_text() -> None:
    secret = Secret(EVENT_KEY)
    assert secret.reveal() == EVENT_KEY
    attributes = [getattr(secret, name) for name in dir(secret)]
    assert found_in(f"{secret} {secret!r} {[secret]} {attributes}") == set()


def test_a_secret_cannot_be_pickled() -> None:
    secret = Secret(EVENT_KEY)
    with pytest.raises(TypeError) as caught:
        pickle.dumps(secret)
    assert found_in(left_by(caught.value)) == set()


def test_no_text_has_no_secret() -> None:
    assert Secret.of(None) is None
    empty = Secret.of("")
    assert empty is not None
    assert empty.reveal() == ""
