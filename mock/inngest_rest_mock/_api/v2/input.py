"""Queries and bodies as read by v2's gateway; the default error code is `api_error`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast
from urllib.parse import parse_qsl

import attrs

from inngest_rest_mock._api.v2.shapes import v2_error
from inngest_rest_mock._json import decode, is_object
from inngest_rest_mock._times import parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest_mock._api.call import Server
    from inngest_rest_mock._carriers.messages import Request, Response

Kind: TypeAlias = Literal["string", "strings", "int32", "bool", "timestamp"]

_INTEGER = re.compile(r"[+-]?[0-9]+")


class InputError(ValueError):
    """The request is rejected with `response`."""

    def __init__(
        self, message: str, code: str = "api_error", status: int = 400
    ) -> None:
        super().__init__(message)
        self.response: Response = v2_error(status, code, message)


def invalid_field(message: str) -> InputError:
    """Return the error for a value of the right type that is not allowed."""
    return InputError(message, "invalid_field_format")


def missing_field(message: str) -> InputError:
    """Return the error for a missing field or parameter."""
    return InputError(message, "missing_field")


@attrs.frozen
class Query:
    """A validated query: its values by camelCase name."""

    values: dict[str, Any]

    def text(self, name: str) -> str:
        """Return a string, "" if absent."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """Return the values of a repeated parameter."""
        return list(self.values.get(name, ()))

    def number(self, name: str) -> int:
        """Return an integer, 0 if absent."""
        return int(self.values.get(name, 0))

    def moment(self, name: str) -> int | None:
        """Return a time in nanoseconds, None if absent."""
        value = self.values.get(name)
        return value if isinstance(value, int) else None

    def flag(self, name: str) -> bool:
        """Return a boolean, False if absent."""
        return self.values.get(name) is True


def read_query(request: Request, known: dict[str, Kind]) -> Query:
    """Read the parameters of a request, in camelCase or snake_case.

    Raise InputError for a repeated parameter, or a value of the wrong type; of unknown ones the
    guard tells.
    """
    by_name = {name: name for name in known} | {_snake(name): name for name in known}
    texts: dict[str, list[str]] = {}
    for key, value in parse_qsl(request.query, keep_blank_values=True):
        if key in by_name:
            texts.setdefault(key, []).append(value)
    # Of two spellings of one name, the last wins.
    return Query(
        {
            by_name[key]: _value(by_name[key], known[by_name[key]], it)
            for key, it in texts.items()
        }
    )


def _value(name: str, kind: Kind, texts: list[str]) -> Any:
    if kind == "strings":
        return texts
    if len(texts) > 1:
        raise InputError(f'too many values for field "{_snake(name)}"')
    (text,) = texts
    value = _READERS[kind](text)
    if value is None:
        raise InputError(f'parsing field "{_snake(name)}": {text!r} is no {kind}')
    return value


def _int32(text: str) -> int | None:
    number = int(text) if _INTEGER.fullmatch(text) else None
    return number if number is not None and -(2**31) <= number < 2**31 else None


_READERS: dict[Kind, Callable[[str], Any]] = {
    "string": str,
    "bool": {"true": True, "1": True, "false": False, "0": False}.get,
    "timestamp": parse_rfc3339,
    "int32": _int32,
}


def page_limit(server: Server, query: Query, most: int) -> int:
    """Read `limit`, 20 by default and for 0; raise InputError outside 1 to the server's maximum."""
    most = server.most_per_page(most)
    limit = query.number("limit") or min(20, most)
    if limit < 1:
        raise invalid_field("Limit must be at least 1")
    if limit > most and server.page_refusal is not None:
        raise invalid_field(server.page_refusal.format(most=most, limit=limit))
    return min(limit, most)


BodyKind: TypeAlias = Literal["string", "object", "array", "int64", "bool", "any"]
_BODY_TYPES: dict[BodyKind, tuple[type, ...]] = {
    "string": (str,),
    "object": (dict,),
    "array": (list,),
    "int64": (int, str, float),
    "bool": (bool,),
    "any": (object,),
}


def read_body(body: bytes, known: dict[str, BodyKind]) -> dict[str, Any]:
    """Read a JSON object, keys in camelCase or snake_case; an empty body is an empty object.

    Null fields are left out. Raise InputError for anything else, unknown fields included.
    """
    if not body.strip():
        return {}
    try:
        document = decode(body)
    except ValueError:
        raise InputError("the body is not JSON") from None
    if not is_object(document):
        raise InputError("the body is not a JSON object")
    return read_fields(document, known)


def read_fields(document: dict[str, Any], known: dict[str, BodyKind]) -> dict[str, Any]:
    """Read the fields of an object within a body, as `read_body` does."""
    by_name = {name: name for name in known} | {_snake(name): name for name in known}
    fields: dict[str, Any] = {}
    for key, value in document.items():
        if key not in by_name:
            message = f'Unexpected request body field "{key}"'
            raise InputError(message, "invalid_request")
        kind = known[by_name[key]]
        if value is None and kind != "any":
            continue
        is_flag = isinstance(value, bool) and kind not in ("bool", "any")
        is_typed = isinstance(value, _BODY_TYPES[kind]) and not is_flag
        if not is_typed or (kind == "int64" and not _is_int64(value)):
            raise InputError(f"invalid value for {kind} field {key}")
        fields[by_name[key]] = int(cast("Any", value)) if kind == "int64" else value
    return fields


def _is_int64(value: Any) -> bool:
    """Return whether protojson reads it as a 64-bit integer: a number or a string."""
    whole = (
        _INTEGER.fullmatch(value) is not None
        if isinstance(value, str)
        else value % 1 == 0
    )
    return whole and -(2**63) <= int(value) < 2**63


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)
