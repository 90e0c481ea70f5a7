"""Runs to act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest import Event

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest_mock import MockServer


def start(client: InngestClient, mock: MockServer, name: str, count: int) -> list[str]:
    """Start runs and return their ids, newest first, as they are listed."""
    before = len(mock.runs)
    for _ in range(count):
        client.send(Event(name))
    return [run.id for run in mock.runs[before:]][::-1]
