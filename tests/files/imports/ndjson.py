"""Lines to write into a file, and what of them a server was sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inngest_rest import BatchReport
    from tests.support.server import Server

ROUTE = "POST /e/NO_EVENT_KEY_SET"

BY_TWO: dict[str, Any] = {"batch_size": 2, "in_flight": 1}


def line(number: int, **more: object) -> bytes:
    event = {"name": f"e{number}", "data": {"n": number}, **more}
    return json.dumps(event, separators=(",", ":")).encode()


def write(path: Path, count: int) -> None:
    path.write_bytes(b"".join(line(each) + b"\n" for each in range(count)))


def sent(server: Server) -> list[dict[str, Any]]:
    return [event for body in server.bodies() for event in body]


def names(server: Server) -> list[str]:
    return [event["name"] for event in sent(server)]


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def raises_at(batch: int) -> Callable[[BatchReport], None]:
    """Return an on_batch that ends the sending after a number of batches."""
    told: list[BatchReport] = []

    def on_batch(report: BatchReport) -> None:
        told.append(report)
        if len(told) == batch:
            raise ZeroDivisionError

    return on_batch
