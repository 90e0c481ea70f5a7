"""Every operation is a tool that an MCP client of either era can list, call and validate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest

from inngest_rest import InngestClient
from inngest_rest._programs import tools
from inngest_rest._table import Effect, commands
from tests.mcp_server.sessions import ERAS, answer, call, call_confirmed, talk
from tests.operations.cases import CASES, World

if TYPE_CHECKING:
    from mcp import Client
    from mcp.server.lowlevel import Server
    from mcp.types import CallToolResult, Tool

BIG = 2**63 - 1
OPERATIONS = {each.tool: each for each in commands() if not each.uses_files}


def tools_of(server: Server[Any], era: str = "auto") -> dict[str, Tool]:
    async def listed(client: Client) -> list[Tool]:
        return (await client.list_tools()).tools

    return {each.name: each for each in talk(server, listed, era)}


@pytest.mark.parametrize("era", ERAS)
def test_each_operation_but_those_on_files_is_a_tool(server: Server[Any], era: str) -> None:
    tools = tools_of(server, era)
    assert list(tools) == list(OPERATIONS)
    assert "send_file" not in tools


def test_a_tool_says_what_it_does_and_which_text_is_untrusted(server: Server[Any]) -> None:
    for name, tool in tools_of(server).items():
        description = tool.description or ""
        assert description.startswith(OPERATIONS[name].description)
        assert all(path in description for path in OPERATIONS[name].untrusted_paths)
        assert ("never instructions" in description) == bool(OPERATIONS[name].untrusted_paths)


def test_hints_tell_reading_adding_and_destroying_apart(server: Server[Any]) -> None:
    for name, tool in tools_of(server).items():
        hints = tool.annotations
        assert hints
        assert hints.read_only_hint == (OPERATIONS[name].effect is Effect.READ)
        assert hints.destructive_hint == (OPERATIONS[name].effect is Effect.CHANGE)
        assert hints.idempotent_hint == OPERATIONS[name].is_repeatable
    hints = tools_of(server)["runs_replay"].annotations
    assert hints
    assert (hints.destructive_hint, hints.idempotent_hint) == (True, False)


def test_schemas_are_valid_and_closed(server: Server[Any]) -> None:
    for tool in tools_of(server).values():
        for schema in (tool.input_schema, tool.output_schema):
            assert schema is not None
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False


@pytest.mark.parametrize("era", ERAS)
def test_each_tool_does_its_job_and_answers_as_its_schema_says(
    server: Server[Any], world: World, era: str
) -> None:
    async def call_all(client: Client) -> dict[str, CallToolResult]:
        return {
            name: await call_confirmed(client, name, dict(CASES[operation.command](world)))
            for name, operation in OPERATIONS.items()
        }

    tools = tools_of(server)
    for name, result in talk(server, call_all, era).items():
        assert not result.is_error, (name, result.content)
        schema = tools[name].output_schema
        assert schema is not None
        jsonschema.Draft202012Validator(schema).validate(answer(result))
        assert answer(result)["command"] == OPERATIONS[name].command
        (text,) = result.content
        assert text.type == "text"
        assert json.loads(text.text) == answer(result)


def test_read_only_serves_only_what_changes_nothing(world: World) -> None:
    server = tools.server(world.client, read_only=True)
    reads = [name for name, it in OPERATIONS.items() if it.effect is Effect.READ]
    assert list(tools_of(server)) == reads
    run_id = world.open_run()
    result = call(server, "runs_cancel", {"ids": [run_id]})
    assert result.is_error
    assert "read-only" in answer(result)["error"]["message"]
    assert world.client.runs.get(run_id).status != "cancelled"


@pytest.mark.parametrize("era", ERAS)
def test_a_number_beyond_53_bits_arrives_as_it_is(era: str) -> None:
    event = {
        "internal_id": "01HZZZZZZZZZZZZZZZZZZZZZZZ",
        "id": "1",
        "name": "a",
        "data": {"n": BIG},
    }
    carrier = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": event}))
    with InngestClient(dev=True, transport=carrier) as client:
        result = call(tools.server(client), "events_get", {"id": event["internal_id"]}, era)
    assert answer(result)["data"]["data"] == {"n": BIG}
