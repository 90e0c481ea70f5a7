"""Sending: events that are stored, events that are rejected, and deduplication."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from inngest_rest import Event, PartialSendError

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.contract.world import World

# Sessions of a sending run, which only SDKs fill and the client does not check.
PROPAGATED_SINCE = "1.38.0"
REFUSED = {"meta": {"propagated_sessions": {"": "x"}}}


def test_one_event_is_stored_and_starts_its_function(world: World, client: InngestClient) -> None:
    (event_id,) = client.send(Event(world.trigger("echoes"), {"n": 1}))
    event = world.eventually(lambda: client.events.get(event_id))
    assert (event.internal_id, event.name, event.data) == (
        event_id,
        world.trigger("echoes"),
        {"n": 1},
    )
    run = client.runs.wait(world.run_of(client, event_id).id, timeout=60)
    assert (run.status, run.output, run.event_ids) == (
        "completed",
        {"echo": {"n": 1}},
        (event_id,),
    )


def test_ids_of_a_batch_are_in_the_order_sent(world: World, client: InngestClient) -> None:
    ids = client.send([Event(f"{world.app}/nothing", {"n": n}) for n in range(5)])
    events = [world.eventually(partial(client.events.get, id)) for id in ids]
    assert [event.data for event in events] == [{"n": n} for n in range(5)]


def test_fields_of_an_event_are_stored(world: World, client: InngestClient) -> None:
    own = f"own-{uuid4()}"
    event = Event(
        f"{world.app}/nothing", {"é": "ü<>&"}, id=own, user={"id": 7}, ts=1_700_000_000_000, v="2"
    )
    (event_id,) = client.send(event)
    stored = world.eventually(lambda: client.events.get(event_id))
    assert (stored.id, stored.data, stored.user, stored.ts, stored.v) == (
        own,
        {"é": "ü<>&"},
        {"id": 7},
        1_700_000_000_000,
        "2",
    )


def test_event_without_data_has_an_empty_object(world: World, client: InngestClient) -> None:
    (event_id,) = client.send(Event(f"{world.app}/nothing"))
    assert world.eventually(lambda: client.events.get(event_id)).data == {}


def test_second_event_with_an_id_is_stored_and_starts_no_run(
    world: World, client: InngestClient
) -> None:
    own = f"own-{uuid4()}"
    (first,) = client.send(Event(world.trigger("echoes"), {"n": 1}, id=own))
    client.runs.wait(world.run_of(client, first).id, timeout=60)
    (second,) = client.send(Event(world.trigger("echoes"), {"n": 2}, id=own))
    stored = world.eventually(lambda: client.events.get(second))
    assert second != first
    assert (stored.id, stored.data) == (own, {"n": 2})
    assert list(client.events.runs(second)) == []


def test_sessions_at_the_limits_of_the_client_are_accepted(
    world: World, client: InngestClient
) -> None:
    most = {"k" * 127 + str(number): "i" * 512 for number in range(5)}
    (event_id,) = client.send(Event(f"{world.app}/nothing", sessions=most))
    assert world.eventually(lambda: client.events.get(event_id)).data == {}


def test_rejected_event_is_reported_and_the_others_are_stored(
    world: World, client: InngestClient
) -> None:
    world.needs_release(PROPAGATED_SINCE, "propagated sessions")
    name = f"{world.app}/nothing"
    events: list[dict[str, Any]] = [
        {"name": name},
        {"name": name, **REFUSED},
        {"name": name, "data": {"n": 2}},
    ]
    with pytest.raises(PartialSendError) as caught:
        client.send(events)
    report, ids = caught.value.report, caught.value.ids
    assert (report.accepted, report.rejected, report.unknown) == (2, 1, 0)
    assert [failure.position for failure in report.failures] == [1]
    assert "session" in report.failures[0].reason
    assert ids[1] is None
    assert world.eventually(lambda: client.events.get(str(ids[2]))).data == {"n": 2}


def test_bad_request_names_the_events_stored_before_the_invalid_one(world: World) -> None:
    name = f"{world.app}/nothing"
    with world.raw() as http:
        partial = http.post(world.ingest, json=[{"name": name}, {"name": ""}, {"name": name}])
        nothing = http.post(world.ingest, json={"name": "inngest/mine"})
    assert partial.status_code == nothing.status_code == 400
    assert [len(id) for id in partial.json()["ids"]] == [26]
    assert nothing.json()["ids"] == [""], "no id is one empty id"


def test_no_events_at_all_are_accepted(world: World) -> None:
    with world.raw() as http:
        answers = [http.post(world.ingest, content=body) for body in ("[]", "")]
    assert [each.json() for each in answers] == [{"ids": [""], "status": 200}] * 2


def test_same_bytes_with_the_same_seed_are_stored_once(world: World, client: InngestClient) -> None:
    seed = f"{int(world.now().timestamp() * 1000)},{base64.b64encode(os.urandom(10)).decode()}"
    body = [{"name": world.trigger("echoes"), "data": {"n": n}} for n in range(2)]
    with world.raw() as http:
        first, second = (
            http.post(world.ingest, json=body, headers={"x-inngest-event-id-seed": seed}).json()
            for _ in range(2)
        )
    assert first == second
    for event_id in first["ids"]:
        run = world.run_of(client, event_id)
        client.runs.wait(run.id, timeout=60)
        assert [each.id for each in client.events.runs(event_id)] == [run.id]


def test_many_events_are_all_accepted_except_the_invalid_one(
    world: World, client: InngestClient
) -> None:
    world.needs_release(PROPAGATED_SINCE, "propagated sessions")
    name = f"{world.app}/nothing"
    events: list[dict[str, Any]] = [{"name": name, "data": {"n": n}} for n in range(25)]
    events[7] |= REFUSED
    report = client.send_many(events, batch_size=10, in_flight=2)
    assert (report.accepted, report.rejected, report.unknown) == (24, 1, 0)
    assert [failure.position for failure in report.failures] == [7]


def test_function_waits_for_the_time_of_its_event(world: World, client: InngestClient) -> None:
    due = world.now() + timedelta(seconds=2)
    (event_id,) = client.send(Event(world.trigger("echoes"), ts=due))
    run = client.runs.wait(world.run_of(client, event_id).id, timeout=60)
    assert run.ended_at is not None
    # The server counts milliseconds.
    assert run.ended_at > due - timedelta(milliseconds=1)
