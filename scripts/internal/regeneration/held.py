"""Hold what the document states, so that it does not get weaker unseen.

openapi/held.txt has each statement that servers or callers could be held to, sorted: statuses with
their content types, permissions, parameters, types, required properties, values and limits. It is
written by `scripts/regenerate`, which removes no line that is committed: that is done by hand, by
whoever means to take the statement back. Recordings alone could not hold all of this: what only
was read or is only documented has none, and a looser schema agrees with every recording.
"""

from __future__ import annotations

import json
import subprocess
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


def gone(root: Path) -> list[str]:
    """Return what was stated and is no longer, sorted, without what was taken back by hand.

    What counts is what is committed: a draft of the document holds nobody.
    """
    return sorted((_kept(root) & _committed(root)) - _stated(root))


def check(root: Path) -> bool:
    """Return whether the file has exactly what the document states; print how they differ."""
    stated, kept = _stated(root), _kept(root)
    if new := sorted(stated - kept):
        print(f"{FILE} lacks what {DOCUMENT} states:", *new, sep="\n  ", file=sys.stderr)
    if old := sorted(kept - stated):
        print(f"{FILE} has what {DOCUMENT} does not state:", *old, sep="\n  ", file=sys.stderr)
    return stated == kept


def write(root: Path) -> None:
    """Write what the document states."""
    text = "".join(f"{each}\n" for each in sorted(_stated(root)))
    (root / FILE).write_text(text, encoding="utf-8")


def _stated(root: Path) -> set[str]:
    return set(statements(yaml.safe_load((root / DOCUMENT).read_text(encoding="utf-8"))))


def _kept(root: Path) -> set[str]:
    path = root / FILE
    return set(path.read_text(encoding="utf-8").splitlines()) if path.exists() else set()


def _committed(root: Path) -> set[str]:
    """Return what the file had where this branch left that of the remote; else in the last commit.

    Without git it is what the file has.
    """
    base = _git(root, "merge-base", "HEAD", "origin/HEAD") or "HEAD"
    text = _git(root, "show", f"{base.strip()}:{FILE}")
    return _kept(root) if text is None else set(text.splitlines())


def _git(root: Path, *command: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", root, *command],  # noqa: S607 - on PATH
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


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
