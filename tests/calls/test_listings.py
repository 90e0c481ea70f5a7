"""Listings: pagination, single pages, the end of a listing, cursors and argument validation."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InvalidArgumentError, InvalidResponseError
from tests.support.server import NO_ROUTE, body_of, recorded, says

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.server import Reply, Server

META = {"fetched_at": "2026-11-24T13:42:13Z"}
EVENT = body_of("v1-event")["data"]
RUN = body_of("v2-run-ok")["data"]
DAY = datetime(2026, 11, 24, tzinfo=UTC)

BEYOND = AssertionError("asked beyond the end")


def v1_events(*ids: str) -> Reply:
    return says({"data": [{**EVENT, "internal_id": each} for each in ids], "metadata": META})


def v1_apps(*ids: str) -> Reply:
    return says({"data": [{"id": each, "name": each} for each in ids], "metadata": META})


def v1_runs(*ids: str) -> Reply:
    run = body_of("v1-run-ok")["data"]
    return says({"data": [{**run, "run_id": each} for each in ids], "metadata": META})


def v2_runs(*ids: str, cursor: str | None = None) -> Reply:
    page = {"limit": 3} | ({"cursor": cursor, "hasMore": True} if cursor else {})
    data = {"data": [{**RUN, "id": each} for each in ids]} if ids else {}
    return says({**data, "metadata": {"fetchedAt": META["fetched_at"]}, "page": page})


def queries(server: Server) -> list[dict[str, str]]:
    return [dict(each.url.params) for each in server.requests]


def test_a_v1_listing_continues_after_the_last_id_until_nothing_follows(
    client: InngestClient, server: Server
) -> None:
    pages = v1_events("a", "b"), v1_events("c", "d"), v1_events("e"), v1_events()
    server.on("GET /v1/events", *pages, BEYOND)
    found = [each.internal_id for each in client.events.list(page_size=2)]
    assert found == list("abcde")
    assert queries(server) == [
        {"limit": "2"},
        {"limit": "2", "cursor": "b"},
        {"limit": "2", "cursor": "d"},
        {"limit": "1", "cursor": "e"},
    ]


def test_events_until_a_time_are_listed_from_the_beginning_and_not_from_an_hour_ago(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v1/events", v1_events())
    until = datetime(2026, 1, 1, tzinfo=UTC)
    list(client.events.list(until=until))
    list(client.events.list(until=until, since=until - timedelta(days=1)))
    list(client.events.list(since=timedelta(hours=1)))
    list(client.events.list())
    since = [each.get("received_after", "")[:10] for each in queries(server)]
    assert since == ["1980-01-01", "2025-12-31", "2026-11-24", ""]
    assert [queries(server)[place].keys() for place in (2, 3)] == [
        {"limit", "received_after"},
        {"limit"},
    ]


@pytest.mark.parametrize("last", [(), ("b",), ("x", "b")])
def test_a_v1_listing_ends_at_a_page_that_is_short_or_has_no_new_id(
    client: InngestClient, server: Server, last: tuple[str, ...]
) -> None:
    server.on("GET /v1/events", v1_events("a", "b"), v1_events(*last), BEYOND)
    assert len(list(client.events.list(page_size=2))) == 2 + len(last)
    assert len(server.requests) == 2


@pytest.mark.parametrize("last", [(), ("b",), ("x", "b")])
def test_a_v1_listing_of_runs_ends_at_such_a_page_too(
    connect: Connect, server: Server, last: tuple[str, ...]
) -> None:
    server.on("GET /v1/runs", v1_runs("a", "b"), v1_runs(*last), BEYOND)
    client = connect(api_version="v1")
    assert [each.id for each in client.runs.list(page_size=2)] == ["a", "b", *last[:-1]]
    assert [each.get("cursor") for each in queries(server)] == [None, "b"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, None])
def test_a_run_that_a_page_repeats_is_listed_once(
    client: InngestClient, server: Server, limit: int | None
) -> None:
    server.on("GET /v2/runs", v2_runs("a", "b", "a", cursor="one"), v2_runs("b", "b", "c"))
    wanted = ["a", "b", "c"][:limit]
    assert [each.id for each in client.runs.list(limit=limit)] == wanted


def test_a_page_cut_behind_a_repeated_run_continues_with_the_next(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v2/runs", v2_runs("a", "a", "b", "c"))
    found, cursor = [], None
    for _ in range(3):
        page = client.runs.list(limit=1, cursor=cursor).page()
        found += [each.id for each in page.items]
        cursor = page.next_cursor
    assert (found, cursor) == (["a", "b", "c"], None)


def test_a_v2_listing_follows_only_the_page_object(client: InngestClient, server: Server) -> None:
    server.on(
        "GET /v2/runs",
        v2_runs("a", cursor="one"),
        v2_runs(cursor="two"),
        v2_runs("b", "c"),
    )
    assert [each.id for each in client.runs.list(page_size=3)] == ["a", "b", "c"]
    assert [each.get("cursor") for each in queries(server)] == [None, "one", "two"]


def v2_page(run_id: str, page: dict[str, object]) -> Reply:
    metadata = {"fetchedAt": META["fetched_at"]}
    return says({"data": [{**RUN, "id": run_id}], "metadata": metadata, "page": page})


@pytest.mark.parametrize(
    ("size", "page", "ids"),
    [
        (2, {}, ["a"]),
        (2, {"page": {}}, ["a"]),
        (2, {"page": {"cursor": ""}}, ["a"]),
        (2, {"page": {"hasMore": False}}, ["a"]),
        (2, {"page": {"cursor": "x", "hasMore": False}}, ["a"]),
        (1, {"page": {"limit": 1}}, ["a"]),
        (2, {"page": {"total": 1, "order": "DESC"}}, ["a"]),
        (2, {"page": {"cursor": "x"}}, ["a", "b"]),
        (2, {"page": {"cursor": "x", "hasNextPage": True}}, ["a", "b"]),
        (2, {"page": {"cursor": "x", "has_more": True}}, ["a", "b"]),
    ],
    ids=str,
)
def test_a_page_that_says_nothing_else_is_the_last_unless_it_has_a_cursor(
    client: InngestClient, server: Server, size: int, page: dict[str, object], ids: list[str]
) -> None:
    body = {"data": [{**RUN, "id": "a"}], "metadata": META, **page}
    server.on("GET /v2/runs", says(body), v2_page("b", {}), BEYOND)
    assert [each.id for each in client.runs.list(app="probe-app", page_size=size)] == ids


MORE_BUT_NO_CURSOR = [{"hasMore": True}, {"hasMore": True, "cursor": ""}]


@pytest.mark.parametrize("page", MORE_BUT_NO_CURSOR, ids=str)
def test_a_listing_that_is_cut_off_returns_what_it_has_and_then_says_so(
    client: InngestClient, server: Server, page: dict[str, object]
) -> None:
    server.on("GET /v2/runs", v2_runs("a", cursor="on"), *[v2_page("b", page)] * 2, BEYOND)
    found: list[str] = []
    with pytest.raises(InvalidResponseError, match="2 items were listed") as caught:
        found.extend(each.id for each in client.runs.list(app="probe-app"))
    assert found == ["a", "b"]
    assert re.fullmatch(r"/v2/runs:1:\d{13}:a:on", caught.value.cursor or "")
    assert "narrower since and until" in caught.value.advice


def test_a_listing_that_was_cut_off_goes_on_when_the_server_has_a_cursor_again(
    client: InngestClient, server: Server
) -> None:
    server.on(
        "GET /v2/runs",
        v2_page("a", {"hasMore": True}),
        v2_runs("a", "b", cursor="on"),
        v2_runs("c"),
    )
    page = client.runs.list(app="probe-app").page()
    rest = client.runs.list(app="probe-app", cursor=page.next_cursor)
    assert [each.id for each in (*page.items, *rest)] == ["a", "b", "c"]


ALL_OF_V2: dict[str, Callable[[InngestClient], Iterable[object]]] = {
    "/v2/apps": lambda client: client.apps.list(),
    "/v2/apps/a/functions": lambda client: client.functions.list("a"),
    "/v2/runs": lambda client: client.runs.list(app="probe-app"),
    "/v2/events/01/runs": lambda client: client.events.runs("01"),
    "/v2/envs": lambda client: client.envs.list(),
    "/v2/insights/events/schemas": lambda client: client.insights.schemas(),
    "/v2/keys/events": lambda client: client.keys.events(),
    "/v2/keys/signing": lambda client: client.keys.signing(),
}


@pytest.mark.parametrize("path", ALL_OF_V2)
def test_every_listing_of_v2_says_that_it_is_cut_off(
    client: InngestClient, server: Server, path: str
) -> None:
    server.on(f"GET {path}", says({"data": [], "metadata": META, "page": {"hasMore": True}}))
    with pytest.raises(InvalidResponseError, match="not by which cursor: 0 items were listed"):
        list(ALL_OF_V2[path](client))


PAGES_THAT_LEAVE_OPEN_WHAT_FOLLOWS: dict[str, dict[str, object]] = {
    "no page": {},
    "null": {"page": None},
    "a link instead": {"meta": {"page": {"cursor": "x", "hasMore": True}}},
    "both renamed": {"page": {"nextCursor": "x", "hasNextPage": True, "limit": 2}},
    "a cursor alone": {"page": {"next_page_token": "x"}},
    "an unknown field": {"page": {"total": 2}},
}


@pytest.mark.parametrize("name", PAGES_THAT_LEAVE_OPEN_WHAT_FOLLOWS)
def test_a_full_page_that_does_not_say_whether_it_is_the_last_ends_a_listing_with_an_error(
    client: InngestClient, server: Server, name: str
) -> None:
    data = [{**RUN, "id": each} for each in ("a", "b")]
    body = {"data": data, "metadata": META, **PAGES_THAT_LEAVE_OPEN_WHAT_FOLLOWS[name]}
    server.on("GET /v2/runs", *[says(body)] * 2, BEYOND)
    found: list[str] = []
    with pytest.raises(InvalidResponseError, match="2 items were listed, and the rest cannot"):
        found.extend(each.id for each in client.runs.list(app="probe-app", page_size=2))
    assert found == ["a", "b"]


def test_items_under_another_name_than_data_are_no_empty_listing(
    client: InngestClient, server: Server
) -> None:
    body = {"result": [{**RUN, "id": "a"}], "metadata": META, "page": {"limit": 20}}
    server.on("GET /v2/runs", says(body))
    with pytest.raises(InvalidResponseError, match="data is missing, and the list 'result'"):
        list(client.runs.list(app="probe-app"))


def test_recorded_pages_follow_each_other(client: InngestClient, server: Server) -> None:
    server.on("GET /v2/runs", recorded("v2-runs-page1"), recorded("v2-runs-page2"), v2_runs())
    pages = client.runs.list(page_size=2).pages()
    first, second = next(pages), next(pages)
    assert {each.id for each in first.items}.isdisjoint(each.id for each in second.items)
    assert queries(server)[-1]["cursor"] == body_of("v2-runs-page1")["page"]["cursor"]


@pytest.mark.parametrize(
    ("limit", "page_size", "asked"),
    [
        (None, None, ["100", "100", "100"]),
        (20, None, ["20"]),
        (250, None, ["100", "100", "50"]),
        (100, None, ["100"]),
        (5, 2, ["2", "2", "2"]),
        (1, 100, ["1"]),
    ],
)
def test_limit_bounds_the_total_and_page_size_each_page(
    client: InngestClient,
    server: Server,
    limit: int | None,
    page_size: int | None,
    asked: list[str],
) -> None:
    made = iter(range(250))

    def answer(request: httpx.Request) -> Reply:
        size = int(request.url.params["limit"])
        ids = [str(each) for _, each in zip(range(size), made, strict=False)]
        return v2_runs(*ids, cursor=ids[-1] if len(ids) == size else None)

    server.on("GET /v2/runs", answer)
    found = list(client.runs.list(limit=limit, page_size=page_size))
    assert len(found) == (limit or 250)
    assert [each["limit"] for each in queries(server) if "limit" in each] == asked


def test_the_cursor_of_a_page_cut_to_limit_skips_nothing(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v1/events", v1_events("a", "b", "c"))
    server.on("GET /v2/runs", v2_runs("a", "b", "c", cursor="on"))
    server.on("GET /v2/apps", NO_ROUTE["v2"])
    server.on("GET /v1/apps", v1_apps("a", "b", "c"))
    lists: list[tuple[Any, str]] = [
        (client.events.list, "internal_id"),
        (client.runs.list, "id"),
        (client.apps.list, "id"),
    ]
    for list_, name in lists:
        assert [getattr(each, name) for each in list_(limit=2)] == ["a", "b"]
        cut = list_(limit=2).page()
        assert [getattr(each, name) for each in cut.items] == ["a", "b"]
        assert cut.next_cursor is not None
        rest = list_(limit=2, cursor=cut.next_cursor).page()
        assert [getattr(each, name) for each in rest.items] == ["c"]


def test_a_cut_page_continues_where_it_was_cut_even_if_the_server_pages_differently(
    client: InngestClient, server: Server
) -> None:
    whole = v2_runs("a", "b", "c", cursor="after c")
    parts = v2_runs("a", cursor="after a"), v2_runs("b", "c", cursor="after c"), v2_runs("d")
    server.on("GET /v2/runs", whole, *parts)
    cut = client.runs.list(app="probe-app", limit=2).page()
    rest = client.runs.list(app="probe-app", cursor=cut.next_cursor)
    assert [each.id for each in rest] == ["c", "d"]


LISTINGS: dict[str, Any] = {
    "events": lambda it, cursor: it.events.list(cursor=cursor),
    "runs": lambda it, cursor: it.runs.list(cursor=cursor),
    "runs of an event": lambda it, cursor: it.events.runs("e", cursor=cursor),
    "runs of another": lambda it, cursor: it.events.runs("f", cursor=cursor),
    "apps": lambda it, cursor: it.apps.list(cursor=cursor),
    "functions": lambda it, cursor: it.functions.list("a", cursor=cursor),
    "webhooks": lambda it, cursor: it.webhooks.list(cursor=cursor),
}
FIRST_PAGES: dict[str, tuple[str, Any]] = {
    "events": ("/v1/events", lambda it: it.events.list(page_size=1)),
    "runs": ("/v2/runs", lambda it: it.runs.list(page_size=1)),
    "runs of an event": ("/v2/events/e/runs", lambda it: it.events.runs("e", page_size=1)),
}


@pytest.mark.parametrize("name", FIRST_PAGES)
def test_a_cursor_of_another_listing_is_rejected_at_the_call(
    client: InngestClient, server: Server, name: str
) -> None:
    path, first = FIRST_PAGES[name]
    v1 = path.startswith("/v1")
    pages = (v1_events("a"), v1_events()) if v1 else (v2_runs("a", cursor="on"), v2_runs())
    server.on(f"GET {path}", *pages)
    cursor = first(client).page().next_cursor
    asked = len(server.asked)
    for other, list_ in LISTINGS.items():
        if other != name:
            with pytest.raises(InvalidArgumentError, match="belongs to another listing"):
                list_(client, cursor)
    assert len(server.asked) == asked
    LISTINGS[name](client, cursor).page()


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "a"]])
def test_a_repeated_cursor_ends_the_iteration_with_an_error(
    client: InngestClient, server: Server, cursors: list[str]
) -> None:
    server.on("GET /v2/runs", *[v2_runs("x", cursor=each) for each in cursors], BEYOND)
    found: list[Any] = []
    with pytest.raises(InvalidResponseError, match="repeats the cursor 'a'"):
        found.extend(client.runs.list(app="probe-app"))
    assert len(server.requests) == len(cursors)


def test_a_v1_listing_that_goes_back_ends_with_an_error(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v1/events", *[v1_events(each) for each in "abca"], BEYOND)
    with pytest.raises(InvalidResponseError, match="repeats the cursor 'a'"):
        list(client.events.list(page_size=1))


@pytest.mark.parametrize(
    ("path", "call", "largest"),
    [
        ("/v1/events", lambda it: it.events.list, 50),
        ("/v2/events/01/runs", lambda it: lambda **kw: it.events.runs("01", **kw), 40),
        ("/v1/runs", lambda it: it.runs.list, 100),
        ("/v2/runs", lambda it: lambda **kw: it.runs.list(app="a", **kw), 100),
    ],
    ids=["events", "runs of an event", "runs of v1", "runs of v2"],
)
def test_the_page_size_stays_within_the_maximum_of_the_server(
    client: InngestClient, server: Server, path: str, call: Any, largest: int
) -> None:
    answer = v2_runs() if path.startswith("/v2") else says({"data": [], "metadata": META})
    server.on(f"GET {path}", answer)
    for options in ({}, {"page_size": 100}, {"limit": 1_000}):
        call(client)(**options).page()
    asked = [it.url.params for it in server.requests if it.url.path == path]
    assert {each["limit"] for each in asked} == {str(largest)}


def test_a_listing_is_lazy_and_fetches_each_page_when_needed(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v1/events", v1_events("a", "b"), v1_events("c", "d"))
    listing = client.events.list(page_size=2)
    assert server.asked == []
    items = iter(listing)
    assert [next(items).internal_id, next(items).internal_id] == ["a", "b"]
    assert len(server.asked) == 1
    next(items)
    assert len(server.asked) == 2


def test_each_iteration_starts_over(client: InngestClient, server: Server) -> None:
    server.on("GET /v1/events", v1_events("a"))
    listing = client.events.list()
    assert [len(list(listing)), len(list(listing)), len(listing.page().items)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "5"}, "limit"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": 101}, "page_size must be at most 100"),
        ({"page_size": 2.5}, "page_size"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "01ABC"}, "cursor"),
        ({"cursor": "v3:x"}, "cursor"),
        ({"cursor": "/v1/runs:x:y"}, "cursor"),
        ({"cursor": "/v1/runs:0:::\ud800"}, "cursor"),
        ({"cursor": 5}, "cursor"),
        ({"status": "faild"}, "unknown status 'faild'; did you mean 'failed'"),
        ({"status": "CANCELED"}, "did you mean 'cancelled'"),
        ({"status": "on hold"}, "on hold.*queued, running, completed, failed, cancelled"),
        ({"status": ["running", "x"]}, "unknown status 'x'; valid values: "),
        ({"status": ""}, "unknown status"),
        ({"status": 5}, "unknown status 5"),
        ({"status": [None]}, "unknown status None"),
        ({"status": []}, "status is empty"),
        ({"function": "f"}, "function needs app"),
        ({"app": ""}, "app must be text and not empty"),
        ({"app": "a", "function": "a/b/c"}, "function is malformed"),
        ({"since": datetime(2026, 1, 1)}, "since must be an aware datetime"),  # noqa: DTZ001
        ({"until": "2026-01-01"}, "until must be an aware datetime.* or a timedelta"),
        ({"since": DAY, "until": DAY}, "since must be before until"),
        ({"since": DAY, "until": DAY - timedelta(1)}, "since must be before until"),
    ],
    ids=str,
)
def test_listing_arguments_are_validated_at_the_call(
    client: InngestClient, server: Server, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=named):
        client.runs.list(**options)
    assert server.asked == []


def test_datetimes_are_sent_with_their_time_zone(client: InngestClient, server: Server) -> None:
    server.on("GET /v1/events", v1_events())
    client.events.list(name="a/b", since=DAY, until=DAY + timedelta(1)).page()
    assert queries(server) == [
        {
            "limit": "50",
            "name": "a/b",
            "received_after": "2026-11-24T00:00:00+00:00",
            "received_before": "2026-11-25T00:00:00+00:00",
        }
    ]
