"""scripts/evaluate-agent: each job can be done right by our ways, and is not right by itself."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from mcp import Client, StdioServerParameters

from scripts.internal.evaluation.__main__ import follow, table
from scripts.internal.evaluation.agent import ROOT, attempt
from scripts.internal.evaluation.jobs import JOBS, Job
from scripts.internal.evaluation.meter import LOG
from scripts.internal.evaluation.night import Night
from scripts.internal.evaluation.surfaces import SURFACES

if TYPE_CHECKING:
    from pathlib import Path

BY_NAME = {job.name: job for job in JOBS}

NO_WAY = {("tools", "bulk-cancellation"), ("tools", "webhook")}
"""What Inngest Cloud alone has is no tool elsewhere."""


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_scripted_path_does_the_job_right(job: Job, name: str) -> None:
    result = follow(job, SURFACES[name])
    has_no_way = job.routes is None if name == "vendor's routes" else (name, job.name) in NO_WAY
    assert result.is_right is (None if has_no_way else True), result.answer


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_is_not_right_if_nothing_is_done(job: Job, tmp_path: Path) -> None:
    night, said = job.begin(tmp_path)
    assert not job.is_right(night, "I do not know.")
    assert "{" not in said


QUESTIONS = [
    line.split(" | ")
    for line in (ROOT / "docs" / "guides" / "agents.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and "| `inngest-rest " in line
]


@pytest.mark.parametrize(("_question", "call", "tokens", "_truth"), QUESTIONS)
def test_a_question_of_the_guide_is_one_call_that_costs_no_more_than_is_said(
    _question: str, call: str, tokens: str, _truth: str
) -> None:
    jobs = [job for job in JOBS if _written(job) == call.strip("`")]
    results = [follow(job, SURFACES["command"]) for job in jobs]
    assert results
    assert all(result.is_right for result in results)
    assert max(result.tokens for result in results) <= int(tokens)


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


def test_a_night_ends_now(tmp_path: Path) -> None:
    assert abs(Night(tmp_path).mock.now - datetime.now(UTC)) < timedelta(seconds=30)


def test_each_booking_of_a_passenger_has_a_ticket_of_its_own(tmp_path: Path) -> None:
    events = [event.data for event in Night(tmp_path).mock.events if "passenger" in event.data]
    tickets = [data["ticket"] for data in events]
    assert len(tickets) == len(set(tickets)) > 10


def test_the_table_has_the_sum_of_the_jobs_that_every_way_does_right() -> None:
    jobs = [BY_NAME["webhook"], BY_NAME["cancel-all"]]
    results = {name: [follow(job, SURFACES[name]) for job in jobs] for name in ("command", "tools")}
    lines = list(table(results, jobs))
    common = results["tools"][1]
    assert lines[-3].split()[:6] == ["sum", "of", "the", "1", "that", "all"]
    assert lines[-3].endswith(f"{common.calls}/{common.tokens:,}")
    assert lines[-1].split()[-2:] == ["2/0/0", "1/0/1"]


def test_a_program_is_judged_and_its_calls_are_counted(tmp_path: Path) -> None:
    program = tmp_path / "agent.py"
    program.write_text(
        "import json, subprocess, sys\n"
        "assert 'failed most often' in sys.stdin.read()\n"
        "command = ['inngest-rest', 'runs', 'summary', '--since', '24h']\n"
        "told = subprocess.run(command, capture_output=True, check=True).stdout\n"
        "print(json.loads(told)['data']['groups'][0]['name'])\n",
        encoding="utf-8",
    )
    result = attempt(BY_NAME["worst"], f"{sys.executable} {program}")
    assert result.is_right, result.answer
    assert (result.calls, result.characters > 100) == (1, True)


def test_calls_of_tools_are_counted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "scripts.internal.evaluation.meter", "mcp"],
        cwd=str(ROOT),
        env={"INNGEST_DEV": "http://127.0.0.1:9", LOG: str(log)},
    )

    async def call() -> None:
        async with Client(server) as client:
            await client.call_tool("runs_list", {"status": ["nonsense"]})

    asyncio.run(call())
    (line,) = log.read_text(encoding="utf-8").splitlines()
    assert int(line) > 100
