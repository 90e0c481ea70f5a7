"""What looks like a key is masked before a model reads it, in time linear in any text."""

from __future__ import annotations

import json
import time
from itertools import cycle
from typing import Any

import pytest

from inngest_rest import Run
from inngest_rest.models import RunError, RunStatus
from inngest_rest_tools.answer import Reply
from inngest_rest_tools.keys import masked, without_keys
from inngest_rest_tools.problems import Code, Problem
from inngest_rest_tools.projection import Projection

BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ"
PEM = f"-----BEGIN %s-----\n%s{BODY}\n{BODY}==\n-----END %s-----"
PRIVATE = "PRIVATE" + " KEY"
HEADERS = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,2F3C-9A\n\n"

SECRETS = {
    "stripe": "sk" + "_live_4eC39HqLyjWDarjtT1zdp7dc",
    "stripe_webhook": "whsec" + "_4eC39HqLyjWDarjtT1zdp7dc",
    "bearer": "Bearer abcdefgh12345678",
    "bearer_in_a_url": "bearer%20abcdefgh12345678",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    **{f"slack_{it}": f"{it}-123456789012-abcdefghijkl" for it in ("xoxb", "xoxc", "xoxd", "xapp")},
    "openai": "sk" + "-proj-abcdefghijklmnop-qrst",
    "inngest": "signkey" + "-prod-0123456789abcdef0123",
    **{f"github_{it}": f"{it}_abcdefghijklmnopqrst" for it in ("ghp", "gho", "ghu", "ghs", "ghr")},
    "github_pat": "github" + "_pat_11ABCDEFG0abcdefghij_ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "pem": PEM % (PRIVATE, "", PRIVATE),
    "rsa": PEM % (f"RSA {PRIVATE}", "", f"RSA {PRIVATE}"),
    "encrypted": PEM % (f"RSA {PRIVATE}", HEADERS, f"RSA {PRIVATE}"),
    "pgp": PEM % (f"PGP {PRIVATE} BLOCK", "Version: 1 - a\n\n", f"PGP {PRIVATE} BLOCK"),
    "ssh2": f"---- BEGIN SSH2 {PRIVATE} ----\n{BODY}\n---- END SSH2 {PRIVATE} ----",
}


BEFORE = ["", "\n", "\\n", "\\", '"', "=", "- ", "\u200b", "%3D", "ключ"]

# Each kind, and each beginning, twice or more: the two do not depend on each other.
PAIRS = [
    (kind, BEFORE[(number + shift) % len(BEFORE)])
    for number, kind in enumerate(SECRETS)
    for shift in (0, 5)
]


@pytest.mark.parametrize(("kind", "before"), PAIRS)
def test_keys_are_masked_wherever_they_begin(kind: str, before: str) -> None:
    text = f"with {before}{SECRETS[kind]}, at a@b.test"
    assert without_keys(text) == f"with {before}[redacted], at a@b.test"


@pytest.mark.parametrize(
    "text",
    [
        "task_live_abcdefghijkl, a risk-assessment-of-everything, a bearer of news",
        "eyJ2IjoxLCJhIjoiYiJ9, sk-1234567890, ghp_short, AKIAIOSFODNN7EXAMPLES",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    ],
)
def test_what_only_begins_like_a_secret_stays(text: str) -> None:
    assert without_keys(text) == text


def test_a_private_key_without_an_end_is_masked_to_the_end_of_its_text() -> None:
    text = f"-----BEGIN {PRIVATE}-----\n{BODY}..."
    assert without_keys(text) == "[redacted]"


# Starts of secrets, and what makes one look further, over and over.
HOSTILE = [
    *("eyJaaaaaaaa-", "eyJaaaaaaaa", "eyJ", "sk_live_a-", "sk-", "sk-a.", "ghp_a-", "xoxb-", "a."),
    *(
        "bearer ",
        "bearer  a ",
        "Bearer%20",
        "AKIA",
        "ASIA0",
        "signkey-a-",
        "signkey-",
        "\\n",
        "%3D",
    ),
    *("-----BEGIN ", f"-----BEGIN {PRIVATE}", f"-----BEGIN {PRIVATE}-----", "-----END ", "-", "A "),
    *("a@", "a@b", "a.b-", "@", "a@b-", "+", "@a.", "a@b.", "\\u0000", "github_pat_", "é"),
]


@pytest.mark.parametrize(("piece", "end"), [*zip(HOSTILE, cycle(["", "@", "."]))])
def test_a_long_text_is_masked_in_linear_time_whatever_it_is(piece: str, end: str) -> None:
    size = 30_000
    for text in (piece * (size // len(piece)) + end, piece + piece[-1] * size + end):
        started = time.process_time()
        without_keys(text)
        # Fifty times what is needed; quadratic time would be six seconds.
        assert time.process_time() - started < 0.5


def test_many_keys_that_become_the_same_are_masked_in_linear_time() -> None:
    data = {f"ghp_{number:020}": number for number in range(20_000)}
    data |= {f"[redacted] {number}": number for number in range(20_000)}
    started = time.process_time()
    found = masked(data)
    assert time.process_time() - started < 2
    assert sorted(found.values()) == sorted(data.values())


def test_texts_of_data_errors_warnings_and_names_are_masked() -> None:
    key = SECRETS["stripe"]
    answer = Reply("runs.get", mask=masked, projection=Projection(is_whole=True))
    error = RunError(name="Error", message=f"no {key}")
    answer.add((Run("1", RunStatus.FAILED, output={"a": [key, {key: 1}], "ok": 2}, error=error),))
    answer.warnings.append(f"searched {key}")
    problem = Problem(Code.SERVER, f"with {key}", f"pass another than {key}")
    text = answer.envelope(problem).text()
    found = json.loads(text)
    assert key not in text
    assert found["data"]["output"] == {"a": ["[redacted]", {"[redacted]": 1}], "ok": 2}
    assert found["data"]["error"]["message"] == "no [redacted]"
    assert found["error"]["message"] == "with [redacted]"
    assert found["warnings"] == ["searched [redacted]"]


def test_a_secret_is_masked_before_a_text_is_cut() -> None:
    answer = Reply("runs.get", mask=masked, projection=Projection(max_chars=64))
    answer.add((Run("1", RunStatus.COMPLETED, output="x" * 60 + " " + SECRETS["stripe"]),))
    assert "sk_" not in answer.envelope().text()


def test_data_that_is_nested_too_deeply_to_be_masked_is_left_out() -> None:
    data: Any = SECRETS["stripe"]
    for _ in range(10_000):
        data = [data]
    run = masked(Run("1", RunStatus.COMPLETED, output=data))
    assert run.output == "(list, nested too deeply)"
