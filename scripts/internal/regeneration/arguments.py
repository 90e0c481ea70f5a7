"""The arguments of an operation, read from its parameters and its body in the document.

A body's properties are arguments of their own, those of an object in it as well. A name is that of
the document in snake case, or its `x-argument`; what is sent where it is left out, its `x-default`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from openapi_python_client.strings import PythonIdentifier

from scripts.internal.regeneration.api_changes import operations_of
from scripts.internal.regeneration.tools import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.internal.regeneration.schema_changes import Node

_KINDS = {"integer": "integer", "number": "number", "boolean": "flag", "object": "object"}


class Argument(NamedTuple):
    """An argument, with the fields of `Argument` in the generated client, and its default."""

    name: str
    place: str
    keys: tuple[str, ...]
    kind: str
    is_required: bool
    choices: tuple[str, ...]
    least: float | None
    most: float | None
    longest: int | None
    pattern: str | None
    help: str
    default: Any = None
    example: Any = None


def of_operations(document: Node) -> dict[str, tuple[Argument, ...]]:
    """Return the arguments of each operation by its id, in the order of a signature."""
    return {
        id_: of_operation(document, id_, operation)
        for id_, operation in operations_of(document).items()
    }


def of_operation(document: Node, id_: str, operation: Node) -> tuple[Argument, ...]:
    found = [*_of_parameters(document, operation), *_of_body(document, operation)]
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise SourceError(f"{id_} has two arguments {name}: give one of them an x-argument")
    # Ids in the order of the path; then what else is required.
    return tuple(sorted(found, key=lambda each: (each.place != "path", not each.is_required)))


def _of_parameters(document: Node, operation: Node) -> Iterator[Argument]:
    for node in operation["parameters"].values():
        place = node["in"]
        if place not in {"path", "query"}:
            continue
        name = node["name"]
        # A query has the names of `get_kwargs`, whatever the argument is called.
        keys = () if place == "path" else (str(PythonIdentifier(name, prefix="")),)
        yield _argument(
            document,
            node["schema"],
            name=node.get("x-argument", name),
            place=place,
            keys=keys,
            is_required=node.get("required", False),
            example=node.get("example"),
        )


def _of_body(document: Node, operation: Node) -> Iterator[Argument]:
    content = operation["requestBody"].get("content", {})
    media = content.get("application/json")
    if media is None:
        return
    schema = resolved(document, media["schema"])
    if schema.get("properties"):
        yield from _of_object(document, schema, (), example=media.get("example"))
        return
    yield _argument(
        document,
        schema,
        name="body",
        place="body",
        keys=(),
        is_required=operation["requestBody"].get("required", False),
        example=media.get("example"),
    )


def _of_object(
    document: Node, schema: Node, above: tuple[str, ...], example: Any
) -> Iterator[Argument]:
    """Yield the properties of an object in a body, and of the objects in it."""
    for name, own in schema["properties"].items():
        node = resolved(document, own)
        keys = (*above, name)
        of_this = example.get(name) if isinstance(example, dict) else None
        if node.get("properties"):
            yield from _of_object(document, node, keys, of_this)
            continue
        yield _argument(
            document,
            node,
            name=own.get("x-argument", name),
            place="body",
            keys=keys,
            is_required=not above and name in schema.get("required", ()),
            example=of_this,
        )


def _argument(
    document: Node,
    schema: Node,
    *,
    name: str,
    place: str,
    keys: tuple[str, ...],
    is_required: bool,
    example: Any,
) -> Argument:
    node = resolved(document, schema)
    items = resolved(document, node.get("items", {}))
    kind = _kind(node, items)
    of_value = items if kind == "texts" else node
    return Argument(
        name=str(PythonIdentifier(name, prefix="")),
        place=place,
        keys=keys,
        kind="id" if place == "path" else kind,
        is_required=is_required,
        choices=tuple(of_value.get("enum", ())),
        least=node.get("minimum"),
        most=node.get("maximum"),
        longest=of_value.get("maxLength"),
        pattern=of_value.get("pattern"),
        help=" ".join(node.get("description", "").split()),
        default=node.get("x-default"),
        example=example,
    )


def _kind(node: Node, items: Node) -> str:
    """Return what a value is, null apart: that is an argument left out."""
    types = node.get("type")
    kinds = [each for each in types if each != "null"] if isinstance(types, list) else [types]
    if len(kinds) != 1:
        return "json"
    (kind,) = kinds
    if kind == "string":
        return "time" if node.get("format") == "date-time" else "text"
    if kind == "array":
        return "texts" if items.get("type") == "string" else "json"
    return _KINDS.get(str(kind), "json")


def resolved(document: Node, node: Node) -> Node:
    """Return a schema behind its reference, with what stands beside that."""
    options = [each for each in node.get("anyOf", ()) if each.get("type") != "null"]
    if len(options) == 1:
        return resolved(document, options[0])
    reference = node.get("$ref")
    if reference is None:
        return node
    target: Any = document
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return {**resolved(document, target), **{k: v for k, v in node.items() if k != "$ref"}}
