"""`inngest-rest demo` shows every act or why it is left out, and changes no runs but its own."""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, NotFoundError, Run, RunStatus
from inngest_rest.cli import demo
from inngest_rest.cli.app import run
from inngest_rest.cli.demo import acts, stage
from inngest_rest.cli.demo.screen import Screen
from inngest_rest.cli.demo.words import clip_list, in_words
from inngest_rest.testing import MockServer, answers, completes, delays, fails, sleeps
from tests.support.streams import Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from inngest_rest.testing import Behaviour, EventDict
    from inngest_rest.testing._faults import Effect


class Clock:
    """The time of a stage: a sleep advances the mock servers instead of waiting."""

    def __init__(self) -> None:
        self.mocks: list[MockServer] = []
        self.waited = 0.0

    def monotonic(self) -> float:
        return self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        for mock in self.mocks:
            mock.advance(timedelta(seconds=seconds))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    wait_for_end = stage.wait_for_end

    def end_meanwhile(it: stage.Stage, id: str) -> Any:
        clock.advance(5)
        return wait_for_end(it, id)

    def make_stage(*arguments: Any, **own_time: Any) -> stage.Stage:
        time = {"monotonic": clock.monotonic, "sleep": clock.sleep, **own_time}
        return stage.Stage(*arguments, **time)

    monkeypatch.setattr(demo, "Stage", make_stage)
    monkeypatch.setattr(acts, "wait_for_end", end_meanwhile)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return clock


def show(*arguments: str) -> int:
    return run(["demo", *arguments])


def dev_server(**kwargs: Any) -> MockServer:
    """Return a server like the recorded one: functions that complete, fail and keep running."""
    mock = MockServer(**kwargs)
    mock.function("probe-app", "ok", trigger="app/ok", run=completes())
    mock.function("probe-app", "boom", trigger="app/boom", run=fails("boom happened"))
    mock.function("probe-app", "slow", trigger="app/slow", run=sleeps(timedelta(minutes=10)))
    return mock


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    mock = dev_server()
    clock.mocks.append(mock)
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
    return json.loads(line)["data"]


