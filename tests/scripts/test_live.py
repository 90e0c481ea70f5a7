"""scripts/test-live: which servers it tries, and what it makes of them."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from scripts.internal.live import __main__ as live
from scripts.internal.live.cases import NothingTestedError, Tried, try_cases
from scripts.internal.live.options import parse
from scripts.internal.servers import Keys
from tests.contract.live_report import Report
from tests.contract.live_routes import Routes
from tests.contract.live_world import Server
from tests.scripts.live_servers import is_running, write_server

if TYPE_CHECKING:
    from pathlib import Path

KEY = "signkey-prod-" + "ab" * 32
ROUTES = Routes("1.43.0", frozenset())


def test_keys_are_passed_to_pytest_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def run(command: list[str], **settings: Any) -> subprocess.CompletedProcess[str]:
        calls.append((command, settings["env"]))
        return subprocess.CompletedProcess(command, 5)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(NothingTestedError, match="status 5"):
        try_cases(Server("http://127.0.0.1:1", "events", KEY, ROUTES), ["-k", "nothing"])
    ((command, environment),) = calls
    assert "events" not in command
    assert KEY not in " ".join(command)
    assert command[-2:] == ["-k", "nothing"]
    assert (environment["INNGEST_EVENT_KEY"], environment["INNGEST_SIGNING_KEY"]) == ("events", KEY)


@pytest.mark.parametrize(("statuses", "exit_status"), [((0, 0), 0), ((0, 1), 1), ((1, 0), 1)])
def test_binaries_are_tried_in_turn_and_all_must_pass(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    statuses: tuple[int, int],
    exit_status: int,
) -> None:
    left = list(statuses)
    tried: list[str] = []

    def try_them(server: Server, arguments: tuple[str, ...]) -> Tried:
        tried.append(server.url)
        assert arguments == ("-x",)
        return Tried(Report(f"1.{len(tried)}", (), ()), left.pop(0))

    monkeypatch.setattr(live, "try_cases", try_them)
    monkeypatch.setattr(live, "find_server", lambda url, *_: Server(url, None, None, ROUTES))
    bins = f"{write_server(tmp_path / 'old')}:{write_server(tmp_path / 'new')}"
    assert live.try_binaries(parse(["--bins", bins, "-x"], {}, ""), Keys()) == exit_status
    assert len(set(tried)) == 2
    assert ["operation", "1.1", "1.2"] in map(str.split, capsys.readouterr().out.splitlines())


def test_binary_that_does_not_start_is_a_failure_and_the_next_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "try_cases", lambda *_: Tried(Report("1.43.0", (), ()), 0))
    monkeypatch.setattr(live, "find_server", lambda url, *_: Server(url, None, None, ROUTES))
    bins = f"{write_server(tmp_path / 'broken', 'sys.exit(3)')}:{write_server(tmp_path / 'fine')}"
    assert live.try_binaries(parse(["--bins", bins, "-x"], {}, ""), Keys()) == 1
    out = capsys.readouterr().out
    assert "broken  1.43.0\n" in out
    assert "FAILED broken every case: it ended with status 3" in out


def test_server_ends_with_an_interrupted_run(tmp_path: Path) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from scripts.internal.live import __main__ as live

        def wait(url, *_):
            print(url, flush=True)
            time.sleep(60)

        live.find_server = wait
        sys.argv[1:] = ["--bins", {str(write_server(tmp_path / "inngest"))!r}]
        sys.exit(live.main())
    """
    command = [sys.executable, "-u", "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line for line in process.stdout if line.startswith("http"))
        pid = httpx.get(url.strip()).json()["pid"]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert not is_running(pid)


def test_help_says_what_a_faithful_server_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"], {}, live.__doc__ or "")
    told = capsys.readouterr().out
    assert "PostgreSQL" in told
    assert "another SQLite driver" in told
