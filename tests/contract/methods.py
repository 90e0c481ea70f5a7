"""Which public method calls which operation, and how to pass it a recorded request."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from inngest_rest.call_row import Returns
from tests.support.calls import BY_NAME, ROUTES

from .document import Operation, is_placeholder, routed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inngest_rest.call_row import CallRow

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
    "createWebhookV2": {"name": "x", "transform": "x"},
    "createEnvV2": {"name": "x"},
    "createScoresV2": [{"name": "x", "value": 1}],
    "addRunMetadataV1": {"target": {}, "metadata": [{"kind": "x", "values": {"x": 1}}]},
    "queryInsightsV2": {"query": "x"},
    "syncAppV2": {"url": "http://app"},
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


# What a property of a request is called in Python, where it is not called the same.
_ARGUMENTS = {
    "received_after": "since",
    "received_before": "until",
    "from": "since",
    "appId": "app",
    "functionId": "function",
    "app_id": "app",
    "function_id": "function",
    "if": "condition",
    "idempotencyKey": "idempotency_key",
    "limit": "page_size",
    "query": "sql",
    "isArchived": "archived",
}

_MOMENTS = {"since", "until", "started_before", "started_after"}

# What the client sends only where it has seen that the server reads it.
_GUARDED = {"query"}


def _arguments(row: CallRow, family: str, request: Request) -> Arguments:
    """Return a request as arguments: path values by position, the others by name."""
    declared = row.arguments
    if row.name == "send":
        return Arguments((request.sent,), {"batch_size": 5_000})
    positional = tuple(request.path.values())
    nested = {"runs.score": _scores, "runs.add_metadata": _metadata}.get(row.name)
    sent = nested(request.sent) if nested else request.sent
    given = {**request.query, **(sent or {})}
    named = {_ARGUMENTS.get(name, name): value for name, value in given.items()}
    for each in declared[len(positional) :]:
        if each.default is each.empty and each.name not in named:
            named[each.name] = None
    known = {each.name for each in declared[len(positional) :]} - _GUARDED
    return Arguments(
        positional,
        {name: _read(name, family, value) for name, value in named.items() if name in known},
    )


def _signing_keys(arguments: Callable[[Request], Arguments], request: Request) -> Arguments:
    return Arguments(("signing",), arguments(request).named)


def _scores(sent: Any) -> dict[str, Any]:
    """Return a body of scores as arguments; the method has one step and one experiment for all."""
    rows = sent if isinstance(sent, list) else []
    experiment: dict[str, Any] = next(
        (row["experiment"] for row in rows if "experiment" in row), {}
    )
    return {
        "scores": {row.get("name", ""): row.get("value") for row in rows},
        "step": next((row["stepId"] for row in rows if "stepId" in row), None),
        "experiment": experiment.get("id"),
        "variant": experiment.get("variant"),
    }


def _metadata(sent: Any) -> dict[str, Any]:
    """Return a body of metadata as arguments; the method makes one update."""
    (update, *_) = sent["metadata"] or [{}]
    return {
        "kind": update.get("kind", ""),
        "values": update.get("values"),
        "op": update.get("op", "merge"),
        "step": sent["target"].get("step_id"),
    }


def _read(name: str, family: str, value: Any) -> Any:
    if name in _MOMENTS:
        return moment(value)
    if name == "cursor":
        return f"{family}:{value}"
    return _count(value) if name == "page_size" else value


def _methods() -> Iterator[tuple[str, Method]]:
    for name, operations in ROUTES.items():
        row = BY_NAME[name]
        for operation in operations:
            arguments = partial(_arguments, row, operation.tag)
            if operation.name == "list_signing_keys_v2":
                arguments = partial(_signing_keys, arguments)
            method = Method(name, arguments, is_listing=row.returns is Returns.PAGES)
            # `runs.watch` asks what `runs.list` asks, too.
            if name != "runs.watch" and camel_case(operation.name) not in NOT_WRAPPED:
                yield camel_case(operation.name), method


def camel_case(name: str) -> str:
    """Return the id that an operation has in the document."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


NOT_WRAPPED = {
    "getDevInfo": "client.diagnose() alone asks it, among other things",
    "getMetrics": "its response is no JSON; tests/resources/test_metrics.py",
    "getPrometheusV1": "metrics() asks it for the environment; tests/resources/test_metrics.py",
    "getHealthV2": "health() asks getHealth, which needs no key; any other call proves the key",
    "sendEventV2": "send() asks it where an API key is the only key; tests/sending/test_api_key.py",
    "listOperationsV2": "asked to know what the server can do, before a call that depends on it",
    "listFunctionExperimentsV2": "experiments.list(app=..., function=...) asks listExperimentsV2",
    "listFunctionRunsV2": "runs.list(app=..., function=...) asks listRunsV2, with the same runs",
}

METHODS: dict[str, Method] = dict(_methods())
"""The method that asks an operation, by the id of that."""
