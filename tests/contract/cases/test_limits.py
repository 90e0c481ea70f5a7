"""Functions that do not start for each event: what is waited for, explained and replayed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from inngest_rest import BadRequestError, Event, NoRunError

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest.explanation import Reason
    from tests.contract.world import World


@pytest.fixture(autouse=True)
def _has_routes(world: World) -> None:
    world.needs("listAppsV2", "listRunsV2")  # by which listeners and runs are known


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


def test_an_invocation_beyond_a_rate_limit_is_refused(world: World, client: InngestClient) -> None:
    with suppress(BadRequestError):
        client.functions.invoke(world.app, "rates")
    with pytest.raises(BadRequestError) as caught:
        client.functions.invoke(world.app, "rates")
    assert (caught.value.status, caught.value.code) == (422, "rate_limited")


def test_a_debounced_invocation_is_refused_and_runs_later(
    world: World, client: InngestClient
) -> None:
    before = runs_of(world, client, "debounces")
    with pytest.raises(BadRequestError) as caught:
        client.functions.invoke(world.app, "debounces")
    assert (caught.value.status, caught.value.code) == (422, "function_debounced")
    assert world.eventually(lambda: runs_of(world, client, "debounces") - before)


def test_an_invocation_is_skipped_while_the_singleton_runs(
    world: World, client: InngestClient
) -> None:
    run = world.start(client, "singles")
    with pytest.raises(BadRequestError) as caught:
        client.functions.invoke(world.app, "singles")
    assert (caught.value.status, caught.value.code) == (422, "function_skipped")
    client.runs.wait(run.id, timeout=60)


def test_the_server_replays_no_debounced_run(world: World, client: InngestClient) -> None:
    (run,) = client.send_and_wait(Event(world.trigger("debounces")), timeout=60)
    before = runs_of(world, client, "debounces")
    with world.raw() as http:
        answer = http.post(f"/v2/runs/{run.id}/rerun")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (500, "internal_error")
    world.pause(3)
    assert runs_of(world, client, "debounces") == before


@pytest.mark.parametrize(
    ("function", "runs_again"), [("echoes", False), ("debounces", True), ("batches", True)]
)
def test_an_id_protects_no_function_that_debounces_or_batches(
    world: World, client: InngestClient, *, function: str, runs_again: bool
) -> None:
    event = Event(world.trigger(function), id=f"order-{uuid4()}")
    (first,), seconds = client.send(event), 15.0 if runs_again else 1.0
    assert world.eventually(lambda: list(client.events.runs(first)))
    (second,) = client.send(event)
    found = world.eventually(lambda: list(client.events.runs(second)), seconds=seconds)
    assert bool(found) is runs_again


def runs_of(world: World, client: InngestClient, function: str) -> set[str]:
    return {run.id for run in client.runs.list(app=world.app, function=function)}


def has_run(world: World, client: InngestClient, function: str) -> bool:
    return bool(runs_of(world, client, function))


def test_a_skipped_event_is_explained_by_the_singleton(world: World, client: InngestClient) -> None:
    run = world.start(client, "singles")
    reason = reasons_of(client, stored(world, client, "singles"))["singleton"]
    assert not reason.is_certain
    client.runs.wait(run.id, timeout=60)
