"""Every public operation of a client, as it is put before faults."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest import InngestClient, Page, SendReport
from inngest_rest.call_row import EVENT_ID, RUN_ID
from inngest_rest.calls import ROWS
from tests.support.calls import BY_NAME, call, public_names, tags
from tests.support.capabilities import rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inngest_rest.call_row import CallRow

BEFORE = datetime(2026, 1, 1, tzinfo=UTC)

# What a client has that sends nothing by itself.
# `call` and `request` retry by the method, as any route [tests/calls/test_direct.py].
NOT_OPERATIONS = {
    *("call", "close", "profile", "raw", "request", "target", "with_options"),
    *rows("FAULTS_BY_RESULT"),
}


@frozen
class Tools:
    """What a trial has.

    Attributes:
        client: The client, behind the blocking interface.
        file: A file of the trial's own, not there yet.
        is_final: Whether what the server does decides about an event, so that a buffer ends.
        run: The id of a run that has ended.
        open_run: The id of a run that has not.
        event: The id of an event.
        cancellation: The id of a bulk cancellation.
        webhook: The id of a webhook.
        env: The id of an environment.
        patience: The seconds that a wait may take: by a clock of the test's, and each of its
            requests in real time.
    """

    client: InngestClient
    file: Path
    is_final: bool
    run: str = "01M86WNRKHYE50ZF3GG530BHRT"
    open_run: str = "01M86WNRKHYE50ZF3GG530BHRT"
    event: str = "01M86WNRKHYE50ZF3GG530BHRE"
    cancellation: str = "c1"
    webhook: str = "w1"
    env: str = "e1"
    patience: float = 4.0


Do = Callable[[Tools], object]


@frozen
class TriedCall:
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


_SPECIAL: dict[str, Do] = {
    # One event, whose error is raised; a list of them would be reported.
    "send": lambda it: it.client.send(_event()),
    "send_many": lambda it: it.client.send_many([_event()]),
    **rows("FAULTS"),
}

_OTHERS: dict[str, dict[str, Any]] = {
    "send_and_wait": {"event": _event()},
    "runs.list": {"since": None},  # which only v2 filters by
    # Less than the pause that a fault asks for; a request has what is left of it, in real seconds.
    "runs.watch": {"app": None, "timeout": 15, "every": 7},
    "apps.sync": {"url": "http://127.0.0.1:9/api/inngest"},  # where nothing listens
    "cancellations.create": {
        "function": "shop-charge",
        "started_before": BEFORE,
        "started_after": None,
    },
    **rows("FAULT_ARGUMENTS"),
}

# The rules that hold, where they are not those of the calls that read, or that change something.
_KINDS = {
    "send": "send",
    "send_and_wait": "send",
    "send_many": "send_many",
    "events.wait": "wait",
    "runs.wait": "wait",
    "runs.wait_many": "wait many",
    "runs.watch": "watch",
    "health": "health",
    **rows("FAULT_KINDS"),
}

_STAND_FOR_KIND = {
    "send",
    "send_many",
    "events.list",
    "runs.get",
    "runs.wait",
    "runs.cancel",
    "runs.replay",
    "functions.invoke",
}


def _id_of(name: str) -> str:
    """Return the id in the example of a call."""
    return str(BY_NAME[name].examples[0]["id"])


def _do(row: CallRow, tools: Tools) -> object:
    """Call a method with its example, about what a trial has."""
    is_cancel = row.name.startswith("runs.cancel")
    instead = {
        RUN_ID: tools.open_run if is_cancel else tools.run,
        EVENT_ID: tools.event,
        _id_of("cancellations.delete"): tools.cancellation,
        _id_of("webhooks.delete"): tools.webhook,
        _id_of("envs.archive"): tools.env,
    }
    others = _OTHERS.get(row.name, {})
    if _KINDS.get(row.name) in {"wait", "wait many"} or row.name == "send_and_wait":
        others = {**others, "timeout": tools.patience}
    return call(tools.client, row.name, instead, **others)


def _operation(row: CallRow) -> TriedCall:
    # An event is sent with an id, so that sending may be repeated; and so may what looks first.
    is_repeatable = row.is_repeatable or row.is_repeatable_if(row.examples[0])
    is_repeatable = is_repeatable or row.name.startswith("send")
    is_repeatable = is_repeatable or _KINDS.get(row.name) == "read"
    kind = "once" if not is_repeatable else "without result" if row.result == "None" else "read"
    return TriedCall(
        row.name,
        _SPECIAL.get(row.name, partial(_do, row)),
        _KINDS.get(row.name, kind),
        tags(row),
        is_repeatable,
        row.name in _STAND_FOR_KIND,
    )


# What is no call of a client, such as a buffer.
_NO_CALLS = _SPECIAL.keys() - BY_NAME.keys()

TRIED_CALLS = (
    *(_operation(row) for row in ROWS if row.name not in NOT_OPERATIONS),
    *(
        TriedCall(name, _SPECIAL[name], _KINDS[name], "ingest", stands_for_kind=True)
        for name in sorted(_NO_CALLS)
    ),
)


def public_operations() -> Iterator[str]:
    """Yield the name of every public method that sends something, from the client itself."""
    yield from _NO_CALLS
    yield from (name for name in public_names() if name not in NOT_OPERATIONS)


def describe(result: object) -> str:
    """Say in a word what an operation returned, as the table has it."""
    if isinstance(result, SendReport):
        counts = {name: getattr(result, name) for name in ("accepted", "rejected", "unknown")}
        return " ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"
    words = rows("FAULT_WORDS").get(type(result).__name__)
    if words:
        return str(words(result))
    items = result.items if isinstance(result, Page) else result
    return f"ok, {len(items)} items" if isinstance(items, list | tuple) and items else "ok"
