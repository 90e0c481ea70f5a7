"""Make the pictures of docs/: a session with the command on a mock server, and a trace.

The commands are the real ones, with a server whose clock stands still; the ids that they print are
replaced by others, which are the same each time.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from rich.console import Console
from rich.text import Text

from inngest_rest import InngestClient
from inngest_rest_mock import Behaviour, MockEvent, MockServer, completes, fails, sleeps
from inngest_rest_tools.command import execute
from inngest_rest_tools.command.program import run
from tests.support.traces import recorded_trace

if TYPE_CHECKING:
    from collections.abc import Sequence

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "terminal.svg"
TRACE = PICTURE.with_name("trace.svg")

COLUMNS = 96
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)

# FAILED stands for the id of the run that failed.
SESSION = (
    """inngest-rest send app/order.created --data '{"total": 900}' --id order-1001""",
    "inngest-rest runs list",
    "inngest-rest runs trace FAILED",
    "inngest-rest runs replay --status failed --app shop",
    "inngest-rest runs list",
)

_ULID = re.compile(r"(?<![0-9A-Z])0[0-9A-HJKMNP-TV-Z]{25}(?![0-9A-Z])")


class Terminal(io.StringIO):
    """What is written to a terminal; where a question is asked, somebody types yes."""

    def isatty(self) -> bool:
        return True

    def readline(self, _size: int | None = -1, /) -> str:  # type: ignore[override]
        self.write("y\n")
        return "y\n"


def shop() -> MockServer:
    """Return a server with a function that fails for each event once."""
    server = MockServer(clock=lambda: int(NOON.timestamp()) * 1_000_000_000, visibility_delay=0)
    declined: set[str] = set()

    def charge(event: MockEvent) -> Behaviour:
        is_first = event.id not in declined
        declined.add(event.id)
        end = fails("card declined") if is_first else completes({"charged": 900})
        return sleeps(timedelta(milliseconds=180), end)

    server.function("shop", "charge", trigger="app/order.created", run=charge)
    server.function("shop", "ship", trigger="app/order.created", run=sleeps(timedelta(days=1)))
    return server


def play(commands: Sequence[str] = SESSION) -> list[tuple[str, str]]:
    """Run each command of a session, and return it with what it wrote."""
    server = shop()

    def client(**settings: Any) -> InngestClient:
        return InngestClient(**{**settings, "dev": True}, transport=server.transport)

    environment = {
        "COLUMNS": str(COLUMNS),
        "FORCE_COLOR": "1",
        "INNGEST_REST_OUTPUT": "table",
        "TERM": "xterm-256color",
    }
    shown: list[tuple[str, str]] = []
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(execute, "InngestClient", client),
    ):
        for command in commands:
            failed = [each.id for each in server.runs if each.status == "failed"]
            typed = command.replace("FAILED", failed[0] if failed else "")
            terminal = Terminal()
            with (
                redirect_stdout(terminal),
                redirect_stderr(terminal),
                mock.patch.object(sys, "stdin", terminal),
            ):
                status = run(shlex.split(typed)[1:])
            if status:
                raise RuntimeError(f"{typed} exits with {status}: {terminal.getvalue()}")
            shown.append((typed, terminal.getvalue()))
            server.advance(timedelta(seconds=1))
    return shown


def draw(shown: list[tuple[str, str]]) -> str:
    """Return the picture of a session."""
    ids: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        """Return the id that stands for one: its time, and its number in place of the rest."""
        return ids.setdefault(found[0], f"{found[0][:10]}M5T7V9W2Y4Z6A8{len(ids) + 10:02}")

    console = _console(COLUMNS)
    for command, output in shown:
        console.print(Text.assemble(("$ ", "bold green"), (_ULID.sub(named, command), "bold")))
        lines = [_seen(each) for each in _ULID.sub(named, output).rstrip().split("\n")]
        console.print(Text.from_ansi("\n".join(lines)), end="\n\n")
    return console.export_svg(title="inngest-rest", unique_id="session")


def draw_trace() -> str:
    """Return the picture of a recorded trace, with every kind of step."""
    console = _console(80)
    waterfall = recorded_trace("v2-trace-all-kinds").render(width=80, color=True)
    console.print(Text.from_ansi(waterfall))
    return console.export_svg(title="inngest-rest runs trace", unique_id="trace")


def _console(columns: int) -> Console:
    return Console(
        file=io.StringIO(),
        record=True,
        width=columns,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )


def _seen(line: str) -> str:
    """Return what is left of a line after its carriage returns: progress is written over."""
    seen = ""
    for each in line.split("\r"):
        seen = each + seen[len(each) :]
    return seen.rstrip()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/terminal-session", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="only compare; exit with 1 if it differs"
    )
    options = parser.parse_args(arguments)
    status = 0
    for path, picture in ((PICTURE, draw(play())), (TRACE, draw_trace())):
        if not options.check:
            path.write_text(picture, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != picture:
            print(f"{path} is not what the commands print now: run scripts/terminal-session")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
