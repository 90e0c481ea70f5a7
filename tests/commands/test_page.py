"""Each command on the page about the command line runs, and prints what the page shows."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import field, fields, frozen

from inngest_rest import InngestClient
from inngest_rest_mock import MockServer
from inngest_rest_tools.answer import Envelope
from inngest_rest_tools.command.local import add_shop
from inngest_rest_tools.command.program import run
from inngest_rest_tools.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs/guides/command-line.md"
TEXT = PAGE.read_text(encoding="utf-8")

# Ids on the page: those of a run that failed, of one that is running, and of their event.
FAILED, RUNNING = "01K9V2D6N9P1R7Z4W8X3Y5A0BC", "01K9V2F3G6H8J1K4M7N0P2Q5RS"
EVENT = "01K9V2C4B7M0Q8Y3T5R6S1D2F4"

# They do not end by themselves, or need the network; `mock` has tests of its own.
NOT_RUN = ("pip ", "uv ", "uvx ", "pipx ", "export ", "inngest-rest mock")


@frozen
class Line:
    """A command, its output and its exit status."""

    command: str
    output: str = field(repr=False)
    status: int


def blocks() -> Iterator[tuple[str, list[Line]]]:
    for found in re.finditer(r"^```console\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        number = TEXT.count("\n", 0, found.start()) + 1
        yield (
            f"line {number}",
            [line_of(each) for each in re.split(r"^\$ ", joined(found[1]), flags=re.MULTILINE)[1:]],
        )


def joined(block: str) -> str:
    return re.sub(r"\\\n +", "", block)


def line_of(text: str) -> Line:
    command, _, output = text.partition("\n")
    exits = re.search(r"# exits with (\d+)$", command)
    return Line(command.partition("    #")[0], output, int(exits[1]) if exits else 0)


BLOCKS = dict(blocks())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MockServer]:
    """Serve the shop of the page, one of whose runs has failed; the environment names it."""
    server = MockServer()
    add_shop(server)
    with InngestClient(dev=True, transport=server.transport) as client:
        client.send({"name": "app/order.created", "data": {"total": 900}})
    orders = [{"name": "app/order.created", "data": {"total": total}} for total in (5, 900)]
    lines = [json.dumps(each) for each in (*orders, {"name": "app/order.paid"})]
    (tmp_path / "events.ndjson").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "orders.csv").write_text("total\n5\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("INNGEST_REST_OUTPUT", "table")
    with server.serve() as url:
        monkeypatch.setenv("INNGEST_DEV", url)
        yield server


@pytest.mark.parametrize("name", BLOCKS)
def test_commands_run_and_print_what_the_page_shows(
    name: str,
    server: MockServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = {run.function_id: run.id for run in server.runs}
    named = {FAILED: ids["charge"], RUNNING: ids["ship"], EVENT: server.events[0].internal_id}
    for line in BLOCKS[name]:
        if line.command.startswith(NOT_RUN):
            continue
        status = 0
        for part in line.command.split(" | "):
            program, *arguments = shlex.split(part)
            assert program == "inngest-rest"
            monkeypatch.setattr(sys, "stdin", io.StringIO(capsys.readouterr().out))
            status = run([named.get(each, each) for each in arguments])
        captured = capsys.readouterr()
        assert status == line.status, captured.err
        if line.output:
            assert normal(captured.out + captured.err) == normal(line.output)


def normal(text: str) -> str:
    """Return text without what differs from one run to the next."""
    text = re.sub(r"\b01[0-9A-Z]{24}\b", "ULID", text)
    text = re.sub(r"--confirm \S+", "--confirm TOKEN", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00:00)?", "TIME", text)
    return re.sub(r"http://127\.0\.0\.1:\d+", "URL", text)


def test_the_form_of_an_answer_is_described(
    server: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["runs", "get", "0" * 26, "-o", "json"]) == 4
    envelope: dict[str, Any] = json.loads(capsys.readouterr().out)
    described = re.search(r"^The object has (.*?), in this order", TEXT, re.MULTILINE | re.DOTALL)
    assert described is not None
    names = set(re.findall(r"`(\w+)`", described[1])) - {"next"}
    public = {it.name for kind in (Envelope, Problem) for it in fields(kind)}
    assert names == {it for it in public if not it.startswith("_")}
    assert envelope["error"]["code"] == "not_found"
    assert server.now.utcoffset() == timedelta(0)
