"""Streams that cannot be written to, and what the command makes of them."""

from __future__ import annotations

import errno
import io
import sys
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from inngest_rest_tools.command import program, stderr
from inngest_rest_tools.command.stderr import Stderr
from tests.support.streams import Broken

if TYPE_CHECKING:
    from tests.support.command import Run


FULL = (
    OSError(errno.ENOSPC, "No space left on device"),
    1,
    "inngest-rest: the answer cannot be written: [Errno 28] No space left on device\n",
)
UNREAD = (BrokenPipeError(), 141, "")


@pytest.mark.parametrize(
    ("error", "status", "said", "tokens", "method"),
    [
        (*FULL, ["schema"], "write"),
        (*FULL, ["runs", "list"], "flush"),
        (*UNREAD, ["runs", "list"], "write"),
        (*UNREAD, ["rnus"], "flush"),
    ],
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
    assert program.run(tokens) == status
    assert capsys.readouterr().err == said
    assert len(stream.getvalue().splitlines()) == (method == "flush")


@pytest.mark.parametrize("method", ["write", "flush"])
def test_a_command_does_its_work_though_nobody_listens_to_what_it_says(
    method: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Broken(method, BrokenPipeError()))
    ran = run("runs", "get", "01K9V2D6N9P1R7Z4W8X3Y5A0BC")
    assert (ran.status, ran.answer["error"]["code"]) == (4, "not_found")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_written_over_at_most_ten_times_a_second_and_cleared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter([100.0, 100.09, 100.11, 100.15])
    monkeypatch.setattr(stderr, "time", SimpleNamespace(monotonic=partial(next, times)))
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    said = Stderr()
    for done in (99, 100, 1, 2):
        said.progress(f"{done} done")
    said.hint("that was all")
    said.end_progress()
    assert terminal.getvalue() == "\r99 done\r1 done \r      \rthat was all\n"


@pytest.mark.parametrize(("quiet", "stream"), [(True, Terminal()), (False, io.StringIO())])
def test_no_progress_is_shown_where_none_is_wanted_or_none_would_be_written_over(
    quiet: bool, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    Stderr(quiet).progress("1 done")
    assert stream.getvalue() == ""
