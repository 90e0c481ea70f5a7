"""scripts/mutate: which mutants it tries, and how it counts them."""

from __future__ import annotations

from collections import Counter

from scripts.internal.mutation.sampling import ROOMS, ROOT, Trial, sample, scores

MUTANTS = [
    Trial(f"{module}.x__mutmut_{number}", f"inngest_rest/_core/calls/{module}.py", "not checked")
    for module, count in (("meter", 30), ("retry", 90))
    for number in range(count)
]


def test_a_sample_has_a_share_of_each_module_and_is_the_same_for_a_seed() -> None:
    once = sample(MUTANTS, 12, seed=1)
    assert once == sample(MUTANTS, 12, seed=1)
    assert once != sample(MUTANTS, 12, seed=2)
    assert Counter(each.path.rpartition("/")[2] for each in once) == {"meter.py": 3, "retry.py": 9}


def test_a_mutant_that_no_test_reaches_counts_as_one_that_survived() -> None:
    [line] = scores({"calls/": Counter({"killed": 2, "timeout": 1, "survived": 1, "no tests": 1})})
    assert line.split() == ["calls/", "3", "of", "5", "60.0%"]


def test_each_room_has_modules_and_tests() -> None:
    for room in ROOMS.values():
        assert list((ROOT / "wrapper/inngest_rest" / room.modules).glob("*.py"))
        assert all((ROOT / "tests" / folder).is_dir() for folder in room.tests)
