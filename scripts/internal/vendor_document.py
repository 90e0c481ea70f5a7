"""Compare the vendor's OpenAPI of v1 or v2 with ours: operations, parameters, fields, statuses.

Reads OpenAPI 3 and the Swagger 2 that protoc-gen-openapiv2 writes, as JSON or YAML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from tests.contract.document import METHODS, Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.contract.document import Object

# Deeper, schemas of spans refer to themselves.
_DEEPEST = 6


class Shape(NamedTuple):
    """One operation, as far as two documents can be compared.

    Attributes:
        parameters: The names of its query parameters.
        sent: The paths of the fields of its body: `fromStep.stepId`.
        received: The paths of the fields of its successes: `data[].id`.
        values: The values of an enum, by the path of its field or the name of its parameter.
        statuses: The statuses of its responses.
    """

    parameters: frozenset[str]
    sent: frozenset[str]
    received: frozenset[str]
    values: Mapping[str, frozenset[str]]
    statuses: frozenset[str]


class Difference(NamedTuple):
    """What one document has and the other lacks."""

    operation: str
    what: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"only {who}: {', '.join(it)}" for who, it in self._sides() if it]
        return f"{self.operation:<52} {self.what:<18} {'; '.join(parts)}"

    def _sides(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield "theirs", self.theirs
        yield "here", self.ours


def shapes(spec: Object) -> dict[str, Shape]:
    """Return the operations of a document, by `METHOD /path` with `{}` for each parameter."""
    root = _root(spec)
    found = {}
    for path, item in spec["paths"].items():
        whole = root + re.sub(r"\{[^}]*\}", "{}", path)
        shared = item.get("parameters", [])
        for method in METHODS & item.keys():
            own = item[method]
            listed = [_resolved(spec, each) for each in (*shared, *own.get("parameters", []))]
            found[f"{method.upper()} {whole}"] = _shape(spec, own, listed)
    return found


def _root(spec: Object) -> str:
    """Return what is before each path: of Swagger its base path, of OpenAPI that of its server."""
    servers = spec.get("servers") or [{"url": spec.get("basePath", "")}]
    root = urlsplit(servers[0]["url"]).path.rstrip("/")
    return root if not any(path.startswith(f"{root}/") for path in spec["paths"]) else ""


def _shape(spec: Object, own: Object, parameters: list[Object]) -> Shape:
    values: dict[str, frozenset[str]] = {}
    query = [each for each in parameters if each["in"] == "query"]
    for each in query:
        schema = each.get("schema", each)
        items = _resolved(spec, schema.get("items", schema))
        if "enum" in items:
            values[each["name"]] = frozenset(map(str, items["enum"]))
    body = _schema(own.get("requestBody", {})) or next(
        (each["schema"] for each in parameters if each["in"] == "body"), {}
    )
    responses = {
        status: _resolved(spec, each)
        for status, each in own.get("responses", {}).items()
        if status != "default"
    }
    received: dict[str, Object] = {}
    for status, each in responses.items():
        if status.startswith("2"):
            received |= dict(_fields(spec, _schema(each) or each.get("schema", {})))
    values |= {
        path: frozenset(map(str, it["enum"])) for path, it in received.items() if "enum" in it
    }
    return Shape(
        frozenset(each["name"] for each in query),
        frozenset(path for path, _ in _fields(spec, body)),
        frozenset(received),
        values,
        frozenset(responses),
    )


def _schema(node: Object) -> Object:
    content: Any = node.get("content", {})
    schema: Object = content.get("application/json", {}).get("schema", {})
    return schema


def _resolved(spec: Object, node: Object) -> Object:
    while "$ref" in node:
        found: Any = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _fields(
    spec: Object, schema: Object, path: str = "", depth: int = 0
) -> Iterator[tuple[str, Object]]:
    """Yield the path and the schema of each field within a schema."""
    schema = _resolved(spec, schema)
    if depth > _DEEPEST:
        return
    for form in (*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _fields(spec, form, path, depth + 1)
    if "items" in schema:
        yield from _fields(spec, schema["items"], f"{path}[]", depth + 1)
    for name, each in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield below, _resolved(spec, each)
        yield from _fields(spec, each, below, depth + 1)


def differences(ours: Mapping[str, Shape], theirs: Mapping[str, Shape]) -> Iterator[Difference]:
    """Yield what one document says and the other does not, of the families that theirs has."""
    families = {_family(each) for each in theirs}
    here = {each for each in ours if _family(each) in families}
    for operation in sorted(here ^ theirs.keys()):
        is_ours = operation in here
        yield Difference(
            operation, "operation", (operation,) * is_ours, (operation,) * (not is_ours)
        )
    for operation in sorted(here & theirs.keys()):
        mine, other = ours[operation], theirs[operation]
        for what in ("parameters", "sent", "received", "statuses"):
            one, two = getattr(mine, what), getattr(other, what)
            if one != two:
                yield Difference(operation, what, (*sorted(one - two),), (*sorted(two - one),))
        for name in sorted(mine.values.keys() & other.values.keys()):
            one, two = mine.values[name], other.values[name]
            if one != two:
                yield Difference(
                    operation, f"values of {name}", (*sorted(one - two),), (*sorted(two - one),)
                )


def _family(operation: str) -> str:
    return operation.partition(" /")[2].partition("/")[0]


def report(file: Path) -> list[str]:
    """Return the lines of a comparison with the vendor's document in a file."""
    ours = shapes(Document.load().spec)
    theirs = shapes(yaml.safe_load(file.read_text(encoding="utf-8")))
    shared = len(ours.keys() & theirs.keys())
    head = f"{shared} of the {len(theirs)} operations of {file.name} are in openapi/inngest.yaml."
    return [head, *map(str, differences(ours, theirs))]
