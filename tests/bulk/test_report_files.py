"""Report files: a row on disk before its request, for one act alone, whatever interrupts it."""

from __future__ import annotations

import errno
import json
import os
import stat
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    InngestClient,
    InvalidArgumentError,
    PartialActionError,
    ReportFinishedError,
    ServerError,
)
from inngest_rest.bulk import ActionOutcome, ActionReport, ActionRow
from inngest_rest.bulk._report_file import ReportFile
from inngest_rest_mock import (
    MockEvent,
    MockServer,
    answers,
    completes,
    fails,
    sleeps,
)
from tests.bulk.starting import start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Connect
    from tests.support.clock import Clock


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer()
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(timedelta(hours=1)))
    mock.function("shop", "boom", trigger="app/boom", run=fails("boom"))
    mock.function("shop", "ok", trigger="app/ok", run=completes(1))
    return mock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.jsonl"


def acts(mock: MockServer) -> int:
    """Return how many requests cancelled, replayed or invoked."""
    return sum(each.method != "GET" and "/e/" not in each.path for each in mock.requests)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def on_disk(path: Path) -> dict[int, str]:
    """Return the outcome of each position, as its last line says it."""
    return {row["position"]: row["outcome"] for row in lines(path)[1:]}


class Killed(BaseException):
    """Stands for a kill: no code of the job runs after it but `finally`."""


def kill_at(count: int) -> Callable[[ActionRow], None]:
    """Return what ends a job when it has seen so many rows."""
    seen: list[ActionRow] = []

    def see(row: ActionRow) -> None:
        seen.append(row)
        if len(seen) == count:
            raise Killed

    return see


# What is on disk


