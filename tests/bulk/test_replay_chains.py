"""Replays of replays: each chain is replayed once, and none whose replay is open or completed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import Event, InngestClient
from inngest_rest_mock import MockServer, answers, completes, drops, fails, sleeps

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest.bulk import ActionReport
    from tests.conftest import Connect

NO_SUCH_EVENT = {"errors": [{"code": "event_not_found", "message": "no such event"}]}


class Shop:
    """A server whose one function charges a card; it fails as long as `ends` has a failure."""

    def __init__(self) -> None:
        self.mock = MockServer(v1_routes=False)
        self.ends: list[Any] = []
        self.mock.function("shop", "charge", trigger="app/order", run=lambda _: self._end())

    def _end(self) -> Any:
        return self.ends.pop(0) if self.ends else completes("charged")

    def failed_run(self, client: InngestClient) -> str:
        self.ends.insert(0, fails("no money"))
        client.send(Event("app/order"))
        return self.mock.runs[-1].id

    @property
    def replays(self) -> int:
        return sum(each.path.endswith("/rerun") for each in self.mock.requests)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture(params=["v1 and v2", "v2"])
def client(connect: Connect, shop: Shop, request: pytest.FixtureRequest) -> InngestClient:
    """Return a client that may ask v1 for the original of each run, or v2 alone."""
    version = "auto" if request.param == "v1 and v2" else request.param
    return connect(transport=shop.mock.transport, retries=0, api_version=version)


def found(report: ActionReport) -> list[tuple[str, str | None]]:
    return [(str(row.outcome), row.new_run_id) for row in report.rows]


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("end", [completes(), sleeps(timedelta(days=1))], ids=["completed", "open"])
def test_a_run_whose_replay_is_open_or_completed_is_not_replayed(
    client: InngestClient, shop: Shop, end: Any, dry_run: bool
) -> None:
    shop.failed_run(client)
    shop.ends = [end]
    first = client.runs.replay_all(status="failed", app="shop")
    replay = shop.mock.runs[-1].id
    assert found(first) == [("done", replay)]
    again = client.runs.replay_all(status="failed", app="shop", dry_run=dry_run)
    assert found(again) == [("already_replayed", replay)]
    assert shop.replays == 1


def test_a_run_whose_replay_has_failed_is_replayed(client: InngestClient, shop: Shop) -> None:
    run_id = shop.failed_run(client)
    shop.ends = [fails("no money")]
    client.runs.replay(run_id)
    assert found(client.runs.replay_all([run_id])) == [("done", shop.mock.runs[-1].id)]


@pytest.mark.parametrize("dry_run", [False, True])
def test_of_a_run_and_its_failed_replays_one_is_replayed(
    client: InngestClient, shop: Shop, dry_run: bool
) -> None:
    run_id = shop.failed_run(client)
    shop.ends = [fails("no money"), fails("no money"), fails("no money")]
    client.runs.replay(client.runs.replay(run_id))
    other = shop.failed_run(client)
    shop.ends = [fails("no money"), fails("no money")]
    report = client.runs.replay_all(status="failed", app="shop", dry_run=dry_run)
    assert [row.id for row in report.rows] == [other, *(it.id for it in shop.mock.runs[2::-1])]
    done = "planned" if dry_run else "done"
    chain = report.rows[1:]
    assert [str(row.outcome) for row in report.rows] == [done, done, *["already_replayed"] * 2]
    assert len({row.new_run_id for row in chain}) == 1
    assert shop.replays == (2 if dry_run else 4)


def test_no_run_is_replayed_of_a_chain_that_a_replay_of_it_has_repaired(
    client: InngestClient, shop: Shop
) -> None:
    run_id = shop.failed_run(client)
    repaired = client.runs.replay(run_id)
    shop.ends = [fails("no money")]
    third = client.runs.replay(repaired)
    report = client.runs.replay_all([run_id, third])
    assert found(report) == [("already_replayed", repaired)] * 2


def test_replay_again_replays_what_was_replayed_once_more(
    client: InngestClient, shop: Shop
) -> None:
    run_id = shop.failed_run(client)
    client.runs.replay(run_id)
    report = client.runs.replay_all([run_id], replay_again=True)
    assert found(report) == [("done", shop.mock.runs[-1].id)]
    assert shop.replays == 2


def test_runs_of_one_event_by_other_functions_are_of_other_chains(
    client: InngestClient, shop: Shop
) -> None:
    shop.mock.function("shop", "ship", trigger="app/order", run=completes())
    run_id = shop.failed_run(client)
    assert len(shop.mock.runs) == 2
    ids = [run.id for run in shop.mock.runs if client.runs.get(run.id).status == "failed"]
    assert ids in ([run_id], [shop.mock.runs[0].id])
    assert client.runs.replay_all(ids).counts == {"done": 1}


def test_an_id_in_another_case_is_of_the_same_run(client: InngestClient, shop: Shop) -> None:
    run_id = shop.failed_run(client)
    client.runs.replay_all([run_id, run_id.lower()])
    assert shop.replays == 1


def test_a_chain_of_which_a_row_is_unknown_waits_for_that_row(
    client: InngestClient, shop: Shop, tmp_path: Path
) -> None:
    run_id = shop.failed_run(client)
    shop.ends = [fails("no money")]
    ids = [run_id, client.runs.replay(run_id)]
    shop.mock.fault(drops(httpx.ReadTimeout), operation="rerun_run_v2")
    for _ in range(2):
        report = client.runs.replay_all(ids, in_flight=1, report_path=tmp_path / "report")
        assert [outcome for outcome, _ in found(report)] == ["unknown", "not_tried"]
    assert len(shop.mock.runs) == 2


@pytest.fixture
def unlisted(shop: Shop) -> None:
    for operation in ("list_event_runs_v1", "list_event_runs_v2"):
        shop.mock.fault(answers(404, NO_SUCH_EVENT), operation=operation, times=None)


@pytest.mark.usefixtures("unlisted")
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_whose_replays_cannot_be_seen_is_refused(
    client: InngestClient, shop: Shop, dry_run: bool
) -> None:
    report = client.runs.replay_all([shop.failed_run(client)], dry_run=dry_run)
    assert report.counts == {"refused": 1}
    assert "pass replay_again=True" in str(report.rows[0].reason)
    assert shop.replays == 0


@pytest.mark.usefixtures("unlisted")
def test_replay_again_replays_a_run_whose_replays_cannot_be_seen(
    client: InngestClient, shop: Shop
) -> None:
    run_id = shop.failed_run(client)
    report = client.runs.replay_all([run_id], replay_again=True)
    assert found(report) == [("done", shop.mock.runs[-1].id)]
