"""What the document says of an operation that is to become a call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest import typing
from inngest_rest._programs.parameters import sections
from inngest_rest._table import docstring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.document import Document, Operation

_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_IDS = {"appId": "app", "functionId": "function", "sessionKey": "key"}
_PAGING = {"limit", "cursor"}


class UnknownOperationError(Exception):
    """The document has no such operation, or no call that it serves alone."""


@frozen
class Field:
    """A parameter of a call, or a field of its model."""

    name: str
    type: str
    about: str
    is_required: bool
    place: str = ""  # path, query or body


@frozen
class Model:
    """What a call returns: the name of the class, its description and fields, and if a list is."""

    name: str
    about: str
    fields: tuple[Field, ...]
    is_list: bool


@frozen
class NewCall:
    """A call as it is to be written."""

    name: str  # runs.annotate
    method: str
    path: str
    tag: str
    summary: str
    parameters: tuple[Field, ...]
    model: Model | None
    is_paged: bool
    is_cloud_only: bool
    missing: str  # what a 404 is about, if there is one

    @property
    def group(self) -> str:
        return self.name.partition(".")[0]


def read(document: Document, id: str, known: set[str]) -> list[NewCall]:
    """Return the calls of an operation that have no row yet."""
    operation = next((each for each in document.operations if each.id == id), None)
    if operation is None:
        raise UnknownOperationError(f"openapi/inngest.yaml has no operationId {id}.")
    own = document.spec["paths"][operation.path][operation.method]
    calls = [name for name in own.get("x-call", {}) if name not in known and "." in name]
    if not calls:
        raise UnknownOperationError(
            f"{id} names no call of a group that has no row yet: its x-call is "
            f"{own.get('x-call')}, such as {{runs.archive: 1}}."
        )
    names = [each["name"] for each in operation.parameters]
    in_path = re.findall(r"\{(\w+)\}", operation.path)
    return [
        NewCall(
            name=name,
            method=operation.method.upper(),
            path=operation.path,
            tag=operation.tag,
            summary=_sentence(own["summary"]),
            parameters=tuple(_parameters(document, operation, in_path)),
            model=_model(document, operation),
            is_paged=_PAGING.issubset(names),
            is_cloud_only=own.get("x-cloud-only", False),
            missing=_words(in_path[-1]) if in_path and "404" in operation.responses else "",
        )
        for name in calls
    ]


def paging() -> list[Field]:
    """Return what every listing takes, in the same words."""
    words = sections(docstring(typing.Paging), "Attributes")[1]
    types = {"limit": "int", "page_size": "int", "cursor": "str"}
    return [Field(name, types[name], about, False, "paging") for name, about in words.items()]


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda it: f"_{it[1].lower()}", name)


def _words(name: str) -> str:
    return snake(name).removesuffix("_id").replace("_", " ")


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    text = re.sub(r"\s*\[(seen|docs|source)[^\]]*\]", "", text)
    return text if text.endswith(".") else f"{text}."


def _type(document: Document, schema: Any) -> str:
    schema = document.resolved(schema)
    kind = schema.get("type")
    kind = next((each for each in kind if each != "null"), "") if isinstance(kind, list) else kind
    return "datetime" if schema.get("format") == "date-time" else _TYPES.get(str(kind), "Any")


def _parameters(document: Document, operation: Operation, in_path: list[str]) -> Iterator[Field]:
    for each in operation.parameters:
        name, schema = each["name"], document.resolved(each["schema"])
        about = each.get("description") or schema.get("description") or f"The {_words(name)}."
        if each["in"] == "path":
            own = "id" if len(in_path) == 1 else _IDS.get(name, "id")
            yield Field(own, "str", f"The {_words(name)}'s id.", True, "path")
        elif name not in _PAGING:
            yield Field(snake(name), _type(document, schema), _sentence(about), False, "query")
    body = document.resolved(operation.schema_of_body() or {})
    for name, schema in body.get("properties", {}).items():
        about = _sentence(document.resolved(schema).get("description") or f"The {_words(name)}.")
        is_required = name in body.get("required", ())
        yield Field(snake(name), _type(document, schema), about, is_required, "body")


def _model(document: Document, operation: Operation) -> Model | None:
    content = next(
        (operation.content(int(code)) for code in operation.responses if code.startswith("2")), None
    )
    if not content or "application/json" not in content:
        return None
    envelope = document.resolved(content["application/json"]["schema"])
    data = envelope.get("properties", {}).get("data", {})
    item = data.get("items", data)
    if "$ref" not in item:
        return None
    schema = document.resolved(item)
    fields = [
        Field(
            snake(name),
            _type(document, each),
            _sentence(document.resolved(each).get("description") or f"Its {_words(name)}."),
            name in ("id", "name"),
        )
        for name, each in schema.get("properties", {}).items()
    ]
    fields.sort(key=lambda each: not each.is_required)
    name = re.sub(r"^V\d", "", item["$ref"].rpartition("/")[2])
    about = _sentence(schema.get("description") or name)
    return Model(name, about, tuple(fields), "items" in data)
