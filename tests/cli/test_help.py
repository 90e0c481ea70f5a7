"""Help: each command has its examples, which work, and the exit statuses."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inngest_rest.calls import ROWS, commands
from inngest_rest_mock import MockServer, completes, waits_for
from inngest_rest_tools.command.command_line import command_line
from inngest_rest_tools.command.commands import GROUPS, find, local_commands, summary_of_group
from inngest_rest_tools.problems import EXIT_STATUS, Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inngest_rest import InngestClient
    from inngest_rest.call_row import CallRow
    from tests.support.command import Run

EXAMPLES = [(row, example) for row in commands() for example in row.examples]

CODES = [*Code]

# The ids in examples are of nothing.
_ID = r"\b01K9\w+|\b0d4a3f9e[-\w]+"


@pytest.mark.parametrize("row", ROWS, ids=lambda it: it.name)
def test_the_summary_of_a_call_is_the_first_line_of_its_docstring(row: CallRow) -> None:
    assert row.summary == row.description.partition("\n")[0]


@pytest.mark.parametrize("words", [[], ["runs"]], ids=["all", "group"])
def test_help_of_several_commands_loads_no_client(words: list[str]) -> None:
    script = f"""
import atexit, sys
from inngest_rest_tools.command import main
sys.argv = ["inngest-rest", *{words}, "--help"]
slow = {{"httpx", "msgspec", "inngest_rest.models", "inngest_rest_tools.answer"}}
slow.add("inngest_rest.client")
atexit.register(lambda: print("loaded:", *sys.modules.keys() & slow))
main()
"""
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1].strip() == "loaded:"


@pytest.mark.parametrize("row", commands(), ids=lambda it: it.command)
def test_each_command_has_its_examples_in_its_help_and_where_the_rest_is(
    row: CallRow, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    ran = run(*row.words, "--help")
    assert ran.status == 0
    assert all(command_line(row, example) in ran.out for example in row.examples)
    assert "each exit status: inngest-rest --help" in ran.out
    assert row.summary in ran.out


def test_the_help_of_all_lists_the_commands_and_what_each_exit_status_means(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = run("--help").out
    flat = {
        row.words[0]: row.summary.removesuffix(".") for row in commands() if "." not in row.command
    }
    local = {
        it.words[0]: it.description.partition("\n")[0].removesuffix(".")
        for it in local_commands().values()
        if len(it.words) == 1
    }
    groups = {name: summary_of_group(name) for name in GROUPS}
    for name, about in (groups | local | flat).items():
        assert re.search(rf"^    {name} +{re.escape(about)}$", out, re.MULTILINE)
    assert all(f"{EXIT_STATUS[code]}  {code.meaning}" in out for code in CODES)
    assert "141  the reader closed the output" in out


def test_the_help_of_all_is_printed_where_nothing_is_asked_for(run: Run) -> None:
    assert run() == run("--help")


@pytest.mark.parametrize("group", GROUPS)
def test_the_help_of_a_group_lists_what_each_of_its_commands_does(
    group: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ran = run(group, "--help")
    assert ran.status == 0
    assert run(group) == ran
    for row in commands():
        if row.words[0] == group:
            about = re.escape(row.summary.removesuffix("."))
            assert re.search(rf"^    {row.words[-1]} +{about}$", ran.out, re.MULTILINE)


def test_the_help_of_a_parameter_says_how_it_is_written_and_what_it_is_by_default(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = run("runs", "list", "--help").out
    assert "or how long ago: 90s, 15m, 2h, 7d" in out
    assert "By default 20." in out
    assert "JSON, @FILE, or - for standard input" in run("send", "--help").out


@pytest.mark.parametrize("row", commands(), ids=lambda row: row.command)
def test_the_help_of_an_option_says_its_default_once(row: CallRow) -> None:
    for option in find(row.words).arguments:
        assert option.help.lower().count("by default") <= 1, option.names


@pytest.mark.parametrize(
    ("columns", "tokens"),
    [
        *((columns, "runs list") for columns in ("0", "1", "2", "3", "12")),
        *(("1", tokens) for tokens in ("", "runs", "mock")),
    ],
)
def test_help_ends_on_a_terminal_however_narrow(
    columns: str, tokens: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    ran = run(*tokens.split(), "--help")
    assert ran.status == 0
    assert "--help" in ran.out


@pytest.fixture
def mock(folder: Path) -> MockServer:
    """Return a server that has what the examples name."""
    mock = MockServer(v1_routes=True, cloud=True)
    mock.function("shop", "charge", trigger="shop/order.created", run=completes({"paid": 1}))
    mock.function("shop", "approve", trigger="order/held", run=waits_for("order-1001-approved"))
    (folder / "events.ndjson").write_text('{"name": "shop/order.created"}\n')
    (folder / "orders.csv").write_text("total\n5\n")
    return mock


@pytest.fixture
def ids(mock: MockServer, client: InngestClient) -> dict[str, str]:
    """Return the ids to put in place of those of the examples, by group."""
    (event_id,) = client.send({"name": "shop/order.created", "id": "order-1001"})
    client.send({"name": "order/held"})
    cancellation = client.cancellations.create("shop", "shop-charge", started_before=mock.now)
    return {
        "events": event_id,
        "runs": mock.runs[0].id,
        "cancellations": cancellation.id,
        "webhooks": client.webhooks.create("orders", "function transform(evt) {}").id,
        "envs": client.envs.create("staging").id,
    }


@pytest.mark.parametrize(("row", "example"), EXAMPLES, ids=lambda each: getattr(each, "name", None))
def test_each_example_works(
    row: CallRow, example: Mapping[str, object], run: Run, ids: dict[str, str]
) -> None:
    line = re.sub(_ID, ids.get(row.words[0], ""), command_line(row, example))
    if (
        row.name == "cancellations.create"
    ):  # of Inngest Cloud; a self-hosted server expects the slug
        line = line.replace("charge", "shop-charge")
    ran = run(*shlex.split(line)[1:])
    if ran.status == EXIT_STATUS[Code.CONFIRMATION_NEEDED]:
        ran = run(*shlex.split(line)[1:], "--yes")
    # Runs of the world of the tests have failed, which a verdict says.
    assert ran.status in {0, EXIT_STATUS[Code.BROKEN]}, ran
    assert ran.out


FOR_AGENTS = ["schema", "mcp", "skill show", "skill install", "skill check"]


@pytest.mark.parametrize("command", FOR_AGENTS)
def test_each_example_of_a_command_for_agents_works(
    command: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    shown = run(*command.split(), "--help")
    assert shown.status == 0
    assert "each exit status:" in shown.out
    examples = re.findall(r"^  inngest-rest (.*\S)", shown.out, re.MULTILINE)
    assert examples
    assert all(each.startswith(command) for each in examples)
    if command == "mcp":
        return  # tests/mcp_server/test_stdio.py runs it
    run("skill", "install")
    assert [run(*shlex.split(each)).status for each in examples] == [0] * len(examples)
