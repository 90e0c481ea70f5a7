"""Look up operations of the document by request, and validate against their schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from jsonschema.validators import extend

PATH = Path(__file__).resolve().parents[2] / "openapi" / "inngest.yaml"
METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})

Json = Any
Object = Mapping[str, Json]


@dataclass(frozen=True)
class DocumentedOperation:
    """One operation: its part of the document, with references resolved one level deep."""

    id: str
    method: str
    path: str
    tag: str
    parameters: tuple[Object, ...]
    body: Object | None
    responses: Mapping[str, Object]
    since: str | None = None
    until: str | None = None

    def names(self, place: str) -> frozenset[str]:
        """Return the names of the parameters in one place: path, query or header."""
        return frozenset(each["name"] for each in self.parameters if each["in"] == place)

    def schema_of_body(self) -> Object | None:
        """Return the schema of the request body, or None if no body is documented."""
        return self.body["content"]["application/json"]["schema"] if self.body else None

    def content(self, status: int) -> Mapping[str, Object] | None:
        """Return the schemas of a status by content type, or None if it is not documented."""
        response = self.responses.get(str(status))
        return None if response is None else response.get("content", {})


class Document:
    """An OpenAPI document, looked up as a server is asked: by method and path."""

    def __init__(self, spec: Object) -> None:
        self.spec = spec
        self.operations = tuple(self._operations())
        self._routes = [(each, _pattern(each.path)) for each in self.operations]

    @classmethod
    @cache
    def load(cls, path: Path = PATH) -> Self:
        """Read the document from its file, once: whoever changes it has to copy it."""
        # The loader in C reads it in a tenth of the time.
        return cls(yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))

    def match(self, method: str, path: str) -> DocumentedOperation | None:
        """Find the operation that serves a request, by the server's routing."""
        met = (each for each in self._meeting(path) if each.method == method.lower())
        return next(met, None)

    def has_path(self, path: str) -> bool:
        """Return whether any method of this path is documented."""
        return any(self._meeting(path))

    def faults(self, schema: Object, instance: Json) -> list[str]:
        """Return what a schema rejects in an instance; unnamed properties are allowed."""
        return self._judge(schema, instance, self.spec["components"])

    def strict_faults(self, schema: Object, instance: Json) -> list[str]:
        """Return what a schema rejects in an instance, unnamed properties included."""
        return self._judge(closed(schema), instance, self._closed_components)

    def tolerant_faults(self, schema: Object, instance: Json) -> list[str]:
        """Return what is wrong whatever a newer server may have added, values of enums included."""
        return self._judge(without_enums(schema), instance, self._components_without_enums)

    @cached_property
    def _closed_components(self) -> Object:
        components: Object = closed(self.spec["components"])
        return components

    @cached_property
    def _components_without_enums(self) -> Object:
        components: Object = without_enums(self.spec["components"])
        return components

    def _meeting(self, path: str) -> Iterator[DocumentedOperation]:
        if not is_ill_formed(path):
            path = routed(path)
            yield from (each for each, pattern in self._routes if pattern.fullmatch(path))

    def _judge(self, schema: Object, instance: Json, components: Object) -> list[str]:
        # The schema includes the components, so that its references resolve.
        validator = Validator({**schema, "components": components}, format_checker=FORMATS)
        return [_where_and_why(error) for error in validator.iter_errors(instance)]

    def _operations(self) -> Iterator[DocumentedOperation]:
        for path, item in self.spec["paths"].items():
            for method in filter(METHODS.__contains__, item):
                yield self._operation(path, method, item)

    def _operation(self, path: str, method: str, item: Object) -> DocumentedOperation:
        own = item[method]
        parameters = [*item.get("parameters", ()), *own.get("parameters", ())]
        return DocumentedOperation(
            id=own["operationId"],
            method=method,
            path=path,
            tag=own["tags"][0],
            parameters=tuple(map(self.resolved, parameters)),
            body=own.get("requestBody"),
            responses={code: self.resolved(each) for code, each in own["responses"].items()},
            since=own.get("x-since"),
            until=own.get("x-until"),
        )

    def resolved(self, node: Object) -> Object:
        """Follow a reference inside the document, if the node is one."""
        while "$ref" in node:
            pointer = node["$ref"].removeprefix("#/").split("/")
            node = self.spec
            for step in pointer:
                node = node[step]
        return node


def routed(path: str) -> str:
    """Return the path that the server routes by: v2 has an alias, and decodes before routing."""
    path = path.removeprefix("/api") if path.startswith("/api/v2/") else path
    return unquote(path) if path.startswith("/v2/") else path


def is_ill_formed(path: str) -> bool:
    """Return whether the server rejects a path before routing: an escape has two hex digits."""
    return re.search(r"%(?![0-9A-Fa-f]{2})", path) is not None


def closed(node: Json) -> Json:
    """Copy a schema so that objects may have only the properties it names."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    copy = {key: closed(each) for key, each in node.items()}
    if node.get("type") == "object":
        copy.setdefault("additionalProperties", False)
    return copy


def without_enums(node: Json) -> Json:
    """Copy a schema so that a text may have any value."""
    if isinstance(node, list):
        return [without_enums(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: without_enums(each)
        for key, each in node.items()
        if not (key == "enum" and isinstance(each, list))
    }


def is_placeholder(value: Json) -> bool:
    """Return whether a recorded value is a placeholder for one too long to keep."""
    return isinstance(value, dict) and bool(value.keys() & {"$truncated", "$note"})


def _forgiving(keyword: Json) -> Json:
    """Make a keyword accept placeholders."""

    def check(validator: Json, value: Json, instance: Json, schema: Json) -> Iterator[Json]:
        if not is_placeholder(instance):
            yield from keyword(validator, value, instance, schema) or ()

    return check


Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {name: _forgiving(check) for name, check in Draft202012Validator.VALIDATORS.items()},
)
FORMATS = FormatChecker(formats=())
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value: object) -> bool:
    """Return whether a string is an RFC 3339 time with at most nanoseconds."""
    if not isinstance(value, str):
        return True
    return bool(TIME.fullmatch(value)) and datetime.fromisoformat(value).tzinfo is not None


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))


def _where_and_why(error: Json) -> str:
    """Return the deepest error; for a union that of its closest member."""
    reason = best_match([error])
    return f"{reason.json_path}: {reason.message[:300]}"
