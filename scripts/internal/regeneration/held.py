"""Hold what the document states, so that it does not get weaker unseen.

openapi/held.txt has each statement that servers or callers could be held to, sorted: statuses with
their content types, permissions, parameters, types, required properties, values and limits. It is
written by `scripts/regenerate`, which adds lines and never removes one: that is done by hand, by
whoever means to take the statement back. Recordings alone could not hold all of this: what only
was read or is only documented has none, and a looser schema agrees with every recording.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import yaml

from scripts.internal.regeneration.api_changes import operations_of
from scripts.internal.regeneration.api_client import DOCUMENT
from scripts.internal.regeneration.schema_changes import CONSTRAINTS, Node, alternatives, joined

if TYPE_CHECKING:
    from pathlib import Path

FILE = "openapi/held.txt"


def check(root: Path) -> bool:
    """Return whether the file has exactly what the document states; print how they differ."""
    stated, kept = _read(root)
    is_complete = _report_gone(kept - stated)
    if new := sorted(stated - kept):
        print(f"{FILE} lacks what {DOCUMENT} states:", *new, sep="\n  ", file=sys.stderr)
        print("To bring it up to date, run: scripts/regenerate", file=sys.stderr)
    return is_complete and not new


def keep(root: Path) -> bool:
    """Add what is new to the file, unless something is gone; return whether nothing is."""
    stated, kept = _read(root)
    if not _report_gone(kept - stated):
        return False
    (root / FILE).write_text("".join(f"{each}\n" for each in sorted(stated)), encoding="utf-8")
    return True


def _read(root: Path) -> tuple[set[str], set[str]]:
    """Return what the document states, and what the file has."""
    document = yaml.safe_load((root / DOCUMENT).read_text(encoding="utf-8"))
    kept = (root / FILE).read_text(encoding="utf-8") if (root / FILE).exists() else ""
    return set(statements(document)), set(kept.splitlines())


def _report_gone(gone: set[str]) -> bool:
    if not gone:
        return True
    print(f"{DOCUMENT} no longer states:", *sorted(gone), sep="\n  ", file=sys.stderr)
    print(f"If that is meant, remove these lines from {FILE}.", file=sys.stderr)
    return False


def statements(document: Node) -> Iterator[str]:
    """Yield all that a document states, each as one line."""
    for id_, operation in operations_of(document).items():
        yield f"{id_} is {operation['at']}"
        yield from _words(id_, operation, ("x-permission", "x-since", "x-until", "x-cloud-only"))
        if any(operation["security"]):
            yield f"{id_} takes a key"
        for status, response in operation["responses"].items():
            yield f"{id_} {status}"
            yield from _content(f"{id_} {status}", response)
        for name, parameter in operation["parameters"].items():
            place = f"{id_} {name}"
            yield f"{place} {'required' if parameter.get('required') else 'optional'}"
            yield from _words(place, parameter, ("x-since", "x-until"))
            yield from _schema(place, parameter["schema"])
        if operation["requestBody"].get("required"):
            yield f"{id_} body required"
        yield from _content(f"{id_} body", operation["requestBody"])
    for name, schema in document["components"]["schemas"].items():
        yield from _schema(name, schema)


def _words(place: str, node: Node, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if name in node:
            yield f"{place} {name} {node[name]}"


def _content(place: str, node: Node) -> Iterator[str]:
    for kind, media in node.get("content", {}).items():
        yield from _schema(f"{place} {kind}", media["schema"])


def _schema(place: str, schema: Node, *, is_item: bool = False) -> Iterator[str]:
    types = joined(alternatives(schema))
    if not is_item and types not in ("any", "object"):  # that of an item is in the list's own
        yield f"{place} type {types}"
    yield from _words(place, schema, ("x-since", "x-until"))
    for name in CONSTRAINTS & schema.keys():
        yield f"{place} {name} {json.dumps(schema[name])}"
    for value in schema.get("enum", ()):
        yield f"{place} value {value}"
    for name in schema.get("required", ()):
        yield f"{place}.{name} required"
    for name, each in schema.get("properties", {}).items():
        yield from _schema(f"{place}.{name}", each)
    if "items" in schema:
        yield from _schema(f"{place}[]", schema["items"], is_item=True)
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _schema(f"{place}.*", schema["additionalProperties"])
