"""What --redact names is in nothing that a command writes: its answer, its questions, its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock import fails
from inngest_rest_tools.command.stderr import Stderr

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.support.command import Run


def test_a_key_that_a_table_folds_is_redacted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk" + "_live_4eC39HqLyjWDarjtT1zdp7dc"
    run.client.send({"name": "order/other", "data": {"key": key}})
    monkeypatch.setenv("COLUMNS", "24")
    ran = run("events", "list", "--fields", "data", "--redact", "keys", "-o", "table")
    assert "".join(ran.out.split()[1:]) == '{"key":"[redacted]"}'


def test_files_that_a_command_writes_are_redacted_or_the_option_is_refused(
    run: Run, folder: Path
) -> None:
    key = "github" + "_pat_11ABCDEFG0abcdefghij"
    run.client.send({"name": "order/other", "data": {"key": key, "mail": "a@b.test"}})
    assert run("events", "export", "all.csv", "--redact", "emails").status == 0
    text = (folder / "all.csv").read_text()
    assert (key in text, "a@b.test" in text) == (False, False)
    assert text.count("[redacted]") == 2
    ran = run("events", "export", "all.csv", "--state", "s")
    assert ran.status == 2
    run.start("failed")
    words = ("runs", "replay", "--status", "failed", "--report", "r.jsonl", "--yes")
    ran = run(*words, "--redact", "keys")
    assert (ran.status, ran.answer["error"]["field"]) == (2, "redact")
    assert not (folder / "r.jsonl").exists()
    assert run(*words, "--redact", "none").status == 0


def test_a_table_above_a_question_is_redacted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "ghr" + "_abcdefghijklmnopqrst"
    run.server.function("shop", "leak", trigger="order/leak", run=fails(f"no {key}"))
    run.start("leak", 2)
    monkeypatch.setattr(Stderr, "can_ask", True)
    words = ("runs", "replay", "--status", "failed", "--redact", "keys", "-o", "table")
    ran = run(*words, stdin="n\n")
    assert "[redacted]" in ran.err
    assert key not in ran.err
