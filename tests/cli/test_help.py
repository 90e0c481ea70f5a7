"""Help: each command has its examples, which work, and the exit statuses."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inngest_rest.cli import groups
from inngest_rest.operations import table
from inngest_rest.operations.problems import EXIT_STATUS, MEANING, Code
from inngest_rest.testing import MockServer, completes, waits_for

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.support.command import Run

OPERATIONS = {each.name: each for each in table.every()}
EXAMPLES = [(name, example) for name, each in OPERATIONS.items() for example in each.examples]

# The ids in examples are of nothing.
_ID = r"\b01K9\w+|\b0d4a3f9e[-\w]+"


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_command_has_an_example_and_the_exit_statuses_in_its_help(
    name: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    operation = OPERATIONS[name]
    ran = run(*operation.command, "--help")
    assert ran.status == 0
    command = " ".join(["inngest-rest", *operation.command])
    assert f"{command} {operation.examples[0]}" in ran.out
    assert all(f"{EXIT_STATUS[code]} {code.replace('_', ' ')}" in ran.out for code in Code)
    assert operation.summary in ran.out


def test_the_help_of_all_lists_the_groups_and_what_each_exit_status_means(run: Run) -> None:
    out = run("--help").out
    assert all(name in out for name in table.GROUPS if name != "sending")
    flat = [pair for commands in groups.FLAT.values() for pair in commands.items()]
    assert all(re.search(f"│ {name} +{about}", out) for name, about in flat)
    assert all(f"{EXIT_STATUS[code]}  {MEANING[code]}" in out for code in Code)
    assert "141  nobody reads the output any more" in out


def test_the_help_of_all_is_printed_where_nothing_is_asked_for(run: Run) -> None:
    assert run() == run("--help")


def test_the_documentation_has_each_exit_status_with_its_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| `?(\w*)`? ?\|", text, re.MULTILINE))
    codes = {str(EXIT_STATUS[code]): code.value for code in Code}
    assert rows == {"0": "", **codes, "141": ""}


@pytest.mark.parametrize("group", [name for name in table.GROUPS if name not in groups.FLAT])
def test_the_help_of_a_group_lists_what_each_of_its_commands_does(
    group: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = run(group, "--help").out
    for each in table.group(group):
        about = re.escape(each.summary.removesuffix("."))
        assert re.search(rf"│ {each.command[-1]} +{about} +│", out)


def test_the_commands_without_a_group_are_those_of_their_operations() -> None:
    for name, commands in groups.FLAT.items():
        assert [each.command[0] for each in table.group(name)] == list(commands)
    flat = {each.name.partition(".")[0] for each in OPERATIONS.values() if "." not in each.name}
    assert flat == {each.name for name in groups.FLAT for each in table.group(name)}


def test_the_help_of_a_parameter_says_how_it_is_written_and_what_it_is_by_default(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = run("runs", "list", "--help").out
    assert "or how long ago by this machine's clock: 90s, 15m, 2h, 7d" in out
    assert "By default 20." in out
    assert "JSON, @FILE, or - for standard input" in run("send", "--help").out


@pytest.fixture
def mock(folder: Path) -> MockServer:
    """Return a server that has what the examples name."""
    mock = MockServer(v1_routes=True)
    mock.function("shop", "charge", trigger="shop/order.created", run=completes({"paid": 1}))
    mock.function("shop", "approve", trigger="order/held", run=waits_for("order-1001-approved"))
    (folder / "order.json").write_text(json.dumps({"order": 1}))
    (folder / "events.json").write_text(json.dumps([{"name": "shop/order.created"}]))
    (folder / "events.ndjson").write_text('{"name": "shop/order.created"}\n')
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
        "webhooks": client.webhooks.create(name="orders").id,
    }


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_each_example_works(name: str, example: str, run: Run, ids: dict[str, str]) -> None:
    operation = OPERATIONS[name]
    example = re.sub(_ID, ids.get(name.partition(".")[0], ""), example)
    if name == "cancellations.create":  # of Inngest Cloud; a self-hosted server expects the slug
        example = example.replace("charge", "shop-charge")
    ran = run(*operation.command, *shlex.split(example))
    assert ran.status == 0, ran
    assert ran.out
