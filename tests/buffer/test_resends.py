"""Accepted events of a file are sent once more, where a server may have lost them."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import Event, InvalidArgumentError, SendReport
from inngest_rest._core.sending.batching import Batch, BatchOutcome, Rejected, Unknown
from inngest_rest.buffer._outbox import Outbox
from inngest_rest.buffer._resends import LONGEST
from inngest_rest.buffer._schedule import Schedule
from tests.buffer.buffers import ROUTE, Make
from tests.support.peer import PATIENCE
from tests.support.server import accepts_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.support.clock import Clock
    from tests.support.server import Reply, Server

AFTER, LEASE = 30.0, 150.0

Open = Callable[..., Outbox]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def opened(path: Path, clock: Clock) -> Iterator[Open]:
    """Open the file as processes of their own would."""
    boxes: list[Outbox] = []

    def open_it(resend_after: float | None = AFTER) -> Outbox:
        schedule = Schedule(2, 1.0, clock.monotonic)
        boxes.append(
            Outbox(
                path,
                schedule,
                lambda: None,
                max_pending=100,
                lease=LEASE,
                now=clock.now,
                resend_after=resend_after,
            )
        )
        return boxes[-1]

    yield open_it
    for box in boxes:
        box.file.close()


def accept(box: Outbox, *names: str) -> None:
    """Add events, and let the server accept them."""
    for name in names:
        assert box.put(Event(name, id=name))
    while batch := box.take():
        box.settle(BatchOutcome(batch, ["internal-id"] * len(batch.positions)))


def names(batch: Batch | None) -> list[str]:
    return [] if batch is None else [event["id"] for event in batch.events()]


def kept(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        [count] = db.execute("SELECT count(*) FROM resends").fetchone()
    return int(count)


def test_accepted_events_are_due_again_after_their_time_and_are_not_pending(
    opened: Open, clock: Clock
) -> None:
    box = opened()
    accept(box, "a", "b", "c")
    assert box.pending == 0
    assert box.resend_due_in() == AFTER
    assert box.take_resends() is None
    clock.advance(AFTER)
    assert box.resend_due_in() == 0
    assert names(box.take_resends()) == ["a", "b"]
    assert names(box.take_resends()) == ["c"]
    assert box.take_resends() is None


@pytest.mark.parametrize("outcome", ["internal-id", Rejected("no")])
def test_an_event_is_sent_again_once_whatever_the_server_decides(
    opened: Open, clock: Clock, path: Path, outcome: Any
) -> None:
    box = opened()
    accept(box, "a")
    clock.advance(AFTER)
    batch = box.take_resends()
    assert batch is not None
    box.settle_resends(BatchOutcome(batch, [outcome]))
    assert box.resend_due_in() == math.inf
    assert kept(path) == 0
    assert box.dead_letters() == []


def test_an_event_without_an_answer_is_sent_again_after_a_pause(opened: Open, clock: Clock) -> None:
    box = opened()
    accept(box, "a", "b")
    clock.advance(AFTER)
    batch = box.take_resends()
    assert batch is not None
    box.settle_resends(BatchOutcome(batch, ["internal-id", Unknown("down")]))
    assert 0 < box.resend_due_in() < AFTER
    clock.advance(AFTER)
    assert names(box.take_resends()) == ["b"]


def test_events_of_a_process_that_was_killed_while_it_sent_them_are_sent_by_another(
    opened: Open, clock: Clock
) -> None:
    box = opened()
    accept(box, "a")
    clock.advance(AFTER)
    assert names(box.take_resends()) == ["a"]
    other = opened()
    assert other.take_resends() is None
    clock.advance(LEASE)
    assert names(other.take_resends()) == ["a"]


def test_events_are_not_sent_again_when_the_platform_may_have_forgotten_their_ids(
    opened: Open, clock: Clock, path: Path
) -> None:
    accept(opened(), "a")
    clock.advance(LONGEST + 1)
    assert opened().take_resends() is None
    assert kept(path) == 0


def test_a_file_with_accepted_events_is_a_file_like_any_other_to_a_buffer_without_the_setting(
    opened: Open, clock: Clock
) -> None:
    accept(opened(), "a")
    clock.advance(AFTER)
    other = opened(resend_after=None)
    accept(other, "b")
    assert other.resend_due_in() == math.inf
    assert other.take_resends() is None


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)
@pytest.mark.parametrize("store", ["file"], indirect=True)
def test_a_buffer_sends_accepted_events_again_and_reports_each_once(
    make: Make, server: Server
) -> None:
    is_sent_again = threading.Event()

    def accept_again(request: httpx.Request) -> Reply:
        is_sent_again.set()
        return accepts_all(request)

    server.on(ROUTE, accepts_all, accept_again)
    buffer = make(resend_after=timedelta(microseconds=1))
    buffer.add(Event("a", id="1"))
    assert buffer.flush(PATIENCE)
    assert is_sent_again.wait(PATIENCE)
    buffer.close(PATIENCE)
    assert [[event["id"] for event in body] for body in server.bodies()] == [["1"]] * 2
    assert buffer.report == SendReport(accepted=1)


@pytest.mark.parametrize(
    ("store", "resend_after", "reason"),
    [
        ("memory", 30, "needs a path"),
        ("file", timedelta(days=1), "at most 23 hours"),
        ("file", -1, "resend_after"),
    ],
    indirect=["store"],
)
def test_a_time_that_makes_no_sense_is_refused(make: Make, resend_after: Any, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match=reason):
        make(resend_after=resend_after)


def test_an_event_that_is_damaged_in_the_file_keeps_no_other_from_being_sent_again(
    opened: Open, clock: Clock, path: Path
) -> None:
    box = opened()
    accept(box, "a", "b")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE resends SET text = x'ff7b' WHERE seq = 1")
    clock.advance(AFTER)
    batch = box.take_resends()
    assert batch is not None
    assert names(batch) == ["b"]
    box.settle_resends(BatchOutcome(batch, ["internal-id"]))
    assert box.resend_due_in() == math.inf
