"""Stored events: list, page, get, and the runs of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from inngest_rest import BadRequestError, Event, EventDataError, EventType, NotFoundError
from tests.contract.world import UNKNOWN

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.contract.world import World


@pytest.fixture
def sent(world: World, client: InngestClient) -> tuple[str, list[str]]:
    """Send five events with a unique name; return the name and the ids, newest first."""
    name = f"{world.app}/{uuid4()}"
    ids = client.send([Event(name, {"n": n}) for n in range(5)])
    world.eventually(lambda: len(list(client.events.list(name=name))) == len(ids))
    return name, sorted(ids, reverse=True)


def test_listing_reaches_its_end_without_gap_or_repeat(
    client: InngestClient, sent: tuple[str, list[str]]
) -> None:
    name, ids = sent
    pages = list(client.events.list(name=name, page_size=2).pages())
    assert [event.internal_id for page in pages for event in page.items] == ids
    assert pages[-1].next_cursor is None


def test_listing_continues_where_a_page_ended(
    client: InngestClient, sent: tuple[str, list[str]]
) -> None:
    name, ids = sent
    cursor = client.events.list(name=name, page_size=2).page().next_cursor
    rest = client.events.list(name=name, cursor=cursor)
    assert [event.internal_id for event in rest] == ids[2:]


def test_limit_bounds_the_listing(client: InngestClient, sent: tuple[str, list[str]]) -> None:
    name, ids = sent
    listed = client.events.list(name=name, limit=3, page_size=2)
    assert [event.internal_id for event in listed] == ids[:3]


def test_window_is_by_the_time_of_receipt(
    world: World, client: InngestClient, sent: tuple[str, list[str]]
) -> None:
    name, ids = sent
    now, minute = world.now(), timedelta(minutes=1)
    inside = client.events.list(name=name, since=now - minute, until=now + minute)
    outside = client.events.list(name=name, since=now - 2 * minute, until=now - minute)
    assert [event.internal_id for event in inside] == ids
    assert list(outside) == []


@dataclass
class Refund:
    order: str
    amount: Decimal
    at: datetime
    note: bytes | None = None


def test_typed_data_is_read_back_as_it_was_sent(world: World, client: InngestClient) -> None:
    refunded = EventType(f"{world.app}/{uuid4()}", Refund)
    sent = Refund("a-1", Decimal("9.90"), datetime(2026, 11, 26, 12, 30, tzinfo=UTC), b"\x00\xff")
    (event_id,) = client.send(refunded(sent))
    (listed,) = world.eventually(lambda: list(client.events.list(name=refunded.name, as_=Refund)))
    assert listed.data == sent == client.events.get(event_id, as_=Refund).data
    client.send(Event(refunded.name, {"order": 1}))
    with pytest.raises(EventDataError) as caught:
        world.eventually(lambda: len(list(client.events.list(name=refunded.name, as_=Refund))) > 1)
    assert caught.value.event.data == {"order": 1}


def test_unknown_event_is_not_found(client: InngestClient) -> None:
    with pytest.raises(NotFoundError):
        client.events.get(UNKNOWN)


def test_idempotency_key_of_an_event_does_not_find_it(world: World, client: InngestClient) -> None:
    client.send(Event(f"{world.app}/nothing", id="mine"))
    with pytest.raises(BadRequestError):
        client.events.get("mine")


def test_event_that_starts_nothing_has_no_runs(world: World, client: InngestClient) -> None:
    (event_id,) = client.send(Event(f"{world.app}/nothing"))
    world.eventually(lambda: client.events.get(event_id))
    assert list(client.events.runs(event_id)) == []
    assert list(client.events.runs(UNKNOWN)) == []


def test_runs_of_an_event_include_its_replays(world: World, client: InngestClient) -> None:
    run = world.start_and_wait(client, "echoes")
    again = client.runs.replay(run.id)
    client.runs.wait(again, timeout=60)
    assert {each.id for each in client.events.runs(run.event_ids[0])} == {run.id, again}
