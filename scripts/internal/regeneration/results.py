"""What an operation returns by the document: the data of its answer, in pages or all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from scripts.internal.regeneration.api_changes import operations_of
from scripts.internal.regeneration.arguments import resolved

if TYPE_CHECKING:
    from scripts.internal.regeneration.schema_changes import Node


class Result(NamedTuple):
    """What is returned: "none", "one", "list" or "pages" of a generated model."""

    kind: str
    model: str = "None"


NOTHING = Result("none")


def of_operations(document: Node) -> dict[str, Result]:
    return {
        id_: of_operation(document, operation) for id_, operation in operations_of(document).items()
    }


def of_operation(document: Node, operation: Node) -> Result:
    success: Node = next(
        (each for status, each in operation["responses"].items() if status[0] == "2"), {}
    )
    media = success.get("content", {}).get("application/json")
    if media is None or operation["at"].startswith("DELETE"):
        return NOTHING
    has_cursor = "query parameter cursor" in operation["parameters"]
    schema = resolved(document, media["schema"])
    found: dict[str, str] = {}
    for form in schema.get("oneOf", [media["schema"]]):
        if form.get("$ref", "").endswith("/V1Error"):
            continue
        data = resolved(document, form).get("properties", {}).get("data", form)
        items = resolved(document, data).get("items")
        kind = "one" if items is None else "pages" if has_cursor else "list"
        reference = (items or data).get("$ref", "")
        if not reference:
            return NOTHING
        found[reference.rpartition("/")[2]] = kind
    if len({*found.values()}) != 1:
        return NOTHING
    (kind,) = {*found.values()}
    return Result(kind, " | ".join(found))


def may_panic(operation: Node) -> bool:
    """Return whether a server that lacks an operation fails: its 500 is without a body."""
    failure = operation["responses"].get("500")
    return failure is not None and "content" not in failure
