"""A call that fails is answered by the envelope of its error, never by an exception."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest.calls import commands
from inngest_rest_tools import cutting, mcp_server, tools
from tests.mcp_server.sessions import ERAS, answer, call
from tests.operations.cases import CASES, World

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

UNKNOWN = "01HZZZZZZZZZZZZZZZZZZZZZZZ"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments", "field", "message"),
    [
        ("runs_list", {"statuz": ["failed"]}, "statuz", "did you mean 'status'?"),
        ("runs_list", {"status": ["faild"]}, "status", "faild"),
        ("runs_list", {"limit": 5000}, "limit", "at most 1000"),
        ("runs_list", {"max_chars": 0}, "max_chars", "at least 1"),
        ("runs_list", {"since": "yesterday"}, "since", "must be a time"),
        ("runs_get", {}, "id", "missing"),
        ("runs_get", {"id": "../../v1/apps"}, "id", "run id"),
        ("runs_watch", {"timeout": 301}, "timeout", "at most 300"),
        ("runs_cancel", {"ids": "all"}, "ids", "not the id of a run"),
        ("runs_cancel", {}, None, "ids"),
        ("send", {"name": "a", "data": [1]}, "data", "object"),
    ],
)
def test_wrong_arguments_are_named(
    server: Server[Any],
    tool: str,
    arguments: dict[str, Any],
    field: str | None,
    message: str,
    era: str,
) -> None:
    result = call(server, tool, arguments, era)
    error = answer(result)["error"]
    assert result.is_error
    assert error["code"] == "usage"
    assert error["field"] == field
    assert any(part in error["message"] for part in message.split("|")), error["message"]


def test_a_number_or_a_flag_may_be_text_and_one_of_several_stands_alone(world: World) -> None:
    served = tools.Tools(world.client)
    world.mock.advance(5)
    given = {"limit": "1", "include_output": "true", "status": "failed,completed"}
    found = served.call("runs_list", given)
    assert found.ok
    assert len(found.data["items"]) == 1
    waited = served.call("runs_wait", {"ids": world.run_id, "timeout": "5"})
    assert [it["id"] for it in waited.data["items"]] == [world.run_id]


def test_an_unknown_tool_is_answered_with_the_nearest(server: Server[Any]) -> None:
    result = call(server, "runs_lst")
    assert result.is_error
    assert "did you mean 'runs_list'?" in answer(result)["error"]["message"]


@pytest.mark.parametrize("era", ERAS)
def test_an_error_of_the_server_comes_with_a_hint_that_names_tools(
    server: Server[Any], era: str
) -> None:
    result = call(server, "runs_get", {"id": UNKNOWN}, era)
    error = answer(result)["error"]
    assert result.is_error
    assert (error["code"], error["status"]) == ("not_found", 404)
    assert "`runs_list`" in error["hint"]
    assert answer(result)["untrusted"] == ["error.message"]


def test_a_missing_key_is_told_by_the_name_of_its_variable(world: World) -> None:
    keyless = InngestClient(base_url="https://inngest.test", transport=world.mock.transport)
    with keyless:
        result = call(mcp_server.server(keyless), "runs_list")
    error = answer(result)["error"]
    assert error["code"] == "authentication"
    assert "INNGEST_SIGNING_KEY" in error["hint"]


def test_a_mistake_of_the_program_itself_is_an_answer_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    @functools.wraps(type(world.client.runs).get)
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(type(world.client.runs), "get", broken)
    result = call(mcp_server.server(world.client), "runs_get", {"id": UNKNOWN})
    assert result.is_error
    assert answer(result)["error"]["code"] == "unexpected"
    assert "oops" in answer(result)["error"]["message"]


ODD: list[Any] = [
    None,
    True,
    -1,
    2**80,
    1e308,
    "",
    "x" * 30_000,
    "\x00",
    "\ud800",
    "../..",
    [None],
    [[]],
    {},
]


@pytest.mark.parametrize("name", [each.command for each in commands() if not each.uses_files])
def test_no_argument_is_so_odd_that_there_is_no_answer(world: World, name: str) -> None:
    served = tools.Tools(world.client, groups=[name.partition(".")[0].replace("_", "-")])
    tool = name.replace(".", "_")
    (listed,) = (each for each in served.all() if each.name == tool)
    right = CASES[name](world)
    for parameter in listed.input_schema["properties"]:
        for odd in ODD:
            envelope = served.call(tool, {**right, parameter: odd})
            assert len(envelope.to_json()) <= cutting.LONGEST_ANSWER
            assert envelope.error is None or envelope.error.code != "unexpected"
