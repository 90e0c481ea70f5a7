"""What the document says of an operation that is to become a call, as Python."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.contract.document import Document, Operation

_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


@frozen
class Field:
    """A parameter of a method, or an attribute of a model."""

    name: str
    type: str
    about: str
    is_required: bool

    @property
    def declared(self) -> str:
        return f"{self.name}: {self.type}" + ("" if self.is_required else " | None = None")


@frozen
class Model:
    """What a call returns: the name of the class, or nothing, and whether it is a list of it."""

    name: str = ""
    about: str = ""
    fields: list[Field] = field(factory=list)
    is_list: bool = False

    @property
    def text(self) -> str:
        words = "".join(f"        {each.name}: {each.about}\n" for each in self.fields)
        fields = "".join(f"    {each.declared}\n" for each in self.fields)
        return (
            f'@frozen(repr=False)\nclass {self.name}(Record):\n    """{self.about}\n\n'
            f'    Attributes:\n{words}    """\n\n{fields}'
        )


def model_of(document: Document, operation: Operation) -> Model:
    """Return what is in the envelope of a success."""
    success = next(int(code) for code in operation.responses if code.startswith("2"))
    content = operation.content(success) or {}
    envelope = document.resolved(content.get("application/json", {}).get("schema", {}))
    data = envelope.get("properties", {}).get("data", {})
    item = data.get("items", data)
    if "$ref" not in item:
        return Model()
    schema = document.resolved(item)
    fields = [
        _field(document, name, each, is_required=name in ("id", "name"))
        for name, each in schema.get("properties", {}).items()
    ]
    name = re.sub(r"^V\d", "", item["$ref"].rpartition("/")[2])
    about = schema.get("description") or name
    return Model(name, _sentence(about), _in_order(fields), is_list="items" in data)


def method(document: Document, operation: Operation, name: str, summary: str) -> str:
    """Return the method of the asynchronous client, but for what a listing takes of `Paging`."""
    path, query, body = _ids(operation), _query(document, operation), _body(document, operation)
    model = model_of(document, operation)
    result = f"builtins.list[{model.name}]" if model.is_list else model.name or "None"
    convert = f"to_{_snake(model.name)}" if model.name else "nothing"
    given = [f'"{name}"', f"{convert}s" if model.is_list else convert]
    for keyword, sent in (("path", path), ("query", query), ("body", body)):
        if sent:
            items = ", ".join(f'"{each.name}": {each.name}' for each in sent)
            given.append(f"{keyword}={{{items}}}")
    if operation.method == "post":
        given.append("repeatable=False")
    fields = _in_order([*path, *body, *query])
    lines = [
        f"async def {name.partition('.')[2]}({_signature(fields)}) -> {result}:",
        *_docstring(operation, _sentence(summary), fields),
        f"    return await self._run(fetch_one, {', '.join(given)})",
    ]
    return "".join(f"    {line}\n" if line else "\n" for line in lines)


def _ids(operation: Operation) -> list[Field]:
    """Return the ids in the path: that of the thing itself, which is the last, is `id`."""
    things = [_words(each["name"]) for each in operation.parameters if each["in"] == "path"]
    fields = [Field(each, "str", f"The {each}'s id.", is_required=True) for each in things]
    return [*fields[:-1], evolve(fields[-1], name="id")] if fields else []


def _query(document: Document, operation: Operation) -> list[Field]:
    return [
        _field(document, each["name"], {**each["schema"], **each}, is_required=False)
        for each in operation.parameters
        if each["in"] == "query" and each["name"] not in ("limit", "cursor")
    ]


def _body(document: Document, operation: Operation) -> list[Field]:
    schema = document.resolved(operation.schema_of_body() or {})
    return [
        _field(document, name, each, is_required=name in schema.get("required", ()))
        for name, each in schema.get("properties", {}).items()
    ]


def _field(document: Document, name: str, schema: Mapping[str, Any], *, is_required: bool) -> Field:
    resolved = document.resolved(schema)
    kinds = resolved.get("type")
    kind = next(each for each in kinds if each != "null") if isinstance(kinds, list) else kinds
    is_time = resolved.get("format") == "date-time"
    about = schema.get("description") or resolved.get("description") or f"The {_words(name)}."
    return Field(
        name=_snake(name),
        type="datetime" if is_time else _TYPES.get(str(kind), "Any"),
        about=_sentence(about),
        is_required=is_required,
    )


def _in_order(fields: Iterable[Field]) -> list[Field]:
    return sorted(fields, key=lambda each: not each.is_required)


def _signature(fields: Iterable[Field]) -> str:
    required = [each.declared for each in fields if each.is_required]
    others = [each.declared for each in fields if not each.is_required]
    return ", ".join(["self", *required, *(["*", *others] if others else [])])


def _docstring(operation: Operation, summary: str, fields: list[Field]) -> list[str]:
    lines = [f'    """{summary}', ""]
    if fields:
        lines += ["    Args:", *(f"        {each.name}: {each.about}" for each in fields), ""]
    lines += ["    Raises:", "        RouteNotFoundError: The server does not have it.", ""]
    return [*lines, f"    HTTP: `{operation.method.upper()} {operation.path}`.", '    """']


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()


def _words(name: str) -> str:
    return _snake(name).removesuffix("_id").replace("_", " ")


def _sentence(text: str) -> str:
    text = re.sub(r"\s*\[(seen|docs|source)[^\]]*\]", "", " ".join(text.split()))
    return text if text.endswith(".") else f"{text}."
