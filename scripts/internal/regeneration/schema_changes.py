"""Find the changes between two JSON schemas, as they affect senders and readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]

REQUEST = "request"
RESPONSE = "response"
Ways = frozenset[str]
"""The directions in which a schema is used; empty if it is unused."""

SCHEMAS = "#/components/schemas/"
UNIONS = ("oneOf", "anyOf")
WORDS = {"description", "title", "summary", "example", "examples", "deprecated"}
COMPARED = {"type", "format", "enum", "properties", "required", "items", "additionalProperties"}
LOWER_IS_STRICTER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
HIGHER_IS_STRICTER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
CONSTRAINTS = LOWER_IS_STRICTER | HIGHER_IS_STRICTER | {"pattern", "multipleOf", "uniqueItems"}


@dataclass(frozen=True, order=True)
class Change:
    """One difference.

    Attributes:
        where: The operation or schema, and the place in it.
        what: The change.
        is_breaking: Whether callers have to change their code.
    """

    where: str
    what: str
    is_breaking: bool

    def __str__(self) -> str:
        return f"{'BREAKING' if self.is_breaking else '        '}  {self.where}: {self.what}"


def schema_changes(where: str, before: Node, after: Node, ways: Ways) -> Iterator[Change]:
    """Compare two schemas; references by name only, as their targets are compared once."""
    if before.get("type") == after.get("type") == "array":
        yield from schema_changes(
            f"{where} items", before.get("items", {}), after.get("items", {}), ways
        )
    else:
        yield from _types(where, before, after, ways)
    yield from _enums(where, before.get("enum", ()), after.get("enum", ()), ways)
    yield from _properties(where, before, after, ways)
    yield from _additional(where, before, after, ways)
    yield from _constraints(where, before, after, ways)


def _types(where: str, before: Node, after: Node, ways: Ways) -> Iterator[Change]:
    old, new = alternatives(before), alternatives(after)
    if old == new:
        return
    breaks = (REQUEST in ways and not _covers(new, old)) or (
        RESPONSE in ways and not _covers(old, new)
    )
    yield Change(where, f"type {joined(old)} became {joined(new)}", breaks)


def _covers(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    return "any" in wide or narrow <= (wide | {"integer"} if "number" in wide else wide)


def _enums(where: str, before: Any, after: Any, ways: Ways) -> Iterator[Change]:
    if before and after:
        # A removed value removes a member of the generated enum, in requests and responses alike.
        yield from additions_and_removals(
            where, dict.fromkeys(before), dict.fromkeys(after), "value", gone_breaks=True
        )
    elif before:
        yield Change(where, "no longer lists its values", is_breaking=True)
    elif after:
        yield Change(where, f"only takes {', '.join(map(str, after))}", REQUEST in ways)


def _properties(where: str, before: Node, after: Node, ways: Ways) -> Iterator[Change]:
    old, new = before.get("properties", {}), after.get("properties", {})
    was, is_ = set(before.get("required", ())), set(after.get("required", ()))
    for name in old.keys() | new.keys():
        place = f"{where}.{name}"
        if name not in old:
            demanded = name in is_ and REQUEST in ways
            yield Change(place, "added" + (", required" if name in is_ else ""), demanded)
        elif name not in new:
            yield Change(place, "removed", is_breaking=True)
        else:
            if (name in was) is not (name in is_):
                became = "required" if name in is_ else "optional"
                breaks = (REQUEST if name in is_ else RESPONSE) in ways
                yield Change(place, f"became {became}", breaks)
            yield from schema_changes(place, old[name], new[name], ways)


def _additional(where: str, before: Node, after: Node, ways: Ways) -> Iterator[Change]:
    old, new = before.get("additionalProperties", True), after.get("additionalProperties", True)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from schema_changes(f"{where}.*", old, new, ways)
    elif old != new:
        yield Change(where, f"additionalProperties {old} became {new}", is_breaking=True)


def _constraints(where: str, before: Node, after: Node, ways: Ways) -> Iterator[Change]:
    """Compare all other keywords; a new constraint matters only to senders."""
    ignored = {*WORDS, *COMPARED, *UNIONS, "$ref"}
    named = {name for name in before.keys() | after.keys() if not name.startswith("x-")}
    for name in named - ignored:
        old, new = before.get(name), after.get(name)
        if old != new:
            is_mild = name in CONSTRAINTS and (REQUEST not in ways or _is_looser(name, old, new))
            yield Change(where, f"{name} {_shown(old)} became {_shown(new)}", not is_mild)


def _is_looser(name: str, old: Any, new: Any) -> bool:
    if new is None:
        return True
    if old is None or name not in LOWER_IS_STRICTER | HIGHER_IS_STRICTER:
        return False
    return bool(new > old if name in LOWER_IS_STRICTER else new < old)


def alternatives(schema: Node) -> frozenset[str]:
    """Name the allowed types: `string`, `string(date-time)`, `null`, `Run`, `[Run]`."""
    if "$ref" in schema:
        return frozenset({schema["$ref"].removeprefix(SCHEMAS)})
    for union in UNIONS:
        if union in schema:
            return frozenset().union(*map(alternatives, schema[union]))
    kinds = schema.get("type", [])
    names = [kinds] if isinstance(kinds, str) else kinds
    return frozenset(_type_name(name, schema) for name in names) or frozenset({"any"})


def _type_name(name: str, schema: Node) -> str:
    if name == "array":
        return f"[{joined(alternatives(schema.get('items', {})))}]"
    # The format of a number is its size, which makes no difference in Python.
    return f"{name}({schema['format']})" if name == "string" and "format" in schema else name


def additions_and_removals(
    where: str, before: Node, after: Node, kind: str, *, gone_breaks: bool
) -> Iterator[Change]:
    for name in before.keys() ^ after.keys():
        place, what = (where, f"{kind} {name}") if where else (str(name), kind)
        gone = name in before
        yield Change(place, f"{what} {'removed' if gone else 'added'}", gone and gone_breaks)


def joined(types: frozenset[str]) -> str:
    return " | ".join(sorted(types, key=lambda name: (name == "null", name)))


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)
