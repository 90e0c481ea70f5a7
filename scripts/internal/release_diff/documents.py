"""Compare two OpenAPI documents of v1 or v2: operations, parameters, fields, values, statuses.

Reads OpenAPI 3 and the Swagger 2 that protoc-gen-openapiv2 writes, as JSON or YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from tests.contract.document import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.contract.document import Object

# Deeper, schemas of spans refer to themselves.
_DEEPEST = 6

Statements = Mapping[str, AbstractSet[str]]
"""What is said of one operation, by kind: query parameters, sent and received fields, statuses, and
the values of each enum. A field is a path, such as `data[].id`."""


class Difference(NamedTuple):
    """What one document has and the other lacks, the older or the newer."""

    operation: str
    what: str
    old: AbstractSet[str]
    new: AbstractSet[str]

    def __str__(self) -> str:
        sides = {"new": self.new - self.old, "old": self.old - self.new}
        parts = [f"only {side}: {', '.join(sorted(each))}" for side, each in sides.items() if each]
        return f"{self.operation:<52} {self.what:<18} {'; '.join(parts)}"


def operations(spec: Object) -> dict[str, Statements]:
    """Return what a document says, by `METHOD /path` with `{}` for each parameter of the path."""
    root = _root(spec)
    found = {}
    for path, item in spec["paths"].items():
        place = root + re.sub(r"\{[^}]*\}", "{}", path)
        for method in METHODS & item.keys():
            own = item[method]
            parameters = [*item.get("parameters", ()), *own.get("parameters", ())]
            resolved = [_resolved(spec, each) for each in parameters]
            found[f"{method.upper()} {place}"] = _statements(spec, own, resolved)
    return found


def _root(spec: Object) -> str:
    """Return what is before each path: of Swagger its base path, of OpenAPI that of its server."""
    servers = spec.get("servers") or [{"url": spec.get("basePath", "")}]
    root = urlsplit(servers[0]["url"]).path.rstrip("/")
    return root if not any(path.startswith(f"{root}/") for path in spec["paths"]) else ""


def _statements(spec: Object, own: Object, parameters: Iterable[Object]) -> Statements:
    query: dict[str, Object] = {}
    received: dict[str, Object] = {}
    sent = _schema(own.get("requestBody", {}))
    for each in parameters:
        schema = _resolved(spec, each.get("schema", each))
        if each["in"] == "query":
            query[each["name"]] = _resolved(spec, schema.get("items", schema))
        elif each["in"] == "body":
            sent = schema
    responses = own.get("responses", {}).keys() - {"default"}
    for status in responses:
        if status.startswith("2"):
            response = _resolved(spec, own["responses"][status])
            received |= dict(_fields(spec, _schema(response)))
    enums = {
        f"values of {name}": set(map(str, schema["enum"]))
        for name, schema in sorted((query | received).items())
        if "enum" in schema
    }
    return {
        "parameters": query.keys(),
        "sent": dict(_fields(spec, sent)).keys(),
        "received": received.keys(),
        "statuses": responses,
        **enums,
    }


def _schema(node: Object) -> Object:
    """Return the schema of a body: of Swagger that of a response itself."""
    content: Any = node.get("content", {"application/json": node})
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
    """Yield the fields of a schema with their paths, those of its forms and items included."""
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


def differences(
    old: Mapping[str, Statements], new: Mapping[str, Statements]
) -> Iterator[Difference]:
    """Yield what one document says and the other does not, of the families that the new one has."""
    families = {_family(each) for each in new}
    here = {each for each in old if _family(each) in families}
    for operation in sorted(here ^ new.keys()):
        name = {operation}
        yield Difference(operation, "operation", name & here, name & new.keys())
    for operation in sorted(here & new.keys()):
        one, two = old[operation], new[operation]
        for what in one:
            if what in two and one[what] != two[what]:
                yield Difference(operation, what, one[what], two[what])


def _family(operation: str) -> str:
    return operation.partition(" /")[2].partition("/")[0]


def compare(old: Path, new: Path) -> list[str]:
    """Return the lines of a comparison of the documents in two files."""
    one, two = (operations(yaml.safe_load(each.read_text(encoding="utf-8"))) for each in (old, new))
    shared = len(one.keys() & two.keys())
    head = f"{shared} of the {len(two)} operations of {new.name} are in {old.name}."
    return [head, *map(str, differences(one, two))]
