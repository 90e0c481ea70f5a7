"""The document: the operations that a server has, and the fields that it names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

import inngest_rest_api
from inngest_rest._core.calls.route import V2_ROOT_BEFORE_1_26
from inngest_rest._core.resources.server import version_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_BRANCHES = ("oneOf", "anyOf", "allOf")


@frozen
class Server:
    """What decides which operations a server has."""

    is_cloud: bool
    is_dev: bool
    release: str | None
    """None if it is not known: then every operation that some release has is expected."""
    takes_events: bool
    """Whether events go to the same host as all other requests."""

    @property
    def v2_root(self) -> str:
        """Where its v2 is."""
        is_early = self.release is not None and version_key(self.release) < version_key(
            "1.26"
        )
        return V2_ROOT_BEFORE_1_26 if is_early and not self.is_cloud else "/v2"

    def has(self, path: str, operation: Mapping[str, Any]) -> bool:
        if path.startswith("/e/") and not self.takes_events:
            return False
        if path == "/dev" and not self.is_dev:
            return False
        if self.is_cloud:
            return True
        since, until = operation.get("x-since"), operation.get("x-until")
        if operation.get("x-cloud-only") or (
            since is None and path.startswith(("/v1", "/v2"))
        ):
            return False
        if self.release is None:
            return until is None
        release = version_key(self.release)
        is_gone = until is not None and version_key(until) <= release
        return not is_gone and (since is None or version_key(since) <= release)


class Document:
    """The document of this package, with the operations that are tried."""

    def __init__(self, server: Server, *, acts: bool) -> None:
        import yaml  # noqa: PLC0415 - the extra brings it

        loader = getattr(
            yaml, "CSafeLoader", yaml.SafeLoader
        )  # in C, where it was built
        self._spec: dict[str, Any] = yaml.load(inngest_rest_api.openapi(), loader)  # noqa: S506
        self._operations: dict[str, dict[str, Any]] = {}

        def at(path: str) -> str:
            return re.sub("^/v2/", f"{server.v2_root}/", path)

        for path, item in self._spec["paths"].items():
            for method in _METHODS & item.keys():
                if server.has(path, item[method]) and (acts or method == "get"):
                    self._operations[f"{method.upper()} {at(path)}"] = item[method]
                else:
                    del item[method]
        self._spec["paths"] = {
            at(path): item
            for path, item in self._spec["paths"].items()
            if _METHODS & item.keys()
        }

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations, such as "GET /v2/runs", in the order of the document."""
        return tuple(self._operations)

    def to_json(self, ids: Mapping[str, Sequence[str]]) -> str:
        """Return the document with ids that exist as the examples of the parameters of paths."""
        for item in self._spec["paths"].values():
            for node in (item, *(item[method] for method in _METHODS & item.keys())):
                for each in node.get("parameters", ()):
                    parameter = self._resolved(each)
                    if parameter["in"] == "path" and ids.get(parameter["name"]):
                        parameter.pop("examples", None)
                        parameter["example"] = ids[parameter["name"]][0]
        return json.dumps(self._spec)

    def unknown_fields(self, operation: str, status: int, body: Any) -> Iterator[str]:
        """Yield the fields of a response that the document does not name, as "data[].priority"."""
        responses: dict[str, Any] = self._operations[operation]["responses"]
        response = self._resolved(responses.get(str(status), {}))
        content = response.get("content", {})
        schemas = [each["schema"] for each in content.values() if "schema" in each]
        if schemas:
            yield from self._unknown({"anyOf": schemas}, body, "")

    def _unknown(self, schema: dict[str, Any], value: Any, place: str) -> Iterator[str]:
        forms = [*self._forms(schema)]
        if isinstance(value, dict):
            yield from self._unknown_of_object(
                forms, cast("dict[str, Any]", value), place
            )
        items = [form["items"] for form in forms if "items" in form]
        if isinstance(value, list) and items:
            for each in cast("Iterable[Any]", value):
                yield from self._unknown({"anyOf": items}, each, f"{place}[]")

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
        """Yield a schema and each that it is made of."""
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
