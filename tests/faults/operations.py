"""Every public operation of a client, as it is put before faults."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest import (
    ActionReport,
    AsyncEventBuffer,
    BatchReport,
    EventBuffer,
    InngestClient,
    Page,
    SendReport,
)
from tests.support.doors import Blocking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEFORE = datetime(2026, 1, 1, tzinfo=UTC)

# What a client has that sends nothing by itself.
# What `diagnose` makes of a bad server is its result [tests/diagnosis].
NOT_OPERATIONS = {"close", "diagnose", "raw", "with_options", "target"}


@frozen
class Tools:
    """What a cell has.

    Attributes:
        client: The client, behind the blocking interface.
        file: A file of the cell's own, not there yet.
        is_final: Whether what the server does decides about an event, so that a buffer ends.
        run: The id of a run that has ended.
        open_run: The id of a run that has not.
        event: The id of an event.
        cancellation: The id of a bulk cancellation.
        webhook: The id of a webhook.
    """

    client: InngestClient
    file: Path
    is_final: bool
    run: str = "01M86WNRKHYE50ZF3GG530BHRT"
    open_run: str = "01M86WNRKHYE50ZF3GG530BHRT"
    event: str = "01M86WNRKHYE50ZF3GG530BHRE"
    cancellation: str = "c1"
    webhook: str = "w1"


Do = Callable[[Tools], object]


@frozen
class Operation:
    """A row of the table: how it is called, and by which rules it is judged.

    Attributes:
        name: As in `client.NAME`.
        do: Calls it, and returns what it returned.
        kind: Which rules hold, by a name in `rules.RULES`.
        routes: The families it asks, in order: what one of them lacks is asked of the next.
        is_repeatable: Whether it may be done twice.
        stands_for_kind: Whether it is put before every fault.
    """

    name: str
    do: Do
    kind: str
    routes: str
    is_repeatable: bool = True
    stands_for_kind: bool = False


def _event() -> dict[str, Any]:
    return {"name": "shop/order.placed", "id": "order-1", "data": {"n": 1}}


def _send_file(tools: Tools) -> object:
    tools.file.write_text('{"name":"shop/order.placed","data":{"n":1}}\n')
    return tools.client.send_file(tools.file)


def _buffer(tools: Tools) -> SendReport:
    """Add an event, try to send it, and return what the buffer says became of it."""
    said: list[BatchReport] = []
    client: Any = tools.client
    buffer: Any
    if isinstance(client, InngestClient):
        buffer = EventBuffer(client, batch_size=1, on_batch=said.append)
    else:
        buffer = Blocking(
            AsyncEventBuffer(client.target, batch_size=1, on_batch=said.append), client.runner
        )
    buffer.add(_event())
    # What is not final is tried again until the time is up.
    buffer.close(20.0 if tools.is_final else 0.3)
    return sum((each.report for each in said), SendReport())


OPERATIONS = (
    Operation("send", lambda it: it.client.send(_event()), "send", "ingest", stands_for_kind=True),
    Operation("send_and_wait", lambda it: it.client.send_and_wait(_event(), 4), "send", "ingest"),
    Operation(
        "send_many",
        lambda it: it.client.send_many([_event()]),
        "send_many",
        "ingest",
        stands_for_kind=True,
    ),
    Operation("send_file", _send_file, "send_many", "ingest"),
    Operation("EventBuffer", _buffer, "buffer", "ingest", stands_for_kind=True),
    Operation("health", lambda it: it.client.health(), "health", "ingest"),
    Operation(
        "events.list",
        lambda it: it.client.events.list().page(),
        "read",
        "v1",
        stands_for_kind=True,
    ),
    Operation("events.get", lambda it: it.client.events.get(it.event), "read", "v1"),
    Operation("events.runs", lambda it: it.client.events.runs(it.event).page(), "read", "v2 v1"),
    Operation("events.wait", lambda it: it.client.events.wait(it.event, 4), "wait", "v1"),
    Operation("events.explain", lambda it: it.client.events.explain(it.event), "read", "v1"),
    Operation("runs.list", lambda it: it.client.runs.list().page(), "read", "v2 v1"),
    Operation(
        "runs.get", lambda it: it.client.runs.get(it.run), "read", "v2 v1", stands_for_kind=True
    ),
    Operation(
        "runs.wait",
        lambda it: it.client.runs.wait(it.run, 4),
        "wait",
        "v2 v1",
        stands_for_kind=True,
    ),
    Operation(
        "runs.wait_many",
        lambda it: list(it.client.runs.wait_many([it.run], 4)),
        "wait many",
        "v2 v1",
    ),
    Operation(
        "runs.watch", lambda it: list(it.client.runs.watch(timeout=2, every=1)), "watch", "v2"
    ),
    Operation(
        "runs.cancel",
        lambda it: it.client.runs.cancel(it.open_run),
        "without result",
        "v2 v1",
        stands_for_kind=True,
    ),
    Operation(
        "runs.replay",
        lambda it: it.client.runs.replay(it.run),
        "once",
        "v2 v1",
        is_repeatable=False,
        stands_for_kind=True,
    ),
    Operation(
        "runs.cancel_all",
        lambda it: it.client.runs.cancel_all(ids=[it.open_run], in_flight=1),
        "bulk without result",
        "v2 v1",
    ),
    Operation(
        "runs.replay_all",
        lambda it: it.client.runs.replay_all(ids=[it.run], in_flight=1),
        "bulk after a look",
        "v2 v1",
        is_repeatable=False,
    ),
    Operation("runs.jobs", lambda it: it.client.runs.jobs(it.run), "read", "v1"),
    Operation("runs.trace", lambda it: it.client.runs.trace(it.run), "read", "v2"),
    Operation("apps.list", lambda it: it.client.apps.list().page(), "read", "v2 v1"),
    Operation("apps.get", lambda it: it.client.apps.get("shop"), "read", "v2"),
    Operation(
        "functions.list", lambda it: it.client.functions.list("shop").page(), "read", "v2 v1"
    ),
    Operation("functions.get", lambda it: it.client.functions.get("shop", "pay"), "read", "v2"),
    Operation(
        "functions.invoke",
        lambda it: it.client.functions.invoke("shop", "pay"),
        "once",
        "v2",
        is_repeatable=False,
        stands_for_kind=True,
    ),
    Operation(
        "functions.invoke_many",
        lambda it: it.client.functions.invoke_many("shop", "pay", [{}], in_flight=1),
        "bulk",
        "v2",
        is_repeatable=False,
    ),
    Operation(
        "signals.send", lambda it: it.client.signals.send("go"), "once", "v1", is_repeatable=False
    ),
    Operation("cancellations.list", lambda it: it.client.cancellations.list().page(), "read", "v1"),
    Operation(
        "cancellations.create",
        lambda it: it.client.cancellations.create("shop", "shop-pay", started_before=BEFORE),
        "once",
        "v1",
        is_repeatable=False,
    ),
    Operation(
        "cancellations.delete",
        lambda it: it.client.cancellations.delete(it.cancellation),
        "without result",
        "v1",
    ),
    Operation("webhooks.list", lambda it: it.client.webhooks.list().page(), "read", "v1"),
    Operation(
        "webhooks.create",
        lambda it: it.client.webhooks.create(name="orders"),
        "once",
        "v1",
        is_repeatable=False,
    ),
    Operation("webhooks.get", lambda it: it.client.webhooks.get(it.webhook), "read", "v1"),
    Operation(
        "webhooks.update", lambda it: it.client.webhooks.update(it.webhook, name="x"), "read", "v1"
    ),
    Operation(
        "webhooks.delete", lambda it: it.client.webhooks.delete(it.webhook), "without result", "v1"
    ),
)


def public_operations() -> Iterator[str]:
    """Yield the name of every public method that sends something, from the client itself."""
    yield "EventBuffer"
    kinds = reversed(InngestClient.__mro__[:-1])
    members = {name: each for kind in kinds for name, each in vars(kind).items()}
    for name, member in members.items():
        if name.startswith("_") or name in NOT_OPERATIONS:
            continue
        if not isinstance(member, cached_property):
            yield name
            continue
        client = InngestClient(dev=True)
        for method in vars(type(getattr(client, name))):
            if not method.startswith("_"):
                yield f"{name}.{method}"
        client.close()


def describe(result: object) -> str:
    """Say in a word what an operation returned, as the table has it."""
    if isinstance(result, SendReport):
        counts = {name: getattr(result, name) for name in ("accepted", "rejected", "unknown")}
        return " ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"
    if isinstance(result, ActionReport):
        return " ".join(row.outcome for row in result.rows)
    items = result.items if isinstance(result, Page) else result
    return f"ok, {len(items)} items" if isinstance(items, list | tuple) and items else "ok"
