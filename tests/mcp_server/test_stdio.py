"""`inngest-rest mcp` serves the tools on standard input and output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from mcp.client.stdio import StdioServerParameters

from tests.mcp_server.sessions import answer, talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp import Client

    from tests.operations.cases import World

COMMAND = [sys.executable, "-W", "error", "-m", "inngest_rest.cli", "mcp"]


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with world.mock.serve() as url:
        yield url


def process(url: str, *options: str) -> StdioServerParameters:
    environment = {**os.environ, "INNGEST_DEV": url}
    return StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], *options], env=environment)


@pytest.mark.parametrize(
    ("era", "options"), [("auto", []), ("legacy", ["--read-only"])], ids=["auto", "legacy"]
)
def test_the_command_serves_the_tools(world: World, url: str, era: str, options: list[str]) -> None:
    async def conversation(client: Client) -> Any:
        tools = (await client.list_tools()).tools
        runs = await client.call_tool("runs_list", {"status": ["failed"]})
        wrong = await client.call_tool("runs_get", {"id": "01HZZZZZZZZZZZZZZZZZZZZZZZ"})
        return {each.name for each in tools}, runs, wrong

    names, runs, wrong = talk(process(url, *options), conversation, era)
    assert "runs_list" in names
    assert ({"send", "runs_cancel", "runs_replay"} <= names) is not bool(options)
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
    code = "import sys; sys.modules['mcp'] = None\nfrom inngest_rest.cli import main; main()"
    ended = run("-o", "json", code=code)
    assert ended.returncode == 2
    assert "pip install 'inngest-rest[mcp]'" in json.loads(ended.stdout)["error"]["message"]
