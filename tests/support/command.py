"""What a command did, and runs for it to act on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.support.answers import read

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.testing import MockServer


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


Run = Callable[..., Ran]


def send(client: InngestClient, mock: MockServer, name: str, count: int = 1) -> list[str]:
    """Send events, and return the ids of the runs that they start, newest first."""
    before = len(mock.runs)
    client.send([{"name": f"order/{name}", "data": {"id": at}} for at in range(count)])
    return [run.id for run in mock.runs[before:]][::-1]
