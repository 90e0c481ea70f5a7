"""Each operation's schemas hold for what it takes and returns."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema
import pytest

from inngest_rest import InngestClient, InvalidArgumentError
from inngest_rest.calls import commands
from inngest_rest_tools import schemas
from inngest_rest_tools.answer import Reply
from inngest_rest_tools.parameters import read
from inngest_rest_tools.problems import Code, problem_of
from inngest_rest_tools.projection import record_class
from inngest_rest_tools.running import Invocation
from tests.operations.cases import CASES, World

OPERATIONS = {each.command: each for each in commands()}


def refused(schema: Any, value: Any) -> bool:
    return not jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_answer_is_as_its_schema_says(name: str, world: World) -> None:
    operation = OPERATIONS[name]
    values = json.loads(json.dumps(CASES[name](world)))
    jsonschema.Draft202012Validator(schemas.of_parameters(operation)).validate(values)
    given = read(operation, values)
    envelope = Invocation(row=operation, client=world.client, values=given, is_confirmed=True).run()
    assert envelope.ok, envelope.error
    assert envelope.data
    answer = json.loads(envelope.to_json())
    schema = schemas.of_answer(operation)
    jsonschema.Draft202012Validator(schema).validate(answer)
    assert refused(schema, {**answer, "command": "another"})
    assert refused(schema, {**answer, "data": 1})


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_error_is_as_its_schema_says(name: str) -> None:
    operation = OPERATIONS[name]
    problem = problem_of(InvalidArgumentError("wrong", argument="id"), operation)
    envelope = Reply(operation.command).envelope(problem)
    jsonschema.Draft202012Validator(schemas.of_answer(operation)).validate(
        json.loads(envelope.to_json())
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_parameter_and_each_field_is_described(name: str) -> None:
    operation = OPERATIONS[name]
    for parameter, schema in schemas.of_parameters(operation)["properties"].items():
        assert schema.get("description"), parameter
    definitions = schemas.of_answer(operation)["$defs"]
    assert definitions["Code"]["enum"] == [each.value for each in Code]


def test_the_schema_names_the_statuses_and_takes_those_of_a_newer_server() -> None:
    schema = schemas.of_parameters(OPERATIONS["runs.list"])
    assert "failed" in schema["properties"]["status"]["items"]["examples"]
    assert not refused(schema, {"status": ["waiting"]})


def test_an_unknown_or_malformed_parameter_is_refused_by_the_schema_too() -> None:
    schema = schemas.of_parameters(OPERATIONS["runs.list"])
    assert refused(schema, {"statuz": ["failed"]})
    assert refused(schema, {"order": "sideways"})
    assert refused(schema, {"limit": 1_001})
    assert not refused(schema, {"status": ["failed"], "limit": 1_000})


def test_a_status_that_a_newer_server_has_is_valid(world: World) -> None:
    operation = OPERATIONS["runs.get"]
    given = read(operation, {"id": world.run_id})
    answer = Invocation(row=operation, client=world.client, values=given).run()
    found = json.loads(answer.to_json())
    found["data"]["status"] = "PAUSED_BY_A_NEWER_SERVER"
    jsonschema.Draft202012Validator(schemas.of_answer(operation)).validate(found)


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("webhooks.get", "OfCloud"),
        ("webhooks.create", "OfCloud"),
        ("cancellations.list", "OfCloud"),
        ("cancellations.create", "CreatedCancellation"),
        ("cancellations.delete", "Done"),
        ("functions.invoke", "Started"),
        ("signals.send", "Started"),
        ("runs.get", "Run"),
        ("runs.cancel", "Acted"),
        ("send", "Sent"),
    ],
)
def test_what_changes_something_says_what_became_of_it(name: str, record: str) -> None:
    assert record_class(OPERATIONS[name]).__name__ == record


def test_the_codes_of_errors_are_described_and_other_choices_have_their_docstring() -> None:
    definitions = schemas.of_answer(OPERATIONS["runs.cancel"])["$defs"]
    assert f"usage: {Code.USAGE.meaning}" in definitions["Code"]["description"]
    assert "usage: " not in definitions["ActionOutcome"]["description"]


def test_an_error_alone_may_be_a_line_in_place_of_its_record() -> None:
    run = schemas.of_answer(OPERATIONS["runs.list"])["$defs"]["Run"]["properties"]
    assert {"type": "string"} in run["error"]["anyOf"][0]["anyOf"]
    assert run["status"]["$ref"] == "#/$defs/RunStatus"


def test_the_models_of_a_list_are_bodies_as_their_schema_says() -> None:
    row = OPERATIONS["sessions.keys"]
    body = {"data": [{"id": "user"}], "page": {"hasMore": False}}
    carrier = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    with InngestClient(dev=True, transport=carrier) as client:
        envelope = Invocation(row=row, client=client, values=read(row, {})).run()
    assert envelope.data == {"items": [{"body": {"id": "user"}}]}
    assert envelope.untrusted == ("data.items[].body",)
    jsonschema.Draft202012Validator(schemas.of_answer(row)).validate(envelope.to_dict())
