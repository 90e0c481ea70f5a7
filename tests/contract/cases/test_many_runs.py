"""Many runs: cancelled, replayed and invoked, each with a row in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest import ActionReport
from tests.contract.world import UNKNOWN

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.contract.world import World


def outcomes(report: ActionReport) -> list[str]:
    return [str(row.outcome) for row in report.rows]


def test_runs_are_cancelled_by_their_ids(world: World, client: InngestClient) -> None:
    world.needs("cancelRunV2")  # v1 does not tell whether a run had ended
    ended = world.start_and_wait(client, "echoes").id
    running = [world.start(client, "sleeps").id for _ in range(3)]
    report = client.runs.cancel_all([*running, ended, UNKNOWN])
    assert outcomes(report) == [*["done"] * 3, "already_ended", "not_found"]
    assert [client.runs.wait(each, timeout=60).status for each in running] == ["cancelled"] * 3


def test_a_dry_run_of_a_filter_is_carried_out_later(world: World, client: InngestClient) -> None:
    world.needs("listRunsV2", "cancelRunV2")
    running = {world.start(client, "sleeps").id for _ in range(2)}
    plan = client.runs.cancel_all(app=world.app, function="sleeps", dry_run=True)
    assert {row.id for row in plan.rows} >= running
    assert not any(client.runs.get(each).is_ended for each in running)
    report = client.runs.cancel_all(resume=ActionReport.from_json(plan.to_json()))
    assert {row.id for row in report.rows if row.outcome == "done"} >= running


def test_failed_runs_are_replayed_and_linked_to_what_they_repeat(
    world: World, client: InngestClient
) -> None:
    world.needs("rerunRunV2")
    failed = [world.start_and_wait(client, "fails").id for _ in range(2)]
    waiting = world.start(client, "sleeps").id
    report = client.runs.replay_all([*failed, waiting, UNKNOWN])
    assert outcomes(report) == ["done", "done", "refused", "not_found"]
    for row in report.rows[:2]:
        assert row.new_run_id is not None
        client.runs.wait(row.new_run_id, timeout=60)
        new = client.runs.get(row.new_run_id, include_original_run_id=True)
        assert new.original_run_id == row.id


def test_each_input_starts_a_run_of_its_own(world: World, client: InngestClient) -> None:
    world.needs("invokeFunctionV2")
    report = client.functions.invoke_many(world.app, "echoes", [{"n": n} for n in range(5)])
    assert outcomes(report) == ["done"] * 5
    runs = [client.runs.wait(str(row.new_run_id), timeout=60) for row in report.rows]
    assert [run.output["echo"]["n"] for run in runs] == [0, 1, 2, 3, 4]
