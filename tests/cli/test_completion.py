"""Completion, as the shells themselves do it."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.command import Run

CASES = [
    (["ru"], {"runs"}),
    (["runs", "rep"], {"replay"}),
    (["runs", "list", "--stat"], {"--status"}),
    (["runs", "list", "--status", "fa"], {"failed"}),
    (["--dev", "even"], {"events"}),
    (["runs", "get", "--output-f"], {"--output-file"}),
    (["runs", "list", "-o", "nd"], {"ndjson"}),
    (["runs", "--base"], {"--base-url"}),
]

# Seconds that a shell may take on a machine that is busy.
_PATIENCE = 60


def in_bash(script: Path, lines: list[list[str]]) -> list[set[str]]:
    asked = [f'source "{script}"']
    for words in lines:
        asked += [
            f"COMP_WORDS=(inngest-rest {' '.join(words)}); COMP_CWORD={len(words)}",
            '_shtab_inngest_rest; echo "${COMPREPLY[@]}"',
        ]
    return [set(line.split()) for line in output_of("bash", "--norc", "-c", "\n".join(asked))]


def in_fish(script: Path, lines: list[list[str]]) -> list[set[str]]:
    asked = [f'source "{script}"']
    for words in lines:
        line = f"inngest-rest {' '.join(words)}"
        asked.append(f"complete -C '{line}' | cut -f 1 | tr '\\n' ' '; echo")
    found = output_of("fish", "--no-config", "-c", "\n".join(asked), cwd=script.parent)
    return [
        {it for it in line.split() if it.startswith(words[-1])}
        for line, words in zip(found, lines, strict=True)
    ]


def output_of(*command: str, cwd: Path | None = None) -> list[str]:
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd)
    return done.stdout.splitlines()


def in_zsh(script: Path, lines: list[list[str]]) -> list[set[str]]:
    """Type each line and a tab into a shell, and see what becomes of the last word."""
    folder = script.parent
    shutil.copy(script, folder / "_inngest-rest")
    (folder / ".zshrc").write_text(
        f'fpath=("{folder}" $fpath); PS1="ready> "; unsetopt PROMPT_SP\n'
        f'autoload -Uz compinit; compinit -u -d "{folder}/dump"\n'
    )
    child, terminal = pty.fork()
    if not child:
        os.environ |= {"ZDOTDIR": str(folder), "TERM": "xterm"}
        os.execvp("zsh", ["zsh", "-i"])

    def read_until(pattern: str) -> re.Match[str]:
        shown = ""
        while not (found := re.search(pattern, re.sub(r"\x1b\[[0-9;?]*\w", "", shown))):
            ready, _, _ = select.select([terminal], [], [], _PATIENCE)
            assert ready, shown
            shown += os.read(terminal, 65536).decode()
        return found

    completed: list[set[str]] = []
    try:
        read_until("ready> ")
        for words in lines:
            os.write(terminal, f"inngest-rest {' '.join(words)}\t".encode())
            found = read_until(rf"({re.escape(words[-1])}\S+) ")
            completed.append({found[1]})
            os.write(terminal, b"\x15")
        os.write(terminal, b"exit\n")
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    return completed


SHELLS: dict[str, Callable[[Path, list[list[str]]], list[set[str]]]] = {
    "bash": in_bash,
    "fish": in_fish,
    "zsh": in_zsh,
}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_completes_commands_options_and_values(
    shell: str, run: Run, tmp_path: Path
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(run("completion", shell).out)
    found = SHELLS[shell](script, [words for words, _ in CASES])
    assert found == [expected for _, expected in CASES]


def test_another_shell_is_a_mistake_that_lists_those_there_are(run: Run) -> None:
    ran = run("completion", "powershel")
    assert ran.status == 2
    assert "bash, zsh, fish" in ran.answer["error"]["message"]
