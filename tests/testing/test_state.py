"""Ids, times, clock and the live views a test looks at."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from inngest_rest.testing import MockServer
from inngest_rest.testing._ids import UlidFactory, parse_ulid, ulid
from inngest_rest.testing._log import Log
from inngest_rest.testing._routing import HANDLERS, OPERATION_NAMES, UNDOCUMENTED
from inngest_rest.testing._times import parse_any_time, v1_time, v2_time
from inngest_rest_api.api import OPERATIONS

if TYPE_CHECKING:
    import httpx

NS = 1_795_543_200 * 10**9


@pytest.mark.parametrize(
    ("ns", "v1", "v2"),
    [
        (0, "", ""),
        (777 * 10**6, ".777", ".777"),
        (921_142_877, ".921142877", ".921142877"),
        (653_241_700, ".6532417", ".653241700"),
        (500_000_000, ".5", ".500"),
        (1_000, ".000001", ".000001"),
        (1, ".000000001", ".000000001"),
    ],
)
def test_times_are_written_as_each_family_does(ns: int, v1: str, v2: str) -> None:
    assert v1_time(NS + ns) == f"2026-11-24T18:00:00{v1}Z"
    assert v2_time(NS + ns) == f"2026-11-24T18:00:00{v2}Z"
    assert parse_any_time(v2_time(NS + ns)) == parse_any_time(v1_time(NS + ns)) == NS + ns


def test_ulids_rise_even_within_a_millisecond_and_when_the_clock_goes_back() -> None:
    factory = UlidFactory()
    times = [NS, NS, NS + 10**6, NS - 10**9, NS + 10**9]
    made = [factory.next(ns) for ns in times]
    assert made == sorted(set(made))
    assert made[0].startswith("01M87BDW80"), "the first ten characters are the time"


def test_ulid_encodes_all_its_bits() -> None:
    assert ulid(2**48 - 1, 2**80 - 1) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
    assert ulid(0, 1) == "0" * 25 + "1"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("01hzzzzzzzzzzzzzzzzzzzzzzz", "01HZZZZZZZZZZZZZZZZZZZZZZZ"),
        ("not-a-ulid-but-26-chars-ok", None),
        ("0ot-a-ulid-but-26-chars-ok", "0OT-A-ULID-BUT-26-CHARS-OK"),
        ("8ZZZZZZZZZZZZZZZZZZZZZZZZZ", None),
        ("nope", None),
        ("", None),
    ],
)
def test_ulid_is_judged_by_length_and_first_character(text: str, parsed: str | None) -> None:
    assert parse_ulid(text) == parsed


def test_clock_follows_the_wall_and_moves_forward_only() -> None:
    wall = [NS]
    mock = MockServer(clock=lambda: wall[0])
    mock.advance(timedelta(days=1, microseconds=1))
    assert mock.now == datetime(2026, 11, 25, 18, 0, 0, 1, tzinfo=UTC)
    wall[0] -= 10**12
    assert mock.now == datetime(2026, 11, 25, 18, 0, 0, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="forward"):
        mock.advance(timedelta(microseconds=-1))


def test_default_clock_is_the_wall_clock() -> None:
    assert abs(MockServer().now.timestamp() - time.time()) < 60


def test_views_are_live_read_only_sequences(client: httpx.Client, mock: MockServer) -> None:
    events, runs, requests = mock.events, mock.runs, mock.requests
    client.post("/e/k", json=[{"name": "app/ok", "data": {"i": i}} for i in range(3)])
    assert (len(events), len(runs), len(requests)) == (3, 3, 1)
    assert [event.data for event in events[1:]] == [{"i": 1}, {"i": 2}]
    assert events[-1] in events
    assert repr(requests).startswith("[MockRequest(method='POST', path='/e/k'")
    untyped: Any = events
    with pytest.raises(TypeError):
        untyped[0] = None
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        untyped[0].name = "other"


def test_records_tell_what_happened(client: httpx.Client, mock: MockServer) -> None:
    event = {"name": "app/slow", "id": "own", "user": {"id": 1}, "v": "2"}
    client.post("/e/key", json=event, headers={"X-Thing": "1"})
    (stored,), (run,), (request,) = mock.events, mock.runs, mock.requests
    assert (stored.id, stored.user, stored.v, stored.received_at) == (
        "own",
        {"id": 1},
        "2",
        mock.now,
    )
    assert (run.app_id, run.function_id, run.event_id) == (
        "probe-app",
        "slow",
        stored.internal_id,
    )
    assert (run.status, run.queued_at, run.started_at, run.ended_at) == (
        "running",
        mock.now,
        mock.now,
        None,
    )
    assert (request.method, request.operation, request.status) == ("POST", "send_events", 200)
    assert (request.headers["x-thing"], request.json()) == ("1", event)
    client.get("/nope")
    assert mock.requests[-1].operation is None


def test_looking_at_the_events_copies_nothing() -> None:
    log: Log[int] = Log()
    for number in range(200_000):
        log.add(f"{number:09d}", number)
    started = time.perf_counter()
    for index in range(0, 200_000, 20):
        assert log.view()[index] == index
    assert next(log.newest_first("000000500")) == 499
    assert time.perf_counter() - started < 5, "10,000 looks at 200,000 records"


def test_function_needs_names_and_exists_once(mock: MockServer) -> None:
    for app, id in (("probe-app", "ok"), ("", "x"), ("x", "")):
        with pytest.raises(ValueError, match=r"exists|need a name"):
            mock.function(app, id)


def test_every_operation_of_the_document_has_a_handler() -> None:
    assert len(HANDLERS) == len(OPERATIONS) + len(UNDOCUMENTED)
    assert {operation.name for operation in OPERATIONS} <= set(OPERATION_NAMES.values())
