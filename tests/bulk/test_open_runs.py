"""Open runs are those without an end, whatever their statuses are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import InngestClient, InvalidArgumentError, RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT = "2026-11-24T12:00:00.000Z"
ID = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"


class Server(httpx.MockTransport):
    """A server with a run of each of some statuses, which it filters by unless it refuses them."""

    def __init__(self, *statuses: str, refused: dict[str, int] | None = None) -> None:
        super().__init__(self._answer)
        self.statuses = statuses
        self.refused = refused or {}
        self.asked: list[tuple[str, ...]] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/v2/runs":  # as a server that lists no apps
            return httpx.Response(501, json={"errors": [{"code": "none", "message": "No."}]})
        asked = tuple(request.url.params.get_list("status"))
        self.asked.append(asked)
        for status in asked:
            if status in self.refused:
                error = {"code": "invalid", "message": f"{status} is not implemented"}
                return httpx.Response(self.refused[status], json={"errors": [error]})
        runs = [_run(number, each) for number, each in enumerate(self.statuses)]
        shown = [run for run in runs if not asked or run["status"] in asked]
        return httpx.Response(200, json={"data": shown, "page": {}, "metadata": {"fetchedAt": AT}})


def _run(number: int, status: str) -> dict[str, Any]:
    return {
        "id": f"{ID[:-1]}{number}",
        "status": status,
        "app": {"id": "shop"},
        "function": {"id": "charge"},
        "queuedAt": AT,
        "trigger": {"eventIds": []},
    }


@pytest.fixture
def connect() -> Iterator[Callable[[Server], InngestClient]]:
    clients: list[InngestClient] = []

    def connect(server: Server) -> InngestClient:
        clients.append(InngestClient(dev=True, transport=server))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def selected(client: InngestClient) -> list[str | None]:
    return [row.status for row in client.runs.cancel_all(app="shop", dry_run=True).rows]


def test_a_paused_run_is_open_where_the_server_filters_by_that(
    connect: Callable[[Server], InngestClient],
) -> None:
    server = Server("QUEUED", "PAUSED", "COMPLETED")
    client = connect(server)
    assert selected(client) == ["queued", "paused"]
    assert server.asked == [("PAUSED",), ("QUEUED", "RUNNING", "PAUSED")]
    assert selected(client) == ["queued", "paused"]
    assert len(server.asked) == 3, "it is tried once"


@pytest.mark.parametrize("status", [400, 422, 501])
def test_a_status_that_the_server_refuses_is_not_asked_for_again_and_that_is_said(
    connect: Callable[[Server], InngestClient], status: int
) -> None:
    server = Server("COMPLETED", refused={"PAUSED": status})
    client = connect(server)
    report = client.runs.cancel_all(app="shop", dry_run=True)
    assert report.rows == ()
    assert report.searched is not None
    assert "not asked for, as the server does not filter by it: paused" in report.searched
    assert selected(client) == []
    assert server.asked.count(("PAUSED",)) == 1
    assert server.asked.count(("QUEUED", "RUNNING")) == 2


def test_statuses_that_the_caller_names_are_asked_for_alone(
    connect: Callable[[Server], InngestClient],
) -> None:
    server = Server("QUEUED", "PAUSED")
    client = connect(server)
    report = client.runs.cancel_all(app="shop", status=["queued", "running"], dry_run=True)
    assert [row.status for row in report.rows] == ["queued"]
    assert server.asked == [("QUEUED", "RUNNING")]


def test_a_status_of_the_future_may_be_cancelled_by_its_name(
    connect: Callable[[Server], InngestClient],
) -> None:
    client = connect(Server("PAUSED_BY_USER"))
    report = client.runs.cancel_all(app="shop", status=RunStatus("paused_by_user"), dry_run=True)
    assert [row.status for row in report.rows] == ["paused_by_user"]
    with pytest.raises(InvalidArgumentError, match="selects runs that have ended"):
        client.runs.cancel_all(app="shop", status="skipped", dry_run=True)