def test_each_row_is_on_disk_before_its_request(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    seen: list[dict[int, str]] = []

    def look(_: MockEvent) -> None:
        if path.exists():
            seen.append(on_disk(path))

    mock.function("shop", "look", trigger="app/look", run=look)
    ids = start(client, mock, "app/look", 3)
    report = client.runs.replay_all(ids, report_path=path, in_flight=1)
    assert seen == [
        {0: "unknown", 1: "not_tried", 2: "not_tried"},
        {0: "done", 1: "unknown", 2: "not_tried"},
        {0: "done", 1: "done", 2: "unknown"},
    ]
    assert on_disk(path) == {0: "done", 1: "done", 2: "done"}
    assert report.counts == {"done": 3}


def test_the_file_is_for_people_and_says_what_was_asked_for(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    (id,) = start(client, mock, "app/boom", 1)
    report = client.runs.replay_all(app="shop", since=timedelta(hours=2), report_path=path)
    first, selected, begun, done = lines(path)
    assert report.since is not None
    assert report.until is not None
    assert first == {
        "report": 1,
        "action": "runs.replay",
        "selection": {"app": "shop", "since": "2h ago"},
        "server": "http://127.0.0.1:8288",
        "environment": None,
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "row_count": 1,
    }
    assert [each["id"] for each in (selected, begun, done)] == [id] * 3
    assert done["new_run_id"] == report.rows[0].new_run_id
    assert None not in done.values()


def test_the_file_is_of_its_owner_alone(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    ids = start(client, mock, "app/nap", 1)
    made = path.with_name("made")
    made.touch(0o644)
    before = os.umask(0)
    try:
        client.runs.cancel_all(ids, report_path=path)
        client.runs.cancel_all(ids, report_path=made)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(each.stat().st_mode) for each in (path, made)} == {0o600}
    assert sorted(path.parent.iterdir()) == [made, path]


def test_a_dry_run_and_a_mistake_leave_no_file(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    start(client, mock, "app/nap", 1)
    assert client.runs.cancel_all(app="shop", dry_run=True, report_path=path).counts
    with pytest.raises(InvalidArgumentError, match=r"ids\[0\]"):
        client.runs.cancel_all(["a/b"], report_path=path)
    mock.fault(answers(500, "down"), path="/v*/runs", times=None)
    with pytest.raises(ServerError):
        client.runs.cancel_all(app="shop", report_path=path)
    assert not path.exists()


# Resuming


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_was_begun_when_it_was_killed_is_looked_up_and_not_asked_again(
    client: InngestClient, mock: MockServer, path: Path, count: int
) -> None:
    ids = start(client, mock, "app/boom", 3)
    with pytest.raises(Killed):
        client.runs.replay_all(ids, report_path=path, in_flight=1, on_result=kill_at(count))
    text = path.read_text()
    # As if the outcome of the last one had never been written.
    path.write_text(text[: text.rstrip().rfind("\n") + 1])
    assert on_disk(path)[count - 1] == "unknown"
    report = client.runs.replay_all(ids, report_path=path)
    assert report.counts == {"done": 3}
    assert len(mock.runs) == 6
    assert on_disk(path) == dict.fromkeys(range(3), "done")


def test_a_torn_end_is_dropped(client: InngestClient, mock: MockServer, path: Path) -> None:
    ids = start(client, mock, "app/nap", 2)
    client.runs.cancel_all(ids, report_path=path, in_flight=1)
    text = path.read_bytes()
    whole = text.splitlines(keepends=True)
    # From the first request on; before, the file is begun anew.
    for size in range(len(b"".join(whole[:3])), len(text) - 1, 7):
        path.write_bytes(text[:size])
        report = client.runs.cancel_all(ids, report_path=path)
        assert [row.id for row in report.rows] == ids
        assert on_disk(path) == {row.position: row.outcome for row in report.rows}
        assert len(lines(path)) > text[:size].count(b"\n")


def test_a_file_torn_before_the_first_request_is_begun_anew(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    ids = start(client, mock, "app/nap", 3)
    mock.fault(answers(400, "no"), operation="cancel_run_v2")
    with pytest.raises(Killed):
        client.runs.cancel_all(ids, report_path=path, on_result=kill_at(1), in_flight=1)
    text = path.read_bytes()
    header, *rows = text.splitlines(keepends=True)
    planned = len(header + b"".join(rows[:3]))
    for size in (0, 20, len(header), len(header) + 5, planned - 1):
        path.write_bytes(text[:size])
        plan = client.runs.cancel_all(ids, report_path=path, dry_run=True)
        assert plan.counts == {"planned": 3}
        assert path.read_bytes() == text[:size]
    assert client.runs.cancel_all(ids, report_path=path).counts == {"done": 3}
    assert lines(path)[0]["row_count"] == 3


def test_the_runs_of_the_file_are_taken_and_nothing_is_listed_again(
    client: InngestClient, mock: MockServer, path: Path, clock: Clock
) -> None:
    ids = start(client, mock, "app/nap", 3)
    since = timedelta(hours=2)
    with pytest.raises(Killed):
        client.runs.cancel_all(since=since, report_path=path, on_result=kill_at(1), in_flight=1)
    start(client, mock, "app/nap", 2)
    clock.advance(60)
    plan = client.runs.cancel_all(since=since, report_path=path, dry_run=True)
    assert plan.counts == {"planned": 2, "done": 1}
    report = client.runs.cancel_all(since=since, report_path=path)
    assert [row.id for row in report.rows] == ids
    assert report.counts == {"done": 3}


def test_a_filter_is_the_same_with_the_instants_that_it_stood_for(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    start(client, mock, "app/nap", 2)
    since = timedelta(hours=2)
    with pytest.raises(Killed):
        client.runs.cancel_all(since=since, report_path=path, on_result=kill_at(1), in_flight=1)
    plan = client.runs.cancel_all(since=since, report_path=path, dry_run=True)
    report = client.runs.cancel_all(since=plan.since, until=plan.until, report_path=path)
    assert report.counts == {"done": 2}


def test_a_plan_is_carried_out_under_the_filter_that_it_is_of(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    ids = start(client, mock, "app/nap", 2)
    plan = client.runs.cancel_all(app="shop", dry_run=True)
    start(client, mock, "app/nap", 1)
    with pytest.raises(Killed):
        client.runs.cancel_all(
            plan,
            report_path=path,
            on_result=kill_at(1),
            in_flight=1,
        )
    report = client.runs.cancel_all(app="shop", report_path=path)
    assert [row.id for row in report.rows] == ids
    assert report.counts == {"done": 2}


def test_a_finished_one_is_not_resumed_and_says_so(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    start(client, mock, "app/boom", 1)
    done = client.runs.replay_all(app="shop", report_path=path)
    start(client, mock, "app/boom", 1)
    text, asked = path.read_bytes(), len(mock.requests)
    for dry_run in (False, True):
        with pytest.raises(ReportFinishedError, match=r"is finished: runs\.replay: 1 done") as it:
            client.runs.replay_all(app="shop", report_path=path, dry_run=dry_run)
        assert it.value.argument == "report_path"
        assert it.value.report == done
    assert path.read_bytes() == text
    assert len(mock.requests) == asked


# Whose it is


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda c, ids, p: c.runs.replay_all(ids, report_path=p), "with action 'runs.cancel', not"),
        (lambda c, ids, p: c.runs.cancel_all(ids[:2], report_path=p), "with ids .*3.*, not .*2"),
        (
            lambda c, ids, p: c.runs.cancel_all(ids, limit=2, report_path=p),
            "with ids .*3.*, not .*2",
        ),
        (lambda c, _, p: c.runs.cancel_all(app="shop", report_path=p), "and app None, not 'shop'"),
    ],
    ids=["replay", "fewer", "limit", "filter"],
)
def test_the_file_of_something_else_is_refused_by_name_and_left_alone(
    client: InngestClient, mock: MockServer, path: Path, act: Any, reason: str
) -> None:
    ids = start(client, mock, "app/nap", 3)
    with pytest.raises(Killed):
        client.runs.cancel_all(ids, report_path=path, on_result=kill_at(1), in_flight=1)
    text, asked = path.read_bytes(), len(mock.requests)
    with pytest.raises(InvalidArgumentError, match=reason) as caught:
        act(client, ids, path)
    assert caught.value.argument == "report_path"
    assert str(path) in str(caught.value)
    assert path.read_bytes() == text
    assert len(mock.requests) == asked
    assert client.runs.cancel_all(reversed(ids), report_path=path).counts == {"done": 3}


def test_of_another_selection_only_what_differs_is_named(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    start(client, mock, "app/boom", 1)
    hour = timedelta(hours=1)
    client.runs.replay_all(status="failed", app="shop", since=hour, report_path=path)
    with pytest.raises(InvalidArgumentError) as caught:
        client.runs.replay_all(status=["failed"], app="shop", since=2 * hour, report_path=path)
    differing = "since '1h ago', not '2h ago'"
    assert str(caught.value) == f"{path} is a report with {differing}; name another file"


def test_the_file_of_replays_says_whether_they_were_insisted_on(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    ids = start(client, mock, "app/ok", 1)
    client.runs.replay_all(ids, replay_again=True, report_path=path)
    with pytest.raises(InvalidArgumentError, match="with replay_again True, not None"):
        client.runs.replay_all(ids, report_path=path)
    with pytest.raises(ReportFinishedError):
        client.runs.replay_all(ids, replay_again=True, report_path=path)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"base_url": "http://127.0.0.1:9999"}, "with server 'http://127.0.0.1:8288', not"),
        ({"env": "branch"}, "with environment None, not 'branch'"),
    ],
)
def test_the_file_of_another_server_or_environment_is_refused(
    connect: Connect,
    client: InngestClient,
    mock: MockServer,
    path: Path,
    settings: dict[str, Any],
    reason: str,
) -> None:
    ids = start(client, mock, "app/nap", 1)
    client.runs.cancel_all(ids, report_path=path)
    with pytest.raises(InvalidArgumentError, match=reason):
        connect(transport=mock.transport, **settings).runs.cancel_all(ids, report_path=path)


FILTERS: list[dict[str, Any]] = [
    {"app": "shop"},
    {"app": "shop", "function": "nap"},
    {"app": "shop", "status": "running"},
    {"app": "shop", "status": ["queued", "running"]},
    {"app": "shop", "since": timedelta(hours=2)},
    {"app": "shop", "since": timedelta(hours=3)},
    {"app": "shop", "until": timedelta(seconds=1)},
    {"app": "shop", "limit": 1},
]


@pytest.mark.parametrize("at", range(len(FILTERS)))
def test_the_file_of_another_filter_is_refused(connect: Connect, path: Path, at: int) -> None:
    mock = MockServer()
    mock.function("shop", "nap", trigger="app/nap")
    client = connect(transport=mock.transport)
    client.runs.cancel_all(**FILTERS[at], report_path=path)
    for each in FILTERS:
        kind = ReportFinishedError if each == FILTERS[at] else InvalidArgumentError
        with pytest.raises(kind) as caught:
            client.runs.cancel_all(**each, report_path=path)
        assert type(caught.value) is kind


HEADER = (
    b'{"report": 1, "action": "runs.cancel", "selection": {"app": "shop"}, '
    b'"server": "http://127.0.0.1:8288", "environment": null, "row_count": 1}\n'
)
ROW = b'{"position": 0, "id": "01M86WNRKHYE50ZF3GG530BHRT", "outcome": "not_tried"}\n'
TWO = HEADER.replace(b'"row_count": 1', b'"row_count": 2')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"{", "is not a report"),
        (b"my notes", "is not a report"),
        (b"[]\n", "is not a report"),
        (b'{"action": "runs.cancel", "rows": []}\n', "is not a report"),
        (b"\xff\xfe\0\n", "is not a report"),
        (b"[" * 100_000 + b"\n", "is not a report"),
        (HEADER + b"nonsense\n", "is damaged in line 2"),
        (HEADER + ROW.replace(b" 0", b" 1"), "is damaged in line 2: position 1"),
        (HEADER + ROW + ROW.replace(b" 0", b" -1"), "is damaged in line 3: position -1"),
        (HEADER + ROW + b"\0\0\n", "is damaged in line 3"),
        (TWO + ROW.replace(b" 0", b" 1") + ROW, "is damaged in line 2: position 1"),
        (HEADER + ROW + ROW.replace(b"not_tried", b"dine"), "is damaged in line 3: .*'dine'"),
        (HEADER + ROW.replace(b"01M86WNRKHYE50ZF3GG530BHRT", b"../x"), "is damaged in line 2: id"),
    ],
    ids=range(13),
)
def test_what_is_no_report_is_refused_and_left_alone(
    client: InngestClient, mock: MockServer, path: Path, text: bytes, reason: str
) -> None:
    path.write_bytes(text)
    with pytest.raises(InvalidArgumentError, match=reason) as caught:
        client.runs.cancel_all(app="shop", report_path=path)
    assert caught.value.argument == "report_path"
    assert path.read_bytes() == text
    assert not mock.requests


