"""Exports: every row once, whatever ends the process, and later calls add what came since."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from inngest_rest import InngestClient, InvalidArgumentError, errors
from inngest_rest._core import arrow
from inngest_rest._operations.export import formats
from inngest_rest._redaction import Redactor
from inngest_rest_mock import MockServer, completes, fails, sleeps
from tests.support.run_lists import BEGAN, Listed, RunLists

if TYPE_CHECKING:
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
def lists() -> RunLists:
    return RunLists(COUNT, run_of)


@pytest.fixture
def client(connect: Connect, lists: RunLists) -> InngestClient:
    return connect(transport=lists)


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    mock = MockServer(clock=clock.nanoseconds)
    mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": 1}))
    mock.function("shop", "ship", trigger="order/placed", run=fails("no stock"))
    mock.function("shop", "wait", trigger="order/open", run=sleeps(AN_HOUR))
    return mock


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of an export, in whatever format."""
    if path.is_dir():
        return arrow.load("pyarrow.parquet").read_table(path).to_pylist()  # type: ignore[no-any-return]
    if path.suffix == ".csv":
        return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def ids(path: Path, name: str = "id") -> list[str]:
    return [row[name] for row in read(path)]


each_format = pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])


@pytest.mark.parametrize(("status", "error"), [("failed", "card 0 was declined"), (None, "")])
def test_runs_that_all_failed_are_exported_with_their_errors(
    client: InngestClient, tmp_path: Path, status: str | None, error: str
) -> None:
    client.runs.export(tmp_path / "runs.csv", status=status)  # type: ignore[arg-type]
    assert read(tmp_path / "runs.csv")[-1]["error_message"] == error


@each_format
def test_an_export_has_each_run_once_in_the_order_of_the_list(
    client: InngestClient, tmp_path: Path, suffix: str
) -> None:
    path, told = tmp_path / f"runs.{suffix}", list[tuple[int, int]]()
    report = client.runs.export(path, on_progress=lambda *counts: told.append(counts))
    assert (report.path, report.rows, report.total_rows) == (str(path), COUNT, COUNT)
    assert ids(path) == [run.id for run in client.runs.list()]
    assert told[0] == (100, 100)
    assert told[-1] == (COUNT, COUNT)
    assert [*tmp_path.iterdir()] == [path], "nothing else is left"
    assert oct(path.stat().st_mode)[-2:] == "00", "the owner's alone"


