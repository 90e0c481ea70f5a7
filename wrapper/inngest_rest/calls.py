"""The table of calls: one row per public method of the client, for programs, docs and tests.

The rows of a capability stand in `rows.py` of its folder, and are collected here. The routes of a
call are in the document (`x-call`); programs derive the rest from its row.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve

from inngest_rest import typing
from inngest_rest._local.faults import after
from inngest_rest.call_row import EVENT_ID, RUN_ID, CallRow, Effect
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec

    from inngest_rest import InngestClient, Run
    from inngest_rest.responses import Target
    from inngest_rest.typing import Seconds

GROUPS = {
    "events": "Stored events",
    "runs": "Runs of functions",
    "apps": "Apps synced with the server",
    "functions": "Functions of an app",
    "signals": "Signals that runs wait for",
    "cancellations": "Bulk cancellations",
    "webhooks": "Webhooks of Inngest Cloud",
    "account": "The account that the key belongs to",
    "envs": "Environments",
    "keys": "Event keys and signing keys",
    "insights": "Queries in SQL over events and runs, on Inngest Cloud",
    "experiments": "Experiments of functions, on Inngest Cloud",
    "sessions": "Runs grouped into sessions, on Inngest Cloud",
}
"""Each group of methods with what it is about."""


def _send(
    client: InngestClient,
    name: str,
    data: Mapping[str, Any] | None = None,
    *,
    id: str | None = None,
    user_id: str | None = None,
    ts: datetime | timedelta | None = None,
    session: Iterable[str] | None = None,
    wait: Seconds | None = None,
) -> list[str | Run]:
    """Send one event.

    Safe to repeat with an id: a function runs once for it within 24 hours, unless it debounces or
    batches events.

    Args:
        client: The client.
        name: The event's name, such as shop/order.created.
        data: The event's data, a JSON object.
        id: Idempotency key; a unique one by default.
        user_id: Id of the user whom the event is about, for limits per user.
        ts: When it happened; the time of arrival by default.
        session: Sessions that its runs belong to, each as KEY=ID, such as chat=c-1.
        wait: Time to wait for the end of the runs that it starts; null not to wait.
    """
    event = event_of(
        name=name, data=data or {}, id=id, user_id=user_id, ts=ts, session=session
    )
    [event_id] = client.send(event)
    if wait is None:
        return [event_id]
    with after(f"The event was sent; its internal id is {event_id}."):
        return [event_id, *client.events.wait(event_id, wait)]


def event_of(
    *,
    ts: datetime | timedelta | None = None,
    user_id: str | None = None,
    session: Iterable[str] | None = None,
    **given: Any,
) -> dict[str, Any]:
    """Return the event that the parameters of `send` describe."""
    if isinstance(ts, timedelta):
        seconds = time.time() - ts.total_seconds()
        ts = datetime.fromtimestamp(max(seconds, 0), UTC)  # 1970 is the earliest
    user = None if user_id is None else {"id": user_id}
    sessions = None if session is None else dict(map(_key_and_id, session))
    event = {"data": {}, **given, "ts": ts, "user": user, "sessions": sessions}
    return {key: value for key, value in event.items() if value is not None}


def _key_and_id(session: str) -> tuple[str, str]:
    key, _, id = session.partition("=")
    if not key or not id:
        raise InvalidArgumentError(
            f"session is {session!r}: write KEY=ID, such as chat=c-1",
            argument="session",
        )
    return key, id


def _send_many(
    client: InngestClient, *, events: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Send up to 5,000 events, which are all checked before the first is sent.

    Safe to repeat if each has an id: a function runs once for it within 24 hours, unless it
    debounces or batches events.

    Args:
        client: The client.
        events: The events, each a JSON object with name, and if need be data, id, user, ts (in
            milliseconds since 1970), v and sessions.
    """
    return client.send(events)


def _has_ids(given: Mapping[str, Any]) -> bool:
    events: Iterable[Mapping[str, Any]] = given.get("events", [given])
    return all(event.get("id") for event in events)


def _adds_no_numbers(given: Mapping[str, Any]) -> bool:
    return given.get("op") != "add"


def _run_page(target: Target, given: Mapping[str, Any]) -> str:
    return target.run_page(given["id"])


def _event_page(target: Target, given: Mapping[str, Any]) -> str:
    return target.event_page(given["id"])


def _function_page(target: Target, given: Mapping[str, Any]) -> str:
    return target.function_page(given["app"], given["function"])


def _is_get(given: Mapping[str, Any]) -> bool:
    return bool(given["method"] == "GET")


def _is_idempotent(given: Mapping[str, Any]) -> bool:
    return given["method"] in typing.REPEATABLE_METHODS


