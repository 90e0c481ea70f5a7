"""Pages of runs: each is asked for in the part of the window that is left, beside the cursor."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, get_args

import httpx
import pytest

from inngest_rest import InngestClient
from inngest_rest._core.resources import run_lists
from inngest_rest.typing import RunOrder
from inngest_rest_mock import MockServer
from tests.support.capabilities import rows
from tests.support.run_lists import DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MILLISECOND, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
ORDERS = get_args(RunOrder)


class Ordered(httpx.MockTransport):
    """A server of runs in the order of the time at which they were scheduled.

    That is later than the time in their ids, by up to two seconds, and the same for 30 runs each.
    Its cursors are for any window ("free") or for that of their page alone.
    """

    def __init__(self, count: int, cursors: str = "free") -> None:
        super().__init__(self._answer)
        self.cursors = cursors
        self.unit = timedelta(microseconds=1)  # of bounds, which are truncated to it
        self.asked: list[dict[str, str]] = []
        self.runs = [_run(number) for number in range(count)]
        self.runs.sort(key=_rank)

    @property
    def ids(self) -> list[str]:
        return [run["id"] for run in self.runs]

    @property
    def windows(self) -> list[tuple[str, str]]:
        return [(it.get("from", ""), it.get("until", "")) for it in self.asked]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = dict(request.url.params)
        self.asked.append(asked)
        window = asked.get("from", ""), asked.get("until", "")
        since = datetime.fromisoformat(window[0] or "1980-01-01T00:00:00Z")
        until = datetime.fromisoformat(window[1] or "2080-01-01T00:00:00Z")
        since, until = since - (since - NOON) % self.unit, until - (until - NOON) % self.unit
        if since >= until:
            return _invalid("from must be before until")
        runs = self.runs if asked.get("order") == "ASC" else self.runs[::-1]
        ordered = [it for it in runs if since <= _at(it) <= until]
        begin = 0
        if "cursor" in asked:
            cursor = json.loads(base64.b64decode(asked["cursor"]))
            if cursor["window"] == list(window) or self.cursors == "free":
                begin = sum(not _is_behind(it, cursor, asked.get("order")) for it in ordered)
            elif self.cursors == "end the listing":
                ordered = []
            elif self.cursors == "are refused":
                return _invalid("Cursor is invalid")
        found = ordered[begin : begin + int(asked["limit"])]
        page: dict[str, Any] = {}
        if ordered[begin + len(found) :]:
            key = {"v": _microseconds(found[-1])}
            cursor = {"id": found[-1]["id"], "window": window, "c": {"start_time": key}}
            text = base64.b64encode(json.dumps(cursor).encode()).decode()
            page = {"hasMore": True, "cursor": text}
        return httpx.Response(200, json={"data": found, "page": page, "metadata": {}})


def _invalid(message: str) -> httpx.Response:
    error = {"code": "invalid_field_format", "message": message}
    return httpx.Response(400, json={"errors": [error]})


def _run(number: int) -> dict[str, Any]:
    at = NOON + timedelta(seconds=number // 30)
    queued_at = at - timedelta(milliseconds=number * 7 % 2_000)
    value = (int(queued_at.timestamp() * 1_000) << 80) + number
    return {
        "id": "".join(DIGITS[value >> 5 * power & 31] for power in reversed(range(26))),
        "app": {"id": "shop"},
        "function": {"id": "charge"},
        "status": "COMPLETED",
        "queuedAt": queued_at.isoformat(),
        "startedAt": at.isoformat(),
        "endedAt": at.isoformat(),
        "trigger": {"eventIds": []},
    }


def _at(run: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(run["startedAt"])


def _queued_at(run: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(run["queuedAt"])


def _microseconds(run: dict[str, Any]) -> int:
    return (_at(run) - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def _rank(run: dict[str, Any]) -> tuple[datetime, str]:
    return _at(run), run["id"]


def _is_behind(run: dict[str, Any], cursor: dict[str, Any], order: str | None) -> bool:
    """Return whether a run comes after a cursor, which need not be in the window any more."""
    place = cursor["c"]["start_time"]["v"], cursor["id"]
    rank = _microseconds(run), run["id"]
    return rank > place if order == "ASC" else rank < place


def connect(server: Ordered) -> InngestClient:
    return InngestClient(dev=True, transport=server)


def in_order(ids: list[str], order: RunOrder) -> list[str]:
    return ids if order == "oldest" else ids[::-1]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("page_size", [7, 29, 30, 31, 100])
def test_narrowed_pages_have_each_run_once_and_in_order(order: RunOrder, page_size: int) -> None:
    server = Ordered(200)
    with connect(server) as client:
        found = [run.id for run in client.runs.list(order=order, page_size=page_size)]
    assert found == in_order(server.ids, order)
    assert len(server.asked) == -(-200 // page_size)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "unit",
    [timedelta(microseconds=1), MILLISECOND, SECOND],
    ids=["us", "ms", "s"],
)
def test_narrowed_pages_lose_nothing_whatever_the_unit_of_a_servers_bounds(
    order: RunOrder, unit: timedelta
) -> None:
    server = Ordered(300)
    server.unit = unit
    for number, run in enumerate(server.runs):
        run["startedAt"] = (NOON + number * timedelta(microseconds=37_001)).isoformat()
    with connect(server) as client:
        found = [run.id for run in client.runs.list(order=order, page_size=29)]
    assert found == in_order(server.ids, order)


def test_the_window_of_a_page_begins_five_seconds_before_where_the_last_one_came_to() -> None:
    server = Ordered(90)
    since, until = NOON - timedelta(days=1), NOON + timedelta(days=1)
    with connect(server) as client:
        for order in ORDERS:
            list(client.runs.list(order=order, page_size=30, since=since, until=until))
    places = [max(map(_queued_at, server.runs[at : at + 30])) for at in (0, 30, 60)]
    newest = [until, places[2] + 5 * SECOND, places[1] + 5 * SECOND]
    oldest = [since, places[0] - 5 * SECOND, places[1] - 5 * SECOND]
    assert server.windows == [
        *[(since.isoformat(), each.isoformat()) for each in newest],
        *[(each.isoformat(), until.isoformat()) for each in oldest],
    ]


@pytest.mark.parametrize("cursors", ["are refused", "end the listing", "start over"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_server_that_ties_cursors_to_their_windows_lists_each_run_once(
    cursors: str, order: RunOrder
) -> None:
    server = Ordered(200, cursors)
    with connect(server) as client:
        found = [run.id for run in client.runs.list(order=order, page_size=20)]
    assert found == in_order(server.ids, order)
    # The narrowed window is tried once.
    assert len(server.asked) == 10 + 1
    assert server.windows.count(("", "")) == 10


def test_an_empty_page_that_goes_on_leaves_the_windows_narrowed() -> None:
    server = Ordered(90)

    def without(answer: Callable[[httpx.Request], httpx.Response], request: httpx.Request) -> Any:
        response = answer(request)
        if len(server.asked) != 2:
            return response
        body = json.loads(response.content)
        return httpx.Response(200, json={**body, "data": []})

    answer = server.handler
    server.handler = lambda request: without(answer, request)  # type: ignore[arg-type]
    with connect(server) as client:
        assert len(list(client.runs.list(page_size=30))) == 60
    assert len(server.asked) == 3
    place = max(map(_queued_at, server.runs[60:]))
    assert [until for _, until in server.windows] == ["", *[(place + 5 * SECOND).isoformat()] * 2]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("page_size", [7, 30])
def test_a_run_that_was_scheduled_long_after_it_was_queued_loses_no_other(
    order: RunOrder, page_size: int
) -> None:
    server = Ordered(200)
    for run in server.runs[::30]:  # the last of a page, and the first
        run["queuedAt"] = (_at(run) - timedelta(hours=1)).isoformat()
    with connect(server) as client:
        found = [run.id for run in client.runs.list(order=order, page_size=page_size)]
    assert found == in_order(server.ids, order)
    assert all(since or until for since, until in server.windows[1:])


def test_a_cursor_goes_on_in_the_window_that_is_left() -> None:
    server = Ordered(90)
    with connect(server) as client:
        page = client.runs.list(page_size=30).page()
        list(client.runs.list(page_size=30, cursor=page.next_cursor))
        assert page.next_cursor is not None
        cut = client.runs.list(page_size=30, cursor=page.next_cursor).page().cursor_after(2)
        rest = [run.id for run in client.runs.list(cursor=cut)]
    assert rest == server.ids[::-1][32:]
    assert all(until for _, until in server.windows[1:])


def test_a_listing_by_the_end_keeps_its_window(mock_inngest: MockServer) -> None:
    mock_inngest.function("shop", "charge", trigger="paid")
    with InngestClient(dev=True, transport=mock_inngest.transport) as client:
        client.send([{"name": "paid"}] * 9)
        mock_inngest.drain()
        assert len(list(client.runs.list(ended_since=timedelta(1), page_size=2))) == 9
    pages = [it.query for it in mock_inngest.requests if it.operation == "list_runs_v2"]
    assert len(pages) == 5
    assert not any("until" in each for each in pages)


@pytest.mark.parametrize("order", ORDERS)
def test_a_mock_lists_runs_of_one_millisecond(order: RunOrder) -> None:
    frozen = int(NOON.timestamp()) * 10**9
    mock = MockServer(clock=lambda: frozen, visibility_delay=0)
    mock.function("shop", "charge", trigger="paid")
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send([{"name": "paid"}] * 50)
        found = [run.id for run in client.runs.list(order=order, page_size=7)]
    assert found == in_order([run.id for run in mock.runs], order)


# By `order=ASC`, a server that stores in SQLite begins a page with the last run of the one before.
@pytest.fixture(scope="module")
def repeating() -> MockServer:
    times = count(int(NOON.timestamp()) * 10**9, 1_370_001)
    mock = MockServer(clock=lambda: next(times), visibility_delay=0)
    mock.function("shop", "charge", trigger="paid")
    with InngestClient(dev=True, transport=mock.transport) as client:
        for _ in range(110):
            client.send({"name": "paid"})
    return mock


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("limit", "page_size"), [(1, 1), (5, 1), (15, 7), (101, None), (None, 1), (None, 100)]
)
def test_a_listing_goes_on_where_pages_begin_with_the_last_run_of_the_one_before(
    repeating: MockServer, order: RunOrder, limit: int | None, page_size: int | None
) -> None:
    with InngestClient(dev=True, transport=repeating.transport) as client:
        found = [run.id for run in client.runs.list(order=order, limit=limit, page_size=page_size)]
    assert found == in_order([run.id for run in repeating.runs], order)[:limit]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("by_end", [False, True])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_cursor_does_not_repeat_the_last_run_before_it(
    repeating: MockServer, order: RunOrder, *, by_end: bool, limit: int
) -> None:
    ended_since = NOON - MILLISECOND if by_end else None
    found: list[str] = []
    cursor: str | None = None
    with InngestClient(dev=True, transport=repeating.transport) as client:
        while cursor or not found:
            listing = client.runs.list(
                order=order, limit=limit, cursor=cursor, ended_since=ended_since
            )
            page = listing.page()
            found += [run.id for run in page.items]
            cursor = page.next_cursor
    assert found == in_order([run.id for run in repeating.runs], order)


def test_a_limit_makes_no_small_pages_where_ends_are_compared_here() -> None:
    server = Ordered(250)
    with connect(server) as client:
        ended_since = _at(server.runs[240])
        listing = client.runs.list(order="oldest", since=NOON, ended_since=ended_since, limit=3)
        first = [run.id for run in listing]
        page = client.runs.list(order="oldest", since=NOON, ended_since=ended_since, limit=1).page()
        rest = client.runs.list(
            order="oldest", since=NOON, ended_since=ended_since, cursor=page.next_cursor
        )
        assert [page.items[0].id, *(run.id for run in rest)] == server.ids[240:]
    assert first == server.ids[240:243]
    assert {it["limit"] for it in server.asked} == {"100"}


def test_ends_alone_are_compared_of_any_number_of_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_lists, "MOST_RUNS", 3)
    server = Ordered(9)
    with connect(server) as client:
        listing = client.runs.list(since=NOON - SECOND, ended_since=NOON - SECOND)
        assert listing.count() == 9
        assert listing.searched().endswith(": 9 read")


def test_counts_and_the_calls_of_capabilities_narrow_the_window_too(
    tmp_path: Path,
) -> None:
    calls: list[Callable[[InngestClient, Path], object]] = [
        lambda it, _: it.runs.list().count(),
        *rows("WINDOWED").values(),
    ]
    for call in calls:
        server = Ordered(250)
        with connect(server) as client:
            call(client, tmp_path)
        assert len(server.windows) == 3
        assert all(until for _, until in server.windows[1:])
