"""What became of an event: its runs, awaited, and why it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from inngest_rest import Event, NoRunError, WaitTimeoutError

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.contract.world import World


@pytest.mark.parametrize(
    ("function", "status"),
    [("echoes", "completed"), ("fails", "failed"), ("naps", "completed"), ("retries", "completed")],
)
def test_send_and_wait_returns_the_run_once_it_has_ended(
    world: World, client: InngestClient, function: str, status: str
) -> None:
    (run,) = client.send_and_wait(Event(world.trigger(function)), timeout=60)
    assert (run.status, run.is_ended) == (status, True)
    assert client.runs.get(run.id).output == run.output


def test_the_runs_of_an_event_are_waited_for_by_its_id(world: World, client: InngestClient) -> None:
    (event_id,) = client.send(Event(world.trigger("naps")))
    (run,) = client.events.wait(event_id, timeout=60)
    assert (run.output, run.event_ids) == ("slept", (event_id,))
    assert [it.id for it in client.events.wait(event_id, timeout=60)] == [run.id]


def test_a_run_that_takes_longer_is_in_the_error(world: World, client: InngestClient) -> None:
    with pytest.raises(WaitTimeoutError) as caught:
        client.send_and_wait(Event(world.trigger("sleeps")), timeout=3)
    (run,) = caught.value.runs
    assert (run, run.is_ended) == (caught.value.run, False)


def test_an_event_that_nobody_listens_for_is_explained(world: World, client: InngestClient) -> None:
    world.needs("listAppsV2")
    with pytest.raises(NoRunError) as caught:
        client.send_and_wait(Event(f"{world.app}/Echoes"), timeout=60)
    assert caught.value.explanation is not None
    (reason,) = caught.value.explanation.reasons
    assert (reason.kind, reason.is_certain) == ("no_trigger", True)
    assert f"{world.app}/echoes" in reason.evidence["nearest"]


def test_a_repeated_id_is_explained_by_the_run_it_started(
    world: World, client: InngestClient
) -> None:
    world.needs("listAppsV2")
    event = Event(world.trigger("echoes"), id=str(uuid4()))
    (run,) = client.send_and_wait(event, timeout=60)
    (event_id,) = client.send(event)
    world.eventually(lambda: client.events.get(event_id))
    found = client.events.explain(event_id)
    (reason,) = (each for each in found.reasons if each.kind == "duplicate_id")
    assert reason.evidence["other_run"] == run.id
    assert client.events.explain(event.id, name=event.name).event_id == event_id


def test_an_event_is_explained_by_its_listener_and_run(world: World, client: InngestClient) -> None:
    (run,) = client.send_and_wait(Event(world.trigger("echoes")), timeout=60)
    found = client.events.explain(run.event_ids[0])
    assert (found.runs[0].id, found.reasons) == (run.id, ())
    assert found.received_at is not None
    if found.unchecked:
        world.needs("listAppsV2")
    (listener,) = found.listeners
    assert (listener.name, listener.run_ids) == (f"{world.app}/echoes", (run.id,))
