"""Summaries: counts, times and errors of many runs, of which lists have no start."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, InvalidArgumentError, RunError
from inngest_rest._local.run_errors import normalized_error
from inngest_rest.summary import Percentiles
from inngest_rest_mock import MockServer, fails
from tests.support.run_lists import BEGAN, Listed, RunLists, id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest.summary import RunGroup, RunSummary
    from tests.conftest import Connect

    Summarize = Callable[..., tuple[RunSummary, RunLists]]

STATUSES = ["COMPLETED", "COMPLETED", "FAILED", "CANCELLED", "RUNNING", "QUEUED"]


def mixed(place: int) -> Listed:
    """Return a run: one function waits for long and runs for a moment, the other runs for long."""
    slow, status = place % 2 == 1, STATUSES[place // 2 % len(STATUSES)]
    return Listed(
        "slow" if slow else "queued",
        status,
        waiting=1.0 if slow else 80.0 + place / 100,
        running=60.0 + place / 100 if slow else 2.0,
        error=f'card "{place}" of {1_000 + place} was declined' if status == "FAILED" else "",
        queued_at=BEGAN + timedelta(seconds=place),
    )


@pytest.fixture
def summarize(connect: Connect) -> Summarize:
    def summarize(
        make: Callable[[int], Listed] = mixed, count: int = 240, **arguments: Any
    ) -> tuple[RunSummary, RunLists]:
        lists = RunLists(count, make)
        return connect(transport=lists).runs.summary(**arguments), lists

    return summarize


def by_name(summary: RunSummary) -> dict[str, RunGroup]:
    return {group.name: group for group in summary.groups}


def gets(lists: RunLists) -> list[str]:
    return [path.rpartition("/")[2] for path in lists.asked if path != "/v2/runs"]


def test_a_group_has_its_counts_its_oldest_open_run_and_the_share_that_failed(
    summarize: Summarize,
) -> None:
    summary, _ = summarize()
    assert (summary.by, summary.runs) == ("function", 240)
    group = by_name(summary)["shop/slow"]
    assert group.counts == {
        "cancelled": 20,
        "completed": 40,
        "failed": 20,
        "queued": 20,
        "running": 20,
    }
    assert group.failure_rate == round(20 / 60, 4)
    assert group.oldest_open == id_of(9, mixed(9))


def test_what_lists_tell_of_times_is_called_the_total_and_nothing_else(
    summarize: Summarize,
) -> None:
    summary, lists = summarize()
    assert gets(lists) == []
    assert [set(group.times) for group in summary.groups] == [{"total"}, {"total"}]
    more = "`exact` gets 120 runs, for waiting and running"
    assert summary.notes == (f"Times are totals: {more}.",)


def test_a_summary_of_one_run_does_not_speak_of_several(summarize: Summarize) -> None:
    summary, _ = summarize(lambda _: Listed(running=2.0), 1)
    more = "`exact` gets 1 run, for waiting and running"
    assert summary.notes == (f"Times are totals: {more}.",)


def test_exact_tells_the_function_that_waits_from_the_one_that_runs(summarize: Summarize) -> None:
    summary, lists = summarize(exact=True)
    assert len(gets(lists)) == 120
    queued, slow = (by_name(summary)[f"shop/{name}"] for name in ("queued", "slow"))
    assert queued.times["running"].p95.total_seconds() == 2.0
    assert queued.times["waiting"].p50.total_seconds() == pytest.approx(81.2, rel=0.02)
    assert slow.times["waiting"].p95.total_seconds() == 1.0
    assert slow.times["running"].p50.total_seconds() == pytest.approx(61.2, rel=0.02)
    # It ran for the longest time, though others waited and ran for longer.
    longest = max(at for at in range(1, 240, 2) if mixed(at).status in {"COMPLETED", "FAILED"})
    assert slow.longest == id_of(longest, mixed(longest))
    assert summary.notes == ("Got 120 of 120 runs one by one.",)


def test_the_longest_run_is_by_the_total_and_of_an_exact_summary_by_the_time_that_it_ran(
    summarize: Summarize,
) -> None:
    def make(place: int) -> Listed:
        return Listed(waiting=100.0 - place, running=1.0 + place / 2)

    for arguments, longest in ({}, 0), ({"exact": True}, 3):
        (group,) = summarize(make, 4, **arguments)[0].groups
        assert group.longest == id_of(longest, make(longest))


def test_a_run_that_is_gone_when_it_is_got_is_counted_without_its_start(connect: Connect) -> None:
    lists = RunLists(3, lambda _: Listed(running=2.0))
    lists.gone = {id_of(1, Listed())}
    summary = connect(transport=lists).runs.summary(exact=True)
    assert summary.runs == 3
    assert summary.notes == ("Got 2 of 3 runs one by one.",)


def test_a_group_in_which_no_run_has_completed_or_failed_has_no_failure_rate(
    summarize: Summarize,
) -> None:
    (group,) = summarize(lambda _: Listed(status="RUNNING"), 2)[0].groups
    assert (group.failure_rate, group.times, group.longest) == (None, {}, None)


def test_errors_that_differ_in_ids_and_numbers_are_one_error_of_a_function(
    summarize: Summarize,
) -> None:
    summary, lists = summarize(limit=200)
    for group in summary.groups:
        (error,) = group.errors
        assert error.message == 'Error: card "…" of # was declined'
        assert error.runs == group.counts["failed"]
        assert error.functions == {group.name: error.runs}
    assert lists.asked == ["/v2/runs"] * 2


def test_outputs_are_not_read_of_runs_that_cannot_have_failed(summarize: Summarize) -> None:
    for status, expected in ("completed", None), ("failed", "true"):
        _, lists = summarize(status=status)
        assert {it.get("includeOutput") for it in lists.queries} == {expected}


def test_runs_that_are_selected_by_their_errors_are_listed_once(summarize: Summarize) -> None:
    summary, lists = summarize(error_contains="of 1100 was")
    assert [(group.name, group.counts) for group in summary.groups] == [
        ("shop/queued", {"failed": 1})
    ]
    assert summary.groups[0].errors[0].runs == 1
    assert lists.asked == ["/v2/runs"]
    assert summary.notes[0].startswith("Searched runs with status='failed', error_contains=")
    assert summarize(where='run.function_id == "slow"')[1].asked == ["/v2/runs"] * 3


def test_errors_that_a_list_of_v1_has_are_not_asked_for_again(connect: Connect) -> None:
    mock = MockServer(release="1.30", v1_routes=True)
    mock.function("shop", "ship", trigger="order/placed", run=fails("no stock"))
    client = connect(transport=mock.transport)
    client.send({"name": "order/placed"})
    (group,) = client.runs.summary().groups
    assert group.errors[0].message == "NonRetriableError: no stock"
    assert len(group.name) == 36, "lists of v1 have no other id of a function"
    listed = [it.query for it in mock.requests if it.path == "/v1/runs"]
    assert ["cursor" in each for each in listed] == [False, True]  # and behind a short page


def test_by_error_only_failed_runs_are_listed(summarize: Summarize) -> None:
    summary, _ = summarize(by="error")
    (group,) = summary.groups
    assert (group.name, group.counts) == ('Error: card "…" of # was declined', {"failed": 40})
    assert group.errors[0].runs == 40
    assert group.errors[0].functions == {"shop/queued": 20, "shop/slow": 20}
    newest = [id_of(place, mixed(place)) for place in reversed(range(240)) if place // 2 % 6 == 2]
    assert group.errors[0].run_ids == tuple(newest[:10])
    summary, _ = summarize(by="error", status=["completed", "failed"])
    assert by_name(summary)["no error"].counts == {"completed": 80}


def test_an_error_that_all_its_runs_share_is_told_as_it_is(summarize: Summarize) -> None:
    def make(place: int) -> Listed:
        return Listed("charge" if place else "mail", "FAILED", error='code 17 of "x"')

    (group,) = summarize(make, 3, by="error")[0].groups
    assert group.name == group.errors[0].message == 'Error: code 17 of "x"'
    assert group.errors[0].functions == {"shop/charge": 2, "shop/mail": 1}


def test_groups_are_in_the_order_of_their_failures(summarize: Summarize) -> None:
    def make(place: int) -> Listed:
        function = place // 10
        return Listed(f"f{function}", "FAILED" if place % 10 < function else "COMPLETED")

    summary, _ = summarize(make, 40)
    assert [group.name for group in summary.groups] == [f"shop/f{each}" for each in (3, 2, 1, 0)]


def test_a_run_of_no_known_function_is_counted_as_unknown(summarize: Summarize) -> None:
    summary, _ = summarize(lambda _: Listed("", app=""), 1)
    assert summary.groups[0].name == "unknown"


def test_runs_of_more_than_200_groups_are_counted_together_at_the_end(
    summarize: Summarize,
) -> None:
    summary, _ = summarize(
        lambda place: Listed(f"f{place % 250}", "FAILED" if place % 250 < 50 else "COMPLETED"), 500
    )
    assert summary.runs == 500
    assert len(summary.groups) == 201
    assert (summary.groups[-1].name, summary.groups[-1].counts) == ("(other)", {"failed": 100})


def test_a_group_counts_fifty_errors_and_the_others_together(summarize: Summarize) -> None:
    words = ["".join(pair) for pair in product("abcdefgh", repeat=2)]
    summary, _ = summarize(lambda place: Listed(status="FAILED", error=words[place]), 64)
    (group,) = summary.groups
    assert (group.errors[0].runs, group.errors[0].message) == (14, "(other)")
    assert len(group.errors) == 5


def test_a_summary_stops_at_its_limit_and_says_so(summarize: Summarize) -> None:
    summary, _ = summarize(limit=150)
    assert summary.runs == 150
    assert summary.notes[0] == "Stopped at the limit of 150 runs; older ones are not counted."
    assert "Stopped" not in summarize(limit=240)[0].notes[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "funtcion"}, "by is 'funtcion'; did you mean 'function'"),
        ({"by": "hour"}, "by is 'hour'; valid values: function, error, event.data.NAME"),
        ({"by": "function,error"}, "by takes one grouping, not 'function,error': function, error"),
        ({"limit": 0}, "limit must be a positive integer"),
        ({"by": "event.date"}, "did you mean .data"),
        ({"by": "event.data..x"}, "must name fields"),
        ({"by": "event.data.x", "exact": True}, "exact reads each run"),
    ],
)
def test_what_is_malformed_is_refused_before_anything_is_sent(
    arguments: dict[str, Any], message: str, connect: Connect
) -> None:
    lists = RunLists(1, mixed)
    with pytest.raises(InvalidArgumentError, match=message):
        connect(transport=lists).runs.summary(**arguments)
    assert lists.asked == []


@pytest.mark.parametrize(
    ("times", "p50", "p95"),
    [([7.0], 7.0, 7.0), ([1.0, 2.0], 1.5, 1.95), ([float(n) for n in range(1, 102)], 51.0, 96.0)],
)
def test_percentiles_are_those_of_python_s_statistics(
    times: list[float], p50: float, p95: float, summarize: Summarize
) -> None:
    (group,) = summarize(lambda place: Listed(running=times[place]), len(times))[0].groups
    found = group.times["total"]
    assert (found.p50.total_seconds(), found.p95.total_seconds()) == pytest.approx((p50, p95))


def test_a_run_that_ended_before_it_was_queued_took_no_time(summarize: Summarize) -> None:
    (group,) = summarize(lambda _: Listed(running=-1.0), 1)[0].groups
    assert group.times["total"] == Percentiles(timedelta(0), timedelta(0))


def test_figures_have_labels_in_json(summarize: Summarize) -> None:
    summary, _ = summarize()
    group = json.loads(summary.to_json())["groups"][0]
    assert group["times"]["total"].keys() == {"p50", "p95"}
    assert group["errors"][0].keys() == {"runs", "message", "functions", "run_ids"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("timeout after 1500ms", "timeout after #ms"),
        ("HTTP 503 from 10.0.0.1:5432", "HTTP # from #"),
        ("no order ord_17", "no order ord_#"),
        ("no order ord_1234567", "no order ord_#"),
        ("run 01K9V2D6N9P1R7Z4W8X3Y5A0BC is gone", "run # is gone"),
        ("key 0d4a3f9e-6c1b-4a57-9a0e-5a1f2b7c8d90 is used", "key # is used"),
        ("sha da39a3ee5e6b4b0d3255bfef", "sha #"),
        ("don't read 'a b' or \"c\" or `d`", 'don\'t read "…" or "…" or "…"'),
        ("s3 upload of v2 failed", "s3 upload of v2 failed"),
        ("order F1-17 and J3-a-00018 are gone", "order # and # are gone"),
        ("s3-upload of sha256-sums on eu-1", "s3-upload of sha256-sums on eu-#"),
        ("first\nsecond 1", "first"),
        ("", "an error without a message"),
    ],
)
def test_a_message_is_without_what_varies(message: str, expected: str) -> None:
    assert normalized_error(RunError(None, message)) == expected


def test_a_long_or_hostile_message_is_cut() -> None:
    message = "".join(each * 20_000 for each in ("'", "1a", " a1", "a1-b", "a"))
    assert len(normalized_error(RunError("E", message))) <= 160


def orders(mock: MockServer, customers: list[str | None]) -> None:
    """Send an order of each customer; those of "bad" fail."""

    def charge(event: Any) -> Any:
        if event.data["by"] == {"customer": "bad"}:
            raise ValueError("declined")
        return {}

    mock.function("shop", "charge", trigger="order/placed", run=charge)
    mock.function("shop", "mail", trigger="order/placed", run=charge)
    with InngestClient(dev=True, transport=mock.transport) as client:
        for customer in customers:
            data = {"by": {"customer": customer}} if customer else {"by": "nobody"}
            client.send({"name": "order/placed", "data": data})
    mock.advance(60)


def test_runs_are_grouped_by_a_field_of_their_event_which_is_read_once(connect: Connect) -> None:
    mock = MockServer()
    orders(mock, ["good", "bad", None, "bad"])
    client = connect(transport=mock.transport)
    before = len(mock.requests)
    summary = client.runs.summary(by="event.data.by.customer")
    groups = by_name(summary)
    assert [group.name for group in summary.groups] == ['"bad"', '"good"', "(no such field)"]
    assert groups['"bad"'].counts == {"failed": 4}
    assert [error.runs for error in groups['"bad"'].errors] == [4]
    assert groups['"good"'].counts == groups["(no such field)"].counts == {"completed": 2}
    failed = sorted((run.id for run in mock.runs if run.status == "failed"), reverse=True)
    assert groups['"bad"'].errors[0].run_ids == tuple(failed)
    assert groups['"bad"'].errors[0].functions == {"shop/charge": 2, "shop/mail": 2}
    asked = Counter(request.operation for request in mock.requests[before:])
    assert asked == {"list_runs_v2": 1, "get_event_v1": 4}
    assert summary.notes == ("Read 4 events, a request each; of a batch, the first one.",)


def test_values_of_different_types_and_what_is_no_value_are_groups_apart(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inngest_rest.summary._summarize._MAX_EVENTS", 9)
    values = ["1", 1, "true", True, "", None, "null", "(event not read)"]
    mock = MockServer()
    mock.function("shop", "charge", trigger="order/placed")
    with InngestClient(dev=True, transport=mock.transport) as producer:
        for data in ({"x": "beyond"}, {}, *({"x": value} for value in values)):
            producer.send({"name": "order/placed", "data": data})
            mock.advance(1)
    groups = by_name(connect(transport=mock.transport).runs.summary(by="event.data.x"))
    names = [*map(json.dumps, values), "(no such field)", "(event not read)"]
    assert sorted(groups) == sorted(names)
    assert all(group.counts == {"completed": 1} for group in groups.values())


def test_long_values_of_a_field_are_shortened_and_stay_apart(connect: Connect) -> None:
    mock = MockServer()
    orders(mock, ["x" * 500 + "1", "x" * 500 + "2", "x" * 118])
    summary = connect(transport=mock.transport).runs.summary(by="event.data.by.customer")
    names = [group.name for group in summary.groups]
    assert len(set(names)) == 3
    assert f'"{"x" * 118}"' in names
    assert all(len(name) == 120 for name in names)


def test_groups_of_a_field_are_bounded_and_the_rest_is_another(connect: Connect) -> None:
    mock = MockServer()
    orders(mock, [f"c-{n}" for n in range(210)])
    summary = connect(transport=mock.transport).runs.summary(by="event.data.by.customer")
    assert len(summary.groups) == 201
    assert summary.groups[-1].name == "(other)"
    assert summary.runs == 420


def test_an_event_that_is_gone_or_beyond_the_bound_is_not_read_but_its_runs_are_counted(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock = MockServer()
    orders(mock, ["a", "b", "c"])
    monkeypatch.setattr("inngest_rest.summary._summarize._MAX_EVENTS", 2)
    summary = connect(transport=mock.transport).runs.summary(by="event.data.by.customer")
    assert by_name(summary)["(event not read)"].counts == {"completed": 2}
    assert summary.runs == 6
    assert any(note.startswith('"(event not read)": the event is') for note in summary.notes)