def before(mock: MockServer, *names: str) -> list[str]:
    """Start runs on the server that are not the demo's; return their ids."""
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
    assert show("--json") == 0
    out, err = capsys.readouterr()
    told = summary(out)
    assert (told["sent"], told["apps"]) == (7, ["mail", "shop"])
    assert told["runs"] == {"completed": 13, "failed": 3, "running": 5, "queued": 0, "cancelled": 1}
    assert told["replayed"]["from"] != told["replayed"]["to"]
    shown = (
        *told["replayed"].values(),
        told["cancelled"],
        told["invoked"],
        *told["awaited"],
    )
    assert told["explained"].endswith("started no run: no function has a trigger for its name.")
    assert told["replayed_all"] == {"done": 3}
    assert all(each in err for each in shown)


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_an_output_of_json_is_the_same(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert show("-o", form) == 0
    envelope = json.loads(capsys.readouterr().out)
    assert (envelope["ok"], envelope["command"], envelope["error"]) == (True, "demo", None)
    assert envelope["data"]["sent"] == 7


def test_the_mock_needs_no_package_that_serves_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert show() == 0


@pytest.mark.parametrize(("name", "words"), [("demo", "by accident"), ("mock", "SIGTERM")])
def test_help_says_all_and_has_an_example(
    name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert words in out
    assert f"Examples:\n  inngest-rest {name}\n" in out


def test_text_is_on_stdout_and_fits_on_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert show() == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert len(out.splitlines()) <= 50
    assert max(map(len, out.splitlines())) <= 100
    headings = (
        *("Apps", "Send  ", "Runs", "Replay a", "Cancel", "Invoke"),
        *("Send and wait", "Why", "Replay all", "All shown"),
    )
    assert [out.index(f"\n{heading}") for heading in headings] == sorted(
        out.index(f"\n{heading}") for heading in headings
    )


def test_text_shows_durations_results_and_how_many_were_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert show() == 0
    out = capsys.readouterr().out
    # Milliseconds are cut off at both ends of a run, which takes 180 of them.
    assert len(re.findall(r"  shop/charge-card  +18[01] ms  BankError: no reply\n", out)) == 2
    assert re.findall(r" and (\d+) more\n", out) == ["5", "1", "4"]


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
    assert show("--json", events(tmp_path, *names)) == 0
    out, err = capsys.readouterr()
    told = summary(out)
    assert told["sent"] == 2 + len([each for each in names if each])
    assert min(told["runs"][each] for each in ("completed", "failed", "running", "cancelled")) > 0
    assert "\x1b" not in err


@pytest.mark.parametrize("named_by", ["--base-url", "INNGEST_DEV", "INNGEST_BASE_URL"])
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
    if named_by == "--base-url":
        arguments += ["--base-url", url]
    else:
        monkeypatch.setenv(named_by, url)
        monkeypatch.setenv("INNGEST_EVENT_KEY", "k")
        monkeypatch.setenv("INNGEST_SIGNING_KEY", "signkey-test-12345678")
    assert show(*arguments) == 0
    told = summary(capsys.readouterr().out)
    assert (told["sent"], told["apps"]) == (3, ["probe-app"])
    assert told["runs"] == {"completed": 3, "failed": 4, "running": 0, "queued": 0, "cancelled": 1}
    assert touched(mock) == {told["replayed"]["from"], told["cancelled"]}
    assert touched(mock).isdisjoint(foreign)


@pytest.mark.parametrize(
    ("name", "left_out", "others"),
    [
        (
            "app/slow",
            {"replayed", "invoked", "awaited", "replayed_all"},
            ["app/boom", "app/ok"],
        ),
        ("app/boom", {"cancelled", "invoked", "awaited"}, ["app/ok", "app/slow"]),
        ("app/ok", {"cancelled", "replayed_all"}, ["app/boom"]),
    ],
)
def test_act_without_a_run_of_its_own_is_left_out_and_leaves_the_runs_of_others(
    name: str,
    left_out: set[str],
    others: list[str],
    mock: MockServer,
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    foreign = before(mock, *others)
    assert show("--json", "--base-url", url, events(tmp_path, name)) == 6
    out, err = capsys.readouterr()
    told = summary(out)
    assert {key for key, value in told.items() if value is None} == left_out
    assert touched(mock).isdisjoint(foreign)
    assert "app/boom, app/ok, app/slow" in err
    assert (
        f"Left out: {', '.join(acts.ACTS[each] for each in acts.ACTS if each in left_out)}." in err
    )


def test_run_of_a_batch_is_not_the_demo_s_own() -> None:
    runs = [
        Run("1", RunStatus.RUNNING, event_ids=("ours",)),
        Run("2", RunStatus.RUNNING, event_ids=("ours",), batch_id="others too"),
        Run("3", RunStatus.RUNNING, event_ids=("another",)),
    ]
    client: Any = SimpleNamespace(runs=SimpleNamespace(list=lambda **_: runs))
    ours = stage.Stage(client, Screen(io.StringIO(), {}), 0, events={"ours": {}})
    assert stage.own_runs(ours) == runs[:1]


def test_runs_that_appear_late_are_waited_for(
    clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.mocks.append(dev_server(visibility_delay=timedelta(seconds=2)))
    path = events(tmp_path, "app/ok", "app/boom", "app/slow")
    with clock.mocks[0].serve() as url:
        assert show("--base-url", url, path) == 0
    out = capsys.readouterr().out
    assert out.count("waiting for") == 1
    assert "  waiting for the first run of these events, at most 30 s ...\n  3 runs within" in out


def test_function_that_takes_a_moment_is_waited_for(
    clock: Clock, mock: MockServer, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = sleeps(timedelta(seconds=2), fails("too late"))
    mock.function("probe-app", "late", trigger="app/late", run=late)
    path = events(tmp_path, "app/ok", "app/late", "app/slow")
    assert show("--json", "--base-url", url, path) == 0
    assert summary(capsys.readouterr().out)["runs"]["failed"] == 2
    assert 0 < clock.waited <= 2


def test_waiting_for_runs_has_an_end(
    clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.mocks.append(dev_server(visibility_delay=timedelta(hours=1)))
    with clock.mocks[0].serve() as url:
        assert show("--wait=5", "--base-url", url, events(tmp_path, "app/ok")) == 10
    assert "no run of these events appeared within 5 s" in capsys.readouterr().err
    assert clock.waited == 5


def test_server_without_an_app_is_sent_nothing_and_the_next_step_is_shown_at_once(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    mock = MockServer()
    with mock.serve() as url:
        assert show("--base-url", url) == 4
    assert not mock.events
    assert clock.waited == 0
    err = capsys.readouterr().err
    assert err.startswith("inngest-rest: no app is synced with this server")
    assert "npx inngest-cli@latest dev -u" in err


@pytest.mark.parametrize("name", ["app/other", "app/o", "app/ok/2"])
def test_events_that_would_start_nothing_are_not_sent(
    name: str,
    mock: MockServer,
    url: str,
    clock: Clock,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert show("--base-url", url, events(tmp_path, name)) == 4
    assert not mock.events
    assert clock.waited == 0
    assert "    app/boom, app/ok, app/slow\n" in capsys.readouterr().err


def test_wildcard_trigger_takes_the_events_below_it(
    mock: MockServer, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mock.function("probe-app", "any", trigger="shop/*", run=completes())
    assert show("--json", "--base-url", url, events(tmp_path, "shop/opened")) == 6
    assert summary(capsys.readouterr().out)["sent"] == 1


@pytest.fixture
def in_process(mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server of the user in this process, where what a client waits for passes at once."""
    monkeypatch.setattr(demo, "InngestClient", partial(InngestClient, transport=mock.transport))
    monkeypatch.setenv("INNGEST_DEV", "1")


def once(first: Behaviour) -> Callable[[EventDict], Behaviour]:
    """Return what a function does that takes an hour but for its first run."""
    left = [first]
    return lambda _: left.pop() if left else sleeps(timedelta(hours=1))


@pytest.mark.usefixtures("in_process")
def test_run_that_does_not_end_in_time_is_said_to_go_on(
    mock: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mock.function("probe-app", "done", trigger="app/done", run=once(completes()))
    mock.function("probe-app", "broke", trigger="app/broke", run=once(fails("no reply")))
    mock.fault(answers(200, {"data": {}}), method="POST", path="/v2/runs/*/cancel")
    assert show("--json", "--wait=2", events(tmp_path, "app/done", "app/broke", "app/slow")) == 6
    out, err = capsys.readouterr()
    told = summary(out)
    slow = next(run.id for run in mock.runs if run.function_id == "slow")
    for id in (told["replayed"]["to"], told["invoked"], slow):
        assert f"  {id}  has not ended within 2 s\n" in err
    assert "left out: cancel, send and wait" in err
    assert {run.id: run.status for run in mock.runs}[told["replayed"]["to"]] == "running"


@pytest.mark.usefixtures("in_process")
def test_run_that_is_listed_before_it_can_be_read_has_a_shorter_line(
    mock: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = answers(404, {"errors": [{"code": "not_found", "message": "Run not found"}]})
    mock.fault(missing, method="GET", path="/v2/runs/*", after=1)
    mock.fault(missing, method="GET", path="/v1/runs/*")
    assert show(events(tmp_path, "app/ok", "app/boom", "app/slow")) == 0
    id = next(run.id for run in mock.runs if run.function_id == "boom")
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines() if id in line]
    assert [line.endswith("boom happened") for line in lines] == [False, True]


@pytest.mark.usefixtures("in_process")
def test_apps_beyond_the_fourth_are_counted_and_their_functions_known(
    mock: MockServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for app in "bcdef":
        mock.function(app, "late", trigger=f"{app}/late", run=completes())
    assert show("--json", events(tmp_path, "f/late")) == 6
    out, err = capsys.readouterr()
    assert summary(out)["apps"] == ["probe-app", *"bcdef"]
    assert re.findall(r"^  ([\w-]+) +(?:boom|late)", err, re.MULTILINE) == ["probe-app", *"bcd"]
    assert "\n  and 2 more\n" in err


def test_event_that_the_server_never_shows_is_an_error_after_the_longest_wait(
    clock: Clock, mock: MockServer
) -> None:
    with InngestClient(dev=True, transport=mock.transport) as client:
        own = stage.Stage(
            client, Screen(io.StringIO(), {}), 5, monotonic=clock.monotonic, sleep=clock.sleep
        )
        with pytest.raises(NotFoundError):
            acts.explanation_of(own, "0" * 26)
    assert clock.waited == 5


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/e/*", answers(400, {"status": 400, "error": "no"}), "0 of 2 events accepted"),
        ("/v2/runs/*/rerun", answers(401), "So far runs.replay: 2 failed"),
    ],
)
def test_what_is_stopped_on_its_way_exits_6_with_how_far_it_came(
    path: str,
    answer: Effect,
    said: str,
    mock: MockServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mock.fault(answer, method="POST", path=path, after=1, times=None)
    assert show("--json", events(tmp_path, "app/ok", "app/boom", "app/slow")) == 6
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "partial"
    assert said in error["message"]


def test_run_that_ended_before_its_cancellation_does_not_count(
    mock: MockServer, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    minute = timedelta(seconds=60)
    mock.function("probe-app", "brief", trigger="app/brief", run=sleeps(minute))
    mock.fault(delays(minute), method="POST", path="/v2/runs/*/cancel")
    path = events(tmp_path, "app/boom", "app/slow", "app/brief", "app/ok")
    assert show("--json", "--wait=0", "--base-url", url, path) == 0
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
        '{"name": "a", "meta": {"sessions": {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6}}}',
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
    assert show("--base-url", url, path) == 2
    assert f"{path}:3: " in capsys.readouterr().err
    assert not mock.requests


@pytest.mark.parametrize("name", ["app/ok", "app/boom"])
def test_event_that_the_server_alone_would_refuse_is_named_with_its_reason(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = dict.fromkeys("abcdef", 1)
    path = events(tmp_path, "app/ok", json.dumps({"name": name, "meta": {"sessions": sessions}}))
    assert show(path) == 2
    reason = "the server would reject this event: event sessions can include at most 5 entries"
    assert capsys.readouterr().err.startswith(f"inngest-rest: {path}:2: {reason}")


@pytest.mark.parametrize("content", [None, b"", b"\n \n"])
def test_file_without_events_is_refused(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "events.ndjson"
    if content is not None:
        path.write_bytes(content)
    assert show(str(path)) == 2
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--base-url", "localhost"], ["--wait", "-1"], ["a", "b"]])
def test_wrong_command_exits_2(arguments: list[str]) -> None:
    assert show(*arguments) == 2


def test_keys_alone_name_no_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_SIGNING_KEY", "signkey-prod-12345678")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert show() == 0
    assert "so this is the mock" in capsys.readouterr().out


def test_refusing_server_exits_3_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    mock = dev_server(event_keys=["another"])
    mock.function("shop", "order", trigger="app/order.created")
    with mock.serve() as url:
        assert show("--base-url", url) == 3
    assert "answered 401" in capsys.readouterr().err


def test_server_that_is_not_there_exits_7_with_the_next_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with MockServer().serve() as url:
        pass
    assert show("--base-url", url, "--retries", "0") == 7
    assert "npx inngest-cli@latest dev" in capsys.readouterr().err


def test_server_that_lists_no_apps_exits_4_with_the_release_that_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with MockServer(release="1.17").serve() as url:
        assert show("--base-url", url) == 4
    assert "Inngest 1.40 or newer" in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_stops_ends_it_quietly(
    more: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "stderr" if more else "stdout"
    monkeypatch.setattr(sys, name, Broken("write", BrokenPipeError()))
    assert show(*more) == 141
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("accepted", [True, False])
def test_keys_are_never_on_the_screen(
    accepted: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = ("event-key-0123456789", "signkey-test-abcdef0123456789")
    mock = dev_server(event_keys=[keys[0] if accepted else "another"], signing_key=keys[1])
    monkeypatch.setenv("INNGEST_EVENT_KEY", keys[0])
    monkeypatch.setenv("INNGEST_SIGNING_KEY", keys[1])
    with mock.serve() as url:
        status = show("--base-url", url, events(tmp_path, "app/ok", "app/boom", "app/slow"))
    assert status == (0 if accepted else 3)
    shown = "".join(capsys.readouterr())
    assert not [key for key in (*keys, keys[1].rpartition("-")[2]) if key in shown]


def test_interruption_exits_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(acts, "list_apps", interrupt)
    assert show("--json") == 130
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "interrupted"
    assert err.splitlines()[-1] == "inngest-rest: interrupted"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "in_colour"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "0"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    stream: io.StringIO, environment: dict[str, str], in_colour: bool
) -> None:
    screen = Screen(stream, environment)
    screen.head("Runs", "client.runs.list()")
    screen.say(screen.paint("failed", "failed") + screen.paint("overflowed", "overflowed"))
    assert ("\x1b[31mfailed\x1b[0moverflowed" in stream.getvalue()) == in_colour
    assert ("\x1b" in stream.getvalue()) == in_colour


def test_terminal_loses_what_was_waited_for() -> None:
    terminal = Terminal()
    screen = Screen(terminal, {"NO_COLOR": "1"})
    for _ in range(2):
        screen.wait_for("runs")
    screen.say("3 runs")
    assert terminal.getvalue() == "  waiting for runs ...\r\x1b[K3 runs\n"


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (30, "ab, cde, fg"),
        (11, "ab, cde, fg"),
        (10, "ab and 2 more"),
        (16, "ab, cde, fg"),
        (1, "ab and 2 more"),
    ],
)
def test_names_that_do_not_fit_are_counted(width: int, shown: str) -> None:
    assert clip_list(["ab", "cde", "fg"], width) == shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "<1 ms"),
        (0.0123, "12 ms"),
        (0.9999, "1.0 s"),
        (1.26, "1.3 s"),
        (99.99, "2 min"),
        (5400, "90 min"),
        (7200, "2 h"),
    ],
)
def test_duration_has_one_unit(seconds: float, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
