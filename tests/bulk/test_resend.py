"""Stored events sent again: under new ids that say where they come from, and twice nothing."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import Event, InngestClient, InvalidArgumentError
from inngest_rest.bulk import ActionOutcome, ActionReport
from inngest_rest_mock import MockServer, answers, completes, loses_response
from tests.support.client_kinds import Blocking

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect
    from tests.support.clock import Clock

UNKNOWN = "01M8J6HHBZEYET421PXREH86AX"


@pytest.fixture
def mock() -> MockServer:
    mock = MockServer()
    mock.function("shop", "charge", trigger="shop/order", run=completes())
    return mock


@pytest.fixture
def known_time(client: InngestClient) -> None:
    """Have the client know the server's clock, which two responses in a row tell it."""
    for _ in range(2):
        list(client.events.list())


def outcomes(report: ActionReport) -> list[str]:
    return [row.outcome.value for row in report.rows]


def pass_time(seconds: float, *clocks: Clock | MockServer) -> None:
    for each in clocks:
        each.advance(seconds)


def other_client(connect: Connect, server: MockServer) -> Any:
    """Return a client of another server, as the method takes it."""
    client: Any = connect(transport=server.transport, retries=0)
    return client.target if isinstance(client, Blocking) else client


def to_send(plan: ActionReport) -> list[str]:
    return [str(row.id) for row in plan.rows if row.outcome == "planned"]


def test_an_event_is_sent_as_it_was_under_an_id_of_the_label_and_its_own(
    client: InngestClient, mock: MockServer
) -> None:
    event = Event("shop/order", {"n": 1}, id="order-1", user={"id": "kim"}, ts=1_700_000_000_000)
    (stored,) = client.send(event)
    (row,) = client.events.resend([stored], label="fixed").rows
    again = mock.events[-1]
    assert (row.outcome, row.event_name) == ("done", "shop/order")
    assert (row.new_event_id, again.id) == (again.internal_id, f"fixed-{stored}")
    assert (again.data, again.user, again.ts) == ({"n": 1}, {"id": "kim"}, 1_700_000_000_000)
    assert len(mock.runs) == 2


def test_sending_the_same_again_runs_nothing_twice_unless_under_another_label(
    client: InngestClient, mock: MockServer
) -> None:
    stored = client.send([Event("shop/order", {"n": n}) for n in range(3)])
    done, already_sent = ActionOutcome.DONE, ActionOutcome.ALREADY_SENT
    for label, outcome, runs in (("a", done, 6), ("a", already_sent, 6), ("b", done, 9)):
        assert client.events.resend(stored, label=label).counts == {outcome: 3}
        assert len(mock.runs) == runs


def test_a_filter_selects_the_oldest_first_and_not_what_the_label_has_sent(
    client: InngestClient, mock: MockServer
) -> None:
    stored = client.send([Event("shop/order", {"n": n}) for n in range(3)])
    client.send(Event("shop/other"))
    planned = client.events.resend(name="shop/order", since=timedelta(hours=1), dry_run=True)
    assert sorted(str(row.id) for row in planned.rows) == sorted(stored)  # one time, no order
    assert [row.event_name for row in planned.rows] == ["shop/order"] * 3
    assert (outcomes(planned), len(mock.events)) == (["planned"] * 3, 4)
    some = client.events.resend(where="event.data.n == 1", dry_run=True)
    assert [row.id for row in some.rows] == stored[1:2]
    newest = client.events.resend(name="shop/order", limit=2, in_flight=1)
    assert [row.id for row in newest.rows] == stored[1:]
    assert [each.id for each in mock.events[4:]] == [f"resent-{it}" for it in stored[1:]]
    again = client.events.resend(name="shop/order", dry_run=True)
    assert to_send(again) == stored[:1]


def test_what_cannot_be_read_or_sent_is_reported_and_the_rest_is_sent(
    client: InngestClient, mock: MockServer
) -> None:
    stored = client.send([Event("shop/order"), Event("shop/order")])
    mock.fault(answers(400, {"error": "no", "ids": [""]}), operation="send_events")
    report = client.events.resend([UNKNOWN, *stored], in_flight=1)
    assert outcomes(report) == ["not_found", "failed", "done"]
    assert [row.new_event_id for row in report.rows] == [None, None, mock.events[-1].internal_id]