CANCELLATION_ID = "01K9V2J8S2T4V6W8X0Y2Z4A6BC"
WEBHOOK_ID = "0d4a3f9e-6c1b-4a57-9a0e-5a1f2b7c8d90"
ENV_ID = "0d4a3f9e-6c1b-4a57-9a0e-5a1f2b7c8d91"

_EVENT = {"name": "shop/order.created", "data": {"order": 1}}
_FUNCTION = {"app": "shop", "function": "charge"}


_OWN: tuple[CallRow, ...] = (
    CallRow(
        name="send",
        sends_events=True,
        replacement=_send,
        effect=Effect.CREATE,
        is_repeatable=False,
        is_repeatable_if=_has_ids,
        examples=(
            _EVENT,
            {**_EVENT, "id": "order-1001", "ts": "1m"},
        ),
    ),
    CallRow(
        name="send_many",
        sends_events=True,
        replacement=_send_many,
        effect=Effect.CREATE,
        is_repeatable=False,
        is_repeatable_if=_has_ids,
        examples=({"events": [{**_EVENT, "id": f"order-{n}"} for n in "12"]},),
    ),
    CallRow(
        name="send_and_wait",
        command="",
        effect=Effect.CREATE,
        examples=({"event": _EVENT, "timeout": 60},),
    ),
    CallRow(
        name="events.list",
        examples=({"name": "shop/order.created", "since": "24h"},),
    ),
    CallRow(
        name="events.get",
        page=_event_page,
        examples=({"id": EVENT_ID},),
    ),
    CallRow(
        name="events.runs",
        takes_internal_id=True,
        examples=({"id": EVENT_ID},),
    ),
    CallRow(
        name="events.wait",
        takes_internal_id=True,
        examples=({"id": EVENT_ID, "timeout": 60},),
    ),
    CallRow(
        name="runs.list",
        examples=(
            {"status": ["failed"], "since": "2h"},
            {"app": "shop", "limit": 50},
        ),
    ),
    CallRow(
        name="runs.get",
        page=_run_page,
        examples=({"id": RUN_ID},),
    ),
    CallRow(
        name="runs.wait",
        command="",
        examples=({"id": RUN_ID, "timeout": 60},),
    ),
    CallRow(
        name="runs.wait_many",
        command="runs.wait",
        examples=({"ids": [RUN_ID], "timeout": 60},),
    ),
    CallRow(
        name="runs.watch",
        is_live=True,
        is_rare=True,
        examples=({"app": "shop", "timeout": 60},),
    ),
    CallRow(
        name="runs.cancel",
        command="",
        effect=Effect.CHANGE,
        examples=({"id": RUN_ID},),
    ),
    CallRow(
        name="runs.replay",
        command="",
        effect=Effect.CHANGE,
        is_repeatable=False,
        examples=({"id": RUN_ID},),
    ),
    CallRow(
        name="runs.score",
        is_of_cloud=True,
        effect=Effect.CREATE,
        examples=({"id": RUN_ID, "scores": {"accuracy": 0.9}},),
    ),
    CallRow(
        name="runs.add_metadata",
        is_rare=True,
        effect=Effect.CHANGE,
        is_repeatable=False,
        is_repeatable_if=_adds_no_numbers,
        examples=(
            {"id": RUN_ID, "kind": "userland.support", "values": {"ticket": 42}},
        ),
    ),
    CallRow(
        name="runs.jobs",
        is_rare=True,
        examples=({"id": RUN_ID},),
    ),
    CallRow(
        name="runs.trace",
        examples=({"id": RUN_ID},),
    ),
    CallRow(
        name="apps.list",
        examples=({"limit": 50},),
    ),
    CallRow(
        name="apps.get",
        is_rare=True,
        examples=({"id": "shop"},),
    ),
    CallRow(
        name="apps.sync",
        is_of_cloud=True,
        effect=Effect.CHANGE,
        examples=({"id": "shop", "url": "https://shop.test/api/inngest"},),
    ),
    CallRow(
        name="functions.list",
        examples=(
            {"app": "shop"},
            {"runs": True},
        ),
    ),
    CallRow(
        name="functions.get",
        page=_function_page,
        is_rare=True,
        examples=(_FUNCTION,),
    ),
    CallRow(
        name="functions.invoke",
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=(
            {**_FUNCTION, "data": {"order": 1}},
            {**_FUNCTION, "wait": 60},
        ),
    ),
    CallRow(
        name="signals.send",
        is_rare=True,
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=({"signal": "order-1001-approved", "data": {"by": "kim"}},),
    ),
    CallRow(
        name="cancellations.list",
        is_of_cloud=True,
        examples=({"limit": 50},),
    ),
    CallRow(
        name="cancellations.create",
        selects_with_condition=True,
        is_of_cloud=True,
        effect=Effect.CHANGE,
        is_repeatable=False,
        examples=({**_FUNCTION, "started_before": "1h", "started_after": "2h"},),
    ),
    CallRow(
        name="cancellations.delete",
        is_of_cloud=True,
        effect=Effect.CHANGE,
        examples=({"id": CANCELLATION_ID},),
    ),
    CallRow(
        name="webhooks.list",
        is_of_cloud=True,
        examples=({"limit": 50},),
    ),
    CallRow(
        name="webhooks.get",
        is_of_cloud=True,
        examples=({"id": WEBHOOK_ID},),
    ),
    CallRow(
        name="webhooks.create",
        is_of_cloud=True,
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=(
            {"name": "orders", "transform": "function transform(evt) { return evt }"},
        ),
    ),
    CallRow(
        name="webhooks.update",
        is_of_cloud=True,
        effect=Effect.CHANGE,
        examples=({"id": WEBHOOK_ID, "name": "orders"},),
    ),
    CallRow(
        name="webhooks.delete",
        is_of_cloud=True,
        effect=Effect.CHANGE,
        examples=({"id": WEBHOOK_ID},),
    ),
    CallRow(
        name="account.get",
        is_of_cloud=True,
    ),
    CallRow(
        name="envs.list",
        is_of_cloud=True,
        examples=({"limit": 50},),
    ),
    CallRow(
        name="envs.create",
        is_of_cloud=True,
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=({"name": "preview-42"},),
    ),
    CallRow(
        name="envs.archive",
        is_of_cloud=True,
        effect=Effect.CHANGE,
        examples=({"id": ENV_ID},),
    ),
    CallRow(
        name="keys.list",
        is_of_cloud=True,
        examples=({"kind": "event"},),
    ),
    CallRow(
        name="insights.query",
        is_of_cloud=True,
        examples=({"sql": "SELECT COUNT(*) FROM runs"},),
    ),
    CallRow(
        name="insights.tables",
        is_of_cloud=True,
    ),
    CallRow(
        name="insights.schemas",
        is_of_cloud=True,
        examples=({"limit": 50},),
    ),
    CallRow(
        name="experiments.list",
        is_of_cloud=True,
        examples=({"app": "shop"},),
    ),
    CallRow(
        name="experiments.get",
        is_of_cloud=True,
        examples=({**_FUNCTION, "id": "pricing"},),
    ),
    CallRow(
        name="sessions.keys",
        is_of_cloud=True,
        examples=({"limit": 50},),
    ),
    CallRow(
        name="sessions.list",
        is_of_cloud=True,
        examples=({"key": "user"},),
    ),
    CallRow(
        name="sessions.runs",
        is_of_cloud=True,
        examples=({"key": "user", "id": "u-1"},),
    ),
    CallRow(
        name="health",
        command="",
    ),
    CallRow(
        name="request",
        formats=(),
        requests_any_path=True,
        is_rare=True,
        command="api",
        effect=Effect.CHANGE,
        is_repeatable=False,
        is_repeatable_if=_is_idempotent,
        reads_if=_is_get,
        examples=({"method": "GET", "path": "/v2/runs", "query": {"limit": 5}},),
    ),
)