@each_format
def test_columns_have_durations_and_nested_fields_and_lines_are_dicts(
    client: InngestClient, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"runs.{suffix}"
    client.runs.export(path, include=["output"], status="failed")
    row = read(path)[0]
    run = next(iter(client.runs.list(status="failed", include_output=True)))
    if suffix == "jsonl":
        assert row == run.to_dict()
        return
    assert [*row] == [*run.to_dict(flat=True)]
    assert row["error_message"] == "card 225 was declined"
    if suffix == "csv":
        assert (row["total_duration"], row["duration"]) == ("23.5", "")
        assert row["queued_at"] == "2026-11-24T00:03:45+00:00"
    else:
        assert row["total_duration"] == timedelta(seconds=23.5)
        assert row["queued_at"] == BEGAN + timedelta(seconds=225)


@each_format
def test_killed_at_any_moment_the_same_call_goes_on_without_gap_or_repeat(
    client: InngestClient, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "SAVE_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(formats, "ROWS_PER_FILE", 100)
    folder = tmp_path / "now"
    folder.mkdir()
    path, left = folder / f"runs.{suffix}", list[Path]()

    def leave(torn: int | None = None) -> None:
        """Keep the files as a process leaves them that is killed now."""
        left.append(tmp_path / str(len(left)))
        shutil.copytree(folder, left[-1])
        if torn is not None:
            os.truncate(left[-1] / path.name, torn)

    replace, sync = Path.replace, os.fsync

    def replaced(self: Path, target: Path) -> Path:
        leave()
        return replace(self, target)

    def synced(file: int) -> None:
        sync(file)
        if path.is_file() and os.fstat(file).st_ino == path.stat().st_ino:
            # What was written since the last state may be there in part.
            state = folder / "state"
            final = json.loads(state.read_text())["size"] if state.exists() else 0
            size = path.stat().st_size
            for torn in {final + 1, (final + size) // 2, size - 1} if size > final + 1 else ():
                leave(torn)

    monkeypatch.setattr(Path, "replace", replaced)
    monkeypatch.setattr(os, "fsync", synced)
    client.runs.export(path, state=folder / "state")
    expected = [run.id for run in client.runs.list()]
    assert ids(path) == expected
    monkeypatch.undo()
    assert len(left) > 5
    for each in left:
        shutil.rmtree(folder)
        shutil.copytree(each, folder)
        client.runs.export(path, state=folder / "state")
        assert ids(path) == expected, each.name


def test_what_was_done_before_an_error_is_kept_and_told(
    connect: Connect, lists: RunLists, tmp_path: Path
) -> None:
    path = tmp_path / "runs.csv"
    client = connect(transport=lists, retries=0)

    def fail(rows: int, _: int) -> None:
        if rows >= 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        client.runs.export(path, on_progress=fail)
    assert caught.value.__notes__ == [f"200 rows are in {path}: the same call goes on there"]
    asked = len(lists.asked)
    assert client.runs.export(path).rows == COUNT - 200
    assert len(lists.asked) - asked == 1, "no page is read twice"
    assert len(set(ids(path))) == COUNT


def test_an_interrupt_at_the_worst_moment_loses_and_repeats_no_row(
    client: InngestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, count, replace = tmp_path / "runs.jsonl", Counter[str](), msgspec.structs.replace

    def interrupted(state: Any, **changes: Any) -> Any:
        count["pages"] += 1
        if count["pages"] == 2:
            raise KeyboardInterrupt
        return replace(state, **changes)

    with monkeypatch.context() as patched:
        patched.setattr(msgspec.structs, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.runs.export(path)
    client.runs.export(path)
    assert ids(path) == [run.id for run in client.runs.list()]


def test_an_interrupt_among_the_rows_of_a_page_loses_and_repeats_no_row(
    client: InngestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, count = tmp_path / "runs.jsonl", Counter[str]()

    def interrupted(_: object, row: Any) -> Any:
        count["rows"] += 1
        if count["rows"] == 150:
            raise KeyboardInterrupt
        return row

    with monkeypatch.context() as patched:
        patched.setattr(Redactor, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            client.runs.export(path)
    assert len(ids(path)) == 100
    client.runs.export(path)
    assert ids(path) == [run.id for run in client.runs.list()]


def test_rows_are_written_when_many_wait_however_short(
    client: InngestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, waiting = tmp_path / "runs.jsonl", list[int]()
    monkeypatch.setattr(formats, "SAVE_AFTER_SECONDS", 3600.0)
    monkeypatch.setattr(formats, "ROWS_PER_FILE", 100)
    client.runs.export(path, on_progress=lambda rows, _: waiting.append(rows - len(ids(path))))
    assert len(waiting) > 2
    assert max(waiting) <= 100


def test_without_a_state_a_file_is_never_written_over(
    client: InngestClient, tmp_path: Path
) -> None:
    path = tmp_path / "runs.jsonl"
    client.runs.export(path)
    with pytest.raises(InvalidArgumentError, match=r"exists, and .*state does not: name another"):
        client.runs.export(path)
    assert len(ids(path)) == COUNT


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"status": "failed"}, "with status \\['completed'\\], not \\['failed'\\]"),
        ({"include": ["output"]}, "with include"),
        ({"format": "csv"}, "with format 'jsonl', not 'csv'"),
    ],
)
def test_the_state_of_another_export_is_refused(
    client: InngestClient, tmp_path: Path, changed: dict[str, Any], match: str
) -> None:
    path, state = tmp_path / "runs.jsonl", tmp_path / "state"
    given: dict[str, Any] = {"status": "completed", "state": state}
    client.runs.export(path, **given)
    with pytest.raises(InvalidArgumentError, match=match):
        client.runs.export(path, **{**given, **changed})


def test_a_state_that_is_none_or_whose_file_was_cut_is_refused(
    client: InngestClient, tmp_path: Path
) -> None:
    path, state = tmp_path / "runs.jsonl", tmp_path / "state"
    client.runs.export(path, state=state)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InvalidArgumentError, match="which somebody has changed"):
        client.runs.export(path, state=state)
    state.write_text('{"version":2}')
    with pytest.raises(InvalidArgumentError, match="is not the state of an export"):
        client.runs.export(path, state=state)


@pytest.mark.parametrize("name", ["runs.jsonl", "runs.parquet"])
def test_two_exports_to_one_file_exclude_each_other(
    connect: Connect, lists: RunLists, tmp_path: Path, name: str
) -> None:
    pytest.importorskip("fcntl")
    told = Counter[str]()

    def second(*_: int) -> None:
        is_refused = pytest.raises(InvalidArgumentError, match="is written by another export")
        with InngestClient(dev=True, transport=lists) as other, is_refused:
            other.runs.export(tmp_path / name)
        told["refused"] += 1

    connect(transport=lists).runs.export(tmp_path / name, on_progress=second)
    assert told["refused"] == 3


@pytest.mark.parametrize(
    ("path", "arguments", "match"),
    [
        ("runs.txt", {}, r"unknown format .txt.; valid values: jsonl, csv, parquet"),
        ("runs.csv", {"include": ["evnt"]}, "unknown include .evnt'; did you mean 'event'"),
        ("runs.csv", {"state": "s", "until": AN_HOUR}, "state also covers later rows"),
        ("runs.jsonl", {"format": "parqet"}, "unknown format 'parqet'; did you mean 'parquet'"),
        ("runs.jsonl", {"state": "\0"}, "state must be the path of a file"),
    ],
)
def test_a_mistake_is_named_before_anything_is_written(
    client: InngestClient, tmp_path: Path, path: str, arguments: dict[str, Any], match: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=match):
        client.runs.export(tmp_path / path, **arguments)
    assert not [*tmp_path.iterdir()]


def test_parquet_without_its_library_says_what_to_install(
    client: InngestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(arrow, "import_module", absent)
    with pytest.raises(errors.ConfigurationError, match=r"pip install 'inngest-rest\[arrow\]'"):
        client.runs.export(tmp_path / "runs.parquet")


def test_filters_that_are_evaluated_here_select_without_a_bound(
    client: InngestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inngest_rest._core.resources.runs.MOST_RUNS", 100)
    path = tmp_path / "runs.jsonl"
    client.runs.export(path, function="shop/ch*", where='run.id != ""', error_contains="CARD")
    expected = [it for it in map(run_of, range(COUNT)) if it.error and it.function == "charge"]
    rows = read(path)
    assert len(rows) == len(expected)
    assert {row["function_id"] for row in rows} == {"charge"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        '{"exec":1}',
        '{"version":2}',
        '{"version":1,"asked":{},"path":1}',
        '{"version":1,"asked":{},"path":"","size":-5}',
        '{"version":1,"asked":{},"path":"","since":"2026-11-24T00:00:00"}',
        '{"version":1,"asked":{},"path":"","token":"none"}',
        '{"version":1,"asked":{"runs":',
        "[" * 100_000,
    ],
)
def test_a_malformed_state_is_refused_in_a_sentence_that_says_what_to_do(
    client: InngestClient, tmp_path: Path, content: str
) -> None:
    path, state = tmp_path / "runs.jsonl", tmp_path / "state"
    state.write_text(content)
    with pytest.raises(InvalidArgumentError) as caught:
        client.runs.export(path, state=state)
    how = f"delete it and {path} to begin anew, or name other files"
    assert str(caught.value) == (f"state {state} is not the state of an export, or damaged: {how}")
    assert ([*tmp_path.iterdir()], state.read_text()) == ([state], content)


@pytest.mark.parametrize("kind", ["events", "runs"])
@pytest.mark.parametrize("field", ["since", "until"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_state_with_a_time_that_utc_does_not_have_is_damaged(
    connect: Connect, mock: MockServer, tmp_path: Path, kind: str, field: str, time: str
) -> None:
    client = connect(transport=mock.transport)
    path, state = tmp_path / "rows.jsonl", tmp_path / "state"
    export_rows = getattr(client, kind).export
    export_rows(path, state=state)
    state.write_text(json.dumps({**json.loads(state.read_text()), field: time}))
    with pytest.raises(InvalidArgumentError, match="is not the state of an export, or damaged"):
        export_rows(path, state=state)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("state", [None, "state"])
def test_a_pipe_is_refused_and_not_waited_for(
    client: InngestClient, tmp_path: Path, state: str | None
) -> None:
    pipe = tmp_path / "runs.csv"
    os.mkfifo(pipe)
    given: Any = {} if state is None else {"state": tmp_path / state}
    with pytest.raises(InvalidArgumentError, match=r"runs\.csv: it is not a regular file"):
        client.runs.export(pipe, **given)
    assert [*tmp_path.iterdir()] == [pipe]


@pytest.mark.parametrize(
    ("path", "state", "match"),
    [
        ("absent/runs.csv", None, "cannot use .*absent/runs.csv: no such file or directory"),
        ("runs.csv", "absent/state", "cannot use .*absent/state: no such file or directory"),
        ("runs.csv", ".", "cannot use .*: it is not a regular file"),
        ("file.parquet", None, "cannot use .*file.parquet: not a directory"),
        ("caf\udce9.csv", None, r"path must be a path in UTF-8, not '.*caf\\udce9.csv'"),
        ("caf\udce9/runs.csv", None, "path must be a path in UTF-8"),
        ("runs.csv", "caf\udce9", "state must be a path in UTF-8"),
        ("x\0y.csv", None, "path must be the path of a file"),
        ("runs.csv", "", "state must be the path of a file, not ''"),
    ],
)
def test_files_that_cannot_be_used_are_named_in_a_sentence_and_none_is_made(
    client: InngestClient, tmp_path: Path, path: str, state: str | None, match: str
) -> None:
    (tmp_path / "file.parquet").touch()
    before = [*tmp_path.iterdir()]
    given: Any = {} if state is None else {"state": state and str(tmp_path / state)}
    with pytest.raises(InvalidArgumentError, match=match):
        client.runs.export(str(tmp_path / path), **given)
    assert [*tmp_path.iterdir()] == before


def test_in_a_folder_whose_name_is_not_utf_8_an_export_is_refused(
    client: InngestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "absolute", lambda self: tmp_path / "caf\udce9" / self)
    with pytest.raises(InvalidArgumentError, match="path must be a path in UTF-8"):
        client.runs.export("runs.csv")


@pytest.mark.parametrize("last", [3, 4], ids=["rows", "state"])
@each_format
def test_on_a_full_disk_whole_rows_are_kept_and_the_same_call_goes_on(
    client: InngestClient, tmp_path: Path, suffix: str, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "SAVE_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(formats, "ROWS_PER_FILE", 100)
    path, sync, told = tmp_path / f"runs.{suffix}", os.fsync, Counter[str]()

    def full(file: int) -> None:
        told["writes"] += 1
        if told["writes"] > last:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidArgumentError, match="no space left on device") as caught:
        client.runs.export(path)
    assert len(ids(path)) == (100 if last == 3 else 200), "no half of a row"
    note = f"100 rows are in {path}: the same call goes on there"
    assert caught.value.__notes__ == [note]
    monkeypatch.undo()
    client.runs.export(path)
    assert ids(path) == [run.id for run in client.runs.list()]


# What is in cells

TEXTS = [
    *("50 %\r100 %", "\r", "a\r\nb", "a\n", 'say "hi"', '"', "a,b", "a;b", "\\", "it's", " "),
    *("\u2028", "\x85", "\0", "=1+1", "NA"),
]


def texts_of(tmp_path: Path, connect: Connect, **given: Any) -> list[str]:
    def failed(place: int) -> Listed:
        return Listed(status="FAILED", error=TEXTS[place])

    client = connect(transport=RunLists(len(TEXTS), failed))
    client.runs.export(tmp_path / "runs.csv", include=["output"], **given)
    with (tmp_path / "runs.csv").open(encoding="utf-8", newline="") as file:
        return [row["error_message"] for row in csv.DictReader(file)][::-1]


def test_each_text_is_one_cell_of_csv(tmp_path: Path, connect: Connect) -> None:
    assert texts_of(tmp_path, connect) == TEXTS


def test_that_csv_has_quotes_can_be_seen_in_its_first_line(
    client: InngestClient, tmp_path: Path
) -> None:
    client.runs.export(tmp_path / "runs.csv")
    assert (tmp_path / "runs.csv").read_text(encoding="utf-8").startswith('"id","status",')


def test_on_demand_no_text_is_a_formula_of_a_spreadsheet(
    tmp_path: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]
    monkeypatch.setitem(globals(), "TEXTS", [*formulas, "1=1", "fine"])
    found = texts_of(tmp_path, connect, escape_formulas=True)
    assert found == [*(f"'{each}" for each in formulas), "1=1", "fine"]


def test_rows_with_and_without_escaped_formulas_are_not_mixed(
    client: InngestClient, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"path": tmp_path / "runs.csv", "state": tmp_path / "state"}
    client.runs.export(**given, escape_formulas=True)
    with pytest.raises(InvalidArgumentError, match="with escape_formulas True, not None"):
        client.runs.export(**given)
    with pytest.raises(InvalidArgumentError, match="escape_formulas is for CSV, not for jsonl"):
        client.runs.export(tmp_path / "runs.jsonl", escape_formulas=True)


# Later calls


def settle(clock: Clock) -> None:
    """Let what has happened become old enough."""
    clock.advance(40)


def test_later_calls_add_what_came_since_each_run_once_it_has_ended(
    connect: Connect, mock: MockServer, tmp_path: Path
) -> None:
    client = connect(transport=mock.transport)
    path, state = tmp_path / "runs.jsonl", tmp_path / "state"
    for _ in range(3):
        client.send([{"name": "order/placed"}, {"name": "order/open"}])
        ended = [run.id for run in mock.runs if run.ended_at]
        report = client.runs.export(path, state=state)
        assert report.total_rows == len(ended)
        assert Counter(ids(path)) == Counter(ended)
        mock.advance(timedelta(minutes=25))
    assert len(ids(path)) == 6
    mock.advance(AN_HOUR)
    last = client.runs.export(path, state=state)
    assert (last.rows, last.total_rows) == (3, 9)
    assert {row["status"] for row in read(path)} == {"completed", "failed"}


def test_a_run_that_fails_later_is_of_those_that_failed(connect: Connect, tmp_path: Path) -> None:
    mock = MockServer()
    mock.function("shop", "late", trigger="order/placed", run=sleeps(AN_HOUR, fails("late")))
    client = connect(transport=mock.transport)
    path = tmp_path / "runs.jsonl"
    given: dict[str, Any] = {"state": tmp_path / "state", "error_contains": "late"}
    client.send({"name": "order/placed"})
    assert client.runs.export(path, **given).rows == 0
    mock.advance(timedelta(hours=2))
    assert [client.runs.export(path, **given).rows for _ in range(2)] == [1, 0]
    assert [row["status"] for row in read(path)] == ["failed"]


def test_a_state_goes_on_in_another_file_and_not_before_the_first_is_whole(
    client: InngestClient, tmp_path: Path
) -> None:
    state, told = tmp_path / "state", Counter[str]()

    def interrupt(*_: int) -> None:
        told["calls"] += 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.runs.export(tmp_path / "monday.csv", state=state, on_progress=interrupt)
    with pytest.raises(InvalidArgumentError, match=r"monday.csv, which is to be finished first"):
        client.runs.export(tmp_path / "tuesday.csv", state=state)
    assert not (tmp_path / "tuesday.csv").exists()
    client.runs.export(tmp_path / "monday.csv", state=state)
    report = client.runs.export(tmp_path / "tuesday.csv", state=state)
    assert (report.rows, report.total_rows) == (0, 0)
    assert len(ids(tmp_path / "monday.csv")) == COUNT


def test_a_window_of_the_last_hours_is_that_of_the_first_call(
    connect: Connect, mock: MockServer, tmp_path: Path
) -> None:
    client = connect(transport=mock.transport)
    path = tmp_path / "runs.jsonl"
    given: dict[str, Any] = {"since": AN_HOUR}
    client.send([{"name": "order/placed"}] * 60)

    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.runs.export(path, on_progress=interrupt, **given)
    mock.advance(timedelta(hours=3))
    client.runs.export(path, **given)
    assert Counter(ids(path)) == Counter(run.id for run in mock.runs)


# With more than a list has


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
    assert all(float(row["duration"]) >= 0 for row in flat)


# Events


@each_format
def test_events_are_exported_once_and_later_calls_add_those_received_since(
    connect: Connect, mock: MockServer, clock: Clock, tmp_path: Path, suffix: str
) -> None:
    client = connect(transport=mock.transport)
    path, state = tmp_path / f"events.{suffix}", tmp_path / "state"
    for batch in range(3):
        client.send([{"name": "order/placed", "data": {"n": n}} for n in range(40)])
        client.send({"name": "order/other"})
        settle(clock)
        report = client.events.export(path, name="order/placed", state=state)
        assert (report.rows, report.total_rows) == (40, 40 * (batch + 1))
    found = Counter(ids(path, "internal_id"))
    assert found == Counter(it.internal_id for it in client.events.list(name="order/placed"))


@pytest.mark.parametrize("kind", ["runs", "events"])
def test_killed_before_its_state_is_removed_a_whole_export_adds_no_row(
    kind: str,
    connect: Connect,
    mock: MockServer,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, path = connect(transport=mock.transport), tmp_path / "all.jsonl"
    client.send([{"name": "order/placed", "data": {"n": n}} for n in range(3)])
    settle(clock)

    unlink = Path.unlink

    def killed(self: Path, missing_ok: bool = False) -> None:
        if self.suffix == ".state":
            raise KeyboardInterrupt
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", killed)
    with pytest.raises(KeyboardInterrupt):
        getattr(client, kind).export(path)
    monkeypatch.undo()
    before = path.read_text()
    assert getattr(client, kind).export(path).rows == 0
    assert path.read_text() == before
    assert [*tmp_path.iterdir()] == [path]


def test_events_are_selected_by_an_expression(
    connect: Connect, mock: MockServer, tmp_path: Path
) -> None:
    client = connect(transport=mock.transport)
    client.send([{"name": "order/placed", "data": {"n": n}} for n in range(9)])
    client.events.export(tmp_path / "events.jsonl", where="event.data.n > 6")
    assert [row["data"]["n"] for row in read(tmp_path / "events.jsonl")] == [8, 7]
