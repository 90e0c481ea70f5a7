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

from inngest_rest.call_row import Returns, docstring
from inngest_rest.errors import Advice
from inngest_rest.models import RunError
from inngest_rest_tools.answer import Envelope
from inngest_rest_tools.parameters import in_json, parameters, sections
from inngest_rest_tools.problems import Code
from inngest_rest_tools.projection import field_names, record_class

if TYPE_CHECKING:
    from inngest_rest.call_row import CallRow

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


def of_parameters(row: CallRow) -> Schema:
    """Return the schema of a call's parameters: an object without unknown properties."""
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for parameter in parameters(row):
        properties[parameter.name] = parameter.schema()
        if parameter.is_required:
            required.append(parameter.name)
    return {
        "type": "object",
        "description": row.description,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def of_answer(row: CallRow) -> Schema:
    """Return the schema of a call's answer, errors included."""
    definitions: dict[str, Schema] = {}
    # MCP does not accept a reference as a schema.
    _of(Envelope, definitions)
    schema = definitions.pop(Envelope.__name__)
    result = _of_result(row, definitions)
    # Fields that are null, empty or not asked for are left out.
    schema["required"] = ["ok", "command"]
    schema["properties"]["command"]["const"] = row.command
    schema["properties"]["data"]["anyOf"] = [result, _NULL]
    return {**schema, "$defs": definitions}


def of_data(row: CallRow) -> Schema:
    """Return the schema of a call's `data`, from which null and empty fields are left out.

    The envelope around it is the same for all calls: `of_answer` has it, too.
    """
    definitions: dict[str, Schema] = {}
    result = _of_result(row, definitions)
    without_null = {
        name: _without_null(definition) for name, definition in definitions.items()
    }
    return {**result, "$defs": without_null}


def _without_null(definition: Schema) -> Schema:
    """Return the schema of a class whose fields are never null."""
    properties: dict[str, Schema] = definition.get("properties", {})
    if not properties:
        return definition
    not_null = {name: _not_null(schema) for name, schema in properties.items()}
    return {**definition, "properties": not_null}


def _not_null(schema: Schema) -> Schema:
    """Return the schema of a field without null, if that leaves one type."""
    kinds: list[Schema] = schema.get("anyOf", [])
    others = [kind for kind in kinds if kind != _NULL]
    if len(others) != 1:
        return schema
    about = dict(schema)
    del about["anyOf"]
    return others[0] | about


def _of_result(row: CallRow, definitions: dict[str, Schema]) -> Schema:
    result = _of(record_class(row), definitions)
    if row.returns is Returns.ONE:
        return result
    return {
        "type": "object",
        "properties": {"items": {"type": "array", "items": result}},
        "required": ["items"],
    }


def _of(kind: Any, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a type; add those of the classes in it to the definitions."""
    origin = get_origin(kind) or kind
    arguments = get_args(kind)
    if isinstance(origin, type) and _has_definition(origin):
        return _reference_to(origin, definitions)
    if isinstance(kind, TypeVar):
        return {}
    if origin in _PLAIN:
        return dict(_PLAIN[origin])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {Union, UnionType}:
        # Advice is shown as its text.
        members = [member for member in arguments if member is not Advice]
        return {"anyOf": [_of(member, definitions) for member in members]}
    if issubclass(origin, Mapping):
        values = _of(arguments[1], definitions)
        return {"type": "object", "additionalProperties": values}
    # A tuple, a list or a sequence, whose items are all of one type.
    if not arguments:
        return {"type": "array"}
    return {"type": "array", "items": _of(arguments[0], definitions)}


def _has_definition(kind: type[Any]) -> bool:
    """Return whether the schema of a class is one of the definitions."""
    return attrs.has(kind) or issubclass(kind, Enum)


def _reference_to(kind: type[Any], definitions: dict[str, Schema]) -> Schema:
    """Return a reference to the schema of a class; add the schema to the definitions."""
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}  # for a record with others of its class in it
        if issubclass(kind, Enum):
            definitions[name] = _of_enum(kind)
        else:
            definitions[name] = _of_class(kind, definitions)
    reference = {"$ref": f"#/$defs/{name}"}
    if kind is RunError:  # one line in a list of runs
        return {"anyOf": [reference, {"type": "string"}]}
    return reference


def _of_enum(kind: type[Enum]) -> Schema:
    known = [member.value for member in kind]
    if "_missing_" in vars(kind):
        description = f"{', '.join(known)}, or what a newer server calls it."
        return {"type": "string", "description": description}
    if kind is Code:
        description = "; ".join(f"{code}: {code.meaning}" for code in Code)
    else:
        description, _ = _docstring(kind)
    return {"type": "string", "enum": known, "description": description}


def _of_class(kind: type[Any], definitions: dict[str, Schema]) -> Schema:
    hints = get_type_hints(kind)
    description, described = _docstring(kind)
    properties: dict[str, Schema] = {}
    for name in field_names(kind):
        schema = _of(hints[name], definitions)
        if name in described:
            schema["description"] = _description(described[name], schema)
        properties[name] = schema
    return {"type": "object", "description": description, "properties": properties}


def _description(of_field: str, schema: Schema) -> str:
    """Return the description of a field, with those of its types, which are removed there."""
    descriptions = [of_field]
    for kind in schema.get("anyOf", [schema]):
        of_kind = kind.pop("description", "")
        if of_kind:
            descriptions.append(of_kind)
    return " ".join(descriptions)


def _docstring(kind: type[Any]) -> tuple[str, dict[str, str]]:
    """Return the description of a class, and of its attributes, those of its bases included."""
    description = ""
    attributes: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        text, entries = sections(docstring(base), "Attributes")
        description = in_json(text)
        for name, words in entries.items():
            attributes[name] = in_json(words)
    return description, attributes
