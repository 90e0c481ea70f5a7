"""What is right for particular jobs, by their names, beside the words that they say."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from scripts.internal.evaluation.night import CABINS

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.internal.evaluation.night import Night


def begins_with_yes(_: Night, answer: str) -> bool:
    return answer.lower().startswith("yes")


def asks_back(night: Night, answer: str) -> bool:
    return "?" in answer and len(night.runs("import", "cancelled")) == 1


def counts_causes(_: Night, answer: str) -> bool:
    lines = answer.lower().splitlines()
    causes = {"timeout": "4", "declined": "2", "mailbox full": "1"}
    return all(
        any(cause in line and count in line for line in lines) for cause, count in causes.items()
    )


def names_runs_of_cy(night: Night, answer: str) -> bool:
    return set(answer.split()) == set(night.runs_of_cy)


def has_errors(night: Night, _: str) -> bool:
    file = night.folder / "failed.csv"
    if not file.exists():
        return False
    with file.open(encoding="utf-8", newline="") as lines:
        texts = sorted("".join(row.values()) for row in csv.DictReader(lines))
    failed = sorted(
        (run for run in night.mock.runs if run.status == "failed"), key=lambda run: run.id
    )
    errors = [run.output["message"] for run in failed]
    return len(texts) == len(errors) and all(map(str.__contains__, texts, errors))


def has_all_runs(night: Night, _: str) -> bool:
    file = night.folder / "runs.ndjson"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    wanted = {run.id for run in night.mock.runs} - night.old_runs
    return {json.loads(line).get("id") for line in lines} == wanted


def cabins_are_sent(night: Night, _: str) -> bool:
    sent = [event.data for event in night.mock.events if event.name == "cabin/listed"]
    return sorted(data.get("cabin", "") for data in sent) == sorted(CABINS)


def slow_ones_are_replayed(night: Night, _: str) -> bool:
    failed = [run for run in night.runs("book", "failed") if run.id in night.known_runs]
    slow = {run.id for run in failed if "timeout" in run.output["message"]}
    replayed = [run.original_run_id for run in night.new_runs("book")]
    return len(replayed) == len(slow) and set(replayed) == slow


def wrong_imports_are_cancelled(night: Night, _: str) -> bool:
    cancelled = [run.id for run in night.runs("import", "cancelled")]
    wrong = [run.id for run in night.runs("import")[:5]]
    return cancelled == [*wrong, night.said["cancelled"]]


def replays_are_cancelled(night: Night, _: str) -> bool:
    statuses = [run.status for run in night.runs("inspect")]
    return statuses[2:] == ["cancelled", "cancelled", "running"]


def parcel_is_told_once(night: Night, _: str) -> bool:
    statuses = [run.status for run in night.runs("deliver")]
    return statuses == ["failed", "completed"] and night.charges.count("p-1") == 1


def mail_is_corrected(night: Night, _: str) -> bool:
    return night.mails[-2:] == ["kin@ferry.test", "kim@ferry.test"]


def refund_is_completed(night: Night, _: str) -> bool:
    return [run.status for run in night.runs("refund")] == ["completed"]


JUDGES: dict[str, Callable[[Night, str], bool]] = {
    "health": begins_with_yes,
    "causes": counts_causes,
    "customer": names_runs_of_cy,
    "corrected": mail_is_corrected,
    "approved": refund_is_completed,
    "rows": cabins_are_sent,
    "replay": slow_ones_are_replayed,
    "cancel": wrong_imports_are_cancelled,
    "undone": replays_are_cancelled,
    "told-again": parcel_is_told_once,
    "cancel-all": asks_back,
    "failures-in-a-file": has_errors,
    "exported": has_all_runs,
}
