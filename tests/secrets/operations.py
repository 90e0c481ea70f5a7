"""A call of each public method that sends requests, and how to tell that none is missing."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inngest_rest import InngestClient
from inngest_rest.client import apps, cancellations, events, functions, runs, signals, webhooks
from tests.secrets.canaries import found_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Call = Callable[[Any, Path], Any]

RUN = "01M86WNRKHYE50ZF3GG530BHRT"
EVENT = {"name": "app/placed", "data": {"n": 1}}
THEN = datetime(2026, 1, 1, tzinfo=UTC)
A_MOMENT = 0.02

CALLS: dict[str, Call] = {
    "send": lambda it, _: it.send([EVENT, EVENT]),
    "send_and_wait": lambda it, _: it.send_and_wait(EVENT, A_MOMENT),
    "send_many": lambda it, _: it.send_many([EVENT] * 3, batch_size=1, in_flight=1),
    "send_file": lambda it, folder: it.send_file(_file(folder), batch_size=1, in_flight=1),
    "health": lambda it, _: it.health(),
    "diagnose": lambda it, _: it.diagnose(),
    "raw": lambda it, _: _raw(it),
    "with_options": lambda it, _: it.with_options(headers={"x-other": "1"}).health(),
    "apps.list": lambda it, _: it.apps.list().page(),
    "apps.get": lambda it, _: it.apps.get("shop"),
    "cancellations.list": lambda it, _: it.cancellations.list().page(),
    "cancellations.create": lambda it, _: it.cancellations.create(
        "shop", "charge", started_before=THEN
    ),
    "cancellations.delete": lambda it, _: it.cancellations.delete(RUN),
    "events.list": lambda it, _: list(it.events.list()),
    "events.get": lambda it, _: it.events.get(RUN),
    "events.runs": lambda it, _: it.events.runs(RUN).page(),
    "events.wait": lambda it, _: it.events.wait(RUN, A_MOMENT),
    "events.explain": lambda it, _: it.events.explain(RUN),
    "functions.list": lambda it, _: it.functions.list("shop").page(),
    "functions.get": lambda it, _: it.functions.get("shop", "charge"),
    "functions.invoke": lambda it, _: it.functions.invoke("shop", "charge", {}),
    "functions.invoke_many": lambda it, _: it.functions.invoke_many(
        "shop", "charge", [{}], in_flight=1
    ),
    "runs.list": lambda it, _: list(it.runs.list()),
    "runs.get": lambda it, _: it.runs.get(RUN),
    "runs.wait": lambda it, _: it.runs.wait(RUN, A_MOMENT),
    "runs.wait_many": lambda it, _: list(it.runs.wait_many([RUN], A_MOMENT)),
    "runs.watch": lambda it, _: list(it.runs.watch(every=0.01, timeout=A_MOMENT)),
    "runs.cancel": lambda it, _: it.runs.cancel(RUN),
    "runs.replay": lambda it, _: it.runs.replay(RUN),
    "runs.cancel_all": lambda it, _: it.runs.cancel_all([RUN], in_flight=1),
    "runs.replay_all": lambda it, _: it.runs.replay_all([RUN], in_flight=1),
    "runs.jobs": lambda it, _: it.runs.jobs(RUN),
    "runs.trace": lambda it, _: it.runs.trace(RUN),
    "signals.send": lambda it, _: it.signals.send("approved"),
    "webhooks.list": lambda it, _: it.webhooks.list().page(),
    "webhooks.create": lambda it, _: it.webhooks.create(name="x"),
    "webhooks.get": lambda it, _: it.webhooks.get(RUN),
    "webhooks.update": lambda it, _: it.webhooks.update(RUN, name="x"),
    "webhooks.delete": lambda it, _: it.webhooks.delete(RUN),
}

_GROUPS = {
    "apps": apps.Apps,
    "cancellations": cancellations.Cancellations,
    "events": events.Events,
    "functions": functions.Functions,
    "runs": runs.Runs,
    "signals": signals.Signals,
    "webhooks": webhooks.Webhooks,
}


def public() -> set[str]:
    """Return the names of all public methods of a client and its groups, but for `close`."""
    groups = [("", InngestClient), *((f"{name}.", kind) for name, kind in _GROUPS.items())]
    return {
        f"{prefix}{name}"
        for prefix, kind in groups
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    } - {"close"}


def _file(folder: Path) -> Path:
    file = folder / "events.ndjson"
    file.write_text('{"name": "app/placed"}\nno json\n' * 2)
    return file


def _raw(client: Any) -> list[Any]:
    with client.raw() as responses:
        try:
            client.runs.get(RUN)
        finally:
            shown = [(repr(it), it.url, dict(it.headers), it.body, it.text) for it in responses]
            assert found_in(repr(shown)) == set()
    return shown
