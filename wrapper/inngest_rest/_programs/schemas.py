"""JSON Schemas (2020-12) of parameters and results, derived from types and attrs classes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

from inngest_rest._programs.answer import Envelope
from inngest_rest._programs.parameters import in_json, parameters, sections
from inngest_rest._programs.problems import Code
from inngest_rest._programs.projection import field_names, record_class
from inngest_rest._table import Returns, docstring
from inngest_rest.errors import Advice
from inngest_rest.models import RunError

if TYPE_CHECKING:
    from inngest_rest._table import Row

Schema = dict[str, Any]

_NULL = {"type": "null"}
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: _NULL,
    datetime: {"type": "string", "format": "date-time"},
    timedelta: {"type": "number", "description": "Seconds."},
    Any: {},
    object: {},
}


def of_parameters(row: Row) -> Schema:
    """Return the schema of a call's parameters: an object, with nothing unknown in it."""
    known = parameters(row)
    return {
        "type": "object",
        "description": row.description,
        "properties": {each.name: each.schema() for each in known},
        "required": [each.name for each in known if each.is_required],
        "additionalProperties": False,
    }


def of_answer(row: Row) -> Schema:
    """Return the schema of a call's answer, errors included."""
    definitions: dict[str, Schema] = {}
    # MCP does not take a reference for a schema.
    _of(Envelope, definitions)
    schema = definitions.pop(Envelope.__name__)
    result = _of_result(row, definitions)
    schema["required"] = [
        "ok",
        "command",
    ]  # what is null, empty or not asked for is left out
    schema["properties"]["command"]["const"] = row.command
    schema["properties"]["data"]["anyOf"] = [result, _NULL]
    return {**schema, "$defs": definitions}


def of_data(row: Row) -> Schema:
    """Return the schema of what a call answers as `data`; what is null or empty is left out of it.

    The envelope around it is the same for all calls: `of_answer` has it, too.
    """
    definitions: dict[str, Schema] = {}
    result = _of_result(row, definitions)
    return {
        **result,
        "$defs": {name: _without_null(it) for name, it in definitions.items()},
    }


def _without_null(definition: Schema) -> Schema:
    """Return the schema of a class that says of no field that it may be null."""
    properties: dict[str, Schema] = {}
    for name, schema in definition.get("properties", {}).items():
        kinds = [kind for kind in schema.get("anyOf", ()) if kind != _NULL]
        if len(kinds) == 1:
            about = {key: it for key, it in schema.items() if key != "anyOf"}
            schema = {**kinds[0], **about}  # noqa: PLW2901
        properties[name] = schema
    return {**definition, "properties": properties} if properties else definition


def _of_result(row: Row, definitions: dict[str, Schema]) -> Schema:
    result = _of(record_class(row), definitions)
    if row.returns is Returns.ONE:
        return result
    items = {"type": "array", "items": result}
    return {"type": "object", "properties": {"items": items}, "required": ["items"]}


def _of(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a type; those of the classes it is made of are added by name."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if isinstance(origin, type) and (attrs.has(origin) or issubclass(origin, Enum)):
        return _reference_to(origin, definitions)
    if isinstance(kind, TypeVar):
        return {}
    if origin in _PLAIN:
        return dict(_PLAIN[origin])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {Union, UnionType}:
        return {
            "anyOf": [
                _of(each, definitions) for each in arguments if each is not Advice
            ]
        }
    if issubclass(origin, Mapping):
        return {
            "type": "object",
            "additionalProperties": _of(arguments[1], definitions),
        }
    # A tuple, a list or a sequence, whose items are all of one type.
    if not arguments:
        return {"type": "array"}
    return {"type": "array", "items": _of(arguments[0], definitions)}


def _reference_to(kind: type[Any], definitions: dict[str, Schema]) -> Schema:
    """Return the reference to the schema of a class, which is added to the definitions."""
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}  # a record may hold others of its class
        is_enum = issubclass(kind, Enum)
        definitions[name] = _of_enum(kind) if is_enum else _of_class(kind, definitions)
    reference = {"$ref": f"#/$defs/{name}"}
    if kind is RunError:  # of a run in a list it is a line
        return {"anyOf": [reference, {"type": "string"}]}
    return reference


def _of_enum(kind: type[Enum]) -> Schema:
    known = [each.value for each in kind]
    if "_missing_" in vars(kind):
        words = f"{', '.join(known)}, or what a newer server calls it."
        return {"type": "string", "description": words}
    words = _docstring(kind)[0]
    if kind is Code:
        words = "; ".join(f"{code}: {code.meaning}" for code in Code)
    return {"type": "string", "enum": known, "description": words}


def _of_class(kind: type[Any], definitions: dict[str, Schema]) -> Schema:
    hints = get_type_hints(kind)
    description, described = _docstring(kind)
    properties: dict[str, Schema] = {}
    for name in field_names(kind):
        schema = _of(hints[name], definitions)
        if name in described:
            forms = [
                each.pop("description", "") for each in schema.get("anyOf", [schema])
            ]
            schema["description"] = " ".join(filter(None, [described[name], *forms]))
        properties[name] = schema
    return {"type": "object", "description": description, "properties": properties}


def _docstring(kind: type[Any]) -> tuple[str, dict[str, str]]:
    """Return what a class is, and its attributes, those of its bases included."""
    description, attributes = "", dict[str, str]()
    for each in reversed(kind.__mro__[:-1]):
        text, found = sections(docstring(each), "Attributes")
        description = in_json(text)
        attributes |= {name: in_json(words) for name, words in found.items()}
    return description, attributes
