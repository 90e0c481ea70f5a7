"""`inngest-rest schema` describes each operation to a program."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from inngest_rest import calls as table
from inngest_rest_tools.command.program import run
from inngest_rest_tools.projection import Projection, record_class

NAMES = [each.command for each in table.commands()]


def answered(capsys: pytest.CaptureFixture[str], *tokens: str) -> tuple[int, Any]:
    status = run(["schema", *tokens, "-o", "json"])
    return status, json.loads(capsys.readouterr().out)


def test_without_a_name_it_lists_all_operations(capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = answered(capsys)
    assert status == 0
    assert [each["name"] for each in answer["data"]["items"]] == NAMES
    assert all(each["summary"] for each in answer["data"]["items"])
    (cancel,) = (it for it in answer["data"]["items"] if it["name"] == "runs.cancel")
    assert (cancel["effect"], cancel["idempotent"]) == ("change", True)


def test_on_a_terminal_it_lists_them_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "-o", "table"]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["NAME", "SUMMARY", "EFFECT", "IDEMPOTENT"]
    names = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert names == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_operation_is_described_by_valid_schemas(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    status, answer = answered(capsys, name, "--fields", "*")
    data = answer["data"]
    assert (status, data["name"]) == (0, name)
    for schema in (data["parameters"], data["result"]):
        jsonschema.Draft202012Validator.check_schema(schema)
    assert data["effect"] in {"read", "create", "change"}
    assert all(each.startswith("inngest-rest ") for each in data["examples"])


def test_a_description_says_nothing_twice_and_nothing_that_all_operations_share(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["schema", "runs.list", "-o", "json", "--fields", "*"]) == 0
    text = capsys.readouterr().out
    assert len(text) < 6_000
    assert "Whether trying again is safe" not in text
    assert text.count("List runs") == 1
    data = json.loads(text)["data"]
    assert data["result"]["properties"]["items"]["items"] == {"$ref": "#/$defs/Run"}
    assert data["result"]["$defs"]["Run"]["properties"]["queued_at"]["type"] == "string"


def test_a_brief_description_has_the_fields_for_the_schema_of_the_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = answered(capsys, "runs.list")[1]["data"]
    assert "result" not in data
    assert {"id", "error.name", "matched"} <= set(data["fields"])
    times = [each["description"] for each in data["parameters"]["properties"].values()]
    assert sum("how long ago: 90s, 15m, 2h, 7d." in each for each in times) == 1
    assert len(json.dumps(data)) < 3_000


@pytest.mark.parametrize("name", NAMES)
def test_each_field_of_a_description_is_one_that_can_be_asked_for(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    fields = answered(capsys, name)[1]["data"]["fields"]
    row = next(row for row in table.commands() if row.command == name)
    assert Projection.of(",".join(fields), None, record_class(row)).fields


@pytest.mark.parametrize("words", [["runs.list"], ["runs", "list"]])
def test_a_command_is_found_by_its_words_too(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert answered(capsys, *words)[1]["data"]["name"] == "runs.list"
    assert answered(capsys, "send-file")[1]["data"]["name"] == "send_file"


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("schema -o id", NAMES),
        ("schema runs list -o id", ["runs.list"]),
        ("schema runs.list -o table --fields name,effect", ["name    runs.list", "effect  read"]),
    ],
)
def test_names_alone_and_single_fields_are_printed(
    line: str, printed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == 0
    assert capsys.readouterr().out.splitlines() == printed


def test_an_unknown_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = answered(capsys, "runs.lst")
    assert status == 2
    assert answer["error"]["code"] == "usage"
    assert "did you mean 'runs.list'?" in answer["error"]["message"]
