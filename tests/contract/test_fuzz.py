"""Fuzzing: the mock server responds as documented, and a wrong document is detected."""

from __future__ import annotations

import copy
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient

from .document import Document
from .fuzzing import Verdict, fuzz, prepare
from .mock_world import make_mock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

DOCUMENT = Document.load()
SIGNALS = [f"signal-{n}" for n in range(20)]
TEN_MILLISECONDS = 10**7


def fuzz_mock(folder: Path, waiting: Collection[str] = (), **settings: Any) -> Verdict:
    # Its clock advances with each request, so that every run responds alike.
    clock = itertools.count(1_795_543_200 * 10**9, TEN_MILLISECONDS).__next__
    mock = make_mock("fuzz", v1_routes=True, cloud=True, clock=clock)
    with mock.serve() as url, InngestClient(dev=url) as client:
        words = prepare(client, "fuzz", waiting=waiting)
        return fuzz(url, words, folder, **settings)


def test_mock_answers_as_documented(tmp_path: Path) -> None:
    verdict = fuzz_mock(tmp_path, SIGNALS, examples=12)
    assert verdict.failures == (), verdict.log
    assert verdict.tested == verdict.of == len(DOCUMENT.operations), "none is left out"
    assert verdict.cases > 1_000
    every = {f"{each.method.upper()} {each.path}" for each in DOCUMENT.operations}
    # Deleting one needs its id, which no dictionary can contain before it is created.
    assert every - verdict.accepted == {"DELETE /v1/cancellations/{cancellationId}"}


# Wrong statements that are found by what schemathesis is told here: its checks, the words of the
# dictionaries, and the hook that reads text. The other kinds are those of test_recordings.py.
LIES: dict[str, tuple[str, str, Callable[[Any], object]]] = {
    "a status is missing": (
        "cancelRunV2",
        "Undocumented status code",
        lambda spec: spec["paths"]["/v2/runs/{runId}/cancel"]["post"]["responses"].pop("409"),
    ),
    "a body is invented": (
        "cancelRunV1",
        "JSON deserialization error",
        lambda spec: spec["paths"]["/v1/runs/{runId}"]["delete"]["responses"]["200"].update(
            content={"application/json": {"schema": {"type": "object"}}},
        ),
    ),
    "a type is wrong": (
        "getRunTraceV2",
        "Response violates schema",
        lambda spec: properties(spec, "V2Span")["durationMs"].update(type="integer"),
    ),
    "text is not documented as text": (
        "replayRunV1",
        "Response violates schema",
        lambda spec: spec["components"]["schemas"]["V1RunId"]["required"].append("id"),
    ),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Fuzz with a document that has all wrong statements; return the findings by operation."""
    folder = tmp_path_factory.mktemp("lies")
    spec: Any = copy.deepcopy(DOCUMENT.spec)
    for _, _, tell in LIES.values():
        tell(spec)
    document = folder / "lying.json"
    document.write_text(json.dumps(spec), encoding="utf-8")
    only = [operation for operation, _, _ in LIES.values()]
    by_id = {f"{each.method.upper()} {each.path}": each.id for each in DOCUMENT.operations}
    verdict = fuzz_mock(folder, document=document, only=only)
    return {by_id[operation]: titles for operation, titles in verdict.kinds().items()}


@pytest.mark.parametrize("lie", LIES)
def test_wrong_document_is_detected_by_fuzzing(found: dict[str, set[str]], lie: str) -> None:
    operation, title, _ = LIES[lie]
    assert title in found.get(operation, set())


def properties(spec: Any, name: str) -> Any:
    return spec["components"]["schemas"][name]["properties"]
