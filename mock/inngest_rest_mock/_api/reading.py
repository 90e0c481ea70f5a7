"""Read the values of a request by their schemas in the document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from inngest_rest_mock._api.document import camel, resolved
from inngest_rest_mock._times import parse_rfc3339

if TYPE_CHECKING:
    from inngest_rest_mock._api.document import Schema

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "object": (dict,),
    "array": (list,),
    "integer": (int, float),
    "boolean": (bool,),
}


class MisfitError(ValueError):
    """A value is not as its schema says; `code` is v2's for it."""

    def __init__(self, message: str, code: str = "api_error") -> None:
        super().__init__(message)
        self.code = code


@attrs.frozen
class Query:
    """A query as it was read: its values by camelCase name, and how many items a page has."""

    values: dict[str, Any] = attrs.field(factory=dict[str, Any])
    limit: int = 0

    def text(self, name: str) -> str:
        """Return a string, "" if absent."""
        return str(self.values.get(name, ""))

    def texts(self, name: str) -> list[str]:
        """Return the values of a repeated parameter."""
        return list(self.values.get(name, ()))

    def moment(self, name: str) -> int | None:
        """Return a time in nanoseconds, None if absent."""
        return self.values.get(name)

    def flag(self, name: str) -> bool:
        """Return a boolean, False if absent."""
        return self.values.get(name) is True


def read_text(text: str, schema: Schema) -> Any:
    """Read a query parameter; None if it is not of the type in its schema."""
    if schema.get("format") == "date-time":
        return parse_rfc3339(text)
    if schema["type"] == "boolean":
        return _FLAGS.get(text)
    if schema["type"] == "integer":
        return _integer(text, bits=32)
    return text


def read_value(value: Any, schema: Schema, name: str, *, is_strict: bool) -> Any:
    """Read a value of a body; raise MisfitError for one that is not as its schema says.

    Args:
        value: The value.
        schema: Its schema.
        name: What it is called in errors.
        is_strict: Whether to read as v2 does: either spelling of a field, none that is unknown,
            and each that is required. v1 looks at types alone.
    """
    schema = resolved(schema)
    if "type" not in schema:
        return value
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not any(type(value) in _TYPES[each] for each in types if each != "null"):
        raise MisfitError(f"invalid value for {types[0]} field {name}")
    if is_strict:
        _check_size(value, schema, name)
    match types[0]:
        case "object" if "additionalProperties" not in schema:
            return _read_object(value, schema, is_strict=is_strict)
        case "array":
            return [
                read_value(
                    item, schema["items"], f"{name}[{index}]", is_strict=is_strict
                )
                for index, item in enumerate(value)
            ]
        case "string" if schema.get("format") == "date-time":
            moment = parse_rfc3339(value)
            if moment is None:
                raise MisfitError(f"{name} is not a time")
            return moment
        case "integer":
            number = _integer(value, bits=64)
            if number is None:
                raise MisfitError(f"invalid value for integer field {name}")
            return number
        case _:
            return value


def _check_size(value: Any, schema: Schema, name: str) -> None:
    most = schema.get("maxItems", schema.get("maxLength"))
    is_too_large = most is not None and len(value) > most
    if is_too_large or ("minItems" in schema and len(value) < schema["minItems"]):
        raise MisfitError(f"{name} has {len(value)} items", "invalid_field_format")


def _read_object(given: dict[str, Any], schema: Schema, *, is_strict: bool) -> Any:
    known: dict[str, Schema] = schema.get("properties", {})
    fields: dict[str, Any] = {}
    for key, value in given.items():
        name = camel(key) if is_strict else key
        if name not in known:
            if is_strict:
                message = f'Unexpected request body field "{key}"'
                raise MisfitError(message, "invalid_request")
            fields[name] = value
        elif value is not None or "type" not in resolved(known[name]):
            fields[name] = read_value(value, known[name], key, is_strict=is_strict)
    for name in schema.get("required", ()) if is_strict else ():
        if fields.get(name, "") == "":
            raise MisfitError(f"{name} is required", "missing_field")
    return fields


def _integer(value: str | float, *, bits: int) -> int | None:
    """Return an integer that protobuf's JSON may write as a number or as its digits."""
    if isinstance(value, str):
        number = int(value) if _INTEGER.fullmatch(value) else None
    else:
        number = int(value) if value % 1 == 0 else None
    most = 2 ** (bits - 1)
    return number if number is not None and -most <= number < most else None
