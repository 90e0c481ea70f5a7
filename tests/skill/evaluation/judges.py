"""What has become of a night, for the jobs of which an expression would be long."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from tests.skill.evaluation.night import CABINS

if TYPE_CHECKING:
    from tests.skill.evaluation.night import Night


def counts_causes(answer: str) -> bool:
    lines = answer.lower().splitlines()
    causes = {"timeout": "4", "declined": "2", "mailbox full": "1"}
    return all(
        any(cause in line and count in line for line in lines) for cause, count in causes.items()
    )


def has_errors(night: Night) -> bool:
    file = night.folder / "failed.csv"
    if not file.exists():
        return False
    with file.open(encoding="utf-8", newline="") as lines:
        texts = sorted("".join(row.values()) for row in csv.DictReader(lines))
    failed = [run for run in night.mock.runs if run.status == "failed"]
    failed.sort(key=lambda run: run.id)
    errors = [run.output["message"] for run in failed]
    return len(texts) == len(errors) and all(map(str.__contains__, texts, errors))


def has_all_runs(night: Night) -> bool:
    file = night.folder / "runs.ndjson"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    wanted = {run.id for run in night.mock.runs} - night.old_runs
    return {json.loads(line).get("id") for line in lines} == wanted


def has_all_cabins(night: Night) -> bool:
    sent = [event.data for event in night.mock.events if event.name == "cabin/listed"]
    return sorted(data.get("cabin", "") for data in sent) == sorted(CABINS)


def replayed_slow_ones(night: Night) -> bool:
    failed = [run for run in night.runs("book", "failed") if run.id in night.known_runs]
    slow = [run.id for run in failed if "timeout" in run.output["message"]]
    replayed = [run.original_run_id for run in night.new_runs("book")]
    return sorted(map(str, replayed)) == sorted(slow)


JUDGES = (counts_causes, has_errors, has_all_runs, has_all_cabins, replayed_slow_ones)
