"""A call of each operation, with the server that it needs and what it has to return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from inngest_rest import InngestClient
from inngest_rest.call_row import EVENT_ID, RUN_ID
from inngest_rest.calls import commands
from inngest_rest_mock import MockServer, completes, fails, sleeps, waits_for
from tests.support.calls import example
from tests.support.capabilities import rows

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.call_row import CallRow


class World:
    """A server with two functions, an event of each, and its runs: one completed, one failed.

    Args:
        folder: An empty folder for files.
        settings: Further settings of the mock.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        # With the routes that only Inngest Cloud has, such as those of webhooks.
        self.mock = MockServer(v1_routes=True, cloud=True, **settings)
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
        return self.client.webhooks.create("orders", "function transform(evt) { return evt }").id

    def environment(self) -> str:
        """Create an environment, and return its id."""
        return self.client.envs.create("preview-1").id

    def cancellation(self) -> str:
        """Create a bulk cancellation, and return its id."""
        return self.client.cancellations.create(
            "shop", "shop-charge", started_before=self.mock.now
        ).id


Call = Callable[[World], Mapping[str, Any]]

# What the server has to have, or what a mock is asked otherwise.
_SPECIAL: dict[str, Call] = {
    **rows("OPERATIONS"),
    "runs.watch": lambda _: {"timeout": 2, "every": 1, "include_output": True},
    "runs.cancel": lambda world: {"ids": [world.open_run()]},
    "runs.jobs": lambda world: {"id": world.open_run()},
    "signals.send": lambda world: {"signal": world.signal()},
    "cancellations.list": lambda world: {} if world.cancellation() else {"": None},
    "cancellations.create": lambda _: {"function": "shop-charge"},
    "cancellations.delete": lambda world: {"id": world.cancellation()},
    "envs.archive": lambda world: {"id": world.environment()},
    "webhooks.list": lambda world: {"limit": len(world.webhook())},
    **dict.fromkeys(
        ["webhooks.get", "webhooks.update", "webhooks.delete"],
        lambda world: {"id": world.webhook()},
    ),
}


def _case(row: CallRow, world: World) -> Mapping[str, Any]:
    ids = {RUN_ID: world.failed_run_id, EVENT_ID: world.event_id}
    special = _SPECIAL.get(row.command)
    return {**example(row, ids), **(special(world) if special else {})}


CASES: dict[str, Call] = {row.command: partial(_case, row) for row in commands()}
"""Parameters for each command: its example, about what is in the world."""
