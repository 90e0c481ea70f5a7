"""What operators ask after a night is done by the command and by the tools, at little cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.skill.evaluation.jobs import JOBS, Job
from tests.skill.evaluation.surfaces import SURFACES, NoWayError

if TYPE_CHECKING:
    from tests.skill.evaluation.surfaces import Surface

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "agents.md"

NO_WAY = {"bulk-cancellation", "webhook"}
"""What Inngest Cloud alone has is no tool elsewhere."""

MOST = {"command": (54, 9_600), "tools": (53, 10_100)}
"""The calls of all jobs together, and their tokens, written and read."""


def follow(job: Job, name: str, folder: Path) -> Surface:
    """Take the scripted path through a job, and judge what came of it."""
    night, _ = job.begin(folder)
    surface = SURFACES[name](night)
    answer = surface.follow(job)
    assert job.is_right(night, answer), f"{job.name}: {answer}"
    return surface


@pytest.mark.parametrize("name", SURFACES)
def test_each_job_is_done_right_and_all_cost_no_more_than_they_did(
    name: str, tmp_path: Path
) -> None:
    calls = tokens = 0
    for job in JOBS:
        folder = tmp_path / job.name
        folder.mkdir()
        if name == "tools" and job.name in NO_WAY:
            with pytest.raises(NoWayError):
                follow(job, name, folder)
            continue
        done = follow(job, name, folder)
        calls += done.calls
        tokens += done.tokens
    most_calls, most_tokens = MOST[name]
    assert calls <= most_calls
    assert tokens <= most_tokens


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_is_not_right_if_nothing_is_done(job: Job, tmp_path: Path) -> None:
    night, said = job.begin(tmp_path)
    assert not job.is_right(night, "I do not know.")
    assert "{" not in said


QUESTIONS = [
    line.strip("| ").split(" | ")
    for line in GUIDE.read_text("utf-8").splitlines()
    if line.startswith("| ") and "| `inngest-rest " in line
]


@pytest.mark.parametrize(("_question", "call", "tokens"), QUESTIONS)
def test_a_question_of_the_guide_is_one_call_that_costs_no_more_than_is_said(
    _question: str, call: str, tokens: str, tmp_path: Path
) -> None:
    jobs = [job for job in JOBS if _written(job) == call.strip("`")]
    assert jobs
    for job in jobs:
        folder = tmp_path / job.name
        folder.mkdir()
        assert follow(job, "command", folder).tokens <= int(tokens)


def _written(job: Job) -> str:
    """Return the only call of a job as the guide writes it; an empty text if it has several."""
    if len(job.calls) != 1:
        return ""
    (line,) = job.calls
    name = "EVENT_ID" if line.startswith("events") else "RUN_ID"
    words = [
        name if word.startswith("{") or (line.startswith("events explain") and at == 2) else word
        for at, word in enumerate(line.split(" "))
    ]
    return " ".join(["inngest-rest", *words])
