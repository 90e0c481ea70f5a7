"""`--output-file`: written beside, named when it is whole, and never onto what is read."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import answers
from inngest_rest_tools.command.answer_file import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest_mock import MockServer
    from tests.support.command import Ran, Run

EVENT = '{"name": "order/placed", "id": "1"}\n'
TEXT = "yesterday's"

pytestmark = pytest.mark.usefixtures("folder")


def refused(ran: Ran, mock: MockServer, reason: str) -> None:
    assert (ran.status, ran.answer["error"]["field"]) == (2, "output_file")
    assert reason in ran.answer["error"]["message"]
    assert not mock.requests


def files() -> set[str]:
    return {each.name for each in Path.cwd().iterdir()}


def test_a_file_that_exists_is_replaced_by_force_alone(run: Run) -> None:
    path = Path("a.json")
    path.write_text(TEXT)
    ran = run("send", "order/placed", "--output-file", "a.json")
    refused(ran, run.server, "cannot write a.json: it exists; name another file, or pass --force")
    assert path.read_text() == TEXT
    written = run("send", "order/placed", "--output-file", "a.json", "--force")
    assert written == (0, "", "Wrote a.json.\n")
    assert json.loads(path.read_text())["ok"] is True
    assert files() == {"a.json"}


def test_only_its_owner_can_read_it_whoever_could_read_the_one_it_replaces(run: Run) -> None:
    Path("a.json").touch(mode=0o644)
    run("apps", "list", "--output-file", "a.json", "--force")
    assert stat.S_IMODE(Path("a.json").stat().st_mode) == 0o600


def test_the_name_is_given_when_the_answer_is_whole(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.start("placed", 3)
    seen = list[set[str]]()
    line = Output.line

    def spy(output: Output, text: str) -> None:
        seen.append(files())
        line(output, text)

    monkeypatch.setattr(Output, "line", spy)
    run("runs", "list", "-o", "ndjson", "--output-file", "a.ndjson")
    assert seen == [{"a.ndjson.part"}] * 3
    assert files() == {"a.ndjson"}


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_a_command_that_fails_leaves_the_answer_of_yesterday(form: str, run: Run) -> None:
    Path("a").write_text(TEXT)
    tokens = "runs", "get", "01K9V2D6N9P1R7Z4W8X3Y5A0BC", "--output-file", "a", "--force"
    ran = run(*tokens, "-o", form)
    assert (ran.status, ran.answer["error"]["code"]) == (4, "not_found")
    assert Path("a").read_text() == TEXT
    assert files() == {"a"}


def test_the_lines_before_an_error_are_kept_beside(run: Run) -> None:
    ids = run.start("placed", 150)
    run.server.fault(answers(400), after=1, times=2)
    ran = run("runs", "list", "--all", "-o", "id", "--app", "shop", "--output-file", "a")
    assert ran.status == 2
    assert "The first lines are in a.part." in ran.err
    assert Path("a.part").read_text().split() == ids[:100]
    assert files() == {"a.part"}


def test_an_answer_that_goes_elsewhere_after_an_error_is_cut_once(run: Run) -> None:
    run.client.send([{"name": "order/placed", "data": {"text": "a" * 1_000}}] * 150)
    run.server.fault(answers(400), after=1, times=2)
    tokens = "events", "list", "--all", "-o", "json", "--output-file", "a", "--max-chars", "100"
    ran = run(*tokens)
    assert ran.answer["data"]["items"][0]["data"]["text"] == f"{'a' * 100}...[900 more characters]"
    assert len(ran.answer["warnings"]) == 1


def test_what_is_partly_done_is_a_whole_answer(run: Run) -> None:
    Path("events.ndjson").write_text(f'{EVENT}{{"no": "name"}}\n')
    ran = run("send-file", "events.ndjson", "--output-file", "a.json")
    assert (ran.status, ran.out) == (6, "")
    assert json.loads(Path("a.json").read_text())["data"]["rejected"] == 1


def test_a_run_that_failed_does_not_make_the_answer_less_than_whole(run: Run) -> None:
    (id,) = run.start("failed")
    ran = run("runs", "wait", id, "--exit-status", "-o", "id", "--output-file", "a")
    assert ran.status == 11
    assert Path("a").read_text() == f"{id}\n"


def symlink(path: Path) -> str:
    Path("other").symlink_to(path)
    return "other"


NAMES: dict[str, Callable[[Path], str]] = {
    "itself": str,
    "absolute": lambda path: str(path.absolute()),
    "symlink": symlink,
}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        *((name, "send-file in") for name in NAMES),
        ("itself", "send-many --events @in"),
        ("itself", "send --params @in"),
        ("itself", "send order/placed --id @in"),
        ("itself", "runs get --params @in"),
        ("itself", "runs wait @in"),
        ("itself", "runs cancel --app shop --report in"),
    ],
)
def test_no_answer_is_written_onto_what_is_read(name: str, line: str, run: Run) -> None:
    tokens = line.split()
    data = {"send-many": f"[{EVENT}]", "wait": "01K9V2D6N9P1R7Z4W8X3Y5A0BC", "get": '{"id": "1"}'}
    text = next((it for word, it in data.items() if word in tokens), EVENT)
    Path("in").write_text(text)
    ran = run(*tokens, "--output-file", NAMES[name](Path("in")), "--force")
    refused(ran, run.server, "this command reads it")
    assert Path("in").read_text() == text


def test_nor_is_what_becomes_the_answer(run: Run) -> None:
    Path("a.part").write_text(EVENT)
    refused(run("send-file", "a.part", "--output-file", "a"), run.server, "reads")
    assert Path("a.part").read_text() == EVENT


def test_a_report_and_the_answer_are_two_files_though_neither_is_there(run: Run) -> None:
    tokens = "runs", "cancel", "01K9V2D6N9P1R7Z4W8X3Y5A0BC", "--report", "a"
    refused(run(*tokens, "--output-file", "./a"), run.server, "reads")
    assert files() == set()


def test_a_file_on_standard_input_is_read_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("in").write_text(EVENT)
    found = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda it: found("in" if it == "/dev/stdin" else it))
    ran = run("send", "--params", "-", "--output-file", "in", "--force", stdin=EVENT)
    refused(ran, run.server, "reads")


def test_no_link_is_followed(run: Run) -> None:
    for name in ("a", "a.part"):
        Path(name).symlink_to(f"{name} elsewhere")
    run("apps", "list", "--output-file", "a", "--force")
    assert Path("a").is_file()
    assert not Path("a").is_symlink()
    assert files() == {"a"}
    Path("b").symlink_to("nowhere")
    assert run("apps", "list", "--output-file", "b").status == 2


def test_of_two_commands_that_write_one_file_none_takes_what_the_other_writes(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.start("placed")
    close = Output.close

    def late(output: Output) -> None:
        Path("a.part").unlink()
        Path("a.part").write_text("half of ano")
        close(output)

    monkeypatch.setattr(Output, "close", late)
    ran = run("runs", "list", "--output-file", "a")
    assert (ran.status, files()) == (1, {"a.part"})
    assert "another command has written to a.part" in ran.err


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output_is_no_file(name: str, run: Run) -> None:
    assert run("apps", "list", "--output-file", name).answer["ok"] is True
    assert files() == set()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
def test_a_device_or_a_pipe_takes_what_is_written_at_once(run: Run) -> None:
    assert run("apps", "list", "--output-file", os.devnull).status == 0
    assert not Path(os.devnull).is_file()
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    run("apps", "list", "--output-file", "pipe")
    with os.fdopen(reader) as pipe:
        assert json.loads(pipe.read())["ok"] is True
    assert files() == {"pipe"}
