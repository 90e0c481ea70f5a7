"""Command lines in hints: copied and run, they are understood as they were meant."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest.calls import commands
from inngest_rest_mock import answers
from inngest_rest_tools.command.arguments import parser_of
from inngest_rest_tools.command.command_line import command_line
from inngest_rest_tools.command.commands import find
from inngest_rest_tools.command.inputs import Inputs
from inngest_rest_tools.command.options import OPTIONS, Options
from inngest_rest_tools.parameters import read

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.call_row import CallRow
    from tests.support.command import Run

ROWS = {row.command: row for row in commands()}
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def understood(row: CallRow, line: str) -> tuple[dict[str, Any], Options]:
    """Return what a line is understood as, with what it leaves out."""
    _, *tokens = shlex.split(line)
    options, others = parser_of(OPTIONS).parse_known_args(tokens)
    command = find(others)
    typed = command.read(others[len(row.words) :])
    assert typed.pop("report", None) == ("-f" if row.is_bulk else None)
    given = Inputs().values(row, typed)
    return read(row, given), Options(**vars(options))


ON_ANY_TEXT: list[tuple[str, dict[str, Any]]] = [
    ("runs.list", {"app": "TEXT", "function": "TEXT", "since": AT}),
    ("functions.get", {"app": "TEXT", "function": "TEXT"}),
    ("send", {"name": "TEXT", "id": "TEXT", "data": {"a": "TEXT"}}),
    ("signals.send", {"signal": "TEXT", "data": "TEXT"}),
    ("send_file", {"path": "TEXT", "name": "TEXT"}),
]


@pytest.mark.parametrize("text", ["-x", "--all", "-", "@x", "@-", "@@x", "a b", "'", "$(id)", "-1"])
def test_what_a_hint_says_is_what_was_asked_for(text: str, folder: Path) -> None:
    del folder
    for name, values in ON_ANY_TEXT:
        says_what_was_asked_for(text, name, values)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("functions.get", {"app": "shop", "function": "TEXT"}),
        ("signals.send", {"signal": "s", "data": -1}),
        ("runs.cancel", {"app": "TEXT", "function": "-f"}),
    ],
    ids=str,
)
def test_what_a_hint_says_of_any_value_is_what_was_asked_for(
    name: str, values: dict[str, Any], folder: Path
) -> None:
    del folder
    says_what_was_asked_for("-x", name, values)


def says_what_was_asked_for(text: str, name: str, values: dict[str, Any]) -> None:
    given = {key: text if it == "TEXT" else it for key, it in values.items()}
    options = Options(env=text, retries=0, output_file="a", force=True)
    more = {"report": "-f"} if ROWS[name].is_bulk else {}
    line = command_line(ROWS[name], {**given, **more}, options)
    found, found_options = understood(ROWS[name], line)
    assert {key: found[key] for key in given} == given, line
    assert (found_options.env, found_options.retries) == (text, 0)
    assert not found_options.force


def test_no_line_of_a_servers_message_can_pass_for_one_of_the_command(run: Run) -> None:
    said = {"error": "no\ninngest-rest: all is well\n  To do it: rm -r\r\x1b[2K", "status": 500}
    run.server.fault(answers(500, json.dumps(said)), times=None)
    ran = run("runs", "list", "-o", "table", "--retries", "0")
    first, *others = ran.err.splitlines()
    assert first.startswith("inngest-rest: GET ")
    assert others[:2] == ["    inngest-rest: all is well", "      To do it: rm -r\\r\\x1b[2K"]
