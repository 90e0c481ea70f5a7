"""scripts/mutate changes one place of one function, and the rest of a module stays where it was."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from inngest_rest._core.calls import retry
from scripts.internal.mutation.mutants import mutants, sample

SOURCE = '''
LIMIT = 5


class Meter:
    def take(self, count: int = 1) -> bool:
        """Take 3 of them."""
        if count < 2 and not self.is_open:
            raise ValueError(
                f"{count + 1} of {LIMIT}"
            )
        self.left = max(0, self.left - count)
        return (
            self.left > 0
            or count is None
        )
'''

CHANGES = [
    ("count < 2 and not self.is_open", "(count < 2 or not self.is_open)"),
    ("count < 2 and not self.is_open", "(not self.is_open)"),
    ("count < 2 and not self.is_open", "(count < 2)"),
    ("count < 2", "(count <= 2)"),
    ("count < 2", "(count > 2)"),
    ("2", "3"),
    ("not self.is_open", "(self.is_open)"),
    ("self.left = max(0, self.left - count)", "pass"),
    ("max(0, self.left - count)", "(min(0, self.left - count))"),
    ("0", "1"),
    ("self.left - count", "(self.left + count)"),
    ("self.left > 0", "(self.left >= 0)"),
    ("self.left > 0", "(self.left < 0)"),
    ("count is None", "(count is not None)"),
]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "meter.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_conditions_numbers_operators_and_statements_are_changed(module: Path) -> None:
    found = [(it.before, it.after) for it in mutants(module) if "\n" not in it.before]
    assert found == [*CHANGES[:-3], *CHANGES[-3:-1], ("0", "1"), CHANGES[-1]]
    statements = [it.after for it in mutants(module) if "\n" in it.before]
    assert statements[:2] == ["pass", "return None"]


@pytest.mark.parametrize("own", [True, False], ids=["meter", "a module of the core"])
def test_the_lines_around_a_change_stay_where_they_were(module: Path, own: bool) -> None:
    path = module if own else Path(retry.__file__)
    lines = path.read_text(encoding="utf-8").splitlines()
    for each in mutants(path):
        ast.parse(each.source)
        changed = each.source.splitlines()
        assert len(changed) == len(lines)
        differing = [
            at for at, pair in enumerate(zip(lines, changed, strict=True)) if len(set(pair)) > 1
        ]
        assert differing[0] == each.line - 1
        assert differing[-1] < each.line + each.before.count("\n")


def test_a_sample_has_a_share_of_each_module_and_is_the_same_for_a_seed(module: Path) -> None:
    other = module.with_name("other.py")
    other.write_text(SOURCE * 3, encoding="utf-8")
    once = sample([module, other], 12, seed=1)
    assert once == sample([module, other], 12, seed=1)
    assert once != sample([module, other], 12, seed=2)
    assert [sum(it.path == path for it in once) for path in (module, other)] == [3, 9]
    assert {it.function for it in once} == {"Meter.take"}


def test_what_is_empty_is_not_made_none_and_what_is_not_is(tmp_path: Path) -> None:
    path = tmp_path / "results.py"
    lines = ["return False", "return ''", "return None", "return True", "return [1]"]
    path.write_text("".join(f"def f{n}():\n    {it}\n" for n, it in enumerate(lines)))
    found = [it.function for it in mutants(path) if it.after == "return None"]
    assert found == ["f3", "f4"]
