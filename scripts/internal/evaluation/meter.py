"""`inngest-rest`, with the bytes of each call added to a log: a line for each."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from threading import Thread

LOG = "EVALUATION_LOG"

PROGRAMS = {"inngest-rest": (), "inngest-rest-mcp": ("mcp",)}
"""What stands in for each program."""


def main(words: list[str]) -> int:
    command = [sys.executable, "-m", "inngest_rest", *words]
    if words[:1] == ["mcp"] and "--help" not in words:
        return _tools(command)
    ended = subprocess.run(command, capture_output=True, check=False)
    sys.stdout.buffer.write(ended.stdout)
    sys.stderr.buffer.write(ended.stderr)
    _note(len(shlex.join(words)) + len(ended.stdout) + len(ended.stderr))
    return ended.returncode


def _tools(command: list[str]) -> int:
    """Pass messages on in both directions, and note each call of a tool at its answer."""
    asked: dict[object, int] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def pass_on() -> None:
            with server.stdin as there:  # type: ignore[union-attr]
                for line in sys.stdin.buffer:
                    message = json.loads(line)
                    if message.get("method") == "tools/call":
                        asked[message["id"]] = len(json.dumps(message["params"]))
                    there.write(line)
                    there.flush()

        Thread(target=pass_on, daemon=True).start()
        for line in server.stdout:
            written = asked.pop(json.loads(line).get("id"), None)
            if written is not None:
                _note(written + len(line))
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        return server.wait()


def _note(count: int) -> None:
    with open(os.environ[LOG], "a", encoding="utf-8") as log:  # noqa: PTH123
        log.write(f"{count}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
