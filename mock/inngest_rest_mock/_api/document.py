"""What the document says that an operation takes and returns."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import msgspec

import inngest_rest_api

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema: TypeAlias = dict[str, Any]


@attrs.frozen
class Described:
    """An operation as the document describes it.

    Attributes:
        path: The names of the parameters of its path.
        query: The schemas of its query parameters, by their names.
        since: The first release with a query parameter, of those that came later.
        body: The schema of its body; None if it takes none.
        status: The status of its success.
        has_content: Whether that has a body.
        example: An example of the data in it.
        fields: The names of the fields of that data, or of its items.
        is_cloud_only: Whether self-hosted servers refuse it.
    """

    path: tuple[str, ...]
    query: Mapping[str, Schema]
    since: Mapping[str, str]
    body: Schema | None
    status: int
    has_content: bool
    example: Any
    fields: frozenset[str]
    is_cloud_only: bool


@cache
def _document() -> Schema:
    document: Schema = msgspec.json.decode(inngest_rest_api.openapi())
    return document


def resolved(schema: Schema) -> Schema:
    """Return what a schema refers to; of alternatives, the first that is not null."""
    if "$ref" in schema:
        target = _document()
        for name in schema["$ref"].split("/")[1:]:
            target = target[name]
        return resolved(target)
    for each in schema.get("anyOf", ()):
        if each != {"type": "null"}:
            return resolved(each)
    return schema


def camel(name: str) -> str:
    """Return a name in camelCase, as the document has it."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def snake(name: str) -> str:
    """Return a name in snake_case, as the generated client has it."""
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)


@cache
def described() -> Mapping[str, Described]:
    """Return all operations, by their names in the generated client."""
    return {
        snake(operation["operationId"]): _described(path, item, operation)
        for path, item in _document()["paths"].items()
        for operation in item.values()
        if "operationId" in operation
    }


def _described(path: str, item: Schema, operation: Schema) -> Described:
    given = [*item.get("parameters", ()), *operation.get("parameters", ())]
    query = [each for each in map(resolved, given) if each["in"] == "query"]
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json")
    status, success = next(
        (status, response)
        for status, response in operation["responses"].items()
        if status.startswith("2")
    )
    answer = success.get("content", {}).get("application/json", {}).get("schema", {})
    return Described(
        path=tuple(re.findall(r"{(\w+)}", path)),
        query={each["name"]: resolved(each["schema"]) for each in query},
        since={each["name"]: each["x-since"] for each in query if "x-since" in each},
        body=None if body is None else resolved(body["schema"]),
        status=int(status),
        has_content="content" in success,
        example=_example_of_data(answer),
        fields=_fields(_data(answer)),
        is_cloud_only="x-cloud-only" in operation,
    )


def _example_of_data(schema: Schema) -> Any:
    """Return an example of `data` in an answer."""
    data = _data(schema)
    if data.get("type") == "array":
        return resolved(data["items"]).get("examples", [])[:1]
    return data.get("examples", [None])[0]


def _data(schema: Schema) -> Schema:
    """Return the schema of `data` in an answer, which may also be an error."""
    envelope = resolved(schema.get("oneOf", [schema])[-1])
    return resolved(envelope.get("properties", {}).get("data", {}))


def _fields(data: Schema) -> frozenset[str]:
    item = resolved(data.get("items", data))
    return frozenset(item.get("properties", ()))
