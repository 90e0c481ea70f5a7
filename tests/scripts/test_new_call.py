"""scripts/new-call: what the document says of an operation becomes a call, once."""

from __future__ import annotations

import ast
import copy
from typing import Any

import pytest

from inngest_rest._table import ROWS
from scripts.internal.new_call.__main__ import UnknownOperationError, write
from tests.contract.document import Document

RUN_ID = {"$ref": "#/components/parameters/RunId"}
NOTE = {
    "type": "object",
    "description": "What somebody noted about a run.",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "description": "A ULID."},
        "writtenAt": {"type": "string", "format": "date-time", "description": "When it was."},
    },
}
BODY = {
    "type": "object",
    "required": ["text"],
    "properties": {"author": {"type": "string"}, "text": {"type": "string"}},
}


def operation(id: str, call: str, data: Any, **others: Any) -> dict[str, Any]:
    envelope = {"type": "object", "properties": {"data": data}}
    return {
        "operationId": id,
        "x-call": {call: 1},
        "tags": ["v2"],
        "summary": f"Do {id}",
        "responses": {
            "200": {"content": {"application/json": {"schema": envelope}}},
            "404": {"$ref": "#/components/responses/V2NotFound"},
        },
        **others,
    }


@pytest.fixture(scope="module")
def document() -> Document:
    """Return the document with an operation that reads and one that acts."""
    spec: Any = copy.deepcopy(Document.load().spec)
    spec["components"]["schemas"]["V2Note"] = NOTE
    note = {"$ref": "#/components/schemas/V2Note"}
    body = {"content": {"application/json": {"schema": BODY}}}
    spec["paths"]["/v2/runs/{runId}/notes"] = {
        "parameters": [RUN_ID],
        "get": operation("notes", "runs.notes", {"type": "array", "items": note}),
        "post": operation("note", "runs.note", note, requestBody=body),
    }
    return Document(spec)


@pytest.fixture
def changed(document: Document) -> dict[str, str]:
    changed: dict[str, str] = {}
    for id in ("notes", "note"):
        write(changed, document, id)
    return changed


def test_a_method_has_the_parameters_and_the_words_of_the_document(changed: dict[str, str]) -> None:
    text = changed["wrapper/inngest_rest/aio/runs.py"]
    (group,) = (each for each in ast.parse(text).body if getattr(each, "name", "") == "Runs")
    assert isinstance(group, ast.ClassDef)
    methods = {each.name: each for each in group.body if isinstance(each, ast.AsyncFunctionDef)}
    assert (
        ast.unparse(methods["note"].args) == "self, id: str, text: str, *, author: str | None=None"
    )
    assert ast.unparse(methods["notes"].returns or ast.Pass()) == "builtins.list[Note]"
    words = ast.get_docstring(methods["note"]) or ""
    assert words.startswith("Do note.\n\nArgs:\n    id: The run's id.\n    text: The text.")
    assert words.endswith("\n\nHTTP: `POST /v2/runs/{runId}/notes`.")


def test_a_method_sends_what_it_takes_and_an_act_is_not_repeated(changed: dict[str, str]) -> None:
    text = changed["wrapper/inngest_rest/aio/runs.py"]
    assert 'self._run(fetch_one, "runs.notes", to_notes, path={"id": id})' in text
    body = 'body={"author": author, "text": text}'
    assert f'"runs.note", to_note, path={{"id": id}}, {body}, repeatable=False)' in text


def test_a_model_is_written_once_for_both_calls(changed: dict[str, str]) -> None:
    models = changed["wrapper/inngest_rest/models.py"]
    assert models.count("class Note(Record):") == 1
    assert models.endswith("    id: str\n    written_at: datetime | None = None\n")


def test_each_file_is_valid(changed: dict[str, str]) -> None:
    for path, text in changed.items():
        ast.parse(text, path)


def test_a_call_that_has_its_row_is_not_written_again(document: Document) -> None:
    assert "runs.score" in {row.name for row in ROWS}
    with pytest.raises(UnknownOperationError, match="no call of a group that has no row yet"):
        write({}, document, "createScoresV2")


def test_an_operation_that_the_document_lacks_is_refused(document: Document) -> None:
    with pytest.raises(UnknownOperationError, match="has no operationId archiveRunV2"):
        write({}, document, "archiveRunV2")