@pytest.mark.parametrize("path", [5, b"report", "a\0b"])
def test_what_is_no_path_is_refused(client: InngestClient, path: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="report_path must be the path of a file"):
        client.runs.cancel_all(app="shop", report_path=path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs links and pipes")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.symlink_to(path.with_name("target")), "it is a symbolic link"),
        (lambda path: path.symlink_to(path.with_name("none")), "symbolic link"),
        (lambda path: path.symlink_to("/dev/zero"), "symbolic link"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.mkdir(), "directory"),
    ],
    ids=["link", "dangling", "device", "pipe", "folder"],
)
def test_what_is_no_file_is_refused_and_no_link_is_followed(
    client: InngestClient, mock: MockServer, path: Path, make: Any, reason: str
) -> None:
    target = path.with_name("target")
    target.touch()
    make(path)
    with pytest.raises(InvalidArgumentError, match=reason):
        client.runs.cancel_all(app="shop", report_path=path)
    assert target.read_bytes() == b""
    assert not path.with_name("none").exists()
    assert not mock.requests


def test_a_file_that_cannot_be_made_is_refused_before_anything_is_done(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    ids = start(client, mock, "app/nap", 1)
    with pytest.raises(InvalidArgumentError, match="No such file") as caught:
        client.runs.cancel_all(ids, report_path=path / "none" / "report")
    assert isinstance(caught.value.__cause__, OSError)
    assert acts(mock) == 0


# In whose hands it is


def test_a_file_is_in_one_hand_for_the_whole_act(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    ids = start(client, mock, "app/boom", 2)
    other = InngestClient(dev=True, transport=mock.transport)
    refused: list[str] = []

    def meanwhile(_: ActionRow) -> None:
        for dry_run in (False, True):
            with pytest.raises(InvalidArgumentError, match="in use by another") as caught:
                other.runs.replay_all(ids, report_path=path, dry_run=dry_run)
            refused.append(str(caught.value))

    client.runs.replay_all(ids, report_path=path, on_result=meanwhile)
    assert len(refused) == 4
    assert len(mock.runs) == 4


class Meanwhile(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Calls something before the first request."""

    def __init__(self, transport: Any, call: Callable[[], object]) -> None:
        self._transport, self._calls = transport, [call]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        while self._calls:
            self._calls.pop()()
        return self._transport.handle_request(request)  # type: ignore[no-any-return]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        while self._calls:
            self._calls.pop()()
        return await self._transport.handle_async_request(request)  # type: ignore[no-any-return]


def test_a_file_that_another_made_since_it_was_looked_at_is_left_to_it(
    connect: Connect, client: InngestClient, mock: MockServer, path: Path
) -> None:
    start(client, mock, "app/boom", 1)
    other = InngestClient(dev=True, transport=mock.transport)
    late = connect(
        transport=Meanwhile(
            mock.transport, lambda: other.runs.replay_all(app="shop", report_path=path)
        )
    )
    with pytest.raises(InvalidArgumentError, match="in use by another"):
        late.runs.replay_all(app="shop", report_path=path)
    assert len(mock.runs) == 2


def test_the_file_is_free_again_however_the_act_ends(
    client: InngestClient, mock: MockServer, path: Path
) -> None:
    ids = start(client, mock, "app/nap", 3)
    with pytest.raises(Killed):
        client.runs.cancel_all(ids, report_path=path, in_flight=1, on_result=kill_at(1))
    assert len(lines(path)) == 1 + 3 + 2
    with pytest.raises(InvalidArgumentError, match="with ids"):
        client.runs.cancel_all(ids[1:], report_path=path)
    assert client.runs.cancel_all(ids, report_path=path).counts == {"done": 3}


# A full disk


@pytest.mark.parametrize(
    ("room", "in_flight"), [(room, 4 if room % 320 else 1) for room in range(0, 1600, 160)]
)
def test_a_full_disk_ends_it_with_the_counts_of_what_was_done(
    client: InngestClient,
    mock: MockServer,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    in_flight: int,
    room: int,
) -> None:
    ids, write, left = start(client, mock, "app/boom", 4), os.write, room

    def write_while_there_is_room(file: int, data: memoryview) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write(file, data[:left])
        left -= written
        return written

    counts: dict[ActionOutcome, int] = {}
    monkeypatch.setattr(os, "write", write_while_there_is_room)
    try:
        counts = client.runs.replay_all(ids, report_path=path, in_flight=in_flight).counts
    except (PartialActionError, InvalidArgumentError) as error:
        message = str(error)
        if isinstance(error, PartialActionError):
            counts = error.report.counts
            message = message.replace(str(error.report), "COUNTS")
    else:
        assert counts == {"done": 4}
        return
    monkeypatch.undo()
    assert "No space left on device" in message
    assert ("COUNTS" in message) is bool(counts)
    done = counts.get(ActionOutcome.DONE, 0)
    assert len(mock.runs) == 4 + done
    asked = [
        it for it in (on_disk(path).values() if path.read_bytes() else ()) if it != "not_tried"
    ]
    # Of several in flight, one may be noted and not asked for: another met the full disk first.
    assert len(asked) == done or (in_flight > 1 and len(asked) > done)
    assert client.runs.replay_all(ids, report_path=path).counts == {"done": 4}
    assert len(mock.runs) == 8


def test_what_would_be_written_after_the_end_is_an_error(path: Path) -> None:
    asked: dict[str, Any] = {"action": "a", "selection": {}, "server": "s", "environment": None}
    file = ReportFile(path)
    assert file.open(asked) is None
    file.begin(asked, ActionReport("a", [ActionRow(0, "x")]))
    file.close()
    text = path.read_bytes()
    with pytest.raises(InvalidArgumentError, match="the report was closed"):
        file.add(ActionRow(0, "x", ActionOutcome.UNKNOWN))
    assert path.read_bytes() == text
