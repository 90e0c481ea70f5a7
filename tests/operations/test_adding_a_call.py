"""A call that is declared once, by a method and a row, is there for every program."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from inngest_rest import calls
from inngest_rest.call_row import CallRow, Effect
from inngest_rest.client.runs import Runs
from inngest_rest_tools import schemas
from inngest_rest_tools.command import program
from inngest_rest_tools.parameter import Kind
from inngest_rest_tools.parameters import parameters
from inngest_rest_tools.tools import Tools
from tests.operations.cases import World

if TYPE_CHECKING:
    from datetime import datetime, timedelta

ROW = CallRow(
    name="runs.archive",
    effect=Effect.CHANGE,
    is_repeatable=False,
    examples=({"id": "01K9V2D6N9P1R7Z4W8X3Y5A0BC", "until": "2h"},),
)


def archive(
    self: Runs, id: str, *, until: datetime | timedelta | None = None, raw: bool = False
) -> str:
    """Archive a run, and return the id of the copy.

    It can be read all the same.

    Args:
        id: The run's id.
        until: When to delete it. An aware datetime, or a timedelta.
        raw: Whether to keep None of its names.

    Raises:
        NotFoundError: No such run.

    HTTP: `POST /v2/runs/{runId}/archive`.
    """
    return f"copy of {self.get(id).id} {until} {raw}"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(Runs, "archive", archive, raising=False)
    monkeypatch.setattr(calls, "ROWS", (*calls.ROWS, ROW))
    return World(tmp_path)


@pytest.mark.usefixtures("world")
def test_its_parameters_are_those_of_the_method() -> None:
    id_, until, raw = parameters(ROW)
    assert (id_.kind, id_.is_required, id_.is_positional) == (Kind.TEXT, True, True)
    assert (until.kind, until.is_required, until.is_positional) == (Kind.MOMENT, False, False)
    assert until.help.startswith("When to delete it. ISO 8601")
    assert (raw.kind, raw.default, raw.help) == (
        Kind.FLAG,
        False,
        "Whether to keep null of its names.",
    )


def test_it_is_a_tool(world: World) -> None:
    tools = Tools(world.client)
    (tool,) = (each for each in tools.all() if each.name == "runs_archive")
    assert tool.annotations is not None
    assert tool.annotations.destructive_hint
    assert tool.description == "Archive a run, and return the id of the copy."
    answer: Any = tools.call("runs_archive", {"id": world.run_id, "until": "90s"})
    assert answer.data["run_id"] == f"copy of {world.run_id} 0:01:30 False"
    assert tools.call("runs_archive", {"id": world.run_id, "untill": "90s"}).error is not None
    assert "runs_archive" not in [each.name for each in Tools(world.client, read_only=True).all()]


def test_it_is_a_command(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["runs", "archive", "--help"]) == 0
    help_text = capsys.readouterr().out
    assert "It can be read all the same." in help_text
    assert "Whether to keep null of its names." in help_text
    assert "inngest-rest runs archive 01K9V2D6N9P1R7Z4W8X3Y5A0BC --until 2h" in help_text
    with world.mock.serve() as url:
        monkeypatch.setenv("INNGEST_DEV", url)
        assert program.run(["runs", "archive", world.run_id, "--raw", "-o", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["command"] == "runs.archive"
    assert answer["data"]["run_id"] == f"copy of {world.run_id} None True"


@pytest.mark.usefixtures("world")
def test_it_is_described() -> None:
    schema = schemas.of_parameters(ROW)
    assert schema["description"].startswith("Archive a run, and return the id of the copy.")
    jsonschema.Draft202012Validator(schema).validate(ROW.examples[0])


FOLDERS = sorted(path.parent for path in Path(calls.__file__).parent.glob("*/rows.py"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda it: it.name)
def test_a_capability_without_its_rows_is_in_no_program(folder: Path, tmp_path: Path) -> None:
    """Its rows are nowhere but in its folder: without them, its calls are not in the table."""
    shutil.copytree(folder.parent, tmp_path / "inngest_rest")
    (tmp_path / "inngest_rest" / folder.name / "rows.py").unlink()
    code = "from inngest_rest.calls import ROWS; print(*(row.name for row in ROWS))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path)},
    )
    gone = {row.name for row in calls.ROWS} - set(ran.stdout.split())
    rows = (folder / "rows.py").read_text(encoding="utf-8")
    assert gone
    assert all(f'"{name}"' in rows for name in gone)
