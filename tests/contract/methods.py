"""Which public method calls which operation, and how to pass it a recorded request.

The document has what of a request is which argument (`x-argument`); the row, what a method needs.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from inngest_rest.call_row import Returns
from tests.support.calls import BY_NAME, ROUTES, example_arguments

from .conformance import camel
from .document import Document, DocumentedOperation, is_placeholder, routed
from .parsing import snake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from inngest_rest.call_row import CallRow

    from .document import Object
    from .recordings import Recording

DOCUMENT = Document.load()


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
    """A public method.

    Attributes:
        name: As `group.name`.
        arguments: How a request maps to its arguments.
        is_listing: Whether it returns a paginator.
    """

    name: str
    arguments: Callable[[Request], Arguments]
    is_listing: bool

    def ask(self, client: Any, said: Arguments) -> Any:
        """Call it; for a listing return the items of the first page."""
        method = attrgetter(self.name)(client)
        result = method(*said.positional, **said.named)
        return list(result.page().items) if self.is_listing else result


def family_of(operation: DocumentedOperation) -> str:
    """Return the `api_version` that makes a client call only this operation."""
    return "auto" if operation.tag == "ingest" else operation.tag


def request_of(operation: DocumentedOperation, recording: Recording) -> Request | None:
    """Read a recorded request; None if a JSON client cannot send its body."""
    sent = recording.sent
    if isinstance(sent, str) or is_placeholder(sent):
        return None
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operation.path)
    found = re.fullmatch(pattern, routed(recording.path))
    assert found is not None
    path = {name: unquote(value) for name, value in found.groupdict().items()}
    return Request(path, recording.query, sent)


def stand_in(operation: DocumentedOperation, stored: int = 0) -> Arguments:
    """Return ordinary arguments: those of a body, by the row's example; or as many events."""
    if operation.id == "sendEvents":
        return Arguments(([{"name": "app/ordinary"}] * stored,))
    method = METHODS[operation.id]
    example = example_arguments(BY_NAME[method.name], {})
    in_body = set(arguments_of(operation.schema_of_body() or {}))
    named = {name: value for name, value in example.items() if name in in_body - _GUARDED}
    return Arguments(("x",) * len(operation.names("path")), named)


def moment(value: Any) -> Any:
    """Parse a time; leave anything else as it is, for the client to reject."""
    with suppress(TypeError, ValueError):
        return datetime.fromisoformat(value)
    return value


# What the client sends only after it has seen that the server reads it, or that the run has it.
_GUARDED = {"query", "from_step", "input"}


def _arguments(row: CallRow, operation: DocumentedOperation, request: Request) -> Arguments:
    """Return a request as arguments: path values by position, the others by name."""
    if row.name == "send":
        return Arguments((request.sent,), {"batch_size": 5_000})
    others = row.arguments[len(request.path) :]
    named = dict.fromkeys(each.name for each in others if each.default is each.empty)
    named |= _queried(operation, request.query)
    named |= arguments_in(operation.schema_of_body() or {}, request.sent)
    if "cursor" in named:
        named["cursor"] = f"{operation.tag}:{named['cursor']}"
    known = {each.name for each in others} - _GUARDED
    return Arguments(
        tuple(request.path.values()), {name: named[name] for name in named if name in known}
    )


def _queried(operation: DocumentedOperation, query: Mapping[str, Any]) -> dict[str, Any]:
    return {
        argument_of(each["name"], each): _read(each["schema"], query[each["name"]])
        for each in operation.parameters
        if each["in"] == "query" and each["name"] in query
    }


def argument_of(name: str, node: Object) -> str:
    """Return what a parameter or a property is in Python: its `x-argument`, or its own name."""
    return str(node.get("x-argument", snake(name)))


def arguments_in(schema: Object, body: Any) -> dict[str, Any]:
    """Return the arguments that are in a body; of several in a list, the first."""
    named: dict[str, Any] = {}
    key = ""
    for argument, value in _leaves(schema, body):
        part, _, mapping = argument.partition(" of ")
        if part == "keys":
            key = value
        elif mapping:
            named.setdefault(mapping, {})[key] = value
            key = ""
        else:
            named.setdefault(argument, value)
    return named


def _leaves(schema: Object, body: Any) -> Iterator[tuple[str, Any]]:
    """Yield what is in a body, deep in it: an object with properties is none itself."""
    for each in body if isinstance(body, list) else [body]:
        for name, node in properties(schema).items():
            if isinstance(each, dict) and name in each:
                if properties(node):
                    yield from _leaves(node, each[name])
                else:
                    yield argument_of(name, node), _read(node, each[name])


def properties(schema: Object) -> Mapping[str, Object]:
    """Return the properties of an object, or of those in a list; none, if others may be there."""
    schema = DOCUMENT.resolved(schema)
    for each in schema.get("anyOf", ()):
        if found := properties(each):
            return found
    if schema.get("type") == "array":
        return properties(schema["items"])
    return {
        name: DOCUMENT.resolved(each) | each for name, each in schema.get("properties", {}).items()
    }


def arguments_of(schema: Object) -> Iterator[str]:
    """Yield the arguments that a body may have."""
    for name, node in properties(schema).items():
        if properties(node):
            yield from arguments_of(node)
        else:
            yield argument_of(name, node).rpartition(" of ")[2]


def _read(schema: Object, value: Any) -> Any:
    """Read a value as a program has it: a time, or a number of a query."""
    if schema.get("format") == "date-time":
        return moment(value)
    if schema.get("type") == "integer":
        with suppress(ValueError):
            return int(value)
    if schema.get("type") == "boolean":
        return value in (True, "true")
    return value


def _methods() -> Iterator[tuple[str, Method]]:
    operations = {each.id: each for each in DOCUMENT.operations}
    for name, asked in ROUTES.items():
        row = BY_NAME[name]
        for id_ in [camel(each.name) for each in asked]:
            # `runs.watch` asks what `runs.list` asks, too.
            if name != "runs.watch" and id_ not in NOT_WRAPPED:
                arguments = partial(_arguments, row, operations[id_])
                yield id_, Method(name, arguments, row.returns is Returns.PAGES)


NOT_WRAPPED = {
    "getDevInfo": "client.diagnose() alone asks it, among other things",
    "getMetrics": "its response is no JSON; status() reads the depth of the queue, tests/status",
    "getPrometheusV1": "its response is no JSON, and of Inngest Cloud alone; request() has it",
    "getHealthV2": "health() asks getHealth, which needs no key; any other call proves the key",
    "sendEventV2": "send() asks it where an API key is the only key; tests/sending/test_api_key.py",
    "listOperationsV2": "asked to know what the server can do, before a call that depends on it",
    "listWebhooksV1": "webhooks.list() asks listWebhooksV2",
    "createWebhookV1": "webhooks.create() asks createWebhookV2",
    "listFunctionExperimentsV2": "experiments.list(app=..., function=...) asks listExperimentsV2",
    "listFunctionRunsV2": "runs.list(app=..., function=...) asks listRunsV2, with the same runs",
}

METHODS: dict[str, Method] = dict(_methods())
"""The method that asks an operation, by the id of that."""
