"""What scripts/test leaves out somewhere: it exists, and its reason is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.selection import BOTH_CLIENTS, LONG, ONCE, SLOW, clients_for, is_in

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("entry", sorted({*BOTH_CLIENTS, *ONCE, *LONG, *SLOW}))
def test_what_is_selected_exists(entry: str) -> None:
    path, _, name = entry.partition("::")
    assert (ROOT / path).exists()
    assert not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


def test_an_entry_is_a_folder_a_module_or_a_test() -> None:
    table = ["tests/bulk", "tests/calls/test_keys.py::test_a"]
    assert is_in("tests/bulk", table)
    assert is_in("tests/bulk/test_x.py::test_y[1]", table)
    assert is_in("tests/calls/test_keys.py::test_a[blocking]", table)
    assert not is_in("tests/bulky/test_x.py", table)
    assert not is_in("tests/calls/test_keys.py::test_ab", table)
    assert not is_in("tests/calls/test_keys.py", table)


def test_both_clients_run_where_they_may_differ() -> None:
    both, one = "tests/drivers/test_x.py::test_y", "tests/calls/test_x.py::test_y"
    assert clients_for(both, "differing") == clients_for(one, "both") == ["blocking", "async"]
    assert clients_for(both, "one") == clients_for(one, "differing") == ["blocking"]
