"""A write by a filter does nothing until the number of what it selects is confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.mcp_server.sessions import ERAS, answer, call

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from tests.operations.cases import World


@pytest.fixture
def open_runs(world: World) -> list[str]:
    return [world.open_run() for _ in range(3)]


def statuses(world: World, ids: list[str]) -> set[str]:
    return {world.client.runs.get(it).status for it in ids}


@pytest.mark.parametrize("era", ERAS)
def test_a_filter_is_carried_out_with_the_number_of_its_dry_run(
    server: Server[Any], world: World, open_runs: list[str], era: str
) -> None:
    chosen = {"app": "shop", "function": "wait", "since": "1h"}
    planned = answer(call(server, "runs_cancel", {**chosen, "dry_run": True}, era))["data"]
    assert planned["counts"] == {"planned": 3}
    assert planned["target"]["api_url"]
    assert "cancelled" not in statuses(world, open_runs)

    confirmed = {**chosen, "since": planned["since"], "confirmed_count": len(planned["rows"])}
    done = call(server, "runs_cancel", confirmed, era)
    assert not done.is_error
    assert answer(done)["data"]["counts"] == {"done": 3}
    assert statuses(world, open_runs) == {"cancelled"}


@pytest.mark.parametrize("count", [None, 2, 4])
def test_a_filter_is_not_carried_out_with_another_number(
    server: Server[Any], world: World, open_runs: list[str], count: int | None
) -> None:
    chosen: dict[str, Any] = {"app": "shop", "function": "wait"}
    if count is not None:
        chosen["confirmed_count"] = count
    result = call(server, "runs_cancel", chosen)
    assert result.is_error
    assert answer(result)["error"]["code"] == "confirmation_needed"
    assert '"confirmed_count": 3' in answer(result)["error"]["hint"]
    assert {row["id"] for row in answer(result)["data"]["rows"]} == set(open_runs)
    assert "cancelled" not in statuses(world, open_runs)


def test_runs_named_by_id_need_no_confirmation(
    server: Server[Any], world: World, open_runs: list[str]
) -> None:
    result = call(server, "runs_cancel", {"ids": open_runs[:1]})
    assert answer(result)["data"]["counts"] == {"done": 1}
    assert statuses(world, open_runs[:1]) == {"cancelled"}
