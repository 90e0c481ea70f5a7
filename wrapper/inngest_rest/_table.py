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
from functools import cache, partial
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
    "functions": "Functions of an app: list, get, invoke and recover them",
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

OF_CLOUD = {*GROUPS, "apps.sync", "runs.score"} - {
    "events",
    "runs",
    "apps",
    "functions",
    "signals",
}
"""Groups and calls of which other servers have nothing, or nothing of their own."""

RARE = OF_CLOUD | {
    *("send_file", "events.export", "runs.export", "runs.follow", "runs.jobs"),
    *(
        "functions.invoke_many",
        "functions.recover",
        "apps.check",
        "signals",
        "metrics",
        "api",
    ),
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


@frozen(eq=False)
class Row:
    """A call of the client, with what its method does not say."""

    name: str  # the method: "runs.list" for `client.runs.list`
    # What programs call it; empty if they do not have it.
    command: str = field(
        kw_only=True, default=Factory(lambda row: row.name, takes_self=True)
    )
    # What stands in for the method where programs pass other arguments than Python.
    form: Callable[..., Any] | None = None
    effect: Effect = Effect.READ
    is_repeatable: bool = (
        True  # twice has the effect of once; or has with these arguments:
    )
    is_repeatable_if: Callable[[Mapping[str, Any]], bool] = lambda _: False
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
        return not RARE.isdisjoint((self.words[0], self.command))

    @property
    def method(self) -> Callable[..., Any]:
        """The method of the blocking client; only its group is imported."""
        from inngest_rest.client import InngestClient  # noqa: PLC0415 - loads httpx

        group, _, name = self.name.rpartition(".")
        owner = getattr(InngestClient, group).kind if group else InngestClient
        return getattr(owner, name)  # type: ignore[no-any-return]

    @property
    def declaration(self) -> Callable[..., Any]:
        """Where its parameters, its result and its help are read: the method, or its `form`."""
        return self.form or self.method

    @property
    def arguments(self) -> tuple[inspect.Parameter, ...]:
        """Its parameters in order, but for the client."""
        parameters = inspect.signature(self.declaration).parameters.values()
        return tuple(each for each in parameters if each.name not in {"self", "client"})

    @property
    def description(self) -> str:
        """What it does, without its parameters."""
        text = docstring(self.declaration)
        for heading in ("Args", "Returns", "Raises", "HTTP"):
            text = text.partition(f"\n\n{heading}:")[0]
        return text

    @property
    def summary(self) -> str:
        """The first line of its description, which of a method is known without the client."""
        known = _summaries().get(self.name) if self.form is None else None
        return known or self.description.partition("\n")[0]

    @property
    def result(self) -> str:
        """The type of what it returns, of its items if they are several, as the method has it."""
        annotation = self._annotation.replace("[D]", "")  # of stored events
        container, _, item = annotation.partition("[")
        if container in _ITERATORS:
            return _ITERATORS[container]
        return item.removesuffix("]") if container in _RETURNS else annotation

    @property
    def returns(self) -> Returns:
        """Whether it returns one value, a paginator or an iterable."""
        return _RETURNS.get(self._annotation.partition("[")[0], Returns.ONE)

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


# What iterators of the client, which are no generic types, iterate over.
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
    ids = client.send(
        event_of(name=name, data=data or {}, id=id, user_id=user_id, ts=ts)
    )
    return [*ids, *(client.events.wait(ids[0], wait) if wait is not None else ())]


def event_of(
    *, ts: datetime | timedelta | None = None, user_id: str | None = None, **given: Any
) -> dict[str, Any]:
    if isinstance(ts, timedelta):
        ago = ts.total_seconds()
        ts = datetime.fromtimestamp(
            max(time.time() - ago, 0), UTC
        )  # one too early is refused
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
    return all(event.get("id") for event in given.get("events", (given,)))


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


def _reads(name: str, *examples: Mapping[str, Any], **facts: Any) -> Row:
    return Row(name, examples=examples or ({},), **facts)


_creates = partial(_reads, effect=Effect.CREATE)
_changes = partial(_reads, effect=Effect.CHANGE)
_creates_once = partial(_creates, is_repeatable=False)
_changes_once = partial(_changes, is_repeatable=False)
_sends = partial(_creates_once, is_repeatable_if=_has_ids)

ROWS: tuple[Row, ...] = (
    _reads("status"),
    _sends("send", _EVENT, {**_EVENT, "id": "order-1001", "ts": "1m"}, form=_send),
    _sends(
        "send_many",
        {"events": [{**_EVENT, "id": f"order-{n}"} for n in "12"]},
        form=_send_many,
    ),
    _creates("send_file", _FILE, {**_FILE, "resume": True}, _CSV, uses_files=True),
    _creates("send_and_wait", {"event": _EVENT, "timeout": 60}, command=""),
    _reads("preview", {"events": [_EVENT]}, command=""),
    _reads("preview_file", _FILE, command="", uses_files=True),
    _reads("events.list", {"name": "shop/order.created", "since": "24h"}),
    _reads("events.get", {"id": EVENT_ID}),
    _reads("events.runs", {"id": EVENT_ID}),
    _reads(
        "events.explain",
        {"id": EVENT_ID},
        {"id": "order-1001", "name": "shop/order.created"},
    ),
    _creates(
        "events.resend",
        {"ids": [EVENT_ID]},
        {
            "name": "shop/order.created",
            "since": "2h",
            "label": "fixed",
            "dry_run": True,
        },
    ),
    _reads("events.wait", {"id": EVENT_ID, "timeout": 60}),
    _reads("events.export", {"path": "events.jsonl", "since": "24h"}, uses_files=True),
    _reads(
        "runs.list", {"status": ["failed"], "since": "2h"}, {"app": "shop", "limit": 50}
    ),
    _reads("runs.get", {"id": RUN_ID}),
    _reads("runs.wait", {"id": RUN_ID, "timeout": 60}, command=""),
    _reads("runs.wait_many", {"ids": [RUN_ID], "timeout": 60}, command="runs.wait"),
    _reads("runs.watch", {"app": "shop", "timeout": 60}),
    _reads(
        "runs.summary", {"since": "24h"}, {"by": "error", "app": "shop", "sample": 50}
    ),
    _reads(
        "runs.waiting", {"app": "shop"}, {"since": "2d", "event_fields": ["data.order"]}
    ),
    _reads(
        "runs.check",
        {"no_success_of": "shop/charge", "within": "26h"},
        {"failed_above": "5%", "since": "15m", "server": True},
        {"crons": True, "grace": "15m"},
    ),
    _reads("runs.follow", {"id": RUN_ID, "timeout": 60}),
    _reads("runs.explain", {"id": RUN_ID}),
    _changes("runs.cancel", {"id": RUN_ID}, command=""),
    _changes_once("runs.replay", {"id": RUN_ID}, command=""),
    _changes("runs.cancel_all", {"ids": [RUN_ID]}, _DRY_RUN, command="runs.cancel"),
    _changes_once(
        "runs.replay_all",
        {"ids": [RUN_ID]},
        {"status": ["failed"], **_DRY_RUN, "from_step": "last-failed"},
        command="runs.replay",
    ),
    _creates("runs.score", {"id": RUN_ID, "scores": {"accuracy": 0.9}}),
    _reads("runs.jobs", {"id": RUN_ID}),
    _reads("runs.trace", {"id": RUN_ID}),
    _reads(
        "runs.export",
        {"path": "runs.csv", "app": "shop", "since": "24h"},
        uses_files=True,
    ),
    _reads("apps.list", {"limit": 50}),
    _reads("apps.get", {"id": "shop"}),
    _reads(
        "apps.check",
        {"id": "shop", "expect": ["charge", "ship"]},
        {"id": "shop", "count": 40},
    ),
    _changes("apps.sync", {"id": "shop", "url": "https://shop.test/api/inngest"}),
    _reads("functions.list", {"app": "shop"}, {"runs": True}),
    _reads("functions.get", _FUNCTION),
    _creates_once(
        "functions.invoke",
        {**_FUNCTION, "data": {"order": 1}},
        {**_FUNCTION, "wait": 60},
    ),
    _creates_once(
        "functions.recover",
        {**_FUNCTION, "ids": [EVENT_ID]},
        {**_FUNCTION, "since": "3h", "until": "1h", "dry_run": True},
    ),
    _creates_once(
        "functions.invoke_many", {**_FUNCTION, "inputs": [{"order": 1}, {"order": 2}]}
    ),
    _creates_once(
        "signals.send", {"signal": "order-1001-approved", "data": {"by": "kim"}}
    ),
    _reads("cancellations.list", {"limit": 50}),
    _changes_once(
        "cancellations.create",
        {**_FUNCTION, "started_before": "1h", "started_after": "2h"},
    ),
    _changes("cancellations.delete", {"id": CANCELLATION_ID}),
    _reads("webhooks.list", {"limit": 50}),
    _reads("webhooks.get", {"id": WEBHOOK_ID}),
    _creates_once("webhooks.create", {"name": "orders"}),
    _changes("webhooks.update", {"id": WEBHOOK_ID, "name": "orders"}),
    _changes("webhooks.delete", {"id": WEBHOOK_ID}),
    _reads("account.get"),
    _reads("envs.list", {"limit": 50}),
    _creates_once("envs.create", {"name": "preview-42"}),
    _changes("envs.archive", {"id": ENV_ID}),
    _creates("envs.ensure", {"name": "preview-42"}),
    _reads("keys.list", {"kind": "event"}),
    _reads("insights.query", {"sql": "SELECT COUNT(*) FROM runs"}),
    _reads("insights.tables"),
    _reads("insights.schemas", {"limit": 50}),
    _reads("experiments.list", {"app": "shop"}),
    _reads("experiments.get", {**_FUNCTION, "id": "pricing"}),
    _reads("sessions.keys", {"limit": 50}),
    _reads("sessions.list", {"key": "user"}),
    _reads("sessions.runs", {"key": "user", "id": "u-1"}),
    _reads("metrics"),
    _reads("health", command=""),
    _reads("diagnose", command="doctor"),
    _changes_once(
        "request",
        {"method": "GET", "path": "/v2/runs", "query": {"limit": 5}},
        command="api",
        is_repeatable_if=_is_idempotent,
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
