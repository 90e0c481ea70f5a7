"""Compare two OpenAPI documents of v1 or v2: operations, parameters, fields, values, statuses.

Reads OpenAPI 3 and the Swagger 2 that protoc-gen-openapiv2 writes, as JSON or YAML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from tests.contract.document import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet
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
    """What one document has and the other lacks, the older or the newer."""

    operation: str
    what: str
    old: tuple[str, ...]
    new: tuple[str, ...]

    def __str__(self) -> str:
        sides = {"new": self.new, "old": self.old}
        parts = [f"only {which}: {', '.join(each)}" for which, each in sides.items() if each]
        return f"{self.operation:<52} {self.what:<18} {'; '.join(parts)}"


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


def differences(old: Mapping[str, Shape], new: Mapping[str, Shape]) -> Iterator[Difference]:
    """Yield what one document says and the other does not, of the families that the new one has."""
    families = {_family(each) for each in new}
    here = {each for each in old if _family(each) in families}
    for operation in sorted(here ^ new.keys()):
        yield _difference(operation, "operation", {operation} & here, {operation} & new.keys())
    for operation in sorted(here & new.keys()):
        one, two = old[operation], new[operation]
        for what in ("parameters", "sent", "received", "statuses"):
            if getattr(one, what) != getattr(two, what):
                yield _difference(operation, what, getattr(one, what), getattr(two, what))
        for name in sorted(one.values.keys() & two.values.keys()):
            if one.values[name] != two.values[name]:
                what = f"values of {name}"
                yield _difference(operation, what, one.values[name], two.values[name])


def _difference(
    operation: str, what: str, old: AbstractSet[str], new: AbstractSet[str]
) -> Difference:
    return Difference(operation, what, (*sorted(old - new),), (*sorted(new - old),))


def _family(operation: str) -> str:
    return operation.partition(" /")[2].partition("/")[0]


def compare(old: Path, new: Path) -> list[str]:
    """Return the lines of a comparison of the documents in two files."""
    one, two = (shapes(yaml.safe_load(it.read_text(encoding="utf-8"))) for it in (old, new))
    shared = len(one.keys() & two.keys())
    head = f"{shared} of the {len(two)} operations of {new.name} are in {old.name}."
    return [head, *map(str, differences(one, two))]