def _of_capabilities() -> Iterator[CallRow]:
    """Yield the rows in the folders of capabilities.

    They are read without their packages, whose types take long to import.
    """
    for path in sorted(Path(__file__).parent.glob("*/rows.py")):
        folder = f"{__package__}.{path.parent.name}"
        spec = cast("ModuleSpec", spec_from_file_location(f"{folder}.rows", path))
        rows = module_from_spec(spec)
        cast("Loader", spec.loader).exec_module(rows)
        for row in rows.ROWS:
            yield evolve(row, module=folder)


_GROUP_NAMES = ("", *GROUPS)


def _position(call: CallRow) -> int:
    group = call.name.rpartition(".")[0]
    return _GROUP_NAMES.index(group)


ROWS: tuple[CallRow, ...] = tuple(sorted([*_OWN, *_of_capabilities()], key=_position))
"""Every call; the order is that of the commands and the tools."""


def commands() -> tuple[CallRow, ...]:
    """Return the rows that programs have."""
    return tuple(call for call in ROWS if call.command)


def command_for(method: str) -> CallRow:
    """Return the row of the command that does what a method does, for advice that names it.

    A method may share the command of another, as `runs.wait` and `runs.wait_many` are `runs wait`.
    """
    return next(call for call in commands() if method in {call.name, call.command})
