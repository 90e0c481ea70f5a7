"""Pages of the OpenAPI document: its operations and schemas, to be read without the network."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from inngest_rest._core.resources.routes import ROUTES
from scripts.internal.site.extension import label_of_route
from scripts.internal.site.markdown import cell, table
from tests.contract.document import PATH, Document
from tests.contract.methods import camel_case

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.contract.document import Object, Operation

SCHEMA = "#/components/schemas/"

FAMILIES = {
    "ingest": "Sending and health",
    "v1": "Version 1",
    "v2": "Version 2",
}

DOCUMENT = Document.load()


def pages() -> dict[str, str]:
    """Return the pages of the document by their paths."""
    found = {"reference/api": _start()}
    for family in FAMILIES:
        found[f"reference/api/{family}"] = _family(family)
    for family in FAMILIES:
        found[f"reference/api/schemas-{family}"] = _schemas(family)
    return found


def files() -> dict[str, str]:
    """Return the document itself, which its first page links to."""
    return {"reference/inngest.yaml": PATH.read_text(encoding="utf-8")}


@cache
def methods_by_operation() -> Mapping[str, list[str]]:
    """Return the methods of the client that ask an operation, by its id."""
    found: dict[str, list[str]] = {}
    for name, operations in ROUTES.items():
        for operation in operations:
            found.setdefault(camel_case(operation.name), []).append(name)
    return found


def own(operation: Operation) -> Object:
    """Return the part of the document that is an operation's own."""
    part: Object = DOCUMENT.spec["paths"][operation.path][operation.method]
    return part


def _start() -> str:
    info = DOCUMENT.spec["info"]
    rows = []
    for family, title in FAMILIES.items():
        number = sum(each.tag == family for each in DOCUMENT.operations)
        about = next(each for each in DOCUMENT.spec["tags"] if each["name"] == family)
        schemas = f"[Schemas](api/schemas-{family}.md)."
        rows.append(
            (f"[{title}](api/{family}.md)", f"{number}: {cell(about['description'])} {schemas}")
        )
    return "\n\n".join(
        [
            "(page-api)=\n# The HTTP API",
            (
                "How an Inngest server really responds, operation by operation: the hand-written "
                "[OpenAPI document](inngest.yaml) that the client is generated from."
            ),
            table(("family", "operations"), rows),
            info["description"].strip(),
        ]
    )


def _family(family: str) -> str:
    operations = [each for each in DOCUMENT.operations if each.tag == family]
    glance = [(f"`{_route(each)}`", cell(own(each)["summary"])) for each in operations]
    about = next(each for each in DOCUMENT.spec["tags"] if each["name"] == family)
    blocks = [f"# {FAMILIES[family]}", about["description"].strip()]
    blocks.append(table(("operation", "what it does"), glance))
    blocks += [_operation(each) for each in operations]
    return "\n\n".join(blocks) + "\n"


def _route(operation: Operation) -> str:
    return f"{operation.method.upper()} {operation.path}"


def _operation(operation: Operation) -> str:
    part = own(operation)
    label = label_of_route(operation.method, operation.path)
    blocks = [
        f"({label})=\n(operation-{operation.id.lower()})=\n## {part['summary']}",
        f"```text\n{_route(operation)}\n```",
        part["description"].strip(),
        "\n".join(f":{line}" for line in _facts(operation, part)),
    ]
    if operation.parameters:
        blocks += [
            "**Parameters**",
            table(("parameter", "type", "meaning"), map(_parameter, operation.parameters)),
        ]
    if operation.body:
        content = operation.body["content"]["application/json"]
        blocks += ["**Body**", _paragraph(type_of(content["schema"]), operation.body)]
    blocks += ["**Responses**", _responses(operation)]
    return "\n\n".join(filter(None, blocks))


