"""A server with a smaller maximum per page than known ones loses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from inngest_rest import BadRequestError, InngestClient
from inngest_rest_mock import MockServer
from tests.support.capabilities import rows
from tests.support.server import says

if TYPE_CHECKING:
    from tests.support.server import Server

MOST = 7


PAGED = re.compile(r"/v1/(events|runs)|/v2/(.*/)?(apps|functions|runs)")


class SmallPages(httpx.BaseTransport):
    """A server whose pages are smaller than those of known ones.

    Attributes:
        asked: The path and the `limit` of each request for a page, empty if it had none.
    """

    def __init__(self, mock: MockServer, most: int | None) -> None:
        self.inngest_time = mock.transport.inngest_time
        self.asked: list[tuple[str, str]] = []
        self._mock = mock
        self._most = most or 1_000

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if PAGED.fullmatch(path):
            given = request.url.params.get("limit", "")
            self.asked.append((path, given))
            limit = int(given or 20)
            if limit > self._most:
                request.url = request.url.copy_set_param("limit", str(self._most))
        return self._mock.transport.handle_request(request)


def server_of(most: int | None = None) -> SmallPages:
    """Return a server with 9 apps, 10 functions of one, 13 events and 21 runs, 9 of one event.

    Args:
        most: The maximum of items per page. Default: that of known servers.
    """
    mock = MockServer(v1_routes=True, visibility_delay=0)
    for number in range(9):
        mock.function("shop", f"charge-{number}", trigger="paid")
    mock.function("shop", "pack", trigger="packed")
    for number in range(8):
        mock.function(f"app-{number}", "idle", trigger="never")
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send({"name": "paid"})
        client.send([{"name": "packed"}] * 12)
    mock.drain()
    return SmallPages(mock, most)


def paid_event(client: InngestClient) -> str:
    return next(each.internal_id for each in client.events.list(name="paid"))


def watched(client: InngestClient) -> int:
    with client.runs.watch(every=1, timeout=3, app="app-0") as changes:
        client.send([{"name": "never"}] * 9)
        return len({each.run.id for each in changes if each.kind == "ended"})


def waited_for(client: InngestClient) -> int:
    ids = [run.id for run in client.runs.list(app="shop")]
    return len(list(client.runs.wait_many(ids, timeout=30)))


Counts = Callable[[InngestClient, Path], int]

# How many each finds on the server; the path is that of a file in a folder of the test.
OF_BOTH: dict[str, tuple[Counts, int]] = {
    "events": (lambda it, _: len(list(it.events.list())), 13),
    "events by name": (lambda it, _: len(list(it.events.list(name="packed"))), 12),
    "events, where": (lambda it, _: len(list(it.events.list(where="event.name == 'paid'"))), 1),
    "runs": (lambda it, _: len(list(it.runs.list())), 21),
    "runs up to a limit": (lambda it, _: len(list(it.runs.list(limit=20))), 20),
    "apps": (lambda it, _: len(list(it.apps.list())), 9),
    "functions": (lambda it, _: len(list(it.functions.list("shop"))), 10),
    "runs of an event": (lambda it, _: len(list(it.events.runs(paid_event(it)))), 9),
    "the end of an event": (
        lambda it, _: len(it.send_and_wait({"name": "paid"}, timeout=30)),
        9,
    ),
    **rows("PAGE_COUNTS"),
}
OF_V2: dict[str, tuple[Counts, int]] = {
    "runs, oldest first": (lambda it, _: len(list(it.runs.list(order="oldest"))), 21),
    "runs by a pattern": (lambda it, _: len(list(it.runs.list(function="shop/charge-*"))), 9),
    "counts": (lambda it, _: it.runs.list().count(), 21),
    "a watch": (lambda it, _: watched(it), 9),
    "runs waited for": (lambda it, _: waited_for(it), 21),
    **rows("PAGE_COUNTS_OF_V2"),
}


@pytest.mark.parametrize("name", OF_BOTH | OF_V2)
def test_what_lists_is_whole_by_v2_whatever_it_clamps_pages_to(name: str, tmp_path: Path) -> None:
    count, wanted = (OF_BOTH | OF_V2)[name]
    with InngestClient(dev=True, transport=server_of(MOST)) as client:
        assert count(client, tmp_path / "rows.jsonl") == wanted


@pytest.mark.parametrize(
    ("name", "most"), [(name, (MOST, 13, None)[n % 3]) for n, name in enumerate(OF_BOTH)]
)
def test_what_lists_is_whole_by_v1_whatever_it_clamps_pages_to(
    name: str, most: int | None, tmp_path: Path
) -> None:
    count, wanted = OF_BOTH[name]
    server = server_of(most)
    with InngestClient(dev=True, transport=server, api_version="v1") as client:
        assert count(client, tmp_path / "rows.jsonl") == wanted


def limits(server: SmallPages, path: str) -> list[str]:
    """Return the `limit` of each request of a path, empty if it had none."""
    return [limit for asked, limit in server.asked if asked == path]


@pytest.mark.parametrize("size", [None, 20])
def test_a_page_smaller_than_the_maximum_is_asked_for_as_it_is(size: int | None) -> None:
    server = server_of()
    with InngestClient(dev=True, transport=server) as client:
        assert len(list(client.runs.list(page_size=size))) == 21
    assert limits(server, "/v2/runs") == (["100"] if size is None else ["20", "20"])


@pytest.mark.parametrize(
    ("most", "asked"),
    [(MOST, ["50", "1"] * 2), (12, ["50", "1"] * 2), (13, ["50", "1"]), (None, ["50", "1"])],
)
def test_behind_a_short_page_of_v1_one_is_looked_for(most: int | None, asked: list[str]) -> None:
    server = server_of(most)
    with InngestClient(dev=True, transport=server) as client:
        pages = list(client.events.list().pages())
    assert limits(server, "/v1/events") == asked
    assert sum(len(each.items) for each in pages) == 13
    assert pages[-1].next_cursor is None


@pytest.mark.parametrize("limit", [1, 7, 13])
def test_nothing_is_looked_for_behind_a_page_that_has_all_that_was_wanted(limit: int) -> None:
    server = server_of()
    with InngestClient(dev=True, transport=server) as client:
        assert len(list(client.events.list(limit=limit))) == limit
    assert limits(server, "/v1/events") == [str(limit)]


def test_a_refused_size_is_an_error_that_says_so(client: InngestClient, server: Server) -> None:
    error = {"code": "invalid_field_format", "message": "Limit cannot exceed 7"}
    server.on("GET /v2/runs", says({"errors": [error]}, status=400))
    with pytest.raises(BadRequestError, match="Limit cannot exceed 7"):
        list(client.runs.list())
    assert len(server.requests) == 1
