"""The document: the operations that a server has, and the fields that it names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

import inngest_rest_api

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_BRANCHES = ("oneOf", "anyOf", "allOf")

_FIRST_RELEASE = "1.30.0"  # that the document describes


@frozen
class Server:
    """The facts that decide which operations a server has."""

    is_cloud: bool
    is_dev: bool
    release: str | None
    """None if it is not known: then only what every release has is expected."""
    takes_events: bool
    """Whether events go to the same host as all other requests."""

    def has(self, path: str, operation: Mapping[str, Any]) -> bool:
        if path.startswith("/e/") and not self.takes_events:
            return False
        if path == "/dev" and not self.is_dev:
            return False
        if self.is_cloud:
            return True
        if operation.get("x-cloud-only"):
            return False
        since = operation.get("x-since")
        until = operation.get("x-until")
        if since is None and path.startswith(("/v1", "/v2")):
            return False
        return self._is_of_release(since, until)

    def _is_of_release(self, since: str | None, until: str | None) -> bool:
        if self.release is None:
            return until is None and since in (None, _FIRST_RELEASE)
        release = _numbers(self.release)
        if until is not None and _numbers(until) <= release:
            return False
        return since is None or _numbers(since) <= release


def _numbers(release: str) -> list[int]:
    return [int(number) for number in release.split(".")]


class Document:
    """The document of this package, with the operations that are tried."""

    def __init__(self, server: Server, *, acts: bool) -> None:
        self._spec: dict[str, Any] = json.loads(inngest_rest_api.openapi())
        self._operations: dict[str, dict[str, Any]] = {}
        paths: dict[str, Any] = {}
        for path, item in self._spec["paths"].items():
            for method in _METHODS & item.keys():
                operation = item[method]
                is_tried = acts or method == "get"
                if is_tried and server.has(path, operation):
                    name = f"{method.upper()} {path}"
                    self._operations[name] = operation
                else:
                    del item[method]
            if _METHODS & item.keys():
                paths[path] = item
        self._spec["paths"] = paths

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations, such as "GET /v2/runs", in the order of the document."""
        return tuple(self._operations)

    def to_json(self, ids: Mapping[str, Sequence[str]]) -> str:
        """Return the document with existing ids as the examples of the parameters of paths."""
        for parameter in self._parameters():
            known = ids.get(parameter["name"])
            if parameter["in"] == "path" and known:
                parameter.pop("examples", None)
                parameter["example"] = known[0]
        return json.dumps(self._spec)

    def _parameters(self) -> Iterator[dict[str, Any]]:
        """Yield the parameters of all paths and operations."""
        for item in self._spec["paths"].values():
            operations = [item[method] for method in _METHODS & item.keys()]
            for node in (item, *operations):
                for parameter in node.get("parameters", ()):
                    yield self._resolved(parameter)

    def unknown_fields(self, operation: str, status: int, body: Any) -> Iterator[str]:
        """Yield the fields of a response that the document does not name, as "data[].priority"."""
        responses: dict[str, Any] = self._operations[operation]["responses"]
        response = self._resolved(responses.get(str(status), {}))
        contents = response.get("content", {}).values()
        schemas = [content["schema"] for content in contents if "schema" in content]
        if schemas:
            yield from self._unknown({"anyOf": schemas}, body, "")

    def _unknown(self, schema: dict[str, Any], value: Any, place: str) -> Iterator[str]:
        forms = list(self._forms(schema))
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            yield from self._unknown_of_object(forms, fields, place)
        elif isinstance(value, list):
            schemas = [form["items"] for form in forms if "items" in form]
            if not schemas:
                return
            for item in cast("Iterable[Any]", value):
                yield from self._unknown({"anyOf": schemas}, item, f"{place}[]")

    def _unknown_of_object(
        self, forms: Sequence[dict[str, Any]], fields: dict[str, Any], place: str
    ) -> Iterator[str]:
        objects = [form["properties"] for form in forms if "properties" in form]
        takes_any = not objects or any(
            form.get("additionalProperties") for form in forms
        )
        for name, value in fields.items():
            where = f"{place}.{name}" if place else name
            known = [properties[name] for properties in objects if name in properties]
            if known:
                yield from self._unknown({"anyOf": known}, value, where)
            elif not takes_any:
                yield where

    def _forms(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield a schema and its branches."""
        schema = self._resolved(schema)
        yield schema
        for keyword in _BRANCHES:
            for branch in schema.get(keyword, ()):
                yield from self._forms(branch)

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = self._spec
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node
