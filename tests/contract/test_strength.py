"""The document says as much as the recordings show: no property is optional or untyped for nothing.

What a recording contradicts is found elsewhere; a schema that says too little agrees with all.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from .document import Document
from .instances import received
from .parsing import documented
from .sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCUMENT = Document.load()
SCHEMAS: Any = DOCUMENT.spec["components"]["schemas"]
REASONS = {"omitted", "cloud", "internal", "request"}
TYPED = {"type", "$ref", "oneOf", "anyOf"}


RECEIVED = received(DOCUMENT, documented(DOCUMENT).values())


def too_weak(schemas: Any) -> Iterator[str]:
    """Yield each property that is optional though it was always there, and that is not explained.

    An explanation that explains nothing is too much, and yielded as well.
    """
    for name, schema in schemas.items():
        if name not in RECEIVED:
            continue
        required = set(schema.get("required", ()))
        always = set(schema.get("properties", {})).intersection(*RECEIVED[name])
        explained = {each for names in schema.get("x-optional", {}).values() for each in names}
        yield from (f"{name}.{each}" for each in (always - required) ^ explained)


def untyped(place: str, schema: Any) -> Iterator[str]:
    """Yield each part of a schema that takes anything, and does not say why."""
    if not schema.keys() & (TYPED | {"x-any"}):
        yield place
    for name, each in schema.get("properties", {}).items():
        yield from untyped(f"{place}.{name}", each)
    if "items" in schema:
        yield from untyped(f"{place}[]", schema["items"])


def test_a_property_that_was_always_there_is_required_or_says_why_not() -> None:
    assert list(too_weak(SCHEMAS)) == []


def test_a_property_has_a_type_or_says_what_it_is() -> None:
    assert [each for name in SCHEMAS for each in untyped(name, SCHEMAS[name])] == []


def test_a_reason_not_to_require_a_property_fits_its_schema(subtests: pytest.Subtests) -> None:
    for name, schema in SCHEMAS.items():
        with subtests.test(name):
            reasons = schema.get("x-optional", {}).keys()
            assert reasons <= REASONS
            assert name.startswith("V2") or "omitted" not in reasons
            is_of_cloud = Sources.of(schema).documented or name.endswith("Envelope")
            assert is_of_cloud or "cloud" not in reasons


WEAKER: dict[str, tuple[Callable[[Any], object], str]] = {
    "a property is no longer required": (
        lambda schemas: schemas["V2Run"]["required"].remove("status"),
        "V2Run.status",
    ),
    "a reason goes": (
        lambda schemas: schemas["V2Span"].pop("x-optional"),
        "V2Span.name",
    ),
    "a reason is left of a required property": (
        lambda schemas: schemas["V2Run"].update({"x-optional": {"omitted": ["status"]}}),
        "V2Run.status",
    ),
    "a reason is left of a property that was not always there": (
        lambda schemas: schemas["V2Run"].update({"x-optional": {"omitted": ["endedAt"]}}),
        "V2Run.endedAt",
    ),
}


@pytest.mark.parametrize("lie", WEAKER)
def test_a_weaker_document_is_noticed(lie: str) -> None:
    weaken, where = WEAKER[lie]
    schemas = copy.deepcopy(SCHEMAS)
    weaken(schemas)
    assert where in set(too_weak(schemas))


@pytest.mark.parametrize("place", ["status", "durationMs"])
def test_a_property_without_a_type_is_noticed(place: str) -> None:
    schema = copy.deepcopy(SCHEMAS["V2Run"])
    schema["properties"][place] = {"description": "Any."}
    assert list(untyped("V2Run", schema)) == [f"V2Run.{place}"]
