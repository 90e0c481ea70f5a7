"""Many runs: cancelled, replayed and invoked, each with a row in the report."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx

from tests.contract.world import UNKNOWN

if TYPE_CHECKING:
    from inngest_rest import InngestClient, Run
    from inngest_rest.bulk import ActionReport
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
    report = client.runs.cancel_all(plan)
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


def test_a_run_whose_replay_is_open_is_not_replayed_again(
    world: World, client: InngestClient
) -> None:
    world.needs("rerunRunV2", "cancelRunV2")
    run_id = world.start(client, "sleeps").id
    client.runs.cancel(run_id)
    client.runs.wait(run_id, timeout=60)
    (first,) = client.runs.replay_all([run_id]).rows
    (planned,) = client.runs.replay_all([run_id], dry_run=True).rows
    (second,) = client.runs.replay_all([run_id]).rows
    client.runs.cancel(str(first.new_run_id))
    assert first.outcome == "done"
    for row in (planned, second):
        assert (row.outcome, row.new_run_id) == ("already_replayed", first.new_run_id)


def test_runs_of_a_relative_window_are_cancelled(world: World, client: InngestClient) -> None:
    world.needs("listRunsV2", "cancelRunV2")
    running = {world.start(client, "sleeps").id for _ in range(2)}
    app, since = world.app, timedelta(minutes=5)
    before = client.runs.cancel_all(app=app, since=since, until=timedelta(minutes=4), dry_run=True)
    assert not {row.id for row in before.rows} & running
    seen = list[str]()
    report = client.runs.cancel_all(
        app=app, function="sleeps", since=since, on_result=lambda row: seen.append(str(row.id))
    )
    assert {row.id for row in report.rows if row.outcome == "done"} >= running
    assert seen == [row.id for row in report.rows]
    assert {client.runs.wait(each, timeout=60).status for each in running} == {"cancelled"}


def test_what_failed_is_replayed_by_filter_but_not_what_that_starts(
    world: World, client: InngestClient
) -> None:
    world.needs("listRunsV2", "rerunRunV2")
    failed = {world.start_and_wait(client, "fails").id for _ in range(2)}

    def replay(*, dry_run: bool) -> ActionReport:
        since = timedelta(minutes=5)
        return client.runs.replay_all(
            status="failed", app=world.app, function="fails", since=since, dry_run=dry_run
        )

    listed = world.eventually(
        lambda: {row.id for row in replay(dry_run=True).rows if row.id in failed} == failed
    )
    report = replay(dry_run=False)
    assert listed
    assert {row.id for row in report.rows if row.outcome == "done"} >= failed
    # Other tests have left runs of the same function, and replays of them.
    new = [str(row.new_run_id) for row in report.rows if row.outcome == "done"]
    assert len(new) == len({*new})
    assert not {*new} & {row.id for row in report.rows}
    for each in new:
        client.runs.wait(each, timeout=60)


def test_a_replay_whose_response_is_lost_is_found_and_not_repeated(
    world: World, client: InngestClient
) -> None:
    world.needs("rerunRunV2")
    run = world.start_and_wait(client, "fails")
    # An older replay, which has failed as well, is not taken for the new one.
    client.runs.wait(client.runs.replay(run.id), timeout=60)
    (event,) = run.event_ids
    before = world.eventually(lambda: two_or_more(list(client.events.runs(event))))
    losing = Losing(world.transport(blocking=True), world.transport(blocking=False))
    (row,) = (
        world.connect(transport=losing, retries=0).runs.replay_all([run.id], replay_again=True).rows
    )
    after = {each.id for each in client.events.runs(event)}
    assert row.outcome == "done"
    assert losing.lost == 1
    assert after - {each.id for each in before} == {row.new_run_id}
    client.runs.wait(str(row.new_run_id), timeout=60)


def two_or_more(runs: list[Run]) -> list[Run]:
    return runs if len(runs) > 1 else []


class Losing(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Loses the first response to a replay, after the server has carried it out."""

    def __init__(
        self,
        blocking: httpx.BaseTransport | httpx.AsyncBaseTransport,
        asynchronous: httpx.BaseTransport | httpx.AsyncBaseTransport,
    ) -> None:
        assert isinstance(blocking, httpx.BaseTransport)
        assert isinstance(asynchronous, httpx.AsyncBaseTransport)
        self._blocking, self._asynchronous = blocking, asynchronous
        self.lost = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._blocking.handle_request(request)
        response.read()
        return self._pass_on(request, response)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._asynchronous.handle_async_request(request)
        await response.aread()
        return self._pass_on(request, response)

    def _pass_on(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        if request.url.path.endswith(("/rerun", "/replay")) and not self.lost:
            self.lost += 1
            raise httpx.ReadError("connection reset", request=request)
        return response

    def close(self) -> None:
        self._blocking.close()

    async def aclose(self) -> None:
        await self._asynchronous.aclose()
