"""A file that is sent: what is said of lines that were not accepted."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import answers
from inngest_rest_tools.command.stderr import Stderr

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Run

GOOD = '{"name": "order/placed"}\n'
BAD = '{"nmae": "order/placed"}\n'


@pytest.mark.parametrize(
    ("source", "more", "rejected"),
    [
        ("orders.ndjson", [], "orders.ndjson.rejected.ndjson"),
        ("orders.ndjson", ["--dead-letters", "bad.ndjson"], "bad.ndjson"),
        ("-", ["--name", "of today"], "of_today.rejected.ndjson"),
    ],
)
def test_rejected_lines_are_said_to_be_in_files_to_correct(
    source: str, more: list[str], rejected: str, run: Run, folder: Path
) -> None:
    (folder / "orders.ndjson").write_text(GOOD + BAD)
    ran = run("send-file", source, *more, stdin=GOOD + BAD)
    assert ran.status == 6
    hint = ran.answer["error"]["hint"]
    reasons = f"{rejected.removesuffix('.ndjson')}.reasons.ndjson"
    assert f" in {rejected}, " in hint
    assert f" in {reasons}: " in hint
    assert "with its id" not in hint
    assert (folder / rejected).read_text() == BAD
    assert json.loads((folder / reasons).read_text())["line"] == 2


def test_what_was_sent_all_the_same_is_a_line_before_the_error(run: Run, folder: Path) -> None:
    (folder / "orders.ndjson").write_text(GOOD + BAD)
    ran = run("send-file", "orders.ndjson", "-o", "ndjson")
    sent, failed = ran.lines
    assert (sent["accepted"], sent["rejected"]) == (1, 1)
    assert (failed["ok"], failed["error"]["code"]) == (False, "partial")
    ids = run("send-file", "orders.ndjson", "-o", "id").out.split()
    assert ids == [run.server.events[-1].internal_id]


@pytest.mark.usefixtures("folder")
def test_lines_of_which_nothing_is_known_are_to_be_sent_again(run: Run) -> None:
    run.server.fault(answers(500), times=None)
    ran = run("send-file", "-", "--name", "orders", "--retries", "0", stdin=GOOD)
    assert ran.status == 6
    assert "by the same name" in ran.answer["error"]["hint"]
    assert "rejected" not in ran.answer["error"]["hint"]


def test_progress_says_how_fast_and_how_long_and_an_interrupt_how_to_go_on(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More than is read at once.
    (folder / "orders.csv").write_text("total,note\n" + f"5,{'x' * 300}\n" * 4_000)
    told: list[str] = []

    def interrupt(_: Stderr, text: str) -> None:
        told.append(text)
        if len(told) == 3:
            raise KeyboardInterrupt

    words = ["send-file", "orders.csv", "--csv", "--event", "order/placed", "--batch-size", "200"]
    with monkeypatch.context() as patch:
        patch.setattr(Stderr, "progress", interrupt)
        ran = run(*words, "--columns", "total=data.total:int")
    assert re.fullmatch(r"Sending: 200 accepted, [\d,]+/s, \d+%", told[0])
    assert re.search(r"%, 0:\d\d:\d\d to go$", told[-1])
    assert (ran.status, ran.answer["error"]["message"][:11]) == (130, "interrupted")
    _, _, command = ran.answer["error"]["hint"].partition("To go on: inngest-rest ")
    again = run(*shlex.split(command))
    assert (again.status, again.answer["data"]["accepted"] < 4_000) == (0, True)
    assert len(run.server.runs) == 4_000
