"""JSON Schemas (2020-12) of what operations take and return, made from the same classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

import attrs
import docstring_parser
import msgspec
from docstring_parser import Docstring, DocstringStyle

from inngest_rest.operations.envelope import Envelope
from inngest_rest.operations.operation import Returns
from inngest_rest.operations.problems import MEANING, Code
from inngest_rest.operations.table import every
from inngest_rest.record import Record

if TYPE_CHECKING:
    from inngest_rest.operations.operation import Operation

Schema = dict[str, Any]

_REFERENCE = "#/$defs/"
_NULL = {"type": "null"}


def parameters(operation: Operation[Any]) -> Schema:
    """Return the schema of an operation's parameters: an object, with nothing unknown in it."""
    schema = _definitions(operation.parameters)[operation.parameters.__name__]
    for field in schema["properties"].values():
        _leave_out_null(field)
    return {**schema, "description": operation.description, "additionalProperties": False}


def envelope(operation: Operation[Any]) -> Schema:
    """Return the schema of an operation's answer, errors included."""
    definitions = _definitions(Envelope)
    # MCP does not take a reference for a schema.
    schema = definitions.pop(Envelope.__name__)
    properties: dict[str, Schema] = schema["properties"]
    properties["command"]["const"] = operation.name
    properties["data"]["anyOf"] = [_result(operation), _NULL]
    return {**schema, "$defs": {**definitions, **_definitions(operation.result)}}


def without_descriptions(schema: Schema) -> Schema:
    """Return a schema that validates the same and describes nothing: half as long."""
    return {
        name: _without_descriptions(part)
        for name, part in schema.items()
        # A property or a definition may be called so, too, and is an object.
        if name != "description" or not isinstance(part, str)
    }


def _without_descriptions(part: object) -> object:
    match part:
        case dict():
            return without_descriptions(cast("Schema", part))
        case list():
            parts = cast("list[object]", part)
            return [_without_descriptions(each) for each in parts]
        case _:
            return part


def describe(operation: Operation[Any]) -> dict[str, Any]:
    """Return all that is known of an operation, for a program."""
    command = " ".join(["inngest-rest", *operation.command])
    return {
        **_entry(operation),
        "description": operation.description,
        "parameters": parameters(operation),
        "result": envelope(operation),
        "untrusted": list(operation.untrusted_paths),
        "examples": [f"{command} {example}" for example in operation.examples],
    }


def catalogue() -> list[dict[str, Any]]:
    """Return each operation in brief."""
    return [_entry(operation) for operation in every()]


def _entry(operation: Operation[Any]) -> dict[str, Any]:
    return {
        "name": operation.name,
        "summary": operation.summary,
        "effect": operation.effect.value,
        "idempotent": operation.is_idempotent,
    }


def _result(operation: Operation[Any]) -> Schema:
    """Return the schema of the data of an answer."""
    record = {"$ref": _REFERENCE + operation.result.__name__}
    if operation.returns is Returns.ONE:
        return record
    items = {"type": "array", "items": record}
    return {"type": "object", "properties": {"items": items}, "required": ["items"]}


def _definitions(kind: type[Any]) -> dict[str, Schema]:
    """Return the schemas of an attrs class and of those that it is made of, by name."""
    classes = {each.__name__: each for each in _classes(kind, set())}
    _, found = msgspec.json.schema_components(
        tuple(classes.values()), ref_template=_REFERENCE + "{name}"
    )
    for name, each in classes.items():
        _complete(found[name], each)
    return {name: found[name] for name in classes}


def _classes(kind: Any, found: set[type[Any]]) -> Iterator[type[Any]]:
    """Yield the attrs classes and enums that a type is made of."""
    for part in get_args(kind):
        yield from _classes(part, found)
    if not isinstance(kind, type) or kind in found:
        return
    known: type[Any] = kind
    found.add(known)
    if issubclass(known, Enum) or attrs.has(known):
        yield known
    if attrs.has(known):
        for name, each in get_type_hints(known).items():
            if not name.startswith("_"):
                yield from _classes(each, found)


def _complete(schema: Schema, kind: type[Any]) -> None:
    """Add to a schema what msgspec leaves out, and take from it what does not hold."""
    del schema["title"]
    schema["description"] = _description(kind)
    if issubclass(kind, Enum):
        _complete_enum(schema, kind)
        return
    hints, described = get_type_hints(kind), _attributes(kind)
    fields: dict[str, Schema] = schema["properties"]
    public = {name: field for name, field in fields.items() if not name.startswith("_")}
    for name, field in public.items():
        _complete_field(field, hints[name], described.get(name))
    schema["properties"] = public
    if issubclass(kind, Record):  # it is written with all of its fields
        schema["required"] = list(public)
        for field in public.values():
            field.pop("default", None)


def _complete_enum(schema: Schema, kind: type[Enum]) -> None:
    schema["type"] = "string"
    schema["enum"] = [each.value for each in kind]
    if "_missing_" in vars(kind):
        known = ", ".join(schema.pop("enum"))
        schema["description"] = f"{known}, or what a newer server calls it."
    elif kind is Code:
        schema["description"] = "; ".join(f"{code}: {MEANING[code]}" for code in Code)


def _complete_field(field: Schema, kind: Any, description: str | None) -> None:
    kinds = {kind, *get_args(kind)}
    choices: list[Schema] = field.get("anyOf", [field])
    for choice in choices:
        if choice.get("format") == "duration":
            choice.clear()
            choice.update(type="number", description="Seconds.")
        elif choice.get("type") == "string" and datetime in kinds:
            choice["format"] = "date-time"
    if description:
        forms = [it.pop("description") for it in choices if "description" in it]
        field["description"] = " ".join([description, *forms])


def _leave_out_null(field: Schema) -> None:
    """Leave out that null stands for a parameter that is not given: it need not be."""
    if "anyOf" in field:
        (choice,) = (each for each in field.pop("anyOf") if each != _NULL)
        field.update({**choice, **field})
    if field.get("default", ...) is None:
        del field["default"]


def _description(kind: type[Any]) -> str:
    return _in_json(_docstring(kind.__doc__ or "").description)


def _attributes(kind: type[Any]) -> dict[str, str]:
    """Return the descriptions of a class's attributes, those of its bases included."""
    docstrings = [_docstring(each.__doc__ or "") for each in reversed(kind.__mro__)]
    return {it.arg_name: _in_json(it.description) for each in docstrings for it in each.params}


@cache
def _docstring(text: str) -> Docstring:
    return docstring_parser.parse(text, style=DocstringStyle.GOOGLE)


def _in_json(text: str | None) -> str:
    """Return a text of a docstring on one line, in the words of JSON."""
    return re.sub(r"\bNone\b", "null", " ".join((text or "").split()))
