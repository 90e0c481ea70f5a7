"""Exports: each row once, in a file that is whole or the one before."""

from __future__ import annotations

import csv
import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, InvalidArgumentError, errors
from inngest_rest.files import ExportReport
from inngest_rest_mock import MockServer, answers, completes, fails, sleeps
from tests.support.disk import fill_disk
from tests.support.run_lists import BEGAN, Listed, RunLists

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect
    from tests.support.clock import Clock

COUNT = 230
AN_HOUR = timedelta(hours=1)


def run_of(place: int) -> Listed:
    return Listed(
        "charge" if place % 3 else "ship",
        "FAILED" if place % 5 == 0 else "COMPLETED",
        waiting=1.0,
        running=place / 10,
        error=f"card {place} was declined" if place % 5 == 0 else "",
        queued_at=BEGAN + timedelta(seconds=place),
    )


@pytest.fixture
def client(connect: Connect) -> InngestClient:
    return connect(transport=RunLists(COUNT, run_of))


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    mock = MockServer(clock=clock.nanoseconds)
    mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": 1}))
    mock.function("shop", "ship", trigger="order/placed", run=fails("no stock\nin Berlin"))
    mock.function("shop", "nap", trigger="order/open", run=sleeps(AN_HOUR))
    return mock


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of an export, in whatever format."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ids(path: Path) -> list[str]:
    return [row["id"] for row in read(path)]


each_format = pytest.mark.parametrize("suffix", ["ndjson", "csv"])


@each_format
def test_an_export_has_each_run_once_in_the_order_of_the_list(
    client: InngestClient, tmp_path: Path, suffix: str
) -> None:
    path, told = tmp_path / f"runs.{suffix}", list[int]()
    report = client.runs.export(path, on_progress=told.append)
    assert report == ExportReport(path=str(path), rows=COUNT)
    assert ids(path) == [run.id for run in client.runs.list()]
    assert told == [100, 200, COUNT]
    assert [*tmp_path.iterdir()] == [path], "nothing else is left"
    assert oct(path.stat().st_mode)[-2:] == "00", "the owner's alone"


@pytest.mark.parametrize(("status", "error"), [("failed", "card 0 was declined"), (None, "")])
def test_runs_that_all_failed_are_exported_with_their_errors(
    client: InngestClient, tmp_path: Path, status: Any, error: str
) -> None:
    client.runs.export(tmp_path / "runs.csv", status=status)
    assert read(tmp_path / "runs.csv")[-1]["error_message"] == error


