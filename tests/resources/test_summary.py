"""Summaries: counts, times and errors of many runs, of which lists have no start."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from datetime import timedelta, timezone
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, InvalidArgumentError, Run, RunError, RunStatus
from inngest_rest._operations.summary.error_messages import normalized_error
from inngest_rest._operations.summary.quantiles import QuantileSketch
from inngest_rest.testing import MockServer, fails
from tests.support.run_lists import BEGAN, Listed, RunLists, id_of
from tests.support.server_with_history import percentile

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import RunGroup, RunSummary
    from tests.conftest import Connect
    from tests.support.clock import Clock

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
    more = "`exact` gets 120 runs one by one and adds waiting and running"
    assert summary.notes == (f"Lists have no start times: {more}.",)


def test_a_summary_of_one_run_does_not_speak_of_several(summarize: Summarize) -> None:
    summary, _ = summarize(lambda _: Listed(running=2.0), 1)
    more = "`exact` gets 1 run and adds waiting and running"
    assert summary.notes == (f"Lists have no start times: {more}.",)


def test_exact_tells_the_function_that_waits_from_the_one_that_runs(summarize: Summarize) -> None:
    summary, lists = summarize(exact=True)
    assert len(gets(lists)) == 120
    queued, slow = (by_name(summary)[f"shop/{name}"] for name in ("queued", "slow"))
    assert queued.times["running"].p95.total_seconds() == pytest.approx(2.0, rel=0.011)
    assert queued.times["waiting"].p50.total_seconds() == pytest.approx(81.2, rel=0.02)
    assert slow.times["waiting"].p95.total_seconds() == pytest.approx(1.0, rel=0.011)
    assert slow.times["running"].p50.total_seconds() == pytest.approx(61.2, rel=0.02)
    # It ran for the longest time, though others waited and ran for longer.
    longest = max(at for at in range(1, 240, 2) if mixed(at).status in {"COMPLETED", "FAILED"})
    assert slow.longest == id_of(longest, mixed(longest))
    assert re.fullmatch(r"Got 120 of 120 runs one by one in [\d.]+ s\.", summary.notes[0])


def test_the_longest_run_is_by_the_total_and_of_an_exact_summary_by_the_time_that_it_ran(
    summarize: Summarize,
) -> None:
    def make(place: int) -> Listed:
        return Listed(waiting=100.0 - place, running=1.0 + place / 2)

    for arguments, longest in ({}, 0), ({"sample": 4}, 0), ({"exact": True}, 3):
        (group,) = summarize(make, 4, **arguments)[0].groups
        assert group.longest == id_of(longest, make(longest))


def test_a_run_that_is_gone_when_it_is_got_is_counted_without_its_start(connect: Connect) -> None:
    lists = RunLists(3, lambda _: Listed(running=2.0))
    lists.gone = {id_of(1, Listed())}
    summary = connect(transport=lists).runs.summary(exact=True)
    assert summary.runs == 3
    assert summary.notes[0].startswith("Got 2 of 3 runs one by one")


def test_a_group_in_which_no_run_has_completed_or_failed_has_no_failure_rate(
    summarize: Summarize,
) -> None:
    (group,) = summarize(lambda _: Listed(status="RUNNING"), 2)[0].groups
    assert (group.failure_rate, group.times, group.longest) == (None, {}, None)


def test_a_sample_gets_so_many_runs_of_each_group_and_the_same_ones_for_a_seed(
    summarize: Summarize,
) -> None:
    summary, first = summarize(sample=5)
    assert set(by_name(summary)["shop/slow"].times) == {"total", "waiting", "running"}
    _, again = summarize(sample=5)
    _, other = summarize(sample=5, seed=2)
    assert len(gets(first)) == 10
    assert sorted(gets(first)) == sorted(gets(again))
    assert sorted(gets(first)) != sorted(gets(other))


def test_a_sample_says_how_long_all_would_take_by_the_time_that_it_took_without_the_lists(
    summarize: Summarize, clock: Clock
) -> None:
    def make(place: int) -> Listed:
        clock.advance(0.1)
        return mixed(place)

    (note,) = summarize(make, sample=5)[0].notes
    assert note == "Got 10 of 120 runs one by one in 1.0 s; all take about 12 s."


def test_each_run_of_a_group_has_the_same_chance_to_be_in_the_sample(summarize: Summarize) -> None:
    chosen = Counter[str]()
    for seed in range(1, 201):
        _, lists = summarize(
            lambda place: Listed(status=STATUSES[1 + place % 2 * 3]), 20, sample=2, seed=seed
        )
        chosen.update(gets(lists))
    assert len(chosen) == 10
    assert all(20 < count < 60 for count in chosen.values())


def test_errors_that_differ_in_ids_and_numbers_are_one_error_of_a_function(
    summarize: Summarize,
) -> None:
    summary, lists = summarize(limit=200)
    for group in summary.groups:
        (error,) = group.errors
        assert error.message == 'Error: card "…" of # was declined'
        assert error.runs == group.counts["failed"]
    assert lists.asked == ["/v2/runs"] * 2


def test_errors_are_those_of_the_runs_that_were_counted_whatever_fails_meanwhile(
    connect: Connect,
) -> None:
    mock = MockServer()
    for name in ("charge", "mail"):
        mock.function("shop", name, trigger=name, run=fails(f"no {name}"))
    with InngestClient(dev=True, transport=mock.transport) as producer:
        producer.send_many({"name": "charge"} for _ in range(150))
        mock.advance(1)
        client, told = connect(transport=mock.transport), Counter[str]()

        def fail_others(*_: int) -> None:
            if not told["failed"]:
                told["failed"] = 150
                producer.send_many({"name": "mail"} for _ in range(150))
                mock.advance(1)

        (group,) = client.runs.summary(on_progress=fail_others).groups
    assert group.counts == {"failed": 150}
    assert [(it.message, it.runs) for it in group.errors] == [("NonRetriableError: no charge", 150)]


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
    mock = MockServer(release="1.17", v1_routes=True)
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
    summary, _ = summarize(by="error", status=["completed", "failed"])
    assert by_name(summary)["no error"].counts == {"completed": 80}


def test_groups_are_in_the_order_of_their_failures_and_hours_in_their_own(
    summarize: Summarize,
) -> None:
    def make(place: int) -> Listed:
        hour = place // 10
        status = "FAILED" if place % 10 < hour else "COMPLETED"
        return Listed(f"f{hour}", status, queued_at=BEGAN + timedelta(hours=hour))

    summary, _ = summarize(make, 40)
    assert [group.name for group in summary.groups] == [f"shop/f{hour}" for hour in (3, 2, 1, 0)]
    summary, _ = summarize(make, 40, by="hour")
    assert [group.name for group in summary.groups] == [
        f"2026-11-24T{hour:02}:00Z" for hour in range(4)
    ]


def test_an_hour_is_one_of_utc(summarize: Summarize) -> None:
    at = BEGAN.replace(hour=1).astimezone(timezone(timedelta(hours=5)))
    summary, _ = summarize(lambda _: Listed(queued_at=at), 1, by="hour")
    assert summary.groups[0].name == "2026-11-24T01:00Z"


@pytest.mark.parametrize("by", ["function", "app"])
def test_a_run_of_no_known_app_or_function_is_counted_as_unknown(
    by: str, summarize: Summarize
) -> None:
    summary, _ = summarize(lambda _: Listed("", app=""), 1, by=by)
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


def test_progress_has_the_runs_that_were_listed_and_got(summarize: Summarize) -> None:
    seen: list[tuple[int, int]] = []
    summarize(exact=True, on_progress=lambda listed, got: seen.append((listed, got)))
    assert seen == sorted(seen)
    assert seen[0] == (100, 0)
    assert seen[-1] == (240, 120)


async def _progress(_listed: int, _got: int) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by": "funtcion"}, "unknown by 'funtcion'; did you mean 'function'"),
        ({"exact": True, "sample": 3}, "sample and exact exclude each other"),
        ({"on_progress": _progress}, "on_progress must be a plain function"),
        ({"sample": 0}, "sample must be a positive integer"),
        ({"by": "event.date"}, "did you mean .data"),
        ({"by": "event.data..x"}, "must name fields"),
        ({"by": "event.data.x", "exact": True}, "exact reads each run"),
        ({"by": "event.data.x", "sample": 3}, "sample reads each run"),
        ({"by": "app", "all_functions": True}, "all_functions goes with by=function"),
    ],
)
def test_what_is_malformed_is_refused_before_anything_is_sent(
    arguments: dict[str, Any], message: str, connect: Connect
) -> None:
    lists = RunLists(1, mixed)
    with pytest.raises(InvalidArgumentError, match=message):
        connect(transport=lists).runs.summary(**arguments)
    assert lists.asked == []


def percentiles(times: list[float]) -> list[float]:
    found = QuantileSketch()
    for each in times:
        found.add(timedelta(seconds=each))
    both = found.percentiles()
    return [both.p50.total_seconds(), both.p95.total_seconds()]


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 62, 100, 999, 1_000])
def test_percentiles_of_few_times_are_those_of_nearest_rank(count: int) -> None:
    chance = random.Random(count)
    times = [round(chance.lognormvariate(2, 2), 6) for _ in range(count)]
    assert percentiles(times) == [percentile(times, 0.5), percentile(times, 0.95)]


@pytest.mark.parametrize("count", [1_001, 1_020, 3_000])
def test_percentiles_of_many_times_are_within_one_percent_of_that(count: int) -> None:
    for seed in range(3):
        chance = random.Random(seed)
        # Two kinds of runs, far apart: the rank next to it would be wrong by far more.
        times = [chance.choice([1, 1_000]) * chance.uniform(1, 2) for _ in range(count)]
        exact = [percentile(times, 0.5), percentile(times, 0.95)]
        assert percentiles(times) == pytest.approx(exact, rel=0.0101)


def test_at_a_gap_the_rank_decides() -> None:
    times = [1.0] * 950 + [100.0] * 50
    assert percentiles(times)[1] == 1.0
    assert percentiles([*times, 100.0])[1] == pytest.approx(100.0, rel=0.0101)
    assert percentiles([*times, 1.0])[1] == pytest.approx(1.0, rel=0.0101)


def test_a_time_of_nothing_is_nothing() -> None:
    assert percentiles([0.0, -1.0]) == [0.0, 0.0]
    assert percentiles([-1.0] * 1_001) == [0.0, 0.0]


def test_figures_have_labels_in_json(summarize: Summarize) -> None:
    summary, _ = summarize()
    group = json.loads(summary.to_json())["groups"][0]
    assert group["times"]["total"].keys() == {"p50", "p95"}
    assert group["errors"][0].keys() == {"runs", "message", "example_id"}


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
        ("", "no message"),
    ],
)
def test_a_message_is_without_what_varies(message: str, expected: str) -> None:
    run = Run("r", RunStatus.FAILED, error=RunError(None, message))
    assert normalized_error(run) == expected


def test_a_long_or_hostile_message_is_cut() -> None:
    message = "".join(each * 20_000 for each in ("'", "1a", " a1", "a1-b", "a"))
    assert len(normalized_error(Run("r", RunStatus.FAILED, error=RunError("E", message)))) <= 160


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
    assert [group.name for group in summary.groups] == ["bad", "(no such field)", "good"]
    assert groups["bad"].counts == {"failed": 4}
    assert [error.runs for error in groups["bad"].errors] == [4]
    assert groups["good"].counts == groups["(no such field)"].counts == {"completed": 2}
    newest = max((run for run in mock.runs if run.status == "failed"), key=lambda run: run.id)
    assert (groups["bad"].last_run, groups["bad"].last_status) == (newest.queued_at, "failed")
    asked = Counter(request.operation for request in mock.requests[before:])
    assert asked == {"list_runs_v2": 1, "get_event_v1": 4}
    assert "Read 4 events, a request each; of a batch, the first one." in summary.notes
    assert "The events of 2 runs lack event.data.by.customer." in summary.notes


def test_long_values_of_a_field_are_shortened_and_stay_apart(connect: Connect) -> None:
    mock = MockServer()
    orders(mock, ["x" * 500 + "1", "x" * 500 + "2", "x" * 120])
    summary = connect(transport=mock.transport).runs.summary(by="event.data.by.customer")
    names = [group.name for group in summary.groups]
    assert len(set(names)) == 3
    assert "x" * 120 in names
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
    monkeypatch.setattr("inngest_rest._operations.summary.by_event._MAX_EVENTS", 2)
    summary = connect(transport=mock.transport).runs.summary(by="event.data.by.customer")
    assert by_name(summary)["(event not read)"].counts == {"completed": 2}
    assert summary.runs == 6
    assert any(note.startswith("The events of 2 runs were not read") for note in summary.notes)


@pytest.mark.parametrize("by", ["function", "app", "status", "error", "hour"])
def test_each_group_has_its_last_run_and_what_became_of_it(by: str, connect: Connect) -> None:
    mock = MockServer()
    orders(mock, ["good", "bad", "good"])
    newest = max(mock.runs, key=lambda run: run.id)
    groups = connect(transport=mock.transport).runs.summary(by=by).groups
    assert all(group.last_run and group.last_status for group in groups)
    if by in {"app", "hour"}:
        (group,) = groups
        assert (group.last_run, group.last_status) == (newest.queued_at, newest.status)


def test_functions_that_had_no_run_are_told_where_that_is_asked(connect: Connect) -> None:
    mock = MockServer()
    orders(mock, ["bad"])
    mock.function("shop", "idle", trigger="never")
    mock.function("crm", "other", trigger="never")
    client = connect(transport=mock.transport)
    assert "shop/idle" not in by_name(client.runs.summary())
    groups = by_name(client.runs.summary(app="shop", all_functions=True))
    assert set(groups) == {"shop/charge", "shop/mail", "shop/idle"}
    assert (groups["shop/idle"].counts, groups["shop/idle"].last_run) == ({}, None)
    assert groups["shop/charge"].last_status == RunStatus.FAILED
