"""Every recorded exchange is as the document says, down to the last property.

A file added to `recordings/` is judged with no other edit.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import pytest

from .document import Document, Operation
from .recordings import Recording, read_all, why_outside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCUMENT = Document.load()
RECORDINGS = {each.name: each for each in read_all()}

# Query names the recorder made up: to v1 another cache key, to v2 nothing at all.
MEANINGLESS = re.compile(r"[a-z_]|bogus|foo|nope|unknown")


@pytest.mark.parametrize("name", RECORDINGS)
def test_exchange_is_as_documented(name: str) -> None:
    recording = RECORDINGS[name]
    operation = DOCUMENT.match(recording.method, recording.path)
    if operation is None:
        assert why_outside(recording, DOCUMENT), "no operation, and no reason to have none"
    else:
        assert list(faults(DOCUMENT, operation, recording)) == []


def test_recordings_meet_operations() -> None:
    met = [DOCUMENT.match(each.method, each.path) for each in RECORDINGS.values()]
    assert sum(each is not None for each in met) >= 150


def faults(document: Document, operation: Operation, recording: Recording) -> Iterator[str]:
    """Say what in an exchange is not as the document says."""
    yield from answer_faults(document, operation, recording)
    if not recording.is_refusal:
        yield from parameter_faults(operation, recording)
        yield from request_faults(document, operation, recording)


def answer_faults(document: Document, operation: Operation, recording: Recording) -> Iterator[str]:
    """Judge status, content type and body of the answer."""
    content = operation.content(recording.status)
    is_empty = recording.received in ("", None)
    if content is None:
        yield f"status {recording.status} is not documented for {operation.id}"
    elif not content:
        if not is_empty:
            yield "there is a body, and none is documented"
    elif is_empty:
        yield "there is no body, and one is documented"
    elif (media := media_type(content, recording.content_type)) is None:
        yield f"content type {recording.content_type!r} is not documented"
    else:
        yield from document.strict_faults(media["schema"], recording.received)


def media_type(content: Any, received: str) -> Any:
    """Find what a content type may carry: by its exact name, else without its parameters."""
    return content.get(received) or content.get(received.partition(";")[0].strip())


def parameter_faults(operation: Operation, recording: Recording) -> Iterator[str]:
    """Judge the parameters of an accepted request by name: those asked must be documented."""
    if set(re.findall(r"\{(\w+)\}", operation.path)) != operation.names("path"):
        yield "the path and its parameters disagree"
    for asked in recording.query:
        name = camel(asked) if operation.tag == "v2" else asked
        if name not in operation.names("query") and not MEANINGLESS.fullmatch(asked):
            yield f"query parameter {asked!r} is not documented"


def request_faults(document: Document, operation: Operation, recording: Recording) -> Iterator[str]:
    """Judge the body of an accepted request; a text is one that is no JSON, beyond any schema."""
    if recording.sent is None or isinstance(recording.sent, str):
        return
    schema = operation.schema_of_body()
    if schema is None:
        yield "a request body was accepted and none is documented"
    else:
        sent = recording.sent if operation.tag == "v2" else case_folded(recording.sent)
        yield from document.faults(schema, sent)


def camel(name: str) -> str:
    """Write a name of v2 as documented: the server takes snake_case, too."""
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def case_folded(body: Any) -> Any:
    """Write property names as documented: ingest and v1 match them without regard to case."""
    if isinstance(body, list):
        return [case_folded(each) for each in body]
    return {key.lower(): value for key, value in body.items()} if isinstance(body, dict) else body


# A lie of each kind, and a recording that knows better.
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
        lambda spec: (
            schema(spec, "V1Job")["required"].remove("JobID"),
            properties(spec, "V1Job").pop("JobID"),
        ),
    ),
    "an optional property is required": (
        "v2-event-runs-unknown",
        lambda spec: schema(spec, "V2RunListEnvelope")["required"].append("data"),
    ),
    "a value of an enum is missing": (
        "v1-event-runs-boom",
        lambda spec: schema(spec, "V1RunStatus")["enum"].remove("Scheduled"),
    ),
    "an error is no error": (
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
def test_lie_is_found(lie: str) -> None:
    name, tell = LIES[lie]
    spec: Any = copy.deepcopy(DOCUMENT.spec)
    tell(spec)
    document, recording = Document(spec), RECORDINGS[name]
    operation = document.match(recording.method, recording.path)
    assert operation is not None
    assert list(faults(document, operation, recording)) != []


def test_missing_operation_is_found() -> None:
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
