"""Streams that cannot be written to, and what the command makes of them."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

import pytest

from inngest_rest.cli import app
from tests.support.streams import Broken

if TYPE_CHECKING:
    from tests.support.command import Run


@pytest.mark.parametrize("method", ["write", "flush"])
@pytest.mark.parametrize("tokens", [["schema"], ["runs", "list"], ["rnus"]], ids=" ".join)
@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            1,
            "inngest-rest: the answer cannot be written: [Errno 28] No space left on device\n",
        ),
        (BrokenPipeError(), 141, ""),
    ],
    ids=["full", "nobody reads"],
)
def test_an_answer_that_cannot_be_written_is_an_error_unless_nobody_reads_it(
    error: OSError,
    status: int,
    said: str,
    tokens: list[str],
    method: str,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("runs", "list").status == 0
    stream = Broken(method, error)
    monkeypatch.setattr(sys, "stdout", stream)
    assert app.run(tokens) == status
    assert capsys.readouterr().err == said
    assert len(stream.getvalue().splitlines()) == (method == "flush")


@pytest.mark.parametrize("method", ["write", "flush"])
def test_a_command_does_its_work_though_nobody_listens_to_what_it_says(
    method: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Broken(method, BrokenPipeError()))
    ran = run("runs", "get", "01K9V2D6N9P1R7Z4W8X3Y5A0BC")
    assert (ran.status, ran.answer["error"]["code"]) == (4, "not_found")
