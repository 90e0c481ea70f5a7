"""Pages of the OpenAPI document: its operations and schemas, to be read without the network."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest._core.resources.routes import ROUTES
from scripts.internal.markdown import cell
from scripts.internal.site.extension import label_of_route
from scripts.internal.site.templates import filled
from tests.contract.document import PATH, Document
from tests.contract.methods import camel_case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.contract.document import Object, Operation

DOCUMENT = Document.load()

TITLES = {
    "ingest": "Sending and health",
    "v1": "Version 1",
    "v2": "Version 2",
}


@frozen
class Family:
    """The operations of a tag of the document, and the schemas that are named for it."""

    name: str
    title: str
    about: str
    operations: tuple[Operation, ...]
    schemas: Mapping[str, Object]


def pages() -> dict[str, str]:
    """Return the pages of the document by their paths."""
    about = DOCUMENT.spec["info"]["description"]
    found = {"reference/api": filled("api.md", families=families(), about=about)}
    for family in families():
        place = "reference/api"
        found[f"{place}/{family.name}"] = filled(
            "operations.md",
            family=family,
            methods=methods_by_operation(),
            own=own,
            label=label_of_route,
            route=route,
            since=since,
            type_of=type_of,
            bodies=bodies,
        )
        found[f"{place}/schemas-{family.name}"] = filled(
            "schemas.md", family=family, properties=properties, type_of=type_of
        )
    return found


def files() -> dict[str, str]:
    """Return the document itself, which its first page links to."""
    return {"reference/inngest.yaml": PATH.read_text(encoding="utf-8")}


@cache
def families() -> tuple[Family, ...]:
    """Return the families of operations, in the order of their pages."""
    about = {each["name"]: each["description"] for each in DOCUMENT.spec["tags"]}
    schemas = DOCUMENT.spec["components"]["schemas"]
    return tuple(
        Family(
            name=name,
            title=title,
            about=about[name],
            operations=tuple(each for each in DOCUMENT.operations if each.tag == name),
            schemas={each: schemas[each] for each in schemas if family_of(each) == name},
        )
        for name, title in TITLES.items()
    )


def family_of(schema: str) -> str:
    """Return the family that has a schema, by its name."""
    found = re.match(r"V[12]", schema)
    return found[0].lower() if found else "ingest"


@cache
def methods_by_operation() -> Mapping[str, list[str]]:
    """Return the methods of the client that ask an operation, by its id."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, operations in ROUTES.items():
        for operation in operations:
            found[camel_case(operation.name)].append(name)
    return found


def own(operation: Operation) -> Object:
    """Return the part of the document that is an operation's own."""
    part: Object = DOCUMENT.spec["paths"][operation.path][operation.method]
    return part


def route(operation: Operation) -> str:
    """Return how an operation is asked."""
    return f"{operation.method.upper()} {operation.path}"


def since(node: Object) -> str:
    """Return which release was the first to have a part of the document, if that is stated."""
    return f"Since release {node['x-since']}. " if "x-since" in node else ""


def bodies(response: Object) -> str:
    """Return which schemas the body of a response may have."""
    kinds = [type_of(each["schema"]) for each in response.get("content", {}).values()]
    return " or ".join(dict.fromkeys(kinds)) or "none"


def properties(schema: Object, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the properties of an object, those of objects inside it by a dotted name."""
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        needed = " (required)" if name in required else ""
        text = since(each) + each.get("description", "")
        yield f"`{prefix}{name}`{needed}", type_of(each), cell(text)
        if "items" in each:
            yield from properties(each["items"], f"{prefix}{name}[].")
        else:
            yield from properties(each, f"{prefix}{name}.")


def type_of(schema: Object) -> str:
    """Return a schema in a few words, as Markdown."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[`{name}`](schemas-{family_of(name)}.md#schema-{name.lower()})"
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(map(type_of, choices))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    kind: Any = schema.get("type", "any JSON")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"array of {type_of(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict) and not schema.get("properties"):
        return f"object of {type_of(schema['additionalProperties'])}"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)
