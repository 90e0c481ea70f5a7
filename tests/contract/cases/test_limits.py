"""Functions that do not start for each event: what is waited for, explained and replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest import Event, NoRunError

if TYPE_CHECKING:
    from inngest_rest import InngestClient, Reason
    from tests.contract.world import World


@pytest.fixture(autouse=True)
def _has_routes(world: World) -> None:
    world.needs("listAppsV2", "listRunsV2")  # by which listeners and their other runs are known


def reasons_of(client: InngestClient, event_id: str) -> dict[str, Reason]:
    """Return why an event started no run, but for that it is too early to tell."""
    found = client.events.explain(event_id)
    assert found.runs == ()
    return {str(each.kind): each for each in found.reasons if each.kind != "too_early"}


def stored(world: World, client: InngestClient, name: str) -> str:
    """Send an event; return its id once it can be read."""
    (event_id,) = client.send(Event(world.trigger(name)))
    world.eventually(lambda: client.events.get(event_id))
    return event_id


def refusal(client: InngestClient, run_id: str) -> str:
    """Return why a run is not replayed."""
    (row,) = client.runs.replay_all([run_id]).rows
    assert (row.outcome, row.new_run_id) == ("refused", None)
    return str(row.reason)


def test_each_event_of_a_batch_has_its_run_which_is_not_replayed(
    world: World, client: InngestClient
) -> None:
    ids = client.send([Event(world.trigger("batches")) for _ in range(2)])
    (run,), (same,) = (client.events.wait(each, timeout=60) for each in ids)
    assert (run.id, run.output) == (same.id, 2)
    assert run.batch_id is not None
    assert "batch" in refusal(client, run.id)


def test_a_batch_that_is_not_full_is_explained_and_waited_for(
    world: World, client: InngestClient
) -> None:
    event_id = stored(world, client, "batches")
    assert set(reasons_of(client, event_id)) == {"batch"}
    (run,) = client.events.wait(event_id, timeout=60)
    assert run.output == 1


def test_a_debounced_run_is_waited_for_and_not_replayed(
    world: World, client: InngestClient
) -> None:
    replaced = stored(world, client, "debounces")
    (run,) = client.send_and_wait(Event(world.trigger("debounces")), timeout=60)
    assert run.output == "done"
    assert set(reasons_of(client, replaced)) == {"debounce"}
    assert "debounced" in refusal(client, run.id)


def test_an_event_that_a_condition_excludes_is_explained(
    world: World, client: InngestClient
) -> None:
    (run,) = client.send_and_wait(Event(world.trigger("picks"), {"n": 6}), timeout=60)
    assert run.status == "completed"
    with pytest.raises(NoRunError) as caught:
        client.send_and_wait(Event(world.trigger("picks"), {"n": 5}), timeout=60)
    assert caught.value.explanation is not None
    (reason,) = caught.value.explanation.reasons
    assert (reason.kind, reason.is_certain) == ("condition", True)
    assert "event.data.n > 5" in reason.message


def test_a_reached_rate_limit_is_explained(world: World, client: InngestClient) -> None:
    world.eventually(lambda: stored(world, client, "rates") and has_run(world, client, "rates"))
    reason = reasons_of(client, stored(world, client, "rates"))["rate_limit"]
    assert not reason.is_certain


def has_run(world: World, client: InngestClient, function: str) -> bool:
    return any(client.runs.list(app=world.app, function=function))


def test_a_skipped_event_is_explained_by_the_run_that_was_running(
    world: World, client: InngestClient
) -> None:
    run = world.start(client, "singles")
    reason = reasons_of(client, stored(world, client, "singles"))["singleton"]
    assert run.id in reason.message
    client.runs.wait(run.id, timeout=60)
