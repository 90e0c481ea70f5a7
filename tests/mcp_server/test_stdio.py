"""`inngest-rest mcp` serves the tools on standard input and output."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from mcp.client.stdio import StdioServerParameters

from inngest_rest import InngestClient
from inngest_rest_tools import mcp_server
from inngest_rest_tools.command import execute, program
from tests.mcp_server.sessions import answer, talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp import Client

    from tests.operations.cases import World

COMMAND = [sys.executable, "-W", "error", "-m", "inngest_rest_tools", "mcp"]


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with world.mock.serve() as url:
        yield url


def process(url: str, *options: str) -> StdioServerParameters:
    environment = {**os.environ, "INNGEST_DEV": url}
    return StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], *options], env=environment)


@pytest.mark.parametrize(
    ("era", "options"), [("auto", ["--allow-writes"]), ("legacy", [])], ids=["auto", "legacy"]
)
def test_the_command_serves_the_tools(world: World, url: str, era: str, options: list[str]) -> None:
    async def conversation(client: Client) -> Any:
        tools = (await client.list_tools()).tools
        runs = await client.call_tool("runs_list", {"status": ["failed"]})
        wrong = await client.call_tool("runs_get", {"id": "01HZZZZZZZZZZZZZZZZZZZZZZZ"})
        return {each.name for each in tools}, runs, wrong

    names, runs, wrong = talk(process(url, *options), conversation, era)
    assert "runs_list" in names
    assert ({"send", "runs_cancel", "runs_replay"} <= names) is bool(options)
    assert [it["id"] for it in answer(runs)["data"]["items"]] == [world.failed_run_id]
    assert wrong.is_error
    assert answer(wrong)["error"]["code"] == "not_found"


def run(*options: str, code: str | None = None, **environment: str) -> Any:
    command = [sys.executable, "-c", code, "mcp"] if code else COMMAND
    return subprocess.run(
        [*command, *options],
        input="",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def test_it_ends_with_its_input_and_prints_nothing_of_its_own() -> None:
    ended = run(INNGEST_DEV="1")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_ctrl_c_ends_it_at_once_though_its_input_stays_open() -> None:
    server = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "INNGEST_DEV": "1"},
    )
    with server:
        assert server.stdin
        assert server.stdout
        assert server.stderr
        server.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 1
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == -signal.SIGINT
        assert server.stderr.read() == b""


def test_a_setting_that_is_wrong_is_told_before_it_serves() -> None:
    ended = run("-o", "json", INNGEST_BASE_URL="no url")
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["error"]["code"] == "usage"


def test_without_its_package_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['mcp'] = None\nimport inngest_rest_tools.__main__"
    ended = run("-o", "json", code=code)
    assert ended.returncode == 1
    assert "pip install 'inngest-rest[mcp]'" in ended.stderr


Serve = Callable[..., int]


class Host(io.BytesIO):
    """What reads the answers, and closes the input after a number of them."""

    def __init__(self, number: int, close: Callable[[], object]) -> None:
        super().__init__()
        self._number, self._close = number, close

    def write(self, data: Any) -> int:
        written = super().write(data)
        if self.getvalue().count(b"\n") == self._number:
            self._close()
        return written


@pytest.fixture
def serve(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Run the command in this process, and return its exit status; its input has ended."""
    handler = signal.getsignal(signal.SIGINT)
    connected = partial(InngestClient, transport=world.mock.transport)
    monkeypatch.setattr(execute, "InngestClient", connected)
    monkeypatch.setenv("INNGEST_DEV", "1")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    yield lambda *options: program.run(["mcp", *options])
    signal.signal(signal.SIGINT, handler)


def test_each_line_is_answered_by_one_until_the_input_ends(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    with open(reading) as stdin, open(writing, "w") as stream:  # noqa: PTH123
        for number in (1, 2):
            print(json.dumps({"jsonrpc": "2.0", "id": number, "method": "ping"}), file=stream)
        stream.flush()
        host = Host(2, stream.close)
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(host))
        assert serve() == 0
    assert {json.loads(line)["id"] for line in host.getvalue().splitlines()} == {1, 2}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("read_only", [False, True])
def test_the_client_has_the_options_of_the_command_and_is_closed_at_the_end(
    read_only: bool, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[InngestClient, bool]] = []

    def note(client: InngestClient, *, read_only: bool, **_: object) -> None:
        list(client.runs.list())
        served.append((client, read_only))

    monkeypatch.setattr(mcp_server, "serve", note)
    assert serve("--env", "staging", *([] if read_only else ["--allow-writes"])) == 0
    ((client, is_read_only),) = served
    assert (client.target.env, is_read_only) == ("staging", read_only)
    with pytest.raises(RuntimeError, match="closed"):
        list(client.runs.list())


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_person_who_starts_it_is_told_whom_it_is_for(
    is_terminal: bool,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: is_terminal)
    assert serve() == 0
    assert ("which is for the host of an agent to start" in capsys.readouterr().err) is is_terminal


def test_ctrl_c_ends_the_process_while_it_serves(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers: list[object] = []

    def note(*_: object, **__: object) -> None:
        handlers.append(signal.getsignal(signal.SIGINT))

    monkeypatch.setattr(mcp_server, "serve", note)
    assert serve() == 0
    assert handlers == [signal.SIG_DFL]
