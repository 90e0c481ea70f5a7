"""A server with so much history that it lists runs by their end only slowly, while runs change."""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
from attrs import define, field

from tests.support.clock import STARTED
from tests.support.run_lists import Listed, id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.support.virtual_time import VirtualTime


@define(eq=False)
class Lifetime:
    """When a run is queued, and when it ends; in seconds since the beginning."""

    queued: float
    ended: float
    id: str = ""


@define
class Costs:
    """The seconds that a server takes for a request, when nothing else is asked of it."""

    get: float = 0.008
    page: float = 0.02
    page_by_end: float = 27.0


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(round(STARTED + seconds, 3), UTC)


@define(eq=False)
class ServerWithHistory(httpx.AsyncBaseTransport):
    """Answers with the state that its runs have at each moment, two requests at a time."""

    time: VirtualTime
    runs: list[Lifetime]
    costs: Costs = field(factory=Costs)
    visible_after: float = 0.5
    requests: list[str] = field(factory=list[str])
    _cores: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(2))

    def __attrs_post_init__(self) -> None:
        self.runs.sort(key=lambda run: run.queued)
        for place, run in enumerate(self.runs):
            run.id = id_of(place, Listed(queued_at=_instant(run.queued)))
        self._by_id = {run.id: run for run in self.runs}
        self._queued = [run.queued for run in self.runs]
        self._by_end = sorted(self.runs, key=lambda run: run.ended)
        self._ended = [run.ended for run in self._by_end]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        id = request.url.path.removeprefix("/v2/runs").strip("/")
        is_by_end = "timeField" in request.url.params
        cost = self.costs.page_by_end if is_by_end else self.costs.page
        async with self._cores:
            self.requests.append("get" if id else "page by end" if is_by_end else "page")
            seen_at = self.time.elapsed - self.visible_after
            await asyncio.sleep(self.costs.get if id else cost)
        if id:
            body = f'{{"data": {self._run(self._by_id[id], seen_at)}}}'
        else:
            body = self._page(request.url.params, seen_at, is_by_end=is_by_end)
        json = {"content-type": "application/json"}
        return httpx.Response(200, headers=json, stream=httpx.ByteStream(body.encode()))

    def _page(self, params: httpx.QueryParams, seen_at: float, *, is_by_end: bool) -> str:
        """List what began or ended from a time on; a cursor is a place in the order of time."""
        times, runs = (self._ended, self._by_end) if is_by_end else (self._queued, self.runs)
        begin = datetime.fromisoformat(params["from"]).timestamp() if "from" in params else 0.0
        places = range(bisect_left(times, begin - STARTED), bisect_right(times, seen_at))
        is_ascending = params.get("order") == "ASC"
        if "cursor" in params:
            behind = int(params["cursor"])
            first, last = (behind + 1, places.stop) if is_ascending else (places.start, behind)
            places = range(max(first, places.start), last)
        statuses, size = params.get_list("status"), int(params["limit"])
        found: list[str] = []
        left = list(places if is_ascending else reversed(places))
        passed = 0
        while passed < len(left) and len(found) < size:
            run = runs[left[passed]]
            status = "COMPLETED" if run.ended <= seen_at else "RUNNING"
            if not statuses or status in statuses:
                found.append(self._run(run, seen_at))
            passed += 1
        more = "true" if passed < len(left) else "false"
        cursor = left[passed - 1] if passed else 0
        page = f'{{"hasMore": {more}, "limit": {size}, "cursor": "{cursor}"}}'
        return f'{{"data": [{",".join(found)}], "page": {page}}}'

    def _run(self, run: Lifetime, seen_at: float) -> str:
        queued = _instant(run.queued).isoformat()
        state = '"status": "RUNNING"'
        if run.ended <= seen_at:
            state = f'"status": "COMPLETED", "endedAt": "{_instant(run.ended).isoformat()}"'
        return (
            f'{{"id": "{run.id}", "app": {{"id": "shop"}}, "function": {{"id": "charge"}}, '
            f'"queuedAt": "{queued}", "startedAt": "{queued}", "trigger": {{}}, {state}}}'
        )


def percentile(values: Iterable[float], share: float) -> float:
    ordered: Sequence[float] = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]
