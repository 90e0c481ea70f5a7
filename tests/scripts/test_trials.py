"""The page of what was tried on real servers is the record of it."""

from __future__ import annotations

from scripts.internal import trials


def test_the_page_has_each_recorded_server_and_each_trial() -> None:
    page = trials.PAGE.read_text(encoding="utf-8")
    assert trials.written(page) == page, "run python -m scripts.internal.trials"


def test_a_trial_that_is_not_on_the_page_changes_it() -> None:
    page = trials.PAGE.read_text(encoding="utf-8")
    [newest, *_] = [line for line in trials.trials().splitlines() if line.startswith("| 20")]
    assert trials.written(page.replace(f"{newest}\n", "")) == page
