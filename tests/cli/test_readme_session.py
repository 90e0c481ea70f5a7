"""The session of the README prints what it shows, ids apart."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from inngest_rest import InngestClient
from inngest_rest_mock import Behaviour, MockEvent, MockServer, completes, fails, sleeps
from inngest_rest_tools.command import execute, program

if TYPE_CHECKING:
    import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
ULID = r"\b01[0-9A-Z]{24}\b"


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


def test_the_commands_of_the_readme_print_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    session = re.findall(
        r"^```console\n(\$ inngest-rest .*?)^```",
        README.read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )[0]
    server = shop()
    monkeypatch.setattr(
        execute, "InngestClient", partial(InngestClient, transport=server.transport)
    )
    for name, value in (("INNGEST_DEV", "1"), ("INNGEST_REST_OUTPUT", "table"), ("COLUMNS", "96")):
        monkeypatch.setenv(name, value)
    printed = ""
    for command in re.findall(r"^\$ (.*)", session, re.MULTILINE):
        failed = [each.id for each in server.runs if each.status == "failed"]
        typed = re.sub(ULID, failed[0] if failed else "", command)
        terminal = io.StringIO()
        with redirect_stdout(terminal), redirect_stderr(terminal):
            assert program.run(shlex.split(typed)[1:]) == 0
        lines = terminal.getvalue().rstrip().split("\n")
        printed += "\n".join([f"$ {command}", *(line.rstrip() for line in lines), ""])
        server.advance(timedelta(seconds=1))
    assert re.sub(ULID, "ULID", printed) == re.sub(ULID, "ULID", session)
