"""scripts/release-diff OLD.yaml NEW.yaml names what one document has and the other lacks."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from scripts.internal.release_diff.documents import compare, differences, operations
from tests.contract.document import PATH, Document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SPEC: Any = Document.load().spec


def lines(theirs: Any) -> list[str]:
    found = differences(operations(SPEC), operations(theirs))
    return [" ".join(str(each).split()) for each in found]


def test_a_document_does_not_differ_from_itself() -> None:
    assert lines(SPEC) == []


def health(spec: Any) -> Any:
    return spec["paths"]["/v2/health"]["get"]


def of_health(spec: Any) -> Any:
    return spec["components"]["schemas"]["V2Health"]["properties"]


CHANGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an operation": (
        lambda spec: spec["paths"].update({"/v2/queues": {"get": {"responses": {}}}}),
        "operation only new: GET /v2/queues",
    ),
    "a parameter": (
        lambda spec: health(spec).update(parameters=[{"name": "x", "in": "query", "schema": {}}]),
        "parameters only new: x",
    ),
    "a field": (
        lambda spec: of_health(spec).update(age={"type": "integer"}),
        "received only new: data.age",
    ),
    "a field that is gone": (
        lambda spec: of_health(spec).pop("status"),
        "received only old: data.status",
    ),
    "a status": (
        lambda spec: health(spec)["responses"].update({"418": {"description": "No."}}),
        "statuses only new: 418",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_named(change: str) -> None:
    make, told = CHANGES[change]
    theirs = copy.deepcopy(SPEC)
    make(theirs)
    found = lines(theirs)
    assert [each for each in found if each.endswith(told)]
    assert len(found) == 1


def test_a_new_value_of_an_enum_is_named() -> None:
    theirs = copy.deepcopy(SPEC)
    theirs["components"]["schemas"]["V2RunStatus"]["enum"].append("STOLEN")
    found = lines(theirs)
    assert found
    assert all("only new: STOLEN" in each for each in found)


def test_swagger_of_the_gateway_is_read_below_its_base_path(tmp_path: Path) -> None:
    status = {"type": "object", "properties": {"status": {"type": "string"}}}
    swagger = {
        "swagger": "2.0",
        "basePath": "/v2",
        "paths": {
            "/health": {
                "get": {"responses": {"200": {"schema": {"$ref": "#/definitions/Health"}}}}
            },
            "/runs/{run_id}/cancel": {
                "post": {
                    "parameters": [{"name": "body", "in": "body", "schema": {"type": "object"}}],
                    "responses": {},
                }
            },
        },
        "definitions": {"Health": {"type": "object", "properties": {"data": status}}},
    }
    file = tmp_path / "v2.swagger.json"
    file.write_text(json.dumps(swagger), encoding="utf-8")
    head, *lines = compare(PATH, file)
    assert head == "2 of the 2 operations of v2.swagger.json are in inngest.yaml."
    assert [line for line in lines if "only new" in line] == []
    assert any(line.startswith("GET /v2/health") and "metadata" in line for line in lines)