def test_it_goes_to_another_client_with_connections_of_its_own(
    connect: Connect, client: InngestClient, mock: MockServer
) -> None:
    staging = MockServer()
    other = other_client(connect, staging)
    stored = client.send([Event("shop/order", {"n": n}) for n in range(2)])
    staging.fault(answers(400, {"error": "no", "ids": [""]}), operation="send_events", after=1)
    report = client.events.resend(stored, to=other, in_flight=1)
    assert (outcomes(report), len(mock.events)) == (["done", "failed"], 2)
    assert [each.id for each in staging.events] == [f"resent-{stored[0]}"]


def test_it_goes_to_another_environment_of_the_server(
    client: InngestClient, mock: MockServer
) -> None:
    stored = client.send(Event("shop/order"))
    client.events.resend(stored, to="preview")
    *_, read, sent = mock.requests
    assert "x-inngest-env" not in read.headers
    assert sent.headers["x-inngest-env"] == "preview"


def test_an_interrupted_call_is_continued_from_its_file_and_sends_nothing_twice(
    client: InngestClient, mock: MockServer, tmp_path: Path
) -> None:
    path = tmp_path / "resent"
    stored = client.send([Event("shop/order", {"n": n}) for n in range(3)])
    mock.fault(loses_response(httpx.ReadTimeout), operation="send_events", after=1)
    first = client.events.resend(stored, report_path=path, in_flight=1)
    assert outcomes(first) == ["done", "unknown", "done"]
    with pytest.raises(InvalidArgumentError, match="with label 'resent', not 'other'"):
        client.events.resend(stored, report_path=path, label="other")
    assert outcomes(client.events.resend(stored, report_path=path)) == ["done"] * 3
    assert len(mock.runs) == 6


def test_an_event_is_sent_under_one_id_however_its_own_is_written(
    client: InngestClient, mock: MockServer
) -> None:
    (stored,) = client.send(Event("shop/order"))
    client.events.resend([stored, stored.lower()])
    client.events.resend([stored.lower()])
    assert {each.id for each in mock.events[1:]} == {f"resent-{stored}"}
    assert len(mock.runs) == 2


