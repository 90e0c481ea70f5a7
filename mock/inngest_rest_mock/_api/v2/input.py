"""Queries and bodies as read by v2's gateway; the default error code is `api_error`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from inngest_rest_mock._api.document import camel, snake
from inngest_rest_mock._api.reading import MisfitError, Query, read_text, read_value
from inngest_rest_mock._api.v2.shapes import v2_error
from inngest_rest_mock._json import decode

if TYPE_CHECKING:
    from inngest_rest_mock._api.document import Described, Schema
    from inngest_rest_mock._api.releases import Release
    from inngest_rest_mock._carriers.exchange import Request, Response


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


def read_query(request: Request, described: Described, release: Release) -> Query:
    """Read the parameters of a request, in camelCase or snake_case.

    Raise InputError for an unknown or repeated one, or for a value that its schema does not allow.
    """
    mapped = {*described.path, *(described.body or {}).get("properties", ())}
    texts: dict[str, list[str]] = {}
    for key, value in parse_qsl(request.query, keep_blank_values=True):
        name = _name(key)
        if name in mapped:
            where = "mapped to the request body or path and cannot be set in the query string"
            raise InputError(f'query parameter "{key}" is {where}', "invalid_request")
        if name not in described.query:
            raise InputError(f'unknown query parameter "{key}"', "invalid_request")
        if release.has(described.since.get(name, "0.0")):
            texts.setdefault(key, []).append(value)
    # Of two spellings of one name, the last wins.
    values = {
        _name(key): _value(_name(key), described.query[_name(key)], given)
        for key, given in texts.items()
    }
    return Query(values, _page_limit(values, described))


def _name(key: str) -> str:
    return camel(re.split(r"[.[]", key, maxsplit=1)[0])


def _value(name: str, schema: Schema, texts: list[str]) -> Any:
    if schema["type"] == "array":
        return texts
    if len(texts) > 1:
        raise InputError(f'too many values for field "{snake(name)}"')
    (text,) = texts
    if text and "enum" in schema:
        known = {each.upper(): each for each in schema["enum"]}
        if (value := known.get(camel(text.strip().lower()).upper())) is None:
            raise invalid_field(f"{name} is invalid")
        return value
    value = read_text(text, schema)
    if value is None:
        raise InputError(
            f'parsing field "{snake(name)}": {text!r} is no {schema["type"]}'
        )
    return value


def _page_limit(values: dict[str, Any], described: Described) -> int:
    """Return `limit`, 20 by default and for 0; raise InputError outside 1 to the maximum."""
    if "limit" not in described.query:
        return 0
    most = described.query["limit"]["maximum"]
    limit: int = values.get("limit") or 20
    if limit < 1:
        raise invalid_field("Limit must be at least 1")
    if limit > most:
        raise invalid_field(f"Limit cannot exceed {most}")
    return limit


def read_body(body: bytes, schema: Schema | None) -> Any:
    """Read a body by its schema; an empty one is an empty object. Raise InputError otherwise."""
    if schema is None:
        if body:
            message = "request body is not allowed for this HTTP binding"
            raise InputError(message, "invalid_request")
        return None
    try:
        document = decode(body if body.strip() else b"{}")
    except ValueError:
        raise InputError("the body is not JSON") from None
    try:
        return read_value(document, schema, "body", is_strict=True)
    except MisfitError as misfit:
        raise InputError(str(misfit), misfit.code) from None
