"""Which public method calls which operation, and how to pass it a recorded request."""

from __future__ import annotations

import inspect
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from inngest_rest._core.resources.routes import ROUTES
from inngest_rest._table import Returns
from tests.support.calls import BY_NAME

from .document import Operation, is_placeholder, routed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inngest_rest._table import Row

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
}

_MOMENTS = {"since", "until", "started_before", "started_after"}

# What the client sends only where it has seen that the server reads it.
_GUARDED = {"query"}


def _arguments(row: Row, family: str, request: Request) -> Arguments:
    """Return a request as arguments: path values by position, the others by name."""
    declared = list(inspect.signature(row.method).parameters.values())[1:]
    if row.name == "send":
        return Arguments((request.sent,), {"batch_size": 5_000})
    positional = tuple(request.path.values())
    given = {**request.query, **(request.sent or {})}
    named = {_ARGUMENTS.get(name, name): value for name, value in given.items()}
    for each in declared[len(positional) :]:
        if each.default is each.empty and each.name not in named:
            named[each.name] = None
    known = {each.name for each in declared[len(positional) :]} - _GUARDED
    return Arguments(
        positional,
        {name: _read(name, family, value) for name, value in named.items() if name in known},
    )


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
            method = Method(name, arguments, is_listing=row.returns is Returns.PAGES)
            # `runs.watch` asks what `runs.list` asks, too.
            if name != "runs.watch":
                yield camel_case(operation.name), method


def camel_case(name: str) -> str:
    """Return the id that an operation has in the document."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


METHODS: dict[str, Method] = dict(_methods())
"""The method that asks an operation, by the id of that."""

NOT_WRAPPED = {
    "getDevInfo": "client.diagnose() alone asks it, among other things",
    "getHealthV2": "health() asks getHealth, which needs no key; any other call proves the key",
    "listFunctionRunsV2": "runs.list(app=..., function=...) asks listRunsV2, with the same runs",
}
