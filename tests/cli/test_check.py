"""`runs check` for cron: one line, three exit statuses, and others are told once per change."""

from __future__ import annotations

import errno
import json
import os
import select
import threading
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest._redaction import with_texts
from inngest_rest_mock import answers, drops
from inngest_rest_tools.command import check
from tests.support.peer import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.command import Run


FAILED = ("runs", "check", "--failed-above", "5%", "--since", "15m")
SERVER = ("runs", "check", "--server", "--retries", "0")
SECRET = "/hooks/s3cr3t-T0ken"


class Hook:
    """What a webhook was told, and the status that it answers."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hook.told.append(json.loads(body))
                self.send_response(hook.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}{SECRET}"

    @contextmanager
    def serve(self) -> Iterator[Hook]:
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(each["before"], each["state"]) for each in self.told]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook().serve() as hook:
        yield hook


def test_a_check_is_one_line_of_text_and_0_or_1(run: Run) -> None:
    assert run(*FAILED) == (0, "ok: 0 of 0 runs failed (0.0%)\n", "")
    run.start("failed")
    line = "broken: 1 of 1 runs failed (100.0%), most of shop/ship\n"
    assert run(*FAILED) == (1, line, "")
    ran = run(*FAILED, "-o", "json")
    assert (ran.status, ran.answer["error"]["code"]) == (1, "broken")
    assert [each["state"] for each in ran.answer["data"]["results"]] == ["problem"]


def test_whatever_keeps_it_from_telling_is_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("runs", "check").status == 2
    assert run("runs", "check", "--queued-above", "-1").status == 2
    assert run("runs", "check", "--queued-above", "0").out == "ok: 0 runs are queued\n"
    assert run(*FAILED[:-1], "soon").status == 2
    assert run(*FAILED, "--stuckk", "1h").status == 2
    for fault in (answers(401), answers(500), drops(httpx.ConnectError)):
        run.server.fault(fault)
        ran = run(*FAILED, "--retries", "0")
        assert (ran.status, ran.out[:9], ran.out.count("\n")) == (2, "unknown: ", 1)
    monkeypatch.delenv("INNGEST_DEV")
    assert run(*FAILED).status == 2


def test_a_server_that_is_down_is_a_broken_rule_only_where_it_is_one(run: Run) -> None:
    assert run(*SERVER).out == "ok: the server answers\n"
    run.server.fault(drops(httpx.ConnectError), times=None)
    ran = run(*SERVER, *FAILED[2:])
    assert (ran.status, ran.out.startswith("broken: the server does not answer")) == (1, True)
    assert run(*FAILED, "--retries", "0").status == 2


def test_rules_of_a_toml_file_are_about_runs_of_their_own(run: Run, folder: Path) -> None:
    (folder / "check.toml").write_text(
        'server = true\n[[rules]]\nfunction = "shop/ship"\nfailed_above = "5%"\nsince = "15m"\n'
        '[[rules]]\nno_success_of = "shop/charge"\nwithin = "26h"\n'
    )
    words = ("runs", "check", "--params", "@check.toml")
    run.start("placed")
    assert run(*words).status == 0
    run.start("failed")
    ran = run(*words, "-o", "json")
    states = [each["state"] for each in ran.answer["data"]["results"]]
    assert states == ["ok", "problem", "ok"]
    (folder / "check.toml").write_text("server = yes")
    ran = run(*words)
    assert (ran.status, "check.toml is not TOML: " in ran.out) == (2, True)


def told_by(way: str, hook: Hook, folder: Path) -> tuple[list[str], Callable[[], list[Any]]]:
    """Return the options that tell somebody, and what they were told."""
    if way == "webhook":
        (folder / "url").write_text(f"{hook.url}\n")
        return ["--webhook", "@url"], lambda: hook.told
    words = ["--exec", "cat >> told; echo >> told"]
    return words, lambda: [
        json.loads(line) for line in (folder / "told").read_text().splitlines() if line
    ]


@pytest.mark.parametrize("way", ["webhook", "exec"])
def test_each_change_is_told_once_also_of_a_server_that_is_gone_and_comes_back(
    way: str, run: Run, hook: Hook, folder: Path
) -> None:
    options, told = told_by(way, hook, folder)
    words = [*SERVER, *FAILED[2:], *options, "--state", "state.json"]

    def check(status: int, times: int = 2) -> None:
        for _ in range(times):
            ran = run(*words)
            assert ran.status == status
            assert SECRET not in ran.out + ran.err

    check(0)
    run.server.fault(drops(httpx.ConnectError), times=2)
    check(1)
    check(0)
    run.server.fault(drops(httpx.ReadTimeout), times=2)
    check(1)
    check(0)
    run.start("failed")
    check(1)
    run.start("failed")
    check(1)  # the same rule, by other numbers
    changes = [(each["before"], each["state"]) for each in told()]
    assert changes == [("ok", "broken"), ("broken", "ok")] * 2 + [("ok", "broken")]
    assert told()[-1]["text"] == "broken: 1 of 1 runs failed (100.0%), most of shop/ship"
    assert SECRET not in (folder / "state.json").read_text()
    assert (folder / "state.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("folder")
def test_another_rule_that_breaks_and_a_check_that_cannot_tell_are_changes(
    run: Run, hook: Hook
) -> None:
    words = [*FAILED, "--queued-above", "1", "--state", "state.json", "--webhook", hook.url]
    words += ["--retries", "0"]
    run.start("failed")
    assert run(*words).status == 1
    run.server.function("shop", "later", trigger="order/later")
    run.client.send(
        [{"name": "order/later", "ts": run.server.now + timedelta(hours=1)} for _ in range(2)]
    )
    assert run(*words).status == 1
    run.server.fault(answers(500), times=4)
    assert [run(*words).status for _ in range(2)] == [2, 2]
    assert hook.changes == [("ok", "broken"), ("broken", "broken"), ("broken", "unknown")]


def test_without_a_state_each_check_that_is_not_ok_is_told(run: Run, hook: Hook) -> None:
    words = [*FAILED, "--webhook", hook.url]
    run(*words)
    run.start("failed")
    run(*words)
    run(*words)
    assert hook.changes == [("ok", "broken")] * 2


@pytest.mark.parametrize("way", ["webhook", "exec"])
def test_who_could_not_be_told_is_told_by_the_next_check_and_the_status_is_that_of_the_check(
    way: str, run: Run, hook: Hook, folder: Path
) -> None:
    run.start("failed")
    hook.status = 503
    options, _ = told_by(way, hook, folder)
    wrong = options if way == "webhook" else ["--exec", "exit 3"]
    ran = run(*FAILED, *wrong, "--state", "state.json")
    why = {"webhook": "HTTP 503", "exec": "exit status 3"}[way]
    assert ran.status == 1
    assert ran.err == f"Warning: --{way} failed ({why}); the next check tells it again\n"
    hook.told.clear()
    hook.status = 200
    options, told = told_by(way, hook, folder)
    assert run(*FAILED, *options, "--state", "state.json").err == ""
    assert [each["state"] for each in told()] == ["broken"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/hooks/s3cr3t", "file:///s3cr3t", "http://[s3cr3t", "s3cr3t"]
)
def test_the_url_of_a_webhook_is_never_printed(url: str, run: Run) -> None:
    run.start("failed")
    ran = run(*FAILED, "--webhook", url)
    assert "s3cr3t" not in ran.out + ran.err
    assert "webhook" in ran.err
    assert ran.status == 1


@pytest.mark.parametrize(
    "text",
    ["mine", "[]", "null", '"exec"', '{"exec": 1}', '{"mail": "ok"}', '{"exec": "ok"', "[" * 9_999],
)
def test_beside_a_file_that_is_no_state_the_check_is_made_and_told_and_exits_with_2(
    text: str, run: Run, hook: Hook, folder: Path
) -> None:
    (folder / "notes.txt").write_text(text)
    options, told = told_by("exec", hook, folder)
    words = [*FAILED, *options, "--state", "notes.txt"]
    said = "Warning: state: notes.txt cannot be used: it is not the state of a check\n"
    assert run(*words) == (2, "ok: 0 of 0 runs failed (0.0%)\n", said)
    run.start("failed")
    ran = run(*words)
    assert (ran.status, ran.out[:7], ran.err) == (2, "broken:", said)
    assert [(each["before"], each["state"]) for each in told()] == [("ok", "broken")]
    assert (folder / "notes.txt").read_text() == text


def test_a_check_is_made_and_told_while_another_holds_its_state(
    run: Run, hook: Hook, folder: Path
) -> None:
    fcntl = pytest.importorskip("fcntl")
    run.start("failed")
    (folder / "state.json").write_text('{"webhook": "ok"}')
    with (folder / "state.json").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        ran = run(*FAILED, "--state", "state.json", "--webhook", hook.url)
    assert (ran.status, ran.err) == (1, "")
    assert hook.changes == [("ok", "broken")]


@pytest.mark.parametrize("is_new", [True, False])
def test_what_was_told_while_the_disk_was_full_is_followed_by_what_comes_then(
    is_new: bool, run: Run, hook: Hook, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*SERVER, "--state", "state.json", "--webhook", hook.url]
    if not is_new:
        assert run(*words).status == 0

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run.server.fault(drops(httpx.ConnectError))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        ran = run(*words)
    said = "Warning: state: state.json cannot be used: No space left on device\n"
    assert (ran.status, ran.err) == (2, said)
    assert [it.name for it in folder.iterdir()] == ["state.json"]
    assert [run(*words).status for _ in range(2)] == [0, 0]
    assert hook.changes == [("ok", "broken"), ("unknown", "ok")]


@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_WITHIN_S", 0.3)
    run.start("failed")
    os.mkfifo(folder / "alive")
    reader = os.open(folder / "alive", os.O_RDONLY | os.O_NONBLOCK)
    try:
        ran = run(*FAILED, "--exec", "sleep 600 > alive & sleep 600")
        assert (ran.status, "--exec failed (TimeoutExpired)" in ran.err) == (1, True)
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        poll.poll(PATIENCE * 1_000)
        assert os.read(reader, 1) == b"", "nobody has it open any more"
    finally:
        os.close(reader)


class Slow(BaseHTTPRequestHandler):
    """Answers with a line of the head at a time, for longer than the test waits."""

    def do_POST(self) -> None:
        self.send_response(200)
        with suppress(OSError):
            for number in range(200):
                self.send_header(f"x-{number}", "")
                self.flush_headers()
                threading.Event().wait(0.01)
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_webhook_has_its_time_for_all_of_an_exchange(
    run: Run, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_WITHIN_S", 0.3)
    hook.server.RequestHandlerClass = Slow
    run.start("failed")
    ran = run(*FAILED, "--webhook", hook.url)
    assert (ran.status, "--webhook failed (TimeoutError)" in ran.err) == (1, True)


class Large(BaseHTTPRequestHandler):
    """Answers with a body that is no gzip, although it says so."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", "4")
        self.end_headers()
        self.wfile.write(b"bomb")

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_the_body_of_an_answer_that_nobody_reads_is_not_decoded(run: Run, hook: Hook) -> None:
    hook.server.RequestHandlerClass = Large
    run.start("failed")
    assert run(*FAILED, "--webhook", hook.url).err == ""


@pytest.mark.parametrize("rule", [FAILED[2:], ("--server",)], ids=lambda it: it[0])
def test_what_others_are_told_is_escaped_short_and_redacted(
    rule: tuple[str, ...], run: Run, hook: Hook
) -> None:
    key = "ghs" + "_abcdefghijklmnopqrst"
    error = f"no {key} \x1b[2J\x1b]8;;http://x\x07 \u202e \n- all is well " + "x" * 5_000
    run.server.fault(answers(500, json.dumps({"error": error, "status": 500})), times=None)
    run("runs", "check", *rule, "--retries", "0", "--webhook", hook.url, "--redact", "keys")
    (told,) = hook.told
    texts = list[str]()

    def note(text: str) -> str:
        texts.append(text)
        return text

    with_texts(told, note)
    assert all(each.isprintable() and len(each) < 500 for each in texts)
    assert key not in str(told)
    assert "[redacted]" in told["text"]
