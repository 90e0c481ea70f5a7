"""The pictures of docs/ and the README show what the commands print, and the same each time."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from scripts.internal import terminal_session
from scripts.internal.terminal_session import SESSION, draw, main, play

if TYPE_CHECKING:
    import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
ULID = r"\b01[0-9A-Z]{24}\b"


def test_the_picture_is_what_the_commands_print() -> None:
    assert main(["--check"]) == 0


def test_the_commands_of_the_readme_print_what_it_shows() -> None:
    (block,) = re.findall(
        r"^```console\n(\$ inngest-rest .*?)^```",
        README.read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    commands = re.findall(r"^\$ (.*)", block, re.MULTILINE)
    printed = ""
    for command, output in play([re.sub(ULID, "FAILED", each) for each in commands]):
        lines = Text.from_ansi(output).plain.rstrip().split("\n")
        printed += "\n".join([f"$ {command}", *(line.rstrip() for line in lines), ""])
    assert re.sub(ULID, "ULID", printed) == re.sub(ULID, "ULID", block)


def test_the_session_plays_the_same_each_time_and_shows_each_command() -> None:
    shown = play()
    picture = draw(shown)
    assert picture == draw(play())
    assert "x1b" not in picture
    assert len(shown) == len(SESSION)
    for command in SESSION:
        assert shlex.split(command)[2] in picture


def test_a_picture_that_differs_is_reported_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "terminal.svg"
    old.write_text("<svg/>", encoding="utf-8")
    monkeypatch.setattr(terminal_session, "PICTURE", old)
    monkeypatch.setattr(terminal_session, "TRACE", tmp_path / "trace.svg")
    assert main(["--check"]) == 1
    assert "run scripts/terminal-session" in capsys.readouterr().out
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_what_is_written_over_is_not_in_the_picture() -> None:
    picture = draw([("command", "Listing\rDone   \n")])
    assert "Done" in picture
    assert "Listing" not in picture
