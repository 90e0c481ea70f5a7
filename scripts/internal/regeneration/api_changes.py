"""Find the changes between two OpenAPI documents that matter to callers, and the breaking ones.

An operation is identified by its id, a schema by its name. A change is breaking if requests that
were valid no longer are, or if something that callers read is gone. Readers are tolerant: a new
field, status or enum value in a response is not breaking; a status that is gone is, if no other
one is caught by the same class.

This is our own code because the tools on PyPI fall short: api-diff-sentinel compares parameters
only, and breakwatch treats every union as an object. oasdiff is not on PyPI.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.internal.regeneration.schema_changes import (
    REQUEST,
    RESPONSE,
    SCHEMAS,
    Change,
    Node,
    additions_and_removals,
    schema_changes,
)

CAUGHT_AS = {"407": "401", "422": "400", "501": "405"}
"""Statuses of errors that the client raises as it raises another; so it does those of 5xx."""

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def changes(before: Node, after: Node) -> list[Change]:
    """Compare two parsed documents and return the changes, sorted by place."""
    return sorted({*_operations(before, after), *_schemas(before, after)})


def _operations(old: Node, new: Node) -> Iterator[Change]:
    """Compare operations with their parameters, bodies and responses; schemas by name only."""
    before, after = operations_of(old), operations_of(new)
    yield from additions_and_removals("", before, after, "operation", gone_breaks=True)
    for id_ in before.keys() & after.keys():
        yield from _operation(id_, before[id_], after[id_])
        if before[id_].get("x-until") != after[id_].get("x-until"):
            yield _removal(id_, after)


def _schemas(old: Node, new: Node) -> Iterator[Change]:
    """Compare the named schemas, each for the directions in which it is used."""
    before, after = _named(old), _named(new)
    used_before, used_after = used_schemas(old), used_schemas(new)
    yield from additions_and_removals("", before, after, "schema", gone_breaks=True)
    for name in before.keys() & after.keys():
        ways = used_before.get(name, set()) | used_after.get(name, set())
        yield from schema_changes(name, before[name], after[name], frozenset(ways))


def operations_of(document: Node) -> dict[str, Node]:
    """Index the operations by id, each with its method, path and all of its parameters."""
    found: dict[str, Node] = {}
    for path, item in document.get("paths", {}).items():
        for method in filter(item.__contains__, METHODS):
            own = item[method]
            given = [*item.get("parameters", ()), *own.get("parameters", ())]
            parameters = [_resolved(document, each) for each in given]
            found[own["operationId"]] = {
                **own,
                "at": f"{method.upper()} {path}",
                "parameters": {
                    f"{each['in']} parameter {each['name']}": each for each in parameters
                },
                "responses": {
                    str(status): _resolved(document, response)
                    for status, response in own["responses"].items()
                },
                "requestBody": _resolved(document, own.get("requestBody", {})),
                "security": own.get("security", document.get("security", [])),
            }
    return found


def used_schemas(document: Node) -> dict[str, set[str]]:
    """Return for each named schema whether requests, responses or both use it."""
    used: dict[str, set[str]] = {}

    def visit(node: Any, way: str) -> None:
        for name in _names_in(node):
            if way not in used.setdefault(name, set()):
                used[name].add(way)
                visit(_named(document).get(name, {}), way)

    for operation in operations_of(document).values():
        visit([list(operation["parameters"].values()), operation["requestBody"]], REQUEST)
        visit(operation["responses"], RESPONSE)
    return used


def _operation(id_: str, before: Node, after: Node) -> Iterator[Change]:
    for name, breaks in (
        ("at", True),
        ("tags", True),
        ("security", bool(after["security"])),
        # A key that has the one permission need not have the other.
        ("x-permission", bool(before.get("x-permission") and after.get("x-permission"))),
    ):
        if before.get(name) != after.get(name):
            yield Change(id_, f"{name} {before.get(name)} became {after.get(name)}", breaks)
    yield from _parameters(id_, before["parameters"], after["parameters"])
    yield from _body(id_, before["requestBody"], after["requestBody"])
    yield from _responses(id_, before["responses"], after["responses"])


def _removal(id_: str, operations: Node) -> Change:
    """Say which releases lack an operation, and what its calls ask there, at which price."""
    operation = operations[id_]
    if (release := operation.get("x-until")) is None:
        return Change(id_, "no release lacks it any more", is_breaking=False)
    what, is_lost = f"gone from release {release} on", False
    for call in operation.get("x-call", ()):
        others = [
            (other["x-call"][call], name)
            for name, other in operations.items()
            if name != id_ and call in other.get("x-call", ()) and "x-until" not in other
        ]
        name = min(others)[1] if others else None
        if name is None:
            what += f"; {call} has no other route"
            is_lost = True
        else:
            what += f"; {call} asks {name} there"
            if price := operations[name].get("x-price"):
                what += f", which {price}"
    return Change(id_, what, is_breaking=is_lost)


def _parameters(id_: str, before: Node, after: Node) -> Iterator[Change]:
    for name in before.keys() | after.keys():
        where = f"{id_} {name}"
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            yield from _presence(where, new or old or {}, is_added=old is None)
        else:
            yield from _necessity(where, old, new)
            yield from schema_changes(where, old["schema"], new["schema"], frozenset({REQUEST}))


def _body(id_: str, before: Node, after: Node) -> Iterator[Change]:
    where = f"{id_} body"
    if bool(before) is not bool(after):
        yield from _presence(where, after or before, is_added=not before)
    elif before:
        yield from _necessity(where, before, after)
        yield from _content(where, before, after, REQUEST, is_read=True)


def caught_as(status: str) -> str:
    """Return the lowest status whose error is caught by the same class as that of this status."""
    if status in CAUGHT_AS:
        return CAUGHT_AS[status]
    return "500" if status.startswith("5") else status


def _responses(id_: str, before: Node, after: Node) -> Iterator[Change]:
    still_caught = set(map(caught_as, after))
    for status in before.keys() | after.keys():
        is_read = status.startswith("2")
        where = f"{id_} {status}"
        if status not in before:
            yield Change(where, "added", is_breaking=False)
        elif status not in after:
            is_missed = caught_as(status) not in still_caught
            yield Change(where, "removed", is_breaking=is_read or is_missed)
        else:
            yield from _content(where, before[status], after[status], RESPONSE, is_read=is_read)


def _content(where: str, before: Node, after: Node, way: str, *, is_read: bool) -> Iterator[Change]:
    """Compare content types and schemas of a body; an error's content type does not matter."""
    old, new = before.get("content", {}), after.get("content", {})
    yield from additions_and_removals(where, old, new, "content type", gone_breaks=is_read)
    for kind in old.keys() & new.keys():
        yield from schema_changes(
            where, old[kind].get("schema", {}), new[kind].get("schema", {}), frozenset({way})
        )


def _presence(where: str, node: Node, *, is_added: bool) -> Iterator[Change]:
    if is_added and node.get("required"):
        yield Change(where, "added, required", is_breaking=True)
    else:
        yield Change(where, "added" if is_added else "removed", is_breaking=not is_added)


def _necessity(where: str, before: Node, after: Node) -> Iterator[Change]:
    old, new = before.get("required", False), after.get("required", False)
    if old is not new:
        yield Change(where, f"became {'required' if new else 'optional'}", is_breaking=new)


def _resolved(document: Node, node: Node) -> Node:
    while "$ref" in node:
        steps = node["$ref"].removeprefix("#/").split("/")
        node = document
        for step in steps:
            node = node[step]
    return node


def _named(document: Node) -> Node:
    found: Node = document.get("components", {}).get("schemas", {})
    return found


def _names_in(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        if str(node.get("$ref", "")).startswith(SCHEMAS):
            yield node["$ref"].removeprefix(SCHEMAS)
        for each in node.values():
            yield from _names_in(each)
    elif isinstance(node, list):
        for each in node:
            yield from _names_in(each)
