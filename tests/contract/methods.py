"""Which public method calls which operation, and how to pass it a recorded request."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from .document import Operation, is_placeholder, routed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .recordings import Recording


class Request(NamedTuple):
    """The contents of a request: path values, query values, and a JSON body."""

    path: Mapping[str, str]
    query: Mapping[str, Any]
    sent: Any


class Arguments(NamedTuple):
    """The arguments of a method."""

    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Method:
    """A public method, as `group.name`, and how a request maps to its arguments."""

    name: str
    arguments: Callable[[Request], Arguments]
    is_listing: bool = False

    def ask(self, client: Any, request: Request) -> Any:
        """Call it; for a listing return the items of the first page."""
        method = client
        for name in self.name.split("."):
            method = getattr(method, name)
        said = self.arguments(request)
        result = method(*said.positional, **said.named)
        return list(result.page().items) if self.is_listing else result


def family_of(operation: Operation) -> str:
    """Return the `api_version` that makes a client call only this operation."""
    return "auto" if operation.tag == "ingest" else operation.tag


def request_of(operation: Operation, recording: Recording) -> Request | None:
    """Read a recorded request; None if a JSON client cannot send its body."""
    sent = recording.sent
    if isinstance(sent, str) or is_placeholder(sent):
        return None
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.path)
    found = re.fullmatch(pattern, routed(recording.path))
    assert found is not None
    path = {name: unquote(value) for name, value in found.groupdict().items()}
    return Request(path, recording.query, sent)


def stand_in(operation: Operation, stored: int = 0) -> Request:
    """Return an ordinary request of the same operation; one more event than were stored."""
    path = dict.fromkeys(operation.names("path"), "x")
    if operation.id == "sendEvents":
        return Request(path, {}, [{"name": "app/ordinary"}] * stored)
    return Request(path, {}, ORDINARY_BODIES.get(operation.id))


ORDINARY_BODIES: dict[str, Any] = {
    "sendSignalV1": {"signal": "x"},
    "invokeFunctionV2": {"data": {}},
    "createCancellationV1": {
        "app_id": "x",
        "function_id": "x",
        "started_before": "2026-11-24T13:44:10Z",
    },
    "createWebhookV1": {"name": "x"},
    "updateWebhookV1": {"name": "x"},
}


def moment(value: Any) -> Any:
    """Parse a time; leave anything else as it is, for the client to reject."""
    with suppress(TypeError, ValueError):
        return datetime.fromisoformat(value)
    return value


def _count(value: Any) -> Any:
    with suppress(ValueError):
        return int(value)
    return value


def _nothing(_: Request) -> Arguments:
    return Arguments()


def _path(*names: str) -> Callable[[Request], Arguments]:
    return lambda it: Arguments(tuple(it.path[name] for name in names))


def _listing(family: str, *path: str, **names: str) -> Callable[[Request], Arguments]:
    """Map the query of a listing to arguments; `names` lists those with other names."""

    def said(it: Request) -> Arguments:
        named = {argument: it.query[name] for argument, name in names.items() if name in it.query}
        for name in named.keys() & {"since", "until"}:
            named[name] = moment(named[name])
        if "limit" in it.query:
            named["page_size"] = _count(it.query["limit"])
        if "cursor" in it.query:
            named["cursor"] = f"{family}:{it.query['cursor']}"
        return Arguments(tuple(it.path[name] for name in path), named)

    return said


def _body(
    *names: str, path: tuple[str, ...] = (), **renamed: str
) -> Callable[[Request], Arguments]:
    """Map properties of the body: the named ones by position, the renamed ones by keyword."""

    def said(it: Request) -> Arguments:
        sent = it.sent or {}
        positional = [*(it.path[name] for name in path), *(sent.get(name) for name in names)]
        named = {key: sent[name] for key, name in renamed.items() if name in sent}
        for name in named.keys() & {"started_before", "started_after"}:
            named[name] = moment(named[name])
        return Arguments(tuple(positional), named)

    return said


def _cancellation(it: Request) -> Arguments:
    said = _body(
        "app_id",
        "function_id",
        started_before="started_before",
        started_after="started_after",
        condition="if",
    )(it)
    return Arguments(said.positional, {"started_before": None, **said.named})


def _events(it: Request) -> Arguments:
    return Arguments((it.sent,), {"batch_size": 5_000})


_RUNS_FILTERS = {
    "status": "status",
    "app": "appId",
    "function": "functionId",
    "since": "from",
    "until": "until",
}
_FUNCTION = ("appId", "functionId")

METHODS: dict[str, Method] = {
    "sendEvents": Method("send", _events),
    "getHealth": Method("health", _nothing),
    "listEventsV1": Method(
        "events.list",
        _listing("v1", name="name", since="received_after", until="received_before"),
        is_listing=True,
    ),
    "getEventV1": Method("events.get", _path("eventId")),
    "listEventRunsV1": Method("events.runs", _listing("v1", "eventId"), is_listing=True),
    "listRunsV1": Method("runs.list", _listing("v1", status="status"), is_listing=True),
    "getRunV1": Method("runs.get", _path("runId")),
    "cancelRunV1": Method("runs.cancel", _path("runId")),
    "listRunJobsV1": Method("runs.jobs", _path("runId")),
    "replayRunV1": Method("runs.replay", _path("runId")),
    "listAppsV1": Method("apps.list", _listing("v1"), is_listing=True),
    "listFunctionsV1": Method("functions.list", _listing("v1", "appId"), is_listing=True),
    "sendSignalV1": Method("signals.send", _body("signal", "data")),
    "listCancellationsV1": Method("cancellations.list", _listing("v1"), is_listing=True),
    "createCancellationV1": Method("cancellations.create", _cancellation),
    "deleteCancellationV1": Method("cancellations.delete", _path("cancellationId")),
    "listWebhooksV1": Method("webhooks.list", _listing("v1"), is_listing=True),
    "createWebhookV1": Method("webhooks.create", _body(name="name", transform="transform")),
    "getWebhookV1": Method("webhooks.get", _path("webhookId")),
    "updateWebhookV1": Method(
        "webhooks.update", _body(path=("webhookId",), name="name", transform="transform")
    ),
    "deleteWebhookV1": Method("webhooks.delete", _path("webhookId")),
    "listRunsV2": Method("runs.list", _listing("v2", **_RUNS_FILTERS), is_listing=True),
    "getRunV2": Method("runs.get", _path("runId")),
    "getRunTraceV2": Method("runs.trace", _path("runId")),
    "rerunRunV2": Method("runs.replay", _path("runId")),
    "cancelRunV2": Method("runs.cancel", _path("runId")),
    "listEventRunsV2": Method("events.runs", _listing("v2", "eventId"), is_listing=True),
    "listAppsV2": Method("apps.list", _listing("v2"), is_listing=True),
    "getAppV2": Method("apps.get", _path("appId")),
    "listFunctionsV2": Method("functions.list", _listing("v2", "appId"), is_listing=True),
    "getFunctionV2": Method("functions.get", _path(*_FUNCTION)),
    "invokeFunctionV2": Method(
        "functions.invoke", _body("data", path=_FUNCTION, idempotency_key="idempotencyKey")
    ),
}

NOT_WRAPPED = {
    "getDevInfo": "client.diagnose() alone asks it, among other things",
    "getHealthV2": "health() asks getHealth, which needs no key; any other call proves the key",
    "listFunctionRunsV2": "runs.list(app=..., function=...) asks listRunsV2, with the same runs",
}
