"""The table of calls: one row per public method of the client, for programs, docs and tests.

The rows of a capability stand in `rows.py` of its folder, and are collected here. The routes of a
call are in the document (`x-call`); programs derive the rest from its row.
"""

from __future__ import annotations

import json
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
from inngest_rest_api import api

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec

    from inngest_rest import InngestClient, Run
    from inngest_rest.responses import Target
    from inngest_rest.typing import Seconds


GROUPS = api.GROUPS
"""Each group of methods with what it is about."""


def documented(name: str) -> CallRow:
    """Return the row of a call by the document: what its first operation does and returns."""
    operation = next(each for each in api.OPERATIONS if (name, 1) in each.calls)
    limit = {"limit": 50} if operation.result == "pages" else {}
    return CallRow(
        name=name,
        effect=Effect(operation.effect),
        is_repeatable=operation.is_repeatable,
        is_of_cloud=operation.is_of_cloud,
        examples=({**json.loads(operation.example), **limit},),
    )


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
    evolve(documented("runs.cancel"), command=""),
    evolve(documented("runs.replay"), command=""),
    evolve(
        documented("runs.score"),
        examples=({"id": RUN_ID, "scores": {"accuracy": 0.9}},),
    ),
    evolve(
        documented("runs.add_metadata"),
        is_rare=True,
        is_repeatable_if=_adds_no_numbers,
        examples=(
            {"id": RUN_ID, "kind": "userland.support", "values": {"ticket": 42}},
        ),
    ),
    evolve(documented("runs.jobs"), is_rare=True),
    documented("runs.trace"),
    CallRow(
        name="apps.list",
        examples=({"limit": 50},),
    ),
    CallRow(
        name="apps.get",
        is_rare=True,
        examples=({"id": "shop"},),
    ),
    evolve(
        documented("apps.sync"),
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
    evolve(
        documented("functions.invoke"),
        examples=(
            {**_FUNCTION, "data": {"order": 1}},
            {**_FUNCTION, "wait": 60},
        ),
    ),
    evolve(documented("cancellations.create"), selects_with_condition=True),
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


def _of_document(by_hand: Collection[str]) -> Iterator[CallRow]:
    """Yield the rows of calls that the document alone describes; none has a tool of its own."""
    for operation in api.OPERATIONS:
        for name, rank in operation.calls:
            if rank == 1 and name not in by_hand:
                yield evolve(documented(name), is_rare=True)


def _rows() -> Iterator[CallRow]:
    by_hand = [*_OWN, *_of_capabilities()]
    yield from by_hand
    yield from _of_document({row.name for row in by_hand})


_GROUP_NAMES = ("", *GROUPS)


def _position(call: CallRow) -> int:
    group = call.name.rpartition(".")[0]
    return _GROUP_NAMES.index(group)


ROWS: tuple[CallRow, ...] = tuple(sorted(_rows(), key=_position))
"""Every call; the order is that of the commands and the tools."""


def commands() -> tuple[CallRow, ...]:
    """Return the rows that programs have."""
    return tuple(call for call in ROWS if call.command)


def command_for(method: str) -> CallRow:
    """Return the row of the command that does what a method does, for advice that names it.

    A method may share the command of another, as `runs.wait` and `runs.wait_many` are `runs wait`.
    """
    return next(call for call in commands() if method in {call.name, call.command})
