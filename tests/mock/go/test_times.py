"""Times as the server's Go code writes them."""

from __future__ import annotations

import pytest

from inngest_rest_mock._go.times import parse_any_time, v1_time, v2_time

NS = 1_795_543_200 * 10**9  # 2026-11-24T18:00:00Z


@pytest.mark.parametrize(
    ("ns", "v1", "v2"),
    [
        (0, "", ""),
        (777 * 10**6, ".777", ".777"),
        (921_142_877, ".921142877", ".921142877"),
        (653_241_700, ".6532417", ".653241700"),
        (500_000_000, ".5", ".500"),
        (1_000, ".000001", ".000001"),
        (1, ".000000001", ".000000001"),
    ],
)
def test_times_are_written_as_each_family_does(ns: int, v1: str, v2: str) -> None:
    assert v1_time(NS + ns) == f"2026-11-24T18:00:00{v1}Z"
    assert v2_time(NS + ns) == f"2026-11-24T18:00:00{v2}Z"
    assert parse_any_time(v2_time(NS + ns)) == parse_any_time(v1_time(NS + ns)) == NS + ns
