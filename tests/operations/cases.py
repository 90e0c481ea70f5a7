"""A call of each operation, with the server that it needs and what it has to return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from inngest_rest import InngestClient
from inngest_rest.testing import MockServer, completes, fails, sleeps, waits_for

if TYPE_CHECKING:
    from pathlib import Path


class World:
    """A server with two functions, an event of each, and its runs: one completed, one failed.

    Args:
        folder: An empty folder for files.
    """

    def __init__(self, folder: Path) -> None:
        # With the routes that only Inngest Cloud has, such as those of webhooks.
        self.mock = MockServer(v1_routes=True)
        self.mock.function("shop", "charge", trigger="order/placed", run=completes({"paid": 1}))
        self.mock.function("shop", "ship", trigger="order/failed", run=fails("no stock"))
        self.mock.function("shop", "wait", trigger="order/open", run=sleeps(timedelta(hours=1)))
        self.mock.function("shop", "approve", trigger="order/held", run=waits_for("approved"))
        self.client = InngestClient(dev=True, transport=self.mock.transport)
        self.event_id, self.failed_event_id = self.client.send(
            [{"name": "order/placed", "data": {"id": 1}}, {"name": "order/failed"}]
        )
        self.run_id, self.failed_run_id = (run.id for run in self.mock.runs)
        self.file = folder / "events.ndjson"
        self.file.write_text('{"name": "order/placed"}\n{"name": "order/placed"}\n')

    def signal(self) -> str:
        """Start a run that waits for a signal, and return the signal's name."""
        self.client.send({"name": "order/held"})
        return "approved"

    def open_run(self) -> str:
        """Start a run that does not end by itself, and return its id."""
        self.client.send({"name": "order/open"})
        return self.mock.runs[-1].id

    def webhook(self) -> str:
        """Create a webhook, and return its id."""
        return self.client.webhooks.create(name="orders").id

    def cancellation(self) -> str:
        """Create a bulk cancellation, and return its id."""
        return self.client.cancellations.create(
            "shop", "shop-charge", started_before=self.mock.now
        ).id


Call = Callable[[World], Mapping[str, Any]]


CASES: dict[str, Call] = {
    "send": lambda _: {"name": "order/placed", "data": {"id": 2}, "id": "order-2", "ts": "1m"},
    "send_many": lambda _: {"events": [{"name": "order/placed", "id": str(it)} for it in "ab"]},
    "send_file": lambda world: {"path": str(world.file), "rate": 100},
    "events.list": lambda _: {"name": "order/placed", "since": "1h"},
    "events.get": lambda world: {"id": world.event_id},
    "events.runs": lambda world: {"id": world.event_id, "limit": 5},
    "events.explain": lambda world: {"id": world.event_id},
    "events.wait": lambda world: {"id": world.event_id, "timeout": 10},
    "runs.list": lambda _: {"status": ["failed"], "since": "2h", "include_output": True},
    "runs.get": lambda world: {"id": world.run_id, "include_original_run_id": True},
    "runs.wait": lambda world: {"ids": [world.run_id, world.failed_run_id]},
    "runs.watch": lambda _: {"since": "1h", "timeout": 2, "every": 1, "include_output": True},
    "runs.cancel": lambda world: {"ids": [world.open_run()]},
    "runs.replay": lambda world: {"ids": [world.failed_run_id]},
    "runs.jobs": lambda world: {"id": world.open_run()},
    "runs.trace": lambda world: {"id": world.failed_run_id},
    "apps.list": lambda _: {},
    "apps.get": lambda _: {"id": "shop"},
    "functions.list": lambda _: {"app": "shop"},
    "functions.get": lambda _: {"app": "shop", "function": "charge"},
    "functions.invoke": lambda _: {"app": "shop", "function": "charge", "data": {"id": 3}},
    "functions.invoke_many": lambda _: {
        "app": "shop",
        "function": "charge",
        "inputs": [{"id": 4}, {}],
    },
    "signals.send": lambda world: {"signal": world.signal(), "data": [1]},
    "cancellations.list": lambda world: {"limit": len(world.cancellation())},
    "cancellations.create": lambda _: {
        "app": "shop",
        "function": "shop-charge",
        "started_before": "0s",
        "started_after": "2h",
    },
    "cancellations.delete": lambda world: {"id": world.cancellation()},
    "webhooks.list": lambda world: {"limit": len(world.webhook())},
    "webhooks.get": lambda world: {"id": world.webhook()},
    "webhooks.create": lambda _: {"name": "orders"},
    "webhooks.update": lambda world: {"id": world.webhook(), "name": "shop orders"},
    "webhooks.delete": lambda world: {"id": world.webhook()},
    "doctor": lambda _: {},
}
"""Parameters for each operation."""
