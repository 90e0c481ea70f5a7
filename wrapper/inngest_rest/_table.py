"""The table of calls: one row per public method of the client, for programs, docs and tests.

The method of the client is the declaration of a call: its signature, its types and its docstring. A
row adds what a signature cannot say: what the call changes, whether it may be repeated, and
examples. Its routes are in the document (`x-call`); `_programs` derives the rest from it.
"""

from __future__ import annotations

import inspect
import json
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import Factory, field, frozen

from inngest_rest import typing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inngest_rest import InngestClient, Run
    from inngest_rest.typing import Seconds

GROUPS = {
    "events": "Stored events: list, export, explain and resend them, and wait for their runs",
    "runs": "Runs of functions: list, export, summarize, check, explain, watch, cancel, replay",
    "apps": "Apps synced with the server: list, get, check and sync them",
    "functions": "Functions of an app: list, get and invoke them",
    "signals": "Signals that runs wait for: send one",
    "cancellations": "Bulk cancellations: list, create and delete them",
    "webhooks": "Webhooks of Inngest Cloud: list, get, create, update and delete them",
    "account": "The account that the key belongs to: get it",
    "envs": "Environments: list, create, archive and ensure them",
    "keys": "Event keys and signing keys: list them",
    "insights": "Queries in SQL over events and runs, on Inngest Cloud",
    "experiments": "Experiments of functions, on Inngest Cloud: list and compare them",
    "sessions": "Runs grouped into sessions, on Inngest Cloud: list them",
}
"""Each group of methods with what it is about."""

_GROUPS_OF_ALL_SERVERS = {"events", "runs", "apps", "functions", "signals"}

OF_CLOUD = (GROUPS.keys() - _GROUPS_OF_ALL_SERVERS) | {"apps.sync", "runs.score"}
"""Groups and calls that other servers lack, or that say nothing there."""

RARE = OF_CLOUD | {
    "send_file",
    "events.export",
    "runs.export",
    "runs.follow",
    "runs.jobs",
    "functions.invoke_many",
    "apps.check",
    "signals",
    "metrics",
    "api",
}
"""Groups and calls that have no tool of their own, since a list of tools costs every session: one
tool calls them all."""


class Effect(StrEnum):
    """What a call does to the server: nothing, create something, or change what is there."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"


class Returns(StrEnum):
    """What a call returns: a value, a paginator, or an iterable of records, perhaps live."""

    ONE = "one"
    PAGES = "pages"
    STREAM = "stream"


def _never(_: Mapping[str, Any]) -> bool:
    return False


@frozen(eq=False)
class Row:
    """A call of the client, with the facts that its method does not state."""

    name: str  # the method: "runs.list" for `client.runs.list`
    # Its name in programs; empty if they do not have it.
    command: str = field(
        kw_only=True, default=Factory(lambda row: row.name, takes_self=True)
    )
    # A replacement of the method for programs that pass other arguments than Python.
    form: Callable[..., Any] | None = None
    effect: Effect = Effect.READ
    is_repeatable: bool = True  # made twice, it has the effect of once
    # The same, if it depends on the arguments.
    is_repeatable_if: Callable[[Mapping[str, Any]], bool] = _never
    uses_files: bool = False
    examples: tuple[Mapping[str, Any], ...] = ({},)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its command, as in `inngest-rest runs list`."""
        return tuple(self.command.replace("_", "-").split("."))

    @property
    def tool(self) -> str:
        """The name of its tool, such as "runs_list"."""
        return self.command.replace(".", "_")

    @property
    def is_rare(self) -> bool:
        """Whether it has no tool of its own."""
        return self.words[0] in RARE or self.command in RARE

    @property
    def method(self) -> Callable[..., Any]:
        """The method of the blocking client; only its group is imported."""
        from inngest_rest.client import InngestClient  # noqa: PLC0415 - loads httpx

        group, _, name = self.name.rpartition(".")
        owner = getattr(InngestClient, group).kind if group else InngestClient
        return getattr(owner, name)  # type: ignore[no-any-return]

    @property
    def declaration(self) -> Callable[..., Any]:
        """The source of its parameters, its result and its help: its `form`, or the method."""
        return self.form or self.method

    @property
    def arguments(self) -> tuple[inspect.Parameter, ...]:
        """Its parameters in order, without the client."""
        parameters = inspect.signature(self.declaration).parameters.values()
        return tuple(
            parameter
            for parameter in parameters
            if parameter.name not in {"self", "client"}
        )

    @property
    def description(self) -> str:
        """Its docstring, without the parameters."""
        text = docstring(self.declaration)
        for heading in ("Args", "Returns", "Raises", "HTTP"):
            text = text.partition(f"\n\n{heading}:")[0]
        return text

    @property
    def summary(self) -> str:
        """The first line of its description; that of a method is read without the client."""
        if self.form is None and self.name in _summaries():
            return _summaries()[self.name]
        return self.description.partition("\n")[0]

    @property
    def result(self) -> str:
        """The return type of the method; of an iterable, the type of its items."""
        annotation = self._annotation.replace("[D]", "")  # of stored events
        container, _, item = annotation.partition("[")
        if container in _ITERATORS:
            return _ITERATORS[container]
        if container in _RETURNS:
            return item.removesuffix("]")
        return annotation

    @property
    def returns(self) -> Returns:
        """Whether it returns one value, a paginator or an iterable."""
        container = self._annotation.partition("[")[0]
        return _RETURNS.get(container, Returns.ONE)

    @property
    def _annotation(self) -> str:
        return str(inspect.signature(self.declaration).return_annotation)

    @property
    def is_bulk(self) -> bool:
        """Whether it acts on many runs, and returns a report that has a row for each."""
        return self._annotation == "ActionReport"

    def call(self, client: InngestClient, arguments: Mapping[str, Any]) -> Any:
        if self.form is not None:
            return self.form(client, **arguments)
        method: Any = client
        for name in self.name.split("."):
            method = getattr(method, name)
        return method(**arguments)


