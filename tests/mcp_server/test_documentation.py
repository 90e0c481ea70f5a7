"""The page on agents has configurations that work and hold no key, and commands that run."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from inngest_rest_tools import cutting, tool_schemas
from tests.support import agent

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/guides/agents.md"
TEXT = PAGE.read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


JSON: Any = json.loads(block("json"))["mcpServers"]["inngest"]
TOML: Any = tomllib.loads(block("toml"))["mcp_servers"]["inngest"]
COMMANDS = [
    line.removeprefix("$ inngest-rest ").partition("  #")[0].rstrip()
    for line in re.findall(r"^\$ inngest-rest .*$", TEXT, re.MULTILINE)
]


def test_both_configurations_start_the_server_that_is_tested() -> None:
    # tests/mcp_server/test_stdio.py runs this command line.
    expected = ("inngest-rest", ["mcp", "--folder", "~/inngest"])
    assert (JSON["command"], JSON["args"]) == (TOML["command"], TOML["args"]) == expected


def test_they_name_keys_and_hold_none() -> None:
    assert JSON["env"] == {name: f"${{{name}}}" for name in TOML["env_vars"]}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_page_succeeds(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    if command == "skill check":
        agent.in_process(["skill", "install"])
    status, _ = agent.in_process(shlex.split(command))
    assert status == 0


def test_the_bounds_on_the_page_are_those_of_the_server() -> None:
    words = " ".join(TEXT.split())
    assert f"truncated at {cutting.DEFAULT_MAX_CHARS:,} characters" in words
    assert f"under {cutting.LONGEST_ANSWER:,}" in words
    assert f"at most {tool_schemas.LONGEST_WAIT_S:g} seconds" in words
