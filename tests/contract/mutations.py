"""Responses of a newer server: each recorded body, changed in one place as servers change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from .document import is_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import Document, Object

Path = tuple[str | int, ...]

NEW_KEY = "aKeyOfTomorrow"
NEW_VALUE = "A_VALUE_OF_TOMORROW"


class Mutation(NamedTuple):
    """A body that differs from a recorded one in one place."""

    what: str
    body: Any
    is_null: bool = False

    def __str__(self) -> str:
        return self.what


class Place(NamedTuple):
    """A value in a body, and the schema that describes it."""

    path: Path
    schema: Object
    value: Any

    def __str__(self) -> str:
        return "$" + "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in self.path)

    def anywhere(self) -> str:
        """Return the place with `[]` for any item of a list."""
        return re.sub(r"\[\d+\]", "[]", str(self))


def form_of(document: Document, schema: Object, body: Any) -> frozenset[tuple[str, str]]:
    """Return what a reader may tell a body by: its keys, their types, and the values of enums."""
    return frozenset(
        (it.anywhere(), str(it.value) if "enum" in it.schema else type(it.value).__name__)
        for it in places(document, schema, body, ())
    )


def mutations(document: Document, schema: Object, body: Any) -> Iterator[Mutation]:
    """Change a body in every way that a server may without breaking its readers.

    Of a list, items of the same form are changed once.
    """
    seen = set[object]()
    for place in places(document, schema, body, ()):
        form = place.anywhere(), form_of(document, place.schema, place.value)
        if form in seen:
            continue
        seen.add(form)
        if "enum" in place.schema:
            yield Mutation(f"{place}: unknown value", put(body, place.path, NEW_VALUE))
        if isinstance(place.value, dict):
            new = {**place.value, NEW_KEY: {"x": [1, None]}}
            yield Mutation(f"{place}: added key", put(body, place.path, new))
            yield from without_optional(body, place)


def without_optional(body: Any, place: Place) -> Iterator[Mutation]:
    """Remove each optional property, and set it to null."""
    optional = place.schema.get("properties", {}).keys() - place.schema.get("required", ())
    for name in sorted(optional):
        if name in place.value:
            rest = {key: value for key, value in place.value.items() if key != name}
            yield Mutation(f"{place}.{name}: absent", put(body, place.path, rest))
        null = {**place.value, name: None}
        yield Mutation(f"{place}.{name}: null", put(body, place.path, null), is_null=True)


def without_each(document: Document, schema: Object, body: Any) -> Iterator[tuple[str, Any]]:
    """Remove each key that the document names, one by one.

    Of a list, a key is removed from one item only.

    Returns:
        Where the key was, `[]` standing for any item, and the body without it.
    """
    seen = set[str]()
    for place in places(document, schema, body, ()):
        if isinstance(place.value, dict):
            for name in sorted(place.value.keys() & place.schema.get("properties", {}).keys()):
                where = f"{place.anywhere()}.{name}"
                if where not in seen:
                    seen.add(where)
                    rest = {key: value for key, value in place.value.items() if key != name}
                    yield where, put(body, place.path, rest)


def places(document: Document, schema: Object, value: Any, path: Path) -> Iterator[Place]:
    """Walk through a body along its schema, into every part that the schema describes."""
    schema = chosen(document, schema, value)
    if is_placeholder(value):
        return
    yield Place(path, schema, value)
    if isinstance(value, dict):
        described = schema.get("properties", {})
        for name in value.keys() & described.keys():
            yield from places(document, described[name], value[name], (*path, name))
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from places(document, schema["items"], item, (*path, index))


def chosen(document: Document, schema: Object, value: Any) -> Object:
    """Follow references; of a union choose the member that describes the value, else the first.

    A value that none describes is named by the tests that hold recordings to the document.
    """
    schema = document.resolved(schema)
    for union in ("oneOf", "anyOf"):
        if union in schema:
            fitting = (each for each in schema[union] if not document.strict_faults(each, value))
            return chosen(document, next(fitting, schema[union][0]), value)
    return schema


def put(body: Any, path: Path, value: Any) -> Any:
    """Copy a body with another value in one place; everything off that path is shared."""
    if not path:
        return value
    step, *rest = path
    copy = body.copy()
    copy[step] = put(body[step], tuple(rest), value)
    return copy
