"""scripts/new-call: what the document says of an operation becomes a call, once."""

from __future__ import annotations

import ast
import copy
from typing import Any

import pytest

from inngest_rest._table import ROWS
from scripts.internal.new_call.__main__ import ROOT, Tree, write
from scripts.internal.new_call.call import UnknownOperationError
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
def tree(document: Document) -> Tree:
    tree = Tree(ROOT)
    for id in ("notes", "note"):
        write(tree, document, id)
    return tree


def test_a_method_has_the_parameters_and_the_words_of_the_document(tree: Tree) -> None:
    text = tree.changed["wrapper/inngest_rest/aio/runs.py"]
    (group,) = (each for each in ast.parse(text).body if getattr(each, "name", "") == "Runs")
    assert isinstance(group, ast.ClassDef)
    methods = {each.name: each for each in group.body if isinstance(each, ast.AsyncFunctionDef)}
    assert (
        ast.unparse(methods["note"].args) == "self, id: str, text: str, *, author: str | None=None"
    )
    assert ast.unparse(methods["notes"].returns or ast.Pass()) == "builtins.list[Note]"
    words = ast.get_docstring(methods["note"]) or ""
    assert words.startswith("Do note.\n\nArgs:\n    id: The run's id.\n    text: The text.")
    assert words.endswith("No such run.\n\nHTTP: `POST /v2/runs/{runId}/notes`.")


def test_a_model_and_its_conversion_are_written_once_for_both_calls(tree: Tree) -> None:
    models = tree.changed["wrapper/inngest_rest/models.py"]
    assert models.count("class Note(Record):") == 1
    assert models.endswith("    id: str\n    written_at: datetime | None = None\n")
    conversions = tree.changed["wrapper/inngest_rest/_core/resources/run_notes.py"]
    assert conversions.count("to_note = partial(record, models.Note)") == 1
    assert "def to_notes(data: list[api.V2Note] | Unset | None) -> list[models.Note]" in conversions


def test_rows_say_what_a_method_of_http_does_and_where_else_a_call_is_named(tree: Tree) -> None:
    table = tree.changed["wrapper/inngest_rest/_table.py"]
    assert '    _reads("runs.notes", {"id": RUN_ID}),\n' in table
    assert '    _creates_once("runs.note", {"id": RUN_ID, "text": "x"}),\n' in table
    for page in ("docs/reference/calls.md", "docs/reference/routes-and-servers.md", "CHANGELOG.md"):
        assert "runs.notes`" in tree.changed[page]


def test_each_python_file_is_valid(tree: Tree) -> None:
    files = [path for path in tree.changed if path.endswith(".py")]
    assert len(files) > 5
    for path in files:
        ast.parse(tree.changed[path], path)


def test_a_call_that_has_its_row_is_not_written_again(document: Document) -> None:
    assert "runs.score" in {row.name for row in ROWS}
    with pytest.raises(UnknownOperationError, match="no call of a group that has no row yet"):
        write(Tree(ROOT), document, "createScoresV2")


def test_an_operation_that_the_document_lacks_is_refused(document: Document) -> None:
    with pytest.raises(UnknownOperationError, match="has no operationId archiveRunV2"):
        write(Tree(ROOT), document, "archiveRunV2")
