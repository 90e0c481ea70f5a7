"""What is rare has no tool of its own: one tool describes it, and another calls it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from inngest_rest import InngestClient
from inngest_rest.call_row import Effect
from inngest_rest.calls import commands
from inngest_rest_tools import mcp_server, schemas, tool_schemas, tools
from tests.mcp_server.sessions import answer, call
from tests.operations.cases import CASES

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.call_row import CallRow
    from tests.operations.cases import World

RARE = [row for row in commands() if row.is_rare]
ELSEWHERE = [row for row in RARE if not row.is_of_cloud]


@pytest.fixture
def served(world: World) -> tools.Tools:
    """Tools as a host has them that asks for no group, of a server that has all calls."""
    served = tools.Tools(world.client)
    everything = tools.Tools(world.client, groups={row.words[0] for row in commands()})
    served._rows = everything._rows  # noqa: SLF001 - as for Inngest Cloud
    served._rare = {row.command: row for row in RARE}  # noqa: SLF001
    return served


def parameters_for(row: CallRow, world: World) -> dict[str, Any]:
    known = {each.name for each in tool_schemas.parameters_of(row)}
    return {name: it for name, it in CASES[row.command](world).items() if name in known}


def changing_requests(world: World) -> int:
    return len([it for it in world.mock.requests if it.method not in {"GET", "HEAD"}])


@pytest.mark.parametrize("row", RARE, ids=lambda row: row.command)
def test_a_rare_operation_is_called_by_name_and_answers_as_its_schema_says(
    row: CallRow, served: tools.Tools, world: World, tmp_path: Path
) -> None:
    given = {"name": row.command, "arguments": parameters_for(row, world)}
    before = changing_requests(world)
    found = served.call("call", given, tmp_path)
    if found.confirm is not None:
        assert row.effect is not Effect.READ
        assert changing_requests(world) == before
        found = served.call("call", {**given, "confirm": found.confirm}, tmp_path)
    assert found.ok, found.error
    assert found.command == row.command
    jsonschema.Draft202012Validator(schemas.of_answer(row)).validate(found.to_dict())


@pytest.mark.parametrize(
    "row", [row for row in RARE if row.effect is not Effect.READ], ids=lambda row: row.command
)
@pytest.mark.parametrize("name", ["call", "its own"])
def test_what_changes_the_server_is_confirmed_by_a_token_of_these_parameters_alone(
    row: CallRow, name: str, served: tools.Tools, world: World, tmp_path: Path
) -> None:
    parameters = parameters_for(row, world)
    before = changing_requests(world)

    def asked(**more: Any) -> Any:
        if name == "call":
            return served.call(
                "call", {"name": row.command, "arguments": parameters, **more}, tmp_path
            )
        return served.call(row.tool, {**parameters, **more}, tmp_path)

    if parameters.get("method") == "GET":
        parameters = {"method": "POST", "path": "/v2/envs"}
    refused = asked()
    assert refused.error.code == "confirmation_needed"
    assert f"{row.command} would " in refused.error.message
    assert world.client.target.api_url in refused.error.message
    wrong = asked(confirm=f"{refused.confirm[:-1]}x")
    assert wrong.error.code == "confirmation_needed"
    assert changing_requests(world) == before


def test_a_token_is_good_once_and_for_no_other_parameters(served: tools.Tools) -> None:
    given: dict[str, Any] = {"name": "signals.send", "arguments": {"signal": "a"}}
    token = served.call("call", given).confirm
    other = {"name": "signals.send", "arguments": {"signal": "b"}, "confirm": token}
    assert served.call("call", other).confirm not in {None, token}
    token = served.call("call", given).confirm
    inside = {"name": "signals.send", "arguments": {"signal": "a", "confirm": token}}
    assert served.call("call", inside).confirm is None  # it was tried: nobody waits for it
    assert served.call("call", inside).confirm is not None


@pytest.mark.parametrize("name", ["runs.jobs", "runs_jobs", "runs jobs"])
def test_an_operation_is_named_as_a_method_a_tool_or_a_command(
    name: str, served: tools.Tools, world: World
) -> None:
    found = served.call("call", {"name": name, "arguments": {"id": world.run_id}})
    assert (found.ok, found.command) == (True, "runs.jobs")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "runs.job"}, "did you mean 'runs_jobs'"),
        ({}, "name"),
        ({"name": "runs.jobs"}, "id is missing"),
        ({"name": "runs.jobs", "arguments": {"idd": "a"}}, "did you mean 'id'"),
        ({"name": "runs.jobs", "arguments": "a"}, "arguments must be of type object"),
        ({"name": "runs.jobs", "id": "a"}, "unknown parameter 'id'"),
    ],
)
def test_a_mistake_is_an_answer_that_says_what_is_wrong(
    given: dict[str, Any], message: str, served: tools.Tools
) -> None:
    found = served.call("call", given)
    assert found.error is not None
    assert message in found.error.message


def test_the_schema_of_an_operation_says_what_it_takes_and_does(served: tools.Tools) -> None:
    listed = served.call("schema", {}).data["operations"]
    assert list(listed) == [row.command for row in RARE]
    for row in RARE:
        told = served.call("schema", {"name": row.command}).data
        assert (told["effect"], told["idempotent"]) == (row.effect.value, row.is_repeatable)
        jsonschema.Draft202012Validator.check_schema(told["parameters"])
        jsonschema.Draft202012Validator(told["parameters"]).validate(told["example"])
    unknown = served.call("schema", {"name": "runs.job"})
    assert unknown.error is not None


def test_a_host_finds_what_is_rare_by_name(world: World) -> None:
    listed = {each.name: each for each in tools.Tools(world.client).all(files=True)}
    assert listed.keys().isdisjoint(row.tool for row in RARE)
    for row in ELSEWHERE:
        assert row.command.rpartition(".")[2] in str(listed["call"].description)
    assert listed["call"].annotations is not None
    assert listed["call"].annotations.destructive_hint


def test_nothing_of_a_read_only_server_changes_it(world: World) -> None:
    served = tools.Tools(world.client, read_only=True)
    (general,) = (each for each in served.all() if each.name == "call")
    assert general.annotations is not None
    assert general.annotations.read_only_hint
    before = changing_requests(world)
    refused = served.call("call", {"name": "signals.send", "arguments": {"signal": "a"}})
    assert refused.error is not None
    assert "read-only" in refused.error.message
    assert changing_requests(world) == before


def test_who_asks_for_a_group_has_tools_for_all_of_it(world: World) -> None:
    names = [each.name for each in tools.Tools(world.client, groups=["webhooks"]).all()]
    assert names == [row.tool for row in commands() if row.words[0] == "webhooks"]


def test_a_file_is_refused_that_no_host_has_given_the_folder_of(
    world: World, tmp_path: Path
) -> None:
    given = {"name": "runs.export", "arguments": {"path": str(tmp_path / "runs.csv")}}
    result = call(mcp_server.server(world.client), "call", given)
    assert re.search("in no folder that is open", answer(result)["error"]["message"])


def test_tools_for_inngest_cloud_cost_little_more(world: World) -> None:
    with InngestClient(
        signing_key="signkey-test-" + "ab" * 16, transport=world.mock.transport
    ) as cloud:
        (general,) = (each for each in tools.Tools(cloud).all() if each.name == "call")
    assert "webhooks.delete|get|update|create|list" in str(general.description)
