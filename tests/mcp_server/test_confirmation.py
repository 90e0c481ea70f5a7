"""What acts on many does nothing until the set that a dry run showed is confirmed by its token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient
from inngest_rest_tools import confirmation, tools
from tests.mcp_server.sessions import ERAS, answer, call

if TYPE_CHECKING:
    from pathlib import Path

    from mcp.server.lowlevel import Server

    from tests.operations.cases import World


@pytest.fixture
def open_runs(world: World) -> list[str]:
    return [world.open_run() for _ in range(3)]


def statuses(world: World, ids: list[str]) -> set[str]:
    return {world.client.runs.get(it).status for it in ids}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("chosen", [{"app": "shop", "function": "wait", "since": "1h"}, "ids"])
def test_what_a_dry_run_showed_is_done_with_its_token(
    server: Server[Any], world: World, open_runs: list[str], era: str, chosen: Any
) -> None:
    chosen = {"ids": open_runs} if chosen == "ids" else chosen
    planned = answer(call(server, "runs_cancel", {**chosen, "dry_run": True}, era))["data"]
    assert planned["counts"] == {"planned": 3}
    assert planned["target"]["api_url"]
    assert "cancelled" not in statuses(world, open_runs)

    done = call(server, "runs_cancel", {**chosen, "confirm": planned["confirm"]}, era)
    assert not done.is_error
    assert answer(done)["data"]["counts"] == {"done": 3}
    assert statuses(world, open_runs) == {"cancelled"}


@pytest.mark.parametrize("token", [None, "3", "3-0123456789abcdef"])
@pytest.mark.parametrize("chosen", [{"app": "shop", "function": "wait"}, "ids"])
def test_nothing_is_done_without_the_token(
    server: Server[Any], world: World, open_runs: list[str], chosen: Any, token: str | None
) -> None:
    chosen = {"ids": open_runs} if chosen == "ids" else chosen
    given = chosen if token is None else {**chosen, "confirm": token}
    result = call(server, "runs_cancel", given)
    assert result.is_error
    assert answer(result)["error"]["code"] == "confirmation_needed"
    assert {row["id"] for row in answer(result)["data"]["rows"]} == set(open_runs)
    assert f'"confirm": "{answer(result)["data"]["confirm"]}"' in answer(result)["error"]["hint"]
    assert "cancelled" not in statuses(world, open_runs)


def test_a_refusal_has_the_token_as_a_dry_run_has(
    server: Server[Any], world: World, open_runs: list[str]
) -> None:
    refused = answer(call(server, "runs_cancel", {"ids": open_runs}))
    confirmed = {"ids": open_runs, "confirm": refused["data"]["confirm"]}
    assert answer(call(server, "runs_cancel", confirmed))["ok"]
    assert statuses(world, open_runs) == {"cancelled"}


def test_exactly_the_runs_that_were_shown_are_acted_on_though_the_filter_selects_others_now(
    server: Server[Any], world: World
) -> None:
    shown = [world.open_run() for _ in range(2)]
    chosen = {"app": "shop", "function": "wait", "limit": 2}
    token = answer(call(server, "runs_cancel", {**chosen, "dry_run": True}))["data"]["confirm"]
    others = [world.open_run() for _ in range(2)]
    world.client.runs.cancel(shown[0])
    done = answer(call(server, "runs_cancel", {**chosen, "confirm": token}))
    assert {row["id"]: row["outcome"] for row in done["data"]["rows"]} == {
        shown[0]: "already_ended",
        shown[1]: "done",
    }
    assert "cancelled" not in statuses(world, others)


def test_a_token_is_good_once(server: Server[Any], world: World) -> None:
    ids = [world.failed_run_id, world.run_id]
    chosen: dict[str, Any] = {"ids": ids, "replay_again": True}
    planned = answer(call(server, "runs_replay", {**chosen, "dry_run": True}))
    confirmed = {**chosen, "confirm": planned["data"]["confirm"]}
    before = len(world.mock.runs)
    assert answer(call(server, "runs_replay", confirmed))["ok"]
    again = call(server, "runs_replay", confirmed)
    assert answer(again)["error"]["code"] == "confirmation_needed"
    assert len(world.mock.runs) == before + 2


@pytest.mark.parametrize(
    "other",
    [{"app": "shop", "function": "charge"}, {"ids": "the first two"}, {"limit": 2}],
    ids=str,
)
def test_a_token_confirms_no_other_runs(
    server: Server[Any], world: World, open_runs: list[str], other: dict[str, Any]
) -> None:
    chosen = {"app": "shop", "function": "wait"}
    token = answer(call(server, "runs_cancel", {**chosen, "dry_run": True}))["data"]["confirm"]
    given = {"ids": open_runs[:2]} if "ids" in other else {**chosen, **other}
    refused = answer(call(server, "runs_cancel", {**given, "confirm": token}))
    assert "cancelled" not in statuses(world, open_runs)
    assert refused["data"]["counts"] in ({}, {"planned": 2})


@pytest.mark.parametrize("operation", ["runs_cancel", "runs_replay"])
def test_one_run_named_by_id_needs_no_confirmation(
    server: Server[Any], world: World, open_runs: list[str], operation: str
) -> None:
    ids = open_runs[:1] if operation == "runs_cancel" else [world.failed_run_id]
    result = call(server, operation, {"ids": ids})
    assert answer(result)["data"]["counts"] == {"done": 1}


def test_a_bulk_cancellation_is_shown_before_it_is_created(
    server: Server[Any], world: World, open_runs: list[str]
) -> None:
    world.mock.advance(60)
    chosen = {"app": "shop", "function": "shop-wait", "started_before": "1s"}
    planned = answer(call(server, "cancellations_create", {**chosen, "dry_run": True}))["data"]
    assert planned["cancellation"] is None
    assert {row["id"] for row in planned["planned"]["rows"]} == set(open_runs)
    assert answer(call(server, "cancellations_create", chosen))["data"]["planned"] is not None

    def created() -> int:
        asked = [it for it in world.mock.requests if "cancellations" in it.path]
        return len([it for it in asked if it.method == "POST"])

    assert not created()
    confirmed = {**chosen, "confirm": planned["planned"]["confirm"]}
    call(server, "cancellations_create", confirmed)
    assert created() == 1


def test_more_than_a_hundred_events_are_confirmed(server: Server[Any], world: World) -> None:
    many = [{"name": "order/placed", "data": {"n": n}} for n in range(101)]
    before = len(world.mock.events)
    assert answer(call(server, "send_many", {"events": many[:100]}))["ok"]
    refused = answer(call(server, "send_many", {"events": many}))
    assert refused["error"]["code"] == "confirmation_needed"
    assert 'would send 101 events (101 "order/placed")' in refused["error"]["message"]
    assert len(world.mock.events) == before + 100
    token = refused["error"]["hint"].partition('"confirm": "')[2].partition('"')[0]
    changed = [*many[:100], {"name": "order/failed"}]
    assert not answer(call(server, "send_many", {"events": changed, "confirm": token}))["ok"]
    call(server, "send_many", {"events": many})
    assert answer(call(server, "send_many", {"events": many, "confirm": token}))["ok"]
    assert len(world.mock.events) == before + 201


def test_no_tool_takes_yes(world: World) -> None:
    for each in tools.Tools(world.client).all():
        assert "yes" not in each.input_schema["properties"]


def test_a_request_of_any_path_but_by_get_is_confirmed_and_no_other_in_its_place(
    world: World,
) -> None:
    served, before = tools.Tools(world.client), len(world.mock.requests)
    asked = {"method": "POST", "path": f"/v2/runs/{world.failed_run_id}/rerun"}
    shown = served.call("api", asked)
    assert shown.error is not None
    assert shown.error.code == "confirmation_needed"
    assert f"api would POST {asked['path']} at " in shown.error.message
    assert len(world.mock.requests) == before
    token = re.search('"confirm": "(.*?)"', str(shown.error.hint))
    assert token is not None
    other = served.call("api", {**asked, "path": "/v2/runs/x/rerun", "confirm": token[1]})
    assert other.error is not None
    again = served.call("api", asked)
    token = re.search('"confirm": "(.*?)"', str(again.error and again.error.hint))
    assert token is not None
    assert len(world.mock.requests) == before
    assert served.call("api", {**asked, "confirm": token[1]}).ok
    assert len(world.mock.requests) == before + 1


def test_a_request_by_get_needs_no_confirmation_and_a_read_only_server_has_none(
    world: World,
) -> None:
    given = {"method": "GET", "path": "/v2/runs"}
    assert tools.Tools(world.client).call("api", given).ok
    served = tools.Tools(world.client, read_only=True)
    assert "api" not in [each.name for each in served.all()]
    refused = served.call("api", given)
    assert refused.error is not None
    assert "read-only" in refused.error.message


@pytest.mark.parametrize(
    ("read_only", "name", "why"),
    [
        (True, "runs_cancel", "runs_cancel changes the server, and the tools are read-only"),
        (False, "runs_cancels", "unknown tool 'runs_cancels'"),
        (False, "apps_list", "unknown tool 'apps_list'"),
    ],
)
def test_a_tool_that_a_server_lacks_is_unknown(
    read_only: bool, name: str, why: str, world: World
) -> None:
    served = tools.Tools(world.client, groups=["runs"], read_only=read_only)
    error = served.call(name, {}).error
    assert error is not None
    assert error.message.startswith(why)


def test_of_many_dry_runs_the_latest_can_be_confirmed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmation, "_MOST_KEPT", 2)
    served = tools.Tools(world.client)
    requests = [{"method": "POST", "path": f"/v2/runs/{n}/rerun"} for n in range(3)]
    shown = [served.call("api", it).error for it in requests]
    tokens = [str(it and it.hint).partition('"confirm": "')[2].partition('"')[0] for it in shown]
    for at, is_kept in ((1, True), (0, False), (2, True)):
        before = len(world.mock.requests)
        served.call("api", {**requests[at], "confirm": tokens[at]})
        assert (len(world.mock.requests) > before) is is_kept


def test_each_act_of_a_tool_on_a_protected_profile_is_confirmed_by_a_token_that_names_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[prod]\nprotected = true\ndev = true\n", encoding="utf-8")
    monkeypatch.setenv("INNGEST_CONFIG", str(path))
    client = InngestClient(transport=world.mock.transport, profile="prod")
    served = tools.Tools(client)
    given = {"name": "order/placed", "data": {}}
    before = len(world.mock.events)
    refused = served.call("send", given)
    assert refused.error is not None
    assert "profile prod" in refused.error.message
    assert len(world.mock.events) == before
    assert served.call("send", {**given, "confirm": refused.confirm}).ok
    assert served.call("runs_list", {}).ok
