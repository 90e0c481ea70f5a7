"""Every recorded exchange matches the document, down to the last property.

A file added to `recordings/` is tested without any other edit.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest_api.api import NEWEST_RECORDED

from .conformance import faults
from .document import Document
from .parsing import by_operation, paired
from .recordings import FOLDER, Recording, is_of_absent_route, read_all, why_outside
from .world import parts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOCUMENT = Document.load()
RECORDINGS = {each.name: each for each in read_all()}
PAIRED = paired(DOCUMENT)
EXCHANGES = by_operation(PAIRED)


@pytest.mark.parametrize("id_", EXCHANGES)
def test_exchange_is_as_documented(id_: str, subtests: pytest.Subtests) -> None:
    for name, (recording, operation) in EXCHANGES[id_].items():
        with subtests.test(name):
            if not is_of_absent_route(recording, operation):
                assert list(faults(DOCUMENT, operation, recording)) == []


def test_the_newest_recorded_release_is_the_one_that_all_else_derives_from() -> None:
    """Raise `x-newest-recorded` with the first recording of a newer release."""
    newest = max((each.minor_release for each in RECORDINGS.values()), key=parts)
    assert newest == NEWEST_RECORDED


def test_an_exchange_without_an_operation_has_a_reason() -> None:
    outside = RECORDINGS.keys() - PAIRED.keys()
    assert [name for name in outside if not why_outside(RECORDINGS[name], DOCUMENT)] == []


NOT_FOUND = ("application/json", {"errors": [{"code": "api_error", "message": "Not Found"}]})
PAGE = ("text/html; charset=utf-8", "<!DOCTYPE html><html></html>")


@pytest.mark.parametrize(
    ("release", "path", "status", "answer", "is_absent"),
    [
        ("1.33", "/v2/runs", 404, NOT_FOUND, True),
        ("1.37.9", "/v2/runs", 404, NOT_FOUND, True),
        ("1.38.0", "/v2/runs", 404, NOT_FOUND, False),
        ("1.33", "/v2/runs", 200, PAGE, False),
        ("1.33", "/v2/runs/x", 404, NOT_FOUND, False),
        (None, "/v2/runs", 404, NOT_FOUND, False),
        ("0.19", "/v1/events", 404, ("text/plain", "404 page not found\n"), True),
        ("0.19", "/health", 404, NOT_FOUND, False),
    ],
)
def test_an_older_server_may_lack_an_operation(
    *, release: str, path: str, status: int, answer: tuple[str, Any], is_absent: bool
) -> None:
    recording = Recording("x", "GET", path, {}, None, status, *answer, release=release)
    operation = DOCUMENT.match("GET", path)
    assert operation is not None
    assert is_of_absent_route(recording, operation) is is_absent


@pytest.mark.parametrize(
    ("file", "changes", "release"),
    [
        ("health", {}, None),
        ("v2-runs-limit-101", {"server": "start-postgres"}, None),
        ("health", {"server": "dev 1.38.1"}, "1.38.1"),
        ("health", {"release": "v1.33.0", "server": "dev"}, "1.33.0"),
        ("1.38-v2-health", {}, "1.38"),
        ("r1.38.1-v2-health", {}, "1.38.1"),
    ],
)
def test_a_recording_may_state_its_release(
    tmp_path: Path, file: str, changes: dict[str, str], release: str | None
) -> None:
    exchange = json.loads((FOLDER / "health.json").read_text(encoding="utf-8"))
    path = tmp_path / f"{file}.json"
    path.write_text(json.dumps(exchange | changes), encoding="utf-8")
    assert Recording.read(path).release == release


# A wrong statement of each kind, and a recording that contradicts it.
LIES: dict[str, tuple[str, Callable[[Any], object]]] = {
    "a status is missing": (
        "v1-run-cancel-unknown",
        lambda spec: spec["paths"]["/v1/runs/{runId}"]["delete"]["responses"].pop("404"),
    ),
    "a content type is missing": (
        "v1-run-cached-hit",
        lambda spec: answer(spec, "/v1/runs/{runId}")["content"].pop("text/plain"),
    ),
    "a body is invented": (
        "v1-run-cancel-ok",
        lambda spec: spec["paths"]["/v1/runs/{runId}"]["delete"]["responses"]["200"].update(
            content={"application/json": {"schema": {}}},
        ),
    ),
    "a type is too narrow": (
        "v1-run-slow",
        lambda spec: properties(spec, "V1Run")["ended_at"].update(type="string"),
    ),
    "a format is wrong": (
        "v1-run-ok",
        lambda spec: properties(spec, "V1Run")["run_id"].update(format="date-time"),
    ),
    "a property has no name": (
        "v1-run-jobs-slow",
        lambda spec: properties(spec, "V1Job").pop("JobID"),
    ),
    "an optional property is required": (
        "v2-event-runs-unknown",
        lambda spec: schema(spec, "V2RunListEnvelope")["required"].append("data"),
    ),
    "a value of an enum is missing": (
        "v1-event-runs-boom",
        lambda spec: schema(spec, "V1RunStatus")["enum"].remove("Scheduled"),
    ),
    "an error is not documented as one": (
        "v1-run-unknown",
        lambda spec: answer(spec, "/v1/runs/{runId}")["content"]["application/json"]["schema"][
            "oneOf"
        ].pop(0),
    ),
    "a parameter is missing": (
        "v2-run-output-ok",
        lambda spec: spec["paths"]["/v2/runs/{runId}"]["get"].pop("parameters"),
    ),
    "an accepted request is forbidden": (
        "ingest-no-data",
        lambda spec: schema(spec, "Event")["required"].append("data"),
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_wrong_document_is_detected(lie: str) -> None:
    name, tell = LIES[lie]
    spec: Any = copy.deepcopy(DOCUMENT.spec)
    tell(spec)
    document, recording = Document(spec), RECORDINGS[name]
    operation = document.match(recording.method, recording.path)
    assert operation is not None
    assert list(faults(document, operation, recording)) != []


def test_missing_operation_is_detected() -> None:
    spec: Any = copy.deepcopy(DOCUMENT.spec)
    spec["paths"].pop("/v2/apps/{appId}/functions")
    recording, document = RECORDINGS["v2-functions"], Document(spec)
    assert document.match(recording.method, recording.path) is None
    assert why_outside(recording, document) is None


def answer(spec: Any, path: str) -> Any:
    return spec["paths"][path]["get"]["responses"]["200"]


def schema(spec: Any, name: str) -> Any:
    return spec["components"]["schemas"][name]


def properties(spec: Any, name: str) -> Any:
    return schema(spec, name)["properties"]
