"""ULIDs: how they are made and read."""

from __future__ import annotations

import pytest

from inngest_rest_mock._state.ids import UlidFactory, parse_ulid, ulid

NS = 1_795_543_200 * 10**9  # 2026-11-24T18:00:00Z


def test_ulids_rise_even_within_a_millisecond_and_when_the_clock_goes_back() -> None:
    factory = UlidFactory()
    times = [NS, NS, NS + 10**6, NS - 10**9, NS + 10**9]
    made = [factory.next(ns) for ns in times]
    assert made == sorted(set(made))
    assert made[0].startswith("01M87BDW80"), "the first ten characters are the time"


def test_ulid_encodes_all_its_bits() -> None:
    assert ulid(2**48 - 1, 2**80 - 1) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
    assert ulid(0, 1) == "0" * 25 + "1"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("01hzzzzzzzzzzzzzzzzzzzzzzz", "01HZZZZZZZZZZZZZZZZZZZZZZZ"),
        ("not-a-ulid-but-26-chars-ok", None),
        ("0ot-a-ulid-but-26-chars-ok", "0OT-A-ULID-BUT-26-CHARS-OK"),
        ("8ZZZZZZZZZZZZZZZZZZZZZZZZZ", None),
        ("nope", None),
        ("", None),
    ],
)
def test_ulid_is_judged_by_length_and_first_character(text: str, parsed: str | None) -> None:
    assert parse_ulid(text) == parsed