def _facts(operation: Operation, part: Object) -> Iterator[str]:
    yield f"Id: `{operation.id}`"
    if part.get("x-cloud-only"):
        yield "Since: works on Inngest Cloud alone"
    elif operation.since:
        yield f"Since: release {operation.since} of the dev and the self-hosted server"
        if operation.until:
            yield f"Until: release {operation.until}, which no longer has it"
    elif operation.tag != "ingest":
        yield "Since: Inngest Cloud alone, or no server known"
    if part.get("x-permission"):
        yield f"Permission: `{part['x-permission']}`, of an API key of Inngest Cloud"
    if names := methods_by_operation().get(operation.id):
        yield f"Methods: {', '.join(f'`client.{each}`' for each in names)}"
    yield f"Seen: [exchanges with servers](../exchanges/{operation.id}.md)"


def _paragraph(kind: str, body: Object) -> str:
    needed = "Required. " if body.get("required") else ""
    return f"{needed}{kind}. {body.get('description', '').strip()}"


def _parameter(parameter: Object) -> tuple[str, str, str]:
    schema = parameter["schema"]
    description = schema.get("description") or parameter.get("description", "")
    notes = f" (in the {parameter['in']}{', required' if parameter.get('required') else ''})"
    return f"`{parameter['name']}`{notes}", type_of(schema), cell(_since(parameter) + description)


def _since(node: Object) -> str:
    return f"Since release {node['x-since']}. " if "x-since" in node else ""


def _responses(operation: Operation) -> str:
    rows = []
    for status, response in operation.responses.items():
        kinds = [type_of(each["schema"]) for each in response.get("content", {}).values()]
        body = " or ".join(dict.fromkeys(kinds)) or "none"
        sources = ", ".join(response.get("x-source", ()))
        rows.append((status, body, cell(response["description"]), sources))
    return table(("status", "body", "meaning", "sources"), rows)


def _schemas(family: str) -> str:
    blocks = [
        f"# Schemas of {FAMILIES[family][0].lower()}{FAMILIES[family][1:]}",
        "What requests and responses are made of; a property is optional if it is not required.",
    ]
    for name, schema in DOCUMENT.spec["components"]["schemas"].items():
        found = re.match(r"V[12]", name)
        if (found[0].lower() if found else "ingest") == family:
            blocks.append(_schema(name, schema))
    return "\n\n".join(blocks) + "\n"


def _schema(name: str, schema: Object) -> str:
    blocks = [f"(schema-{name.lower()})=\n## {name}", schema.get("description", "").strip()]
    if rows := list(_properties(schema)):
        blocks.append(table(("property", "type", "meaning"), rows))
    else:
        blocks.append(f"{type_of(schema)}.")
    blocks.append(f":Sources: {', '.join(schema.get('x-source', ()))}")
    return "\n\n".join(filter(None, blocks))


def _properties(schema: Object, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the properties of an object, those of objects inside it by a dotted name."""
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        needed = " (required)" if name in required else ""
        text = _since(each) + each.get("description", "")
        yield f"`{prefix}{name}`{needed}", type_of(each), cell(text)
        inner, mark = (each["items"], "[]") if "items" in each else (each, "")
        yield from _properties(inner, f"{prefix}{name}{mark}.")


def type_of(schema: Object) -> str:
    """Return a schema in a few words, as Markdown."""
    if reference := schema.get("$ref"):
        name = reference.removeprefix(SCHEMA)
        found = re.match(r"V[12]", name)
        page = f"schemas-{found[0].lower() if found else 'ingest'}.md"
        return f"[`{name}`]({page}#schema-{name.lower()})"
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return " or ".join(map(type_of, schema[key]))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    kind: Any = schema.get("type", "any JSON")
    if kind == "array":
        return f"array of {type_of(schema['items'])}"
    if isinstance(kind, list):
        return " or ".join(kind)
    more = schema.get("additionalProperties")
    if isinstance(more, dict) and not schema.get("properties"):
        return f"object of {type_of(more) if more else 'any JSON'}"
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)
