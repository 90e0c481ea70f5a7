"""scripts/demo does all it shows or says why not, and sends nothing of a file that is wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest.testing import MockServer, completes, fails, sleeps
from scripts import demo, demo_acts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def mock() -> MockServer:
    """Make a server like the recorded one: one function each that ends, fails and goes on."""
    mock = MockServer(v1_routes=False)
    mock.function("probe-app", "ok", trigger="app/ok", run=completes())
    mock.function("probe-app", "boom", trigger="app/boom", run=fails("boom happened"))
    mock.function("probe-app", "slow", trigger="app/slow", run=sleeps(timedelta(minutes=10)))
    return mock


@pytest.fixture
def url(mock: MockServer) -> Iterator[str]:
    with mock.serve() as url:
        yield url


def events(folder: Path, *lines: str) -> str:
    """Write a file of events and return its path; a line that is only a name becomes an event."""
    whole = [line if line[:1] in {"", "{", "["} else json.dumps({"name": line}) for line in lines]
    path = folder / "events.ndjson"
    path.write_text("\n".join(whole), encoding="utf-8")
    return str(path)


def summary(captured: str) -> Any:
    (line,) = captured.splitlines()
    return json.loads(line)


def before(mock: MockServer, *names: str) -> list[str]:
    """Let runs be on the server that the demo did not start; return their ids."""
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send([{"name": name} for name in names])
    return [run.id for run in mock.runs]


def touched(mock: MockServer) -> set[str]:
    """Return the ids of runs that were replayed or cancelled."""
    replayed = {run.original_run_id for run in mock.runs if run.original_run_id}
    return replayed | {run.id for run in mock.runs if run.status == "cancelled"}


def test_json_stands_alone_on_stdout_and_counts_what_came_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert demo.main(["--json"]) == 0
    out, err = capsys.readouterr()
    told = summary(out)
    assert (told["sent"], told["apps"]) == (6, ["mail", "shop"])
    assert told["runs"] == {"completed": 7, "failed": 3, "running": 5, "cancelled": 1}
    assert told["replayed"]["from"] != told["replayed"]["to"]
    assert all(each in err for each in (*told["replayed"].values(), told["cancelled"]))


def test_text_is_on_stdout_without_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([]) == 0
    out, err = capsys.readouterr()
    headings = ("Send", "Apps", "Runs", "One run", "Replay", "Cancel", "Runs now")
    assert all(f"\n{heading}" in out for heading in headings)
    assert err == ""


@pytest.mark.parametrize(
    "names",
    [
        ["a/b"],
        ["app/order.created"],
        ["x/*", "X/*", "__", "\u65e5\u672c/\u30a4\u30d9\u30f3\u30c8", "\x1b[31m"],
        ['{"name": "a", "data": null, "ts": 4000000000000}', "", '{"name": "a", "id": "1"}'],
    ],
)
def test_any_valid_file_shows_every_status_on_the_mock(
    names: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main(["--json", events(tmp_path, *names)]) == 0
    out, err = capsys.readouterr()
    told = summary(out)
    assert told["sent"] == 1 + len([each for each in names if each])
    assert all(count > 0 for count in told["runs"].values())
    assert "\x1b" not in err


@pytest.mark.parametrize("named_by", ["--url", "INNGEST_DEV", "INNGEST_BASE_URL"])
def test_server_of_the_user_does_the_same(
    named_by: str,
    mock: MockServer,
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    foreign = before(mock, "app/boom", "app/slow")
    arguments = ["--json", "--wait=0", events(tmp_path, "app/ok", "app/boom", "app/slow")]
    if named_by == "--url":
        arguments += ["--url", url]
    else:
        monkeypatch.setenv(named_by, url)
        monkeypatch.setenv("INNGEST_EVENT_KEY", "k")
        monkeypatch.setenv("INNGEST_SIGNING_KEY", "signkey-test-12345678")
    assert demo.main(arguments) == 0
    told = summary(capsys.readouterr().out)
    assert (told["sent"], told["apps"]) == (4, ["probe-app"])
    assert told["runs"] == {"completed": 1, "failed": 3, "running": 1, "cancelled": 1}
    assert touched(mock) == {told["replayed"]["from"], told["cancelled"]}
    assert touched(mock).isdisjoint(foreign)


def test_local_server_lends_runs_that_were_there_before(mock: MockServer, url: str) -> None:
    foreign = before(mock, "app/boom", "app/slow")
    assert demo.main(["--wait=0", "--url", url]) == 0
    assert touched(mock) == set(foreign)


def test_server_elsewhere_keeps_the_runs_of_others(
    mock: MockServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before(mock, "app/boom", "app/slow")
    monkeypatch.setattr(demo, "is_local", lambda _: False)
    assert demo.main(["--wait=0", "--url", url]) == 1
    assert touched(mock) == set()


@pytest.mark.parametrize(("name", "missing"), [("app/slow", "failed"), ("app/boom", "running")])
def test_missing_run_is_named_with_the_events_that_could_make_one(
    name: str,
    missing: str,
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert demo.main(["--json", "--wait=0", "--url", url, events(tmp_path, name)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"there is no {missing} run" in err
    assert "app/boom, app/ok, app/slow" in err


def test_run_that_ended_before_its_cancellation_does_not_count(
    mock: MockServer,
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mock.function("probe-app", "brief", trigger="app/brief", run=sleeps(timedelta(seconds=60)))
    path = events(tmp_path, "app/boom", "app/slow", "app/brief")
    find_run = demo_acts.find_run

    def find_late(*args: Any, **kwargs: Any) -> object:
        found = find_run(*args, **kwargs)
        mock.advance(timedelta(seconds=60))
        return found

    monkeypatch.setattr(demo_acts, "find_run", find_late)
    monkeypatch.setattr(demo_acts, "replay", lambda _: ("from", "to"))
    assert demo.main(["--json", "--wait=0", "--url", url, path]) == 0
    told = summary(capsys.readouterr().out)
    statuses = {run.function_id: run.status for run in mock.runs}
    assert (statuses["brief"], statuses["slow"]) == ("completed", "cancelled")
    assert [run.id for run in mock.runs if run.function_id == "slow"] == [told["cancelled"]]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "{}",
        '{"name": ""}',
        '{"name": "inngest/x"}',
        '{"name": "a", "data": []}',
        '{"name": "a", "data": {"x": NaN}}',
        '{"name": "a", "data": {"n": 99999999999999999999}}',
        '{"name": "a", "ts": 1}',
        '{"name": "\\ud800"}',
    ],
)
def test_wrong_line_is_named_and_nothing_is_sent(
    line: str,
    mock: MockServer,
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = events(tmp_path, "app/ok", '{"name": "app/ok"}', line)
    assert demo.main(["--url", url, path]) == 2
    assert f"{path}:3: " in capsys.readouterr().err
    assert not mock.requests


@pytest.mark.parametrize("content", [None, b"", b"\n \n"])
def test_file_without_events_is_refused(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.ndjson"
    if content is not None:
        path.write_bytes(content)
    assert demo.main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--url", "localhost"], ["--wait", "-1"], ["a", "b"]])
def test_wrong_command_exits_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        demo.main(arguments)
    assert refused.value.code == 2


def test_keys_alone_name_no_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_SIGNING_KEY", "signkey-prod-12345678")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert demo.main([]) == 0
    assert "so this is the mock" in capsys.readouterr().out


def test_refusing_server_exits_1_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer(event_keys=["another"]).serve() as url:
        assert demo.main(["--url", url]) == 1
    assert "AuthenticationError" in capsys.readouterr().err


def test_interruption_exits_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_acts, "list_apps", interrupt)
    assert demo.main(["--json"]) == 130
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-1]) == ("", "demo: interrupted")
