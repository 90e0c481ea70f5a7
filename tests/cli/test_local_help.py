"""Help of the commands for agents, which are no operations: each has examples, which work."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Run

COMMANDS = ["schema", "mcp", "skill show", "skill install", "skill check"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_example_works(
    command: str, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    shown = run(*command.split(), "--help")
    assert shown.status == 0
    assert "each exit status:" in shown.out
    examples = re.findall(r"^  inngest-rest (.*\S)", shown.out, re.MULTILINE)
    assert examples
    assert all(each.startswith(command) for each in examples)
    if command == "mcp":
        return  # tests/mcp_server/test_stdio.py runs it
    run("skill", "install")
    assert [run(*shlex.split(each)).status for each in examples] == [0] * len(examples)