@cache
def _summaries() -> Mapping[str, str]:
    """Return the first line of the docstring of each method, as scripts/regenerate wrote them."""
    text = (Path(__file__).parent / "client" / "summaries.json").read_bytes()
    summaries: dict[str, str] = json.loads(text)
    return summaries


# The item types of the client's iterators, which are not generic.
_ITERATORS = {"EndedRuns": "Run", "FollowedRun": "StepChange", "Watcher": "RunChange"}
_RETURNS = dict.fromkeys(("builtins.list", *_ITERATORS), Returns.STREAM)
_RETURNS["Paginator"] = Returns.PAGES


def _send(
    client: InngestClient,
    name: str,
    data: Mapping[str, Any] | None = None,
    *,
    id: str | None = None,
    user_id: str | None = None,
    ts: datetime | timedelta | None = None,
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
        wait: Time to wait for the end of the runs that it starts; null not to wait.
    """
    event = event_of(name=name, data=data or {}, id=id, user_id=user_id, ts=ts)
    ids = client.send(event)
    if wait is None:
        return [*ids]
    return [*ids, *client.events.wait(ids[0], wait)]


def event_of(
    *, ts: datetime | timedelta | None = None, user_id: str | None = None, **given: Any
) -> dict[str, Any]:
    """Return the event that the parameters of `send` describe."""
    if isinstance(ts, timedelta):
        seconds = time.time() - ts.total_seconds()
        ts = datetime.fromtimestamp(max(seconds, 0), UTC)  # 1970 is the earliest
    user = None if user_id is None else {"id": user_id}
    event = {"data": {}, **given, "ts": ts, "user": user}
    return {key: value for key, value in event.items() if value is not None}


def _send_many(
    client: InngestClient, *, events: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Send up to 5,000 events, which are all checked before the first is sent.

    Safe to repeat if each has an id: a function runs once for it within 24 hours, unless it
    debounces or batches events.

    Args:
        client: The client.
        events: The events, each a JSON object with name, and if need be data, id, user, ts (in
            milliseconds since 1970) and v.
    """
    return client.send(events)


def _has_ids(given: Mapping[str, Any]) -> bool:
    events: Iterable[Mapping[str, Any]] = given.get("events", [given])
    return all(event.get("id") for event in events)


def _is_idempotent(given: Mapping[str, Any]) -> bool:
    return given["method"] in typing.REPEATABLE_METHODS


RUN_ID = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"
EVENT_ID = "01K9V2C4B7M0Q8Y3T5R6S1D2F4"
CANCELLATION_ID = "01K9V2J8S2T4V6W8X0Y2Z4A6BC"
WEBHOOK_ID = "0d4a3f9e-6c1b-4a57-9a0e-5a1f2b7c8d90"
ENV_ID = "0d4a3f9e-6c1b-4a57-9a0e-5a1f2b7c8d91"

_EVENT = {"name": "shop/order.created", "data": {"order": 1}}
_FILE = {"path": "events.ndjson"}
_CSV = {
    "path": "orders.csv",
    "event": "shop/order.created",
    "column": ["total=data.total:float"],
}
_FUNCTION = {"app": "shop", "function": "charge"}
_DRY_RUN = {"app": "shop", "since": "2h", "dry_run": True}


ROWS: tuple[Row, ...] = (
    Row(name="status"),
    Row(
        name="send",
        form=_send,
        effect=Effect.CREATE,
        is_repeatable=False,
        is_repeatable_if=_has_ids,
        examples=(
            _EVENT,
            {**_EVENT, "id": "order-1001", "ts": "1m"},
        ),
    ),
    Row(
        name="send_many",
        form=_send_many,
        effect=Effect.CREATE,
        is_repeatable=False,
        is_repeatable_if=_has_ids,
        examples=({"events": [{**_EVENT, "id": f"order-{n}"} for n in "12"]},),
    ),
    Row(
        name="send_file",
        effect=Effect.CREATE,
        uses_files=True,
        examples=(
            _FILE,
            {**_FILE, "resume": True},
            _CSV,
        ),
    ),
    Row(
        name="send_and_wait",
        command="",
        effect=Effect.CREATE,
        examples=({"event": _EVENT, "timeout": 60},),
    ),
    Row(
        name="preview",
        command="",
        examples=({"events": [_EVENT]},),
    ),
    Row(
        name="preview_file",
        command="",
        uses_files=True,
        examples=(_FILE,),
    ),
    Row(
        name="events.list",
        examples=({"name": "shop/order.created", "since": "24h"},),
    ),
    Row(
        name="events.get",
        examples=({"id": EVENT_ID},),
    ),
    Row(
        name="events.runs",
        examples=({"id": EVENT_ID},),
    ),
    Row(
        name="events.explain",
        examples=(
            {"id": EVENT_ID},
            {"id": "order-1001", "name": "shop/order.created"},
        ),
    ),
    Row(
        name="events.resend",
        effect=Effect.CREATE,
        examples=(
            {"ids": [EVENT_ID]},
            {
                "name": "shop/order.created",
                "since": "2h",
                "label": "fixed",
                "dry_run": True,
            },
        ),
    ),
    Row(
        name="events.wait",
        examples=({"id": EVENT_ID, "timeout": 60},),
    ),
    Row(
        name="events.export",
        uses_files=True,
        examples=({"path": "events.jsonl", "since": "24h"},),
    ),
    Row(
        name="runs.list",
        examples=(
            {"status": ["failed"], "since": "2h"},
            {"app": "shop", "limit": 50},
        ),
    ),
    Row(
        name="runs.get",
        examples=({"id": RUN_ID},),
    ),
    Row(
        name="runs.wait",
        command="",
        examples=({"id": RUN_ID, "timeout": 60},),
    ),
    Row(
        name="runs.wait_many",
        command="runs.wait",
        examples=({"ids": [RUN_ID], "timeout": 60},),
    ),
    Row(
        name="runs.watch",
        examples=({"app": "shop", "timeout": 60},),
    ),
    Row(
        name="runs.summary",
        examples=(
            {"since": "24h"},
            {"by": "error", "app": "shop"},
        ),
    ),
    Row(
        name="runs.waiting",
        examples=(
            {"app": "shop"},
            {"since": "2d", "event_fields": ["data.order"]},
        ),
    ),
    Row(
        name="runs.check",
        examples=(
            {"no_success_of": "shop/charge", "within": "26h"},
            {"failed_above": "5%", "since": "15m", "server": True},
            {"crons": True, "grace": "15m"},
        ),
    ),
    Row(
        name="runs.follow",
        examples=({"id": RUN_ID, "timeout": 60},),
    ),
    Row(
        name="runs.explain",
        examples=({"id": RUN_ID},),
    ),
    Row(
        name="runs.cancel",
        command="",
        effect=Effect.CHANGE,
        examples=({"id": RUN_ID},),
    ),
    Row(
        name="runs.replay",
        command="",
        effect=Effect.CHANGE,
        is_repeatable=False,
        examples=({"id": RUN_ID},),
    ),
    Row(
        name="runs.cancel_all",
        command="runs.cancel",
        effect=Effect.CHANGE,
        examples=(
            {"ids": [RUN_ID]},
            _DRY_RUN,
        ),
    ),
    Row(
        name="runs.replay_all",
        command="runs.replay",
        effect=Effect.CHANGE,
        is_repeatable=False,
        examples=(
            {"ids": [RUN_ID]},
            {"status": ["failed"], **_DRY_RUN, "from_step": "last-failed"},
        ),
    ),
    Row(
        name="runs.score",
        effect=Effect.CREATE,
        examples=({"id": RUN_ID, "scores": {"accuracy": 0.9}},),
    ),
    Row(
        name="runs.jobs",
        examples=({"id": RUN_ID},),
    ),
    Row(
        name="runs.trace",
        examples=({"id": RUN_ID},),
    ),
    Row(
        name="runs.export",
        uses_files=True,
        examples=({"path": "runs.csv", "app": "shop", "since": "24h"},),
    ),
    Row(
        name="apps.list",
        examples=({"limit": 50},),
    ),
    Row(
        name="apps.get",
        examples=({"id": "shop"},),
    ),
    Row(
        name="apps.check",
        examples=(
            {"id": "shop", "expect": ["charge", "ship"]},
            {"id": "shop", "count": 40},
        ),
    ),
    Row(
        name="apps.sync",
        effect=Effect.CHANGE,
        examples=({"id": "shop", "url": "https://shop.test/api/inngest"},),
    ),
    Row(
        name="functions.list",
        examples=(
            {"app": "shop"},
            {"runs": True},
        ),
    ),
    Row(
        name="functions.get",
        examples=(_FUNCTION,),
    ),
    Row(
        name="functions.invoke",
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=(
            {**_FUNCTION, "data": {"order": 1}},
            {**_FUNCTION, "wait": 60},
        ),
    ),
    Row(
        name="functions.invoke_many",
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=({**_FUNCTION, "inputs": [{"order": 1}, {"order": 2}]},),
    ),
    Row(
        name="signals.send",
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=({"signal": "order-1001-approved", "data": {"by": "kim"}},),
    ),
    Row(
        name="cancellations.list",
        examples=({"limit": 50},),
    ),
    Row(
        name="cancellations.create",
        effect=Effect.CHANGE,
        is_repeatable=False,
        examples=({**_FUNCTION, "started_before": "1h", "started_after": "2h"},),
    ),
    Row(
        name="cancellations.delete",
        effect=Effect.CHANGE,
        examples=({"id": CANCELLATION_ID},),
    ),
    Row(
        name="webhooks.list",
        examples=({"limit": 50},),
    ),
    Row(
        name="webhooks.get",
        examples=({"id": WEBHOOK_ID},),
    ),
    Row(
        name="webhooks.create",
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=({"name": "orders"},),
    ),
    Row(
        name="webhooks.update",
        effect=Effect.CHANGE,
        examples=({"id": WEBHOOK_ID, "name": "orders"},),
    ),
    Row(
        name="webhooks.delete",
        effect=Effect.CHANGE,
        examples=({"id": WEBHOOK_ID},),
    ),
    Row(name="account.get"),
    Row(
        name="envs.list",
        examples=({"limit": 50},),
    ),
    Row(
        name="envs.create",
        effect=Effect.CREATE,
        is_repeatable=False,
        examples=({"name": "preview-42"},),
    ),
    Row(
        name="envs.archive",
        effect=Effect.CHANGE,
        examples=({"id": ENV_ID},),
    ),
    Row(
        name="envs.ensure",
        effect=Effect.CREATE,
        examples=({"name": "preview-42"},),
    ),
    Row(
        name="keys.list",
        examples=({"kind": "event"},),
    ),
    Row(
        name="insights.query",
        examples=({"sql": "SELECT COUNT(*) FROM runs"},),
    ),
    Row(name="insights.tables"),
    Row(
        name="insights.schemas",
        examples=({"limit": 50},),
    ),
    Row(
        name="experiments.list",
        examples=({"app": "shop"},),
    ),
    Row(
        name="experiments.get",
        examples=({**_FUNCTION, "id": "pricing"},),
    ),
    Row(
        name="sessions.keys",
        examples=({"limit": 50},),
    ),
    Row(
        name="sessions.list",
        examples=({"key": "user"},),
    ),
    Row(
        name="sessions.runs",
        examples=({"key": "user", "id": "u-1"},),
    ),
    Row(name="metrics"),
    Row(
        name="health",
        command="",
    ),
    Row(
        name="diagnose",
        command="doctor",
    ),
    Row(
        name="request",
        command="api",
        effect=Effect.CHANGE,
        is_repeatable=False,
        is_repeatable_if=_is_idempotent,
        examples=({"method": "GET", "path": "/v2/runs", "query": {"limit": 5}},),
    ),
)
"""Every call; the order is that of the commands and the tools."""


def docstring(documented: Callable[..., Any]) -> str:
    return inspect.cleandoc(documented.__doc__ or "")


def commands() -> tuple[Row, ...]:
    """Return the rows that programs have."""
    return tuple(row for row in ROWS if row.command)


def command_for(method: str) -> Row:
    """Return the row of the command that does what a method does, for advice that names it.

    A method may share the command of another, as `runs.wait` and `runs.wait_many` are `runs wait`.
    """
    return next(row for row in commands() if method in {row.name, row.command})