@each_format
def test_columns_have_durations_and_nested_fields_and_lines_are_dicts(
    client: InngestClient, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"runs.{suffix}"
    client.runs.export(path, include=["output"], status="failed")
    row = read(path)[0]
    run = next(iter(client.runs.list(status="failed", include_output=True)))
    if suffix == "ndjson":
        assert row == run.to_dict()
        return
    assert [*row] == [*run.to_dict(flat=True)]
    assert row["error_message"] == "card 225 was declined"
    assert (row["total_duration"], row["queued_at"]) == ("23.5", "2026-11-24T00:03:45+00:00")


@each_format
def test_the_columns_are_those_that_are_asked_for_with_their_names(
    client: InngestClient, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"runs.{suffix}"
    columns = {"run": "id", "why": "error.message"}
    client.runs.export(path, columns=columns, status="failed")
    rows = read(path)
    assert [*rows[0]] == ["run", "why"]
    assert rows[-1]["why"] == "card 0 was declined"


def test_a_column_within_json_and_what_it_is_read_with_need_no_include(
    connect: Connect, mock: MockServer, tmp_path: Path
) -> None:
    client = connect(transport=mock.transport)
    client.send({"name": "order/placed", "data": {"total": 5, "lines": [1]}})
    paths = ["id", "event.data.total", "event.data.lines", "event.data.absent", "error.message"]
    columns = {path.replace(".", "_"): path for path in paths}
    client.runs.export(tmp_path / "runs.csv", columns=columns, status="failed")
    [row] = read(tmp_path / "runs.csv")
    assert {key: row[key] for key in [*row][1:]} == {
        "event_data_total": "5",
        "event_data_lines": "[1]",
        "event_data_absent": "",
        "error_message": "no stock in Berlin",
    }


def test_events_and_traces_are_added_on_demand(
    connect: Connect, mock: MockServer, tmp_path: Path
) -> None:
    client = connect(transport=mock.transport)
    client.send({"name": "order/placed", "data": {"total": 5}})
    given: dict[str, Any] = {"include": ["event", "trace"]}
    client.runs.export(tmp_path / "runs.jsonl", **given)
    client.runs.export(tmp_path / "runs.csv", **given)
    rows, flat = read(tmp_path / "runs.jsonl"), read(tmp_path / "runs.csv")
    assert {row["function_id"] for row in rows} == {"charge", "ship"}
    for row in rows:
        assert row["event"]["data"] == {"total": 5}
        assert row["trace"]["run_id"] == row["id"]
        assert row["started_at"] == row["trace"]["started_at"]
    assert {row["event_data"] for row in flat} == {'{"total": 5}'}
    assert all(json.loads(row["trace"])["children"] is not None for row in flat)


@each_format
def test_events_are_exported_by_the_filters_of_their_list(
    connect: Connect, mock: MockServer, tmp_path: Path, suffix: str
) -> None:
    client = connect(transport=mock.transport)
    client.send([{"name": "order/placed", "data": {"n": n}} for n in range(9)])
    path = tmp_path / f"events.{suffix}"
    report = client.events.export(path, where="event.data.n > 6", columns={"n": "data.n"})
    assert report.rows == 2
    assert [int(row["n"]) for row in read(path)] == [8, 7]


def test_filters_that_are_evaluated_here_select_without_a_bound(
    client: InngestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inngest_rest._core.resources.run_lists.MOST_RUNS", 100)
    path = tmp_path / "runs.jsonl"
    client.runs.export(path, function="shop/ch*", where='run.id != ""', error_contains="CARD")
    expected = [it for it in map(run_of, range(COUNT)) if it.error and it.function == "charge"]
    assert len(read(path)) == len(expected)


# Whole, or the one before


@each_format
@pytest.mark.parametrize("cause", [KeyboardInterrupt, errors.ServerError, "full disk"])
def test_whatever_ends_an_export_the_file_is_the_one_before_and_nothing_is_left_beside_it(
    connect: Connect,
    mock: MockServer,
    tmp_path: Path,
    suffix: str,
    cause: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = connect(transport=mock.transport, retries=0)
    client.send([{"name": "order/placed"}] * 60)
    path = tmp_path / f"runs.{suffix}"
    client.runs.export(path, columns={"id": "id"})
    before = path.read_bytes()

    def interrupt(_: int) -> None:
        if cause is KeyboardInterrupt:
            raise KeyboardInterrupt
        if cause is errors.ServerError:
            mock.fault(answers(500, "down"), operation="list_runs_v2")

    if cause == "full disk":
        fill_disk(monkeypatch)
    expected = InvalidArgumentError if cause == "full disk" else cause
    with pytest.raises(expected):
        client.runs.export(path, on_progress=interrupt)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [*tmp_path.iterdir()] == [path]


def test_a_run_that_was_queued_before_a_window_and_ended_after_it_was_read_is_in_the_next_file(
    connect: Connect, mock: MockServer, clock: Clock, tmp_path: Path
) -> None:
    """As the recipe of the nightly export selects them: by their ends, with a margin."""
    client = connect(transport=mock.transport)
    client.send([{"name": "order/placed"}, {"name": "order/open"}])
    clock.advance(60)
    days: list[set[str]] = []
    for _ in range(2):
        path = tmp_path / f"runs-{len(days)}.ndjson"
        report = client.runs.export(path, ended_since=timedelta(hours=25), columns={"id": "id"})
        assert report.rows == len(ids(path))
        days.append(set(ids(path)))
        mock.advance(timedelta(hours=2))
        clock.advance(22 * 3_600)
    asleep = {run.id for run in mock.runs if run.function_id == "nap"}
    assert not asleep & days[0]
    assert asleep <= days[1]


@pytest.mark.parametrize(
    ("path", "arguments", "match"),
    [
        ("runs.txt", {}, r"path must end with \.ndjson, \.jsonl or \.csv, not '\.txt'"),
        ("runs.csv", {"include": ["evnt"]}, "unknown include .evnt'; did you mean 'event'"),
        ("runs.csv", {"columns": {"run": "idd"}}, "columns name no field 'idd'; did you mean 'id'"),
        ("runs.csv", {"columns": {"run": None}}, "have 'run': None, not two texts"),
        ("runs.csv", {"columns": ["id"]}, "map the name of each to a path"),
        ("runs.csv", {"columns": {}}, "columns are none"),
        ("runs.ndjson", {"escape_formulas": True}, "escape_formulas is for .csv, not for .ndjson"),
        ("absent/runs.csv", {}, "cannot use .*absent/runs.csv: no such file or directory"),
        ("caf\udce9.csv", {}, r"path must be a path in UTF-8, not '.*caf\\udce9.csv'"),
        ("x\0y.csv", {}, "path must be the path of a file"),
    ],
)
def test_a_mistake_is_named_before_anything_is_written(
    client: InngestClient, tmp_path: Path, path: str, arguments: dict[str, Any], match: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=match):
        client.runs.export(str(tmp_path / path), **arguments)
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(client: InngestClient, tmp_path: Path) -> None:
    pipe = tmp_path / "runs.csv"
    os.mkfifo(pipe)
    with pytest.raises(InvalidArgumentError, match=r"runs\.csv: it is not a regular file"):
        client.runs.export(pipe)
    assert [*tmp_path.iterdir()] == [pipe]


# What is in cells

TEXTS = {
    **dict.fromkeys(("a", 'say "hi"', '"', "a,b", "a;b", "\\", "it's", "\0", "=1+1", "NA")),
    "50 %\r100 %": "50 % 100 %",
    "a\r\n  b": "a b",
    "a\n": "a",
    "\u2028a\x85b": "a b",
}


def texts_of(texts: list[str], tmp_path: Path, connect: Connect, **given: Any) -> list[str]:
    def failed(place: int) -> Listed:
        return Listed(status="FAILED", error=texts[place])

    client = connect(transport=RunLists(len(texts), failed))
    client.runs.export(tmp_path / "runs.csv", include=["output"], **given)
    return [row["error_message"] for row in read(tmp_path / "runs.csv")][::-1]


def test_each_text_is_one_cell_of_csv_in_one_line(tmp_path: Path, connect: Connect) -> None:
    found = texts_of([*TEXTS], tmp_path, connect)
    assert [text.strip() for text in found] == [line or text for text, line in TEXTS.items()]
    assert len((tmp_path / "runs.csv").read_bytes().split(b"\n")) == len(TEXTS) + 2


def test_that_csv_has_quotes_can_be_seen_in_its_first_line(
    client: InngestClient, tmp_path: Path
) -> None:
    client.runs.export(tmp_path / "runs.csv")
    assert (tmp_path / "runs.csv").read_text(encoding="utf-8").startswith('"id","status",')


def test_on_demand_no_text_is_a_formula_of_a_spreadsheet(tmp_path: Path, connect: Connect) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1"]
    found = texts_of([*formulas, "1=1", "fine"], tmp_path, connect, escape_formulas=True)
    assert found == [*(f"'{each}" for each in formulas), "1=1", "fine"]
