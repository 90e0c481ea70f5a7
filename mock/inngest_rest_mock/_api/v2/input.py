"""Queries and bodies as read by v2's gateway; the default error code is `api_error`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast
from urllib.parse import unquote_plus

import attrs
import msgspec

from inngest_rest_mock._api.v2.shapes import v2_error
from inngest_rest_mock._go.decoding import GoJsonError, read_document, text_of
from inngest_rest_mock._go.json_kinds import is_array, is_object
from inngest_rest_mock._go.times import parse_rfc3339

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Server
    from inngest_rest_mock._carriers.messages import Request, Response

Kind: TypeAlias = Literal["string", "strings", "int32", "bool", "timestamp"]

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}")
_MAP = re.compile(r"(.*)\[(.*)\]")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
_GO_LAYOUT = "2006-01-02T15:04:05.999999999Z07:00"


class InputError(ValueError):
    """The request is rejected with `response`."""

    def __init__(
        self, message: str, code: str = "api_error", status: int = 400
    ) -> None:
        super().__init__(message)
        self.response: Response = v2_error(status, code, message)


class UnknownFieldError(InputError):
    """A body has a field that its operation does not know; 1.45 has other words for it."""

    def __init__(self, place: str, field: str) -> None:
        super().__init__(f'proto: {place}: unknown field "{field}"')
        message = f'Unexpected request body field "{field}"'
        self.strict_response: Response = v2_error(400, "invalid_request", message)


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
    """Read the known parameters, in camelCase or snake_case, and ignore the others.

    Raise InputError for a bad escape, a semicolon, a repeated scalar, a dotted known name or a
    value of the wrong type.
    """
    by_name = {name: name for name in known} | {_snake(name): name for name in known}
    texts: dict[str, list[str]] = {}
    for pair in request.query.split("&") if request.query else ():
        if ";" in pair:
            raise InputError("invalid semicolon separator in query")
        bad = _BAD_ESCAPE.search(pair)
        if bad is not None:
            raise InputError(f'invalid URL escape "{bad[0]}"')
        key, _, value = pair.partition("=")
        key, value = unquote_plus(key), unquote_plus(value, errors="replace")
        mapped = _MAP.fullmatch(
            key
        )  # the gateway's syntax for maps; elsewhere, two values
        key, values = (
            (key, [value]) if mapped is None else (mapped[1], [mapped[2], value])
        )
        head, dot, _ = key.partition(".")
        if dot and head in by_name:
            raise InputError(
                f'invalid path: "{_snake(by_name[head])}" is not a message'
            )
        if key in by_name:
            texts.setdefault(key, []).extend(values)
    # Of two spellings of one name, the last wins; on a server, one at random.
    return Query(
        {
            by_name[key]: _value(by_name[key], known[by_name[key]], it)
            for key, it in texts.items()
        }
    )


def _value(name: str, kind: Kind, texts: list[str]) -> Any:
    if kind == "strings":
        return texts
    field = _snake(name)
    if len(texts) > 1:
        raise InputError(f'too many values for field "{field}": {", ".join(texts)}')
    (text,) = texts
    if kind == "string":
        return text
    if kind == "bool":
        if text not in _BOOLEANS:
            raise _unparsable(
                field, f'strconv.ParseBool: parsing "{text}": invalid syntax'
            )
        return _BOOLEANS[text]
    if kind == "timestamp":
        moment = parse_rfc3339(text)
        if moment is None:
            raise _unparsable(
                field,
                f'parsing time "{text}" as "{_GO_LAYOUT}": cannot parse "{text}" as "2006"',
            )
        return moment
    if not _INTEGER.fullmatch(text):
        raise _unparsable(field, f'strconv.ParseInt: parsing "{text}": invalid syntax')
    number = int(text)
    if not -(2**31) <= number < 2**31:
        raise _unparsable(
            field, f'strconv.ParseInt: parsing "{text}": value out of range'
        )
    return number


def _unparsable(field: str, why: str) -> InputError:
    return InputError(f'parsing field "{field}": {why}')


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


# The names in protojson's errors for those of encoding/json.
_IN_PROTOJSON = {
    "unexpected end of JSON input": "unexpected EOF",
    "exceeded max depth": "exceeded max recursion depth",
}


def read_body(body: bytes, known: dict[str, BodyKind]) -> dict[str, Any]:
    """Read a JSON object, keys in camelCase or snake_case; an empty body is an empty object.

    Null fields are left out. Raise InputError for anything else, unknown fields included.
    """
    text = text_of(body)
    if not text.strip():
        return {}
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        document = _read_leniently(text)
    if not is_object(document):
        token = "[" if is_array(document) else text.strip()
        raise InputError(
            f"proto: syntax error {_place(text, 0)}: unexpected token {token}"
        )
    return read_fields(document, text, known)


def read_fields(
    document: dict[str, Any], text: str, known: dict[str, BodyKind]
) -> dict[str, Any]:
    """Read the fields of an object within the text of a body, as `read_body` does."""
    by_name = {name: name for name in known} | {_snake(name): name for name in known}
    fields: dict[str, Any] = {}
    for key, value in document.items():
        if key not in by_name:
            at = max(text.find(f'"{key}"'), 0)
            raise UnknownFieldError(_place(text, at), key)
        kind = known[by_name[key]]
        if value is None and kind != "any":
            continue
        is_flag = isinstance(value, bool) and kind not in ("bool", "any")
        is_typed = isinstance(value, _BODY_TYPES[kind]) and not is_flag
        if not is_typed or (kind == "int64" and not _is_int64(value)):
            raw = msgspec.json.encode(value).decode()
            before = re.search(rf'"{re.escape(key)}"\s*:\s*', text)
            where = _place(text, 0 if before is None else before.end())
            if kind in ("object", "array") or isinstance(value, dict | list):
                token = raw[:1] if isinstance(value, dict | list) else raw
                raise InputError(
                    f"proto: syntax error {where}: unexpected token {token}"
                )
            raise InputError(
                f"proto: {where}: invalid value for {kind} field {key}: {raw}"
            )
        fields[by_name[key]] = int(cast("Any", value)) if kind == "int64" else value
    return fields


def _read_leniently(text: str) -> Any:
    try:
        return read_document(text)
    except GoJsonError as error:
        raise InputError(_IN_PROTOJSON.get(str(error), str(error))) from None


def _is_int64(value: Any) -> bool:
    """Return whether protojson reads it as a 64-bit integer: a number or a string."""
    whole = (
        _INTEGER.fullmatch(value) is not None
        if isinstance(value, str)
        else value % 1 == 0
    )
    return whole and -(2**63) <= int(value) < 2**63


def _place(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    return f"(line {line}:{column})"


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)
