"""Commands run against a mock server: what they did, and runs for them to act on."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest_tools.command import program
from tests.support.answers import read

if TYPE_CHECKING:
    import pytest

    from inngest_rest import InngestClient
    from inngest_rest_mock import MockServer


class Ran(NamedTuple):
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """The envelope."""
        (line,) = self.out.splitlines()
        return read(line)

    @property
    def lines(self) -> list[Any]:
        """The lines of NDJSON."""
        return [read(line) for line in self.out.splitlines()]


class Runner:
    """What runs commands against a mock server.

    Attributes:
        server: The server.
        client: A client of it.
    """

    def __init__(self, server: MockServer, client: InngestClient) -> None:
        self.server = server
        self.client = client

    def start(self, name: str, count: int = 1) -> list[str]:
        """Send events, and return the ids of the runs that they start, newest first."""
        before = len(self.server.runs)
        self.client.send([{"name": f"order/{name}", "data": {"id": at}} for at in range(count)])
        return [run.id for run in self.server.runs[before:]][::-1]


class Run(Runner):
    """Runs a command in this process; its output is no terminal.

    Args:
        server: The server.
        client: A client of it.
        monkeypatch: That of the test.
        capsys: That of the test.
    """

    def __init__(
        self,
        server: MockServer,
        client: InngestClient,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        super().__init__(server, client)
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *tokens: str, stdin: str | None = "") -> Ran:
        given = None
        if stdin is not None:
            data = stdin.encode("utf-8", "surrogateescape")
            given = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)), "utf-8")
        self._monkeypatch.setattr(sys, "stdin", given)
        status = program.run(tokens)
        return Ran(status, *self._capsys.readouterr())