def test_a_filter_selects_an_event_once_though_another_label_has_sent_it(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    stored = client.send([Event("shop/order", {"n": n}, id=f"o-{n}") for n in range(2)])
    for label in "ab":
        clock.advance(1)  # which their internal ids are of
        client.events.resend(stored, label=label)
    planned = client.events.resend(name="shop/order", label="c", dry_run=True)
    assert sorted(to_send(planned)) == sorted(stored)  # one time, no order
    pass_time(60, clock, mock)
    client.send(Event("shop/order", {"n": 2}))
    for label in "de":
        client.events.resend(stored[:1], label=label)
    copies = client.events.resend(since=timedelta(seconds=30), label="f", dry_run=True)
    sent = {each.internal_id: (each.data or {})["n"] for each in mock.events}
    assert sorted(sent[id] for id in to_send(copies)) == [0, 2]
    (other,) = (row for row in copies.rows if row.outcome == "already_sent")
    assert str(other.reason).startswith(f"it is a copy of event {stored[0]}: event ")


def test_ids_that_only_look_like_those_of_copies_are_of_events_of_their_own(
    client: InngestClient, mock: MockServer
) -> None:
    given: dict[str, Any] = {"name": "shop/order", "data": {"n": 1}, "ts": 1_700_000_000_000}
    (first,) = client.send({**given, "data": {"n": 2}})
    own = [
        "resent-1",
        "resent-2",
        *(f"reminder-{n}-{UNKNOWN}" for n in (1, 2)),
        f"resent-{UNKNOWN}",
    ]
    own += [f"a-{first}"]  # of an event that exists, but has other data
    stored = client.send({**given, "id": id} for id in own)
    report = client.events.resend(name="shop/order")
    assert report.counts == {ActionOutcome.DONE: 7}
    assert {row.id for row in report.rows} == {first, *stored}
    assert len(mock.runs) == 14


def test_what_the_label_has_sent_is_told_and_not_sent_again(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    stored = client.send([Event("shop/order", {"n": n}) for n in range(2)])
    pass_time(60, clock, mock)
    (copy,) = [row.new_event_id for row in client.events.resend(stored[:1]).rows]
    report = client.events.resend(name="shop/order")
    told = {row.id: (str(row.outcome), row.reason) for row in report.rows}
    assert told == {
        stored[0]: ("already_sent", f"this label has sent it, as event {copy}"),
        copy: ("already_sent", f"it is the copy of event {stored[0]} that this label has sent"),
        stored[1]: ("done", None),
    }
    pass_time(120, clock, mock)
    client.send(Event("shop/order", {"n": 3}))
    later = client.events.resend(since=timedelta(minutes=2, seconds=30), dry_run=True)
    assert (len(later.rows), len(to_send(later))) == (3, 1)
    assert len(mock.runs) == 5


def test_what_the_other_server_has_had_is_told_and_not_sent_again(
    client: InngestClient, connect: Connect
) -> None:
    there = MockServer()
    other = other_client(connect, there)
    first, second = client.send([Event("shop/order", {"n": n}) for n in range(2)])
    client.events.resend([first], to=other)
    report = client.events.resend([first, second], to=other, dry_run=True)
    assert outcomes(report) == ["already_sent", "planned"]
    (copy,) = there.events
    assert report.rows[0].reason == f"this label has sent it, as event {copy.internal_id}"
    assert outcomes(client.events.resend([first, second], to=other)) == ["already_sent", "done"]
    assert len(there.events) == 2


def test_what_was_sent_outside_the_window_of_a_filter_is_told(
    client: InngestClient, mock: MockServer
) -> None:
    client.send(Event("shop/order"))
    mock.advance(60)
    window: dict[str, Any] = {"since": timedelta(hours=1), "until": timedelta(seconds=30)}
    assert outcomes(client.events.resend(**window)) == ["done"]
    assert outcomes(client.events.resend(**window)) == ["already_sent"]


def test_where_events_cannot_be_read_all_are_sent(client: InngestClient, connect: Connect) -> None:
    there = MockServer()
    other = other_client(connect, there)
    (stored,) = client.send(Event("shop/order"))
    for _ in range(2):
        there.fault(answers(403, {"error": "no"}), operation="list_events_v1", times=1)
        assert outcomes(client.events.resend([stored], to=other)) == ["done"]


def test_copies_of_copies_are_of_the_family_of_the_first(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    (stored,) = client.send([Event("shop/order", {"n": 1})])
    last = stored
    for label in "abc":
        pass_time(60, clock, mock)
        last = client.events.resend([last], label=label).rows[0].new_event_id or ""
    for since, rows in ((timedelta(hours=1), 4), (timedelta(minutes=1, seconds=30), 2)):
        plan = client.events.resend(since=since, label="d", dry_run=True)
        assert (len(plan.rows), len(to_send(plan))) == (rows, 1)
        others = [str(row.reason) for row in plan.rows if row.outcome == "already_sent"]
        assert all(f"a copy of event {stored}: event " in each for each in others)


def test_a_limit_counts_events_and_not_their_copies(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    stored = client.send([Event("shop/order", {"n": n}) for n in range(70)])
    pass_time(60, clock, mock)
    client.events.resend(stored[10:], label="a")
    plan = client.events.resend(name="shop/order", label="b", limit=65, dry_run=True)
    assert len(to_send(plan)) == 65
    assert set(to_send(plan)) < set(stored)
    again = client.events.resend(name="shop/order", label="a", limit=5, dry_run=True)
    assert len(to_send(again)) == 5
    assert set(to_send(again)) < set(stored[:10])


def test_elsewhere_a_label_has_sent_nothing_of_what_is_listed_here(
    connect: Connect, client: InngestClient, mock: MockServer
) -> None:
    other = other_client(connect, MockServer())
    client.events.resend(client.send([Event("shop/order")]))
    report = client.events.resend(name="shop/order", to=other)
    assert sorted(outcomes(report)) == ["already_sent", "done"]
    assert len(mock.events) == 2


def test_what_is_kept_of_listed_events_does_not_grow_with_their_data(client: InngestClient) -> None:
    client.send([Event("shop/order", {"text": "x" * 40_000, "n": n}) for n in range(400)])
    peaks: list[int] = []
    tracemalloc.start()
    try:
        client.events.resend(
            name="shop/order",
            dry_run=True,
            on_result=lambda _: peaks.append(tracemalloc.get_traced_memory()[1]),
        )
    finally:
        tracemalloc.stop()
    assert peaks[0] < 20_000_000, "a page of events, some times over; all of them have 16 MB"


@pytest.mark.usefixtures("known_time")
def test_what_may_have_been_sent_a_day_ago_is_not_sent_again(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    stored = client.send(Event("shop/order"))
    fault = mock.fault(loses_response(httpx.ReadTimeout), operation="send_events")
    lost = client.events.resend(stored)
    pass_time(23.5 * 3_600, clock, mock)
    for _ in range(2):
        (row,) = client.events.resend(resume=lost).rows
        assert (row.outcome, row.requested_at) == ("unknown", lost.rows[0].requested_at)
        assert "not sent again" in str(row.reason)
    assert (fault.hits, len(mock.events)) == (1, 2)


@pytest.mark.usefixtures("known_time")
def test_a_dry_run_does_not_call_planned_what_may_have_been_sent(
    client: InngestClient, mock: MockServer
) -> None:
    stored = client.send(Event("shop/order"))
    mock.fault(loses_response(httpx.ReadTimeout), operation="send_events")
    lost = client.events.resend(stored)
    assert client.events.resend(resume=lost, dry_run=True) == lost
    assert outcomes(client.events.resend(resume=lost)) == ["done"]


def test_an_event_of_the_platform_is_refused_by_a_dry_run_as_well(
    client: InngestClient, mock: MockServer
) -> None:
    event = {"internal_id": UNKNOWN, "name": "inngest/function.failed", "data": {}}
    mock.fault(answers(200, {"data": event}), times=2, operation="get_event_v1")
    for dry_run in (True, False):
        (row,) = client.events.resend([UNKNOWN], dry_run=dry_run).rows
        assert (row.outcome, "inngest/" in str(row.reason)) == ("refused", True)
    mock.fault(answers(200, {"data": [event]}), operation="list_events_v1")
    assert client.events.resend(since=timedelta(1), dry_run=True).rows == ()


def test_a_limit_bounds_what_is_resumed(client: InngestClient, mock: MockServer) -> None:
    plan = client.events.resend(client.send([Event("shop/order")] * 2), dry_run=True)
    assert outcomes(client.events.resend(resume=plan, limit=1)) == ["done", "planned"]
    assert len(mock.events) == 3


def test_a_plan_is_bound_to_its_label_and_where_it_goes(client: InngestClient) -> None:
    plan = client.events.resend(client.send(Event("shop/order")), label="a", dry_run=True)
    for other in ({}, {"label": "a", "to": "preview"}):
        with pytest.raises(InvalidArgumentError, match="pass the same label and to"):
            client.events.resend(resume=plan, **other)  # type: ignore[arg-type]
    assert outcomes(client.events.resend(resume=plan, label="a")) == ["done"]


@pytest.mark.parametrize("damage", [{"selection": {"label": "\ud800"}}, {"action": "\ud800"}])
def test_a_plan_with_text_that_is_no_unicode_is_refused_in_a_sentence_that_can_be_printed(
    client: InngestClient, damage: dict[str, Any]
) -> None:
    plan = client.events.resend([UNKNOWN], dry_run=True)
    with pytest.raises(InvalidArgumentError, match="resume is a damaged report: ") as caught:
        client.events.resend(resume=ActionReport.from_dict({**plan.to_dict(), **damage}))
    assert str(caught.value).isascii()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing selects events: pass ids, or a filter"),
        ({"ids": [UNKNOWN], "name": "shop/order"}, "ids and name exclude each other"),
        ({"ids": ["order-1"]}, r"ids\[0\] is not an internal id"),
        ({"ids": [UNKNOWN], "to": 1}, "to must be a client of the same kind"),
        ({"ids": [UNKNOWN], "label": "a/b"}, "label is malformed"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_read(
    client: InngestClient, mock: MockServer, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        client.events.resend(**arguments)
    assert not mock.requests
