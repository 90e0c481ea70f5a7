"""Every response and schema of the document states its sources, and the recordings bear it out."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from .document import Document
from .parsing import documented
from .sources import Sources, releases_by_response, releases_by_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DOCUMENT = Document.load()
EXCHANGES = tuple(documented(DOCUMENT).values())
COMPONENTS: Any = DOCUMENT.spec["components"]
REQUESTED = {"listRunsV1", "listAppsV1", "replayRunV1"}


def test_every_response_states_its_sources() -> None:
    for operation in DOCUMENT.operations:
        without = [code for code, each in operation.responses.items() if not any(Sources.of(each))]
        assert without == [], operation.id


def test_every_component_response_and_schema_states_its_sources() -> None:
    for kind in ("responses", "schemas"):
        without = [name for name, each in COMPONENTS[kind].items() if not any(Sources.of(each))]
        assert without == []


def test_a_source_has_one_of_four_forms() -> None:
    stated = ["recorded 1.33 1.43", "read 1.43", "documented"]
    found = Sources.of({"x-source": stated})
    assert found == (frozenset({"1.33", "1.43"}), frozenset({"1.43"}), True, False)
    assert str(found) == ", ".join(stated)
    assert not any(Sources.of({}))
    with pytest.raises(ValueError, match="not a source"):
        Sources.of({"x-source": ["seen"]})


def test_what_the_recordings_show_is_what_the_document_calls_recorded() -> None:
    assert list(contradictions(DOCUMENT)) == []


def test_only_what_was_requested_is_called_so() -> None:
    for operation in DOCUMENT.operations:
        for status, response in operation.responses.items():
            is_requested = operation.id in REQUESTED and status == "200"
            assert Sources.of(response).requested is is_requested


LIES: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "a response that was recorded is not called so": (
        lambda spec: spec["paths"]["/v1/runs/{runId}"]["delete"]["responses"]["200"],
        ["documented"],
    ),
    "a response that was not recorded is": (
        lambda spec: spec["paths"]["/v1/runs/{runId}"]["delete"]["responses"]["204"],
        ["recorded 1.43"],
    ),
    "a shared response that was not recorded is": (
        lambda spec: spec["components"]["responses"]["V2RateLimited"],
        ["recorded 1.43", "documented"],
    ),
    "a schema that was recorded is not": (
        lambda spec: spec["components"]["schemas"]["V1Run"],
        ["documented"],
    ),
    "a schema was recorded of another release": (
        lambda spec: spec["components"]["schemas"]["V1Run"],
        ["recorded 1.12 1.43"],
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_wrong_source_is_detected(lie: str) -> None:
    place, stated = LIES[lie]
    spec = copy.deepcopy(DOCUMENT.spec)
    place(spec)["x-source"] = stated
    assert len(list(contradictions(Document(spec)))) == 1


def contradictions(document: Document) -> Iterator[str]:
    """Return where a source contradicts the recordings.

    A recording of any release shows that a response or schema is recorded; a release that is named
    needs a recording of its own.
    """
    for name, (stated, shown) in _compared(document).items():
        if shown and not stated:
            yield f"{name}: recorded, but not called so"
        for release in stated - shown:
            yield f"{name}: no recording of release {release}"


def _compared(document: Document) -> Mapping[str, tuple[frozenset[str], set[str]]]:
    """Return the releases that sources state and those that recordings show, by name."""
    by_response = releases_by_response(EXCHANGES)
    by_schema = releases_by_schema(document, EXCHANGES)
    # A shared response has the sources of every operation that has it: they are one object.
    shown: dict[int, set[str]] = defaultdict(set)
    responses: dict[int, tuple[str, frozenset[str]]] = {}
    for operation in document.operations:
        for status, response in operation.responses.items():
            shown[id(response)] |= by_response.get((operation.id, int(status)), set())
            name = f"{operation.id} {status}"
            responses[id(response)] = name, Sources.of(response).recorded
    schemas = document.spec["components"]["schemas"].items()
    return {name: (stated, shown[key]) for key, (name, stated) in responses.items()} | {
        name: (Sources.of(each).recorded, by_schema.get(name, set())) for name, each in schemas
    }
