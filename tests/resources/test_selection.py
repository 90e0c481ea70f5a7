"""Runs are selected as people speak: by their end, by patterns, by errors, by event data."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from inspect import signature
from typing import TYPE_CHECKING, Any, get_args

import pytest

from inngest_rest import Event, InngestClient, InvalidArgumentError, NotFoundError
from inngest_rest._core.calls import local_filter
from inngest_rest._core.resources import run_lists
from inngest_rest._core.resources.filters import Selection
from inngest_rest._core.resources.names import Names
from inngest_rest.typing import RunFilter, RunSelection, StatusName
from inngest_rest_api.models import V2RunStatus
from inngest_rest_mock import MockServer, completes
from inngest_rest_tools.problems import problem_of
from tests.support.capabilities import rows
from tests.support.ended_runs import HOUR, client_of_ended_runs, lasting_shop
from tests.support.server import says

if TYPE_CHECKING:
    from inngest_rest.typing import RunOrder
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server


def functions(client: InngestClient, **selection: Any) -> list[str]:
    return sorted(str(run.function_id) for run in client.runs.list(**selection))


@pytest.fixture
def mock(clock: Clock) -> MockServer:
    return lasting_shop(clock)


@pytest.fixture
def shop(connect: Connect, mock: MockServer, clock: Clock) -> InngestClient:
    return client_of_ended_runs(connect, mock, clock)


def test_each_documented_status_is_one_to_filter_by() -> None:
    assert {each.lower() for each in V2RunStatus} - {"unknown"} == set(get_args(StatusName))


@pytest.mark.parametrize("status", sorted({*get_args(StatusName)} - {"paused"}))  # of Cloud alone
def test_a_self_hosted_server_of_today_lists_runs_of_each_status_it_can_have(
    shop: InngestClient, status: StatusName
) -> None:
    assert all(run.status == status for run in shop.runs.list(status=status, limit=5))


class _FiltersPassedError(Exception):
    """Ends a call when it has passed on its filters."""


@pytest.mark.parametrize(
    "method",
    ["list", "watch", *rows("SELECTING")],
)
@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # reads signatures
def test_a_method_applies_each_filter_of_runs_that_it_takes(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def stop(_session: object, **passed: object) -> None:
        raise _FiltersPassedError(passed)

    monkeypatch.setattr(Selection, "of", stop)
    call = getattr(connect().runs, method)
    # A watch takes `since`, too: from when on it reports changes.
    filters = RunFilter if method == "watch" else RunSelection
    taken = filters.__annotations__.keys() & signature(call).parameters.keys()
    given = {name: object() for name in taken}
    positional = rows("SELECTING").get(method, ())
    with pytest.raises(_FiltersPassedError) as stopped:
        call(*positional, **given)
    assert stopped.value.args == (given,)


def test_a_run_is_selected_by_its_end_though_it_was_queued_before(shop: InngestClient) -> None:
    since = timedelta(hours=2, minutes=30)
    assert functions(shop, since=since) == []
    assert functions(shop, ended_since=since, status="failed") == ["charge", "mail"]
    assert functions(shop, ended_since=since) == ["charge", "charge-card", "mail"]
    assert functions(shop, ended_until=since) == []


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_run_is_selected_by_its_end_within_the_bounds_of_its_queueing(
    shop: InngestClient, clock: Clock, order: RunOrder
) -> None:
    """They were queued three hours ago and ended two hours ago, another one an hour later."""
    shop.send(Event("mail/go"))
    clock.advance(2 * HOUR.total_seconds())
    ended = timedelta(hours=4, minutes=30)

    def found(**selection: Any) -> list[str]:
        return functions(shop, order=order, page_size=2, **selection)

    assert found(since=4 * HOUR, ended_since=ended) == ["mail"]
    assert found(since=6 * HOUR, ended_since=ended) == ["charge", "charge-card", "mail", "mail"]
    assert found(since=6 * HOUR, ended_since=3 * HOUR) == ["mail"]
    assert found(since=6 * HOUR, ended_until=3 * HOUR) == ["charge", "charge-card", "mail"]
    assert found(since=6 * HOUR, until=4 * HOUR, ended_since=ended, status="failed") == [
        "charge",
        "mail",
    ]


def test_an_open_run_is_in_no_window_of_ends(shop: InngestClient, clock: Clock) -> None:
    shop.send(Event("mail/go"))
    clock.advance(1)
    assert functions(shop, ended_since=HOUR) == []


def test_a_cancelled_run_ended_when_it_was_cancelled_and_not_later(
    shop: InngestClient, clock: Clock
) -> None:
    shop.send(Event("mail/go"))
    clock.advance(1)
    (run,) = shop.runs.list(status="running")
    shop.runs.cancel(run.id)
    cancelled_at = shop.runs.get(run.id).ended_at
    assert cancelled_at is not None
    clock.advance(60)
    second = timedelta(seconds=1)

    def ids(**window: Any) -> list[str]:
        return [each.id for each in shop.runs.list(status="cancelled", **window)]

    assert ids(ended_since=cancelled_at - second, ended_until=cancelled_at + second) == [run.id]
    assert ids(ended_since=cancelled_at + second) == []
    assert ids(ended_until=cancelled_at - second) == []
    # The server's end of the other run is in the wider window that finds such a run.
    shop.send(Event("mail/go"))
    clock.advance(HOUR.total_seconds() + 1)
    (other,) = (each for each in shop.runs.list(limit=1))
    assert other.ended_at is not None
    listing = shop.runs.list(ended_since=other.ended_at - 9 * second, ended_until=other.ended_at)
    assert [each.id for each in listing] == [other.id]
    earlier = other.ended_at - second
    assert shop.runs.list(ended_since=earlier - second, ended_until=earlier).first() is None


def test_a_server_that_goes_by_the_time_of_queueing_selects_no_run_that_ended_later(
    client: InngestClient, server: Server
) -> None:
    at = "2026-11-24T0{}:00:00Z"
    runs = [
        {"id": f"run-{n}", "status": "COMPLETED", "queuedAt": at.format(0), "endedAt": at.format(n)}
        | {"app": {"id": "shop"}, "function": {"id": "charge"}}
        for n in (1, 2, 5)
    ]
    pages = [
        says({"data": [run], "page": {"cursor": run["id"], "hasMore": True}}) for run in runs[::-1]
    ]
    server.on("GET /v2/runs", *pages[:2], says({"data": [runs[0]], "page": {}}))
    two, three = (datetime(2026, 11, 24, hour, tzinfo=UTC) for hour in (2, 3))
    listing = client.runs.list(ended_since=two, ended_until=three, status="completed")
    first = listing.first()
    assert first is not None
    assert first.id == "run-2"


def test_a_run_of_an_unknown_app_is_in_no_pattern() -> None:
    assert not Names(function="*-charge").match(None, "charge")
    assert Names(function="*-charge").match("shop", "charge")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"ended_since": HOUR, "until": HOUR}, "until with an end time requires since"),
        ({"ended_since": HOUR, "ended_until": 2 * HOUR}, "ended_since must be before ended_until"),
        ({"ended_since": HOUR, "status": "running"}, "ended_since selects only runs that are"),
        ({"error_contains": "x", "status": "completed"}, "error_contains selects only runs that"),
        ({"status": "failed,done"}, "unknown status 'done'; did you mean 'completed'"),
        ({"order": "asc"}, "unknown order 'asc'; valid values: newest, oldest"),
        ({"function": "charge"}, "function needs app.*or write APP/charge"),
        ({"app": "shop", "function": "other/x"}, "function is one of app 'other', not 'shop'"),
        ({"app": "*"}, "app selects every run"),
        ({"function": "*/*"}, "function selects every run"),
        ({"function": "*-*"}, "function selects every run"),
        ({"error_contains": " "}, "error_contains must not be blank"),
        ({"where": "1 == 1"}, "where names no variable, so it selects all or nothing"),
        ({"where": "run.status == "}, "where is not CEL"),
        ({"where": "status == 'failed'"}, "where names 'status'"),
        ({"where": "event.data." + "x" * 1_000}, "where has more than 1,000 characters"),
    ],
)
def test_a_selection_that_cannot_be_meant_is_refused_before_anything_is_sent(
    client: InngestClient, server: Any, arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=reason):
        client.runs.list(**arguments)
    assert not server.asked


def test_the_oldest_run_comes_first_if_asked_for(shop: InngestClient) -> None:
    newest = [run.id for run in shop.runs.list(page_size=2)]
    assert [run.id for run in shop.runs.list(order="oldest", page_size=2)] == newest[::-1]


def test_statuses_are_separated_by_commas_in_any_case(shop: InngestClient) -> None:
    assert functions(shop, status="Completed, FAILED") == ["charge", "charge-card", "mail"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ({"function": "shop/charge"}, ["charge"]),
        ({"function": "shop-charge"}, ["charge"]),
        ({"function": "my-shop-mail"}, ["mail"]),
        ({"app": "shop", "function": "shop/charge"}, ["charge"]),
        ({"app": "shop", "function": "charge*"}, ["charge", "charge-card"]),
        ({"app": "*shop"}, ["charge", "charge-card", "mail"]),
        ({"function": "shop/*-card"}, ["charge-card"]),
        ({"function": "*/mail"}, ["mail"]),
        ({"function": "charge-*"}, ["charge-card"]),
        ({"function": "shop-*"}, ["charge", "charge-card"]),
        ({"app": "shop", "function": "charg?"}, ["charge"]),
    ],
    ids=str,
)
def test_apps_and_functions_are_named_as_people_do(
    shop: InngestClient, names: dict[str, str], found: list[str]
) -> None:
    assert functions(shop, **names) == found


def test_runs_are_selected_by_a_text_of_their_error(shop: InngestClient) -> None:
    (run,) = shop.runs.list(error_contains="econnreset")
    assert run.function_id == "charge"
    assert run.error is not None


@pytest.mark.parametrize(
    ("where", "found", "events"),
    [
        ('event.data.customer == "c-2"', ["mail"], 3),
        ('run.status == "failed" && event.data.n == 1', ["charge"], 2),
        ("output.n == 2", ["charge-card"], 0),
        ('error != null && error.message.contains("ECONN")', ["charge"], 0),
        ('run.ended_at - run.queued_at > duration("59m")', ["charge", "charge-card", "mail"], 0),
        ("has(event.data.n) && event.data.n > 0", ["charge", "charge-card"], 3),
    ],
)
def test_runs_are_selected_by_an_expression_that_reads_what_it_names(
    shop: InngestClient, mock: MockServer, where: str, found: list[str], events: int
) -> None:
    assert functions(shop, where=where) == found
    assert [each.operation for each in mock.requests].count("get_event_v1") == events


def test_an_event_of_several_runs_is_read_once(
    shop: InngestClient, mock: MockServer, clock: Clock
) -> None:
    for name in ("refund", "note"):
        mock.function("shop", name, trigger="twice/go", run=completes(1))
    shop.send(Event("twice/go", {"n": 9}))
    clock.advance(1)
    assert functions(shop, since=HOUR, where="event.data.n == 9") == ["note", "refund"]
    assert [each.operation for each in mock.requests].count("get_event_v1") == 1


def test_an_expression_about_events_tells_of_no_other_events_that_were_read(
    shop: InngestClient,
) -> None:
    listing = shop.events.list(where="event.data.n == 77")
    assert list(listing) == []
    assert not re.search(r"and [\d,]+ events", listing.searched())


def test_a_run_for_which_an_expression_fails_is_not_selected_and_told(shop: InngestClient) -> None:
    listing = shop.runs.list(where='event.data.customer == "c-2"')
    assert [run.function_id for run in listing] == ["mail"]
    told = "left out, as where fails (the first: there is no 'customer')"
    assert f"3 read, and 3 events; 2 {told}" in listing.searched()


def test_a_page_has_as_many_selected_runs_as_there_are_and_its_cursor_goes_on(
    shop: InngestClient, clock: Clock
) -> None:
    for n in range(10):
        shop.send(Event("charge/go", {"n": n}))
    clock.advance(2 * HOUR.total_seconds())
    where, found, cursor = "output.n in [1, 4, 7, 8]", list[int](), None
    while True:
        page = shop.runs.list(where=where, page_size=3, limit=2, cursor=cursor).page()
        found += [run.output["n"] for run in page.items]
        cursor = page.next_cursor
        assert 1 <= len(page.items) <= 2 or cursor is None
        if cursor is None:
            break
    assert found == [8, 7, 4, 1]
    page = shop.runs.list(where=where, page_size=9).page()
    rest = shop.runs.list(where=where, cursor=page.cursor_after(1))
    assert [run.output["n"] for run in rest] == [7, 4, 1]


def test_what_is_read_for_a_filter_is_bounded(
    shop: InngestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_filter, "MOST_EVENTS_OF_RUNS", 2)
    for call in (
        shop.runs.list(where="event.data.n == 7").page,
        lambda: list(shop.runs.list(where="event.data.n == 7")),
    ):
        with pytest.raises(InvalidArgumentError, match=r"too wide.*and 2 events"):
            call()
    monkeypatch.setattr(run_lists, "MOST_RUNS", 1)
    with pytest.raises(InvalidArgumentError, match=r"too wide.*1 read"):
        shop.runs.list(app="*shop").page()


@pytest.mark.parametrize(
    ("filters", "argument"),
    [
        ({"where": "run.id != ''", "app": "*shop"}, "where"),
        ({"error_contains": "declined"}, "error_contains"),
        ({"function": "shop/c*"}, "function"),
        ({"app": "*shop"}, "app"),
    ],
)
def test_the_error_about_too_many_runs_names_the_filter_that_servers_lack(
    shop: InngestClient, monkeypatch: pytest.MonkeyPatch, filters: RunSelection, argument: str
) -> None:
    monkeypatch.setattr(run_lists, "MOST_RUNS", 0)
    with pytest.raises(InvalidArgumentError, match="too wide") as raised:
        shop.runs.list(**filters).page()
    assert raised.value.argument == argument


@pytest.mark.parametrize("kind", ["runs", "events"])
def test_a_listing_that_had_to_read_too_much_goes_on_at_the_cursor_of_its_error(
    shop: InngestClient, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    shop.send([Event("charge-card/go", {"n": n}) for n in range(7)])
    where, advice = 'run.function_id == "charge-card"', "app or status"
    if kind == "events":
        where, advice = 'event.name == "charge-card/go"', "name"
    monkeypatch.setattr(run_lists, "MOST_RUNS", 4)
    monkeypatch.setattr(local_filter, "MOST_EVENTS", 4)
    lists: Any = shop.runs.list if kind == "runs" else shop.events.list
    found, cursors = list[Any](), list[str | None]([None])
    for _ in range(2):
        with pytest.raises(InvalidArgumentError, match=advice) as raised:
            found.extend(lists(where=where, since=4 * HOUR, page_size=3, cursor=cursors[-1]))
        cursors.append(raised.value.cursor)
        assert str(cursors[-1]) in str(problem_of(raised.value).hint)
    found.extend(lists(where=where, since=4 * HOUR, page_size=3, cursor=cursors[-1], limit=3))
    assert len(cursors) == len({*cursors})
    assert len(found) == (3 + 3 + 2)
    assert len({getattr(each, "internal_id", each.id) for each in found}) == 8


def test_events_are_selected_by_an_expression(shop: InngestClient) -> None:
    listing = shop.events.list(since=4 * HOUR, where="event.data.n == 2")
    assert [event.data for event in listing] == [{"n": 2}]
    assert "1 left out, as where fails" in listing.searched()


def test_a_watch_reports_what_is_selected_and_follows_the_rest_silently(
    shop: InngestClient,
) -> None:
    with shop.runs.watch(where="event.data.n == 5 || output.n == 6", every=60) as watcher:
        next_change = iter(watcher)
        for n in (4, 5, 6):
            shop.send(Event("charge/go", {"n": n}))
        found = [next(next_change) for _ in range(3)]
        token = watcher.token
    seen = sorted((change.kind, change.run.output and change.run.output["n"]) for change in found)
    assert seen == [("appeared", None), ("ended", 5), ("ended", 6)]
    with pytest.raises(InvalidArgumentError, match="Pass the same"):
        shop.runs.watch(token=token)


def test_a_watch_of_a_pattern_reports_its_functions_only(shop: InngestClient) -> None:
    with shop.runs.watch(function="charge-*", every=60) as watcher:
        for name in ("charge", "charge-card"):
            shop.send(Event(f"{name}/go"))
        changes = iter(watcher)
        assert [next(changes).run.function_id for _ in range(2)] == ["charge-card"] * 2


EMPTY: list[tuple[dict[str, Any], str]] = [
    ({"app": "shp"}, "there is no app 'shp'; did you mean 'shop'"),
    ({"function": "shop/chrge"}, "app shop has no function 'chrge'; did you mean 'charge'"),
    ({"function": "chrge-*"}, "no app has a function 'chrge-*'"),
    ({"app": "shop", "status": "cancelled"}, "status='cancelled', app='shop'"),
    ({"ended_since": timedelta(hours=1), "status": "cancelled"}, "ended_since='1h ago'"),
    ({"since": timedelta(days=1), "status": "cancelled"}, "since='1d ago'"),
    ({"since": timedelta(minutes=90), "status": "cancelled"}, "since='90m ago'"),
    ({"since": timedelta(seconds=0.5), "status": "cancelled"}, "since='0.5s ago'"),
]


@pytest.mark.parametrize(
    ("window", "is_told"),
    [
        ({}, True),
        ({"since": timedelta(days=3)}, True),
        ({"since": timedelta(days=3), "ended_since": timedelta(hours=2)}, False),
        ({"since": timedelta(hours=24)}, False),
    ],
)
def test_an_empty_list_of_cloud_says_how_long_runs_are_kept(
    connect: Connect, window: dict[str, Any], is_told: bool
) -> None:
    mock = MockServer()
    cloud = connect(dev=False, signing_key="signkey-test-" + "ab" * 32, transport=mock.transport)
    own = connect(transport=mock.transport)
    for client, expected in ((cloud, is_told), (own, False)):
        listing = client.runs.list(**window)
        assert list(listing) == []
        assert ("24 hours on the free plan" in listing.searched()) is expected


@pytest.mark.parametrize(("filter", "told"), EMPTY)
def test_an_empty_answer_says_what_was_searched(
    shop: InngestClient, filter: dict[str, Any], told: str
) -> None:
    listing = shop.runs.list(**filter)
    assert list(listing) == []
    assert told in listing.searched()


def test_an_unknown_app_has_no_list_of_functions(shop: InngestClient) -> None:
    with pytest.raises(NotFoundError, match="there is no app 'shpo'; did you mean 'shop'"):
        list(shop.functions.list("shpo"))


def test_functions_of_an_unknown_app_are_not_found_where_apps_cannot_be_listed(
    connect: Connect,
) -> None:
    client = connect(transport=MockServer(release="1.33").transport)
    with pytest.raises(NotFoundError, match=r"there is no app 'shop'$"):
        client.functions.list("shop").page()


def test_a_listing_knows_its_first_item_and_their_number_and_has_no_truth_value(
    shop: InngestClient,
) -> None:
    listing = shop.runs.list(page_size=2)
    assert listing.count() == 3
    assert listing.first() == next(iter(listing))
    assert shop.runs.list(app="nope").first() is None
    with pytest.raises(TypeError, match=r"Paginator has no truth value: ask for \.first\(\)"):
        bool(listing)
    assert repr(shop.runs.list(status="failed")) == "<Paginator of runs with status='failed'>"


class Berlin(tzinfo):
    """The zone in the hours in which its clocks go back."""

    def utcoffset(self, at: datetime | None, /) -> timedelta:
        return HOUR if at and at.fold else 2 * HOUR

    def dst(self, at: datetime | None, /) -> timedelta:
        return self.utcoffset(at) - HOUR

    def tzname(self, _: datetime | None, /) -> str:
        return "Europe/Berlin"


def test_a_window_in_the_hour_that_comes_twice_is_one_of_instants(
    connect: Connect, server: Server
) -> None:
    client = connect(transport=server)
    berlin = Berlin()
    since = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    until = datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=berlin)  # 40 minutes later
    server.on("GET /v2/runs", says({"data": [], "page": {}, "metadata": {}}))
    client.runs.list(since=since, until=until).page()
    client.runs.list(ended_since=since, ended_until=until).page()
    asked = [(it.url.params["from"], it.url.params["until"]) for it in server.requests]
    begin = "2026-10-25T00:30:00+00:00"
    # The second has the ten seconds that servers add to the end of a cancelled run.
    assert asked == [(begin, "2026-10-25T01:10:00+00:00"), (begin, "2026-10-25T01:10:10+00:00")]
    for group in client.runs, client.events:
        with pytest.raises(InvalidArgumentError, match="since must be before until"):
            group.list(since=until, until=since)


def test_a_list_by_where_shows_the_fields_by_which_it_matched(shop: InngestClient) -> None:
    shop.send(Event("charge/go", {"total": 7, "of": {"kim": 1}}))
    shop.send(Event("charge/go", {"total": 3}))
    where = "event.data.total > 5 && event.name == 'charge/go' || event.data.of.kim == 2"
    [run] = shop.runs.list(where=where)
    assert run.matched == {"data.total": 7, "name": "charge/go", "data.of.kim": 1}
    assert {each.matched for each in shop.runs.list(where="run.app_id == 'shop'")} == {None}
    assert {each.matched for each in shop.runs.list()} == {None}


@pytest.mark.parametrize(
    "where",
    [
        "event.data['of'].kim == 1",
        'event.data.of["kim"] == 1',
        "event['data']['of']['kim'] == 1",
    ],
)
def test_a_field_that_a_condition_names_by_an_index_is_shown_alone(
    shop: InngestClient, where: str
) -> None:
    shop.send(Event("charge/go", {"total": 7, "of": {"kim": 1}}))
    [run] = shop.runs.list(where=where)
    assert run.matched == {"data.of.kim": 1}


@pytest.mark.parametrize(
    ("where", "matched"),
    [
        ("event.data.none == null", {"data.none": None}),
        ("event.data['a.b'] == 2", {"data.a.b": 2}),
        ("event.data.note != 'event.data.total' // event.data.a", {"data.note": "event.name"}),
        ('event.data.note == "event.name"', {"data.note": "event.name"}),
        ("event.data.items[0].sku == 4", {"data.items": [{"sku": 4}]}),
        ("event . data . total == 7 && run.app_id != 'event.data.a'", {"data.total": 7}),
    ],
)
def test_matched_has_the_fields_that_a_condition_names_as_they_are(
    shop: InngestClient, where: str, matched: dict[str, Any]
) -> None:
    data = {"total": 7, "none": None, "a.b": 2, "note": "event.name", "items": [{"sku": 4}]}
    shop.send(Event("charge/go", data))
    [run] = shop.runs.list(where=where)
    assert run.matched == matched
