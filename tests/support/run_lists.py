"""A server that lists runs of given times, as many as there may be, and has each with its start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BEGAN = datetime(2026, 11, 24, tzinfo=UTC)


@frozen
class Listed:
    """A run: what of it a list has, and how long it waited before it ran."""

    function: str = "charge"
    status: str = "COMPLETED"
    waiting: float = 0.0  # seconds
    running: float = 0.0
    error: str = ""
    queued_at: datetime = BEGAN
    app: str = "shop"


def id_of(place: int, run: Listed) -> str:
    """Return the id of a run: a ULID of the time at which it was queued."""
    number = (int(run.queued_at.timestamp() * 1_000) << 80) + place
    return "".join(DIGITS[number >> 5 * power & 31] for power in reversed(range(26)))


class RunLists(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Lists the runs that a function makes, newest first, and keeps what it was asked."""

    def __init__(self, count: int, make: Callable[[int], Listed]) -> None:
        self.count, self.make = count, make
        self.asked: list[str] = []
        self.queries: list[httpx.QueryParams] = []
        self.gone: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        self.queries.append(request.url.params)
        if request.url.path.rpartition("/")[2] in self.gone:
            return httpx.Response(404, json={"errors": [{"code": "not_found", "message": "gone"}]})
        data, page = self._answer(request)
        body = msgspec.json.encode({"data": data, "page": page, "metadata": {}})
        return httpx.Response(
            200, headers={"content-type": "application/json"}, stream=httpx.ByteStream(body)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)

    def _answer(self, request: httpx.Request) -> tuple[Any, Any]:
        params = request.url.params
        id = request.url.path.removeprefix("/v2/runs").strip("/")
        if id:
            place = 0
            for digit in id[10:]:
                place = place * 32 + DIGITS.index(digit)
            return self._run(place, is_listed=False), None
        statuses, size = params.get_list("status"), int(params.get("limit", 40))
        found: list[Any] = []
        place = int(params.get("cursor", self.count)) - 1
        while place >= 0 and len(found) < size:
            run = self._run(place, is_listed=True, has_output="includeOutput" in params)
            if not statuses or run["status"] in statuses:
                found.append(run)
            place -= 1
        page = {"hasMore": place >= 0, "limit": size, "cursor": str(place + 1)}
        return found, page

    def _run(self, place: int, *, is_listed: bool, has_output: bool = False) -> dict[str, Any]:
        run = self.make(place)
        started_at = run.queued_at + timedelta(seconds=run.waiting)
        found: dict[str, Any] = {
            "id": id_of(place, run),
            "app": {"id": run.app},
            "function": {"id": run.function},
            "status": run.status,
            "queuedAt": run.queued_at,
            # Lists have another time there (schema V2Run).
            "startedAt": run.queued_at if is_listed else started_at,
            "trigger": {"eventIds": []},
        }
        if run.status not in {"QUEUED", "RUNNING"}:
            found["endedAt"] = started_at + timedelta(seconds=run.running)
        if run.error and (has_output or not is_listed):
            found["output"] = {"error": {"name": "Error", "message": run.error}}
        return found
