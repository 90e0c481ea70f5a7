"""The types that users' type checkers see. Never run: mypy and pyright check it."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, assert_type

import httpx
import httpx2
from httpx_aiohttp import AiohttpTransport
from pyreqwest.compatibility.httpx import HttpxTransport, SyncHttpxTransport

from inngest_rest import (
    ApiError,
    App,
    AsyncInngestClient,
    Event,
    Explanation,
    Function,
    InngestClient,
    NoRunError,
    Page,
    PartialSendError,
    RateLimitError,
    RetryPolicy,
    Run,
    RunChange,
    RunError,
    RunStatus,
    SendReport,
    StoredEvent,
    WaitTimeoutError,
)
from inngest_rest.aio.groups import AsyncPaginator
from inngest_rest.aio.polling import AsyncEndedRuns, AsyncWatcher
from inngest_rest.client.groups import Paginator
from inngest_rest.client.polling import EndedRuns, Watcher
from inngest_rest.models import Job, Span
from inngest_rest.reports import SendFailure
from inngest_rest.responses import RawResponse
from inngest_rest.typing import (
    ChangeKind,
    EventFilter,
    Paging,
    RunFilter,
    RunSelection,
)
from inngest_rest_api.models import V1Cancellation, V1RunId, V2Webhook

if TYPE_CHECKING:
    from inngest_rest.event import EventLike
    from inngest_rest.record import Record

NOW = datetime.now(UTC)


def settings() -> None:
    InngestClient()
    InngestClient(event_key="k", signing_key="ff", env="e", dev="http://127.0.0.1:1", timeout=1)
    InngestClient(api_version="v2", retries=RetryPolicy(total=timedelta(minutes=1)), dev=True)
    AsyncInngestClient(retries=3, timeout=timedelta(seconds=1), allow_http=True)
    InngestClient(event_name_check="warn")
    AsyncInngestClient(event_name_check="refuse")
    InngestClient(event_name_check="on")  # type: ignore[arg-type]
    InngestClient(api_version="v3")  # type: ignore[arg-type]
    InngestClient("k")  # type: ignore[call-arg]
    InngestClient(token="k")  # type: ignore[call-arg]


class Cached:
    """A transport without a base class."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, request=request)

    def close(self) -> None: ...


def transports() -> None:
    InngestClient(transport=httpx.HTTPTransport(cert="client.pem"))
    InngestClient(transport=httpx.MockTransport(Cached().handle_request))
    InngestClient(transport=httpx2.HTTPTransport(http2=True))
    InngestClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200)))
    InngestClient(transport=SyncHttpxTransport())
    InngestClient(transport=Cached())
    AsyncInngestClient(transport=httpx.AsyncHTTPTransport())
    AsyncInngestClient(transport=httpx.MockTransport(Cached().handle_request))
    AsyncInngestClient(transport=httpx2.AsyncHTTPTransport())
    AsyncInngestClient(transport=AiohttpTransport())
    AsyncInngestClient(transport=HttpxTransport())
    InngestClient(transport=httpx.AsyncHTTPTransport())  # type: ignore[arg-type]
    InngestClient(transport=httpx2.Client())  # type: ignore[arg-type]
    AsyncInngestClient(transport=httpx2.HTTPTransport())  # type: ignore[arg-type]
    AsyncInngestClient(transport=Cached())  # type: ignore[arg-type]


def events() -> list[EventLike]:
    Event("a", {"k": 1}, id="i", user={"id": 1}, ts=NOW, v="1")
    Event("a", ts=1_795_543_200_000)
    Event("a", {"k": 1}, "i")  # type: ignore[call-arg]
    Event("a", ts="now")  # type: ignore[arg-type]
    return [Event("a"), {"name": "b"}]


def blocking(client: InngestClient) -> None:
    with client as entered:
        assert_type(entered, InngestClient)
    assert_type(client.send(Event("a")), list[str])
    assert_type(client.send({"name": "a"}), list[str])
    assert_type(client.send(iter(events()), batch_size=10), list[str])
    assert_type(client.send_and_wait({"name": "a"}, timeout=60), list[Run])
    client.send_and_wait(events(), timeout=60)  # type: ignore[arg-type]
    client.send_and_wait(Event("a"))  # type: ignore[call-arg]
    assert_type(client.runs.list(status="running", limit=20), Paginator[Run])
    client.runs.list(status=["failed", RunStatus.CANCELLED], since=NOW, app="a", function="f")
    client.runs.list(status=("queued", "completed"))
    client.runs.list(status=RunStatus(input()))
    client.runs.list(status="runing")  # type: ignore[arg-type]
    client.runs.list(status=["failed", "canceled"])  # type: ignore[list-item]
    client.runs.list(status=input())  # type: ignore[arg-type]
    client.runs.list(statuses="failed")  # type: ignore[call-arg]
    client.runs.watch(until=NOW)  # type: ignore[call-arg]
    mine: RunFilter = {"status": "failed", "app": "a"}
    client.runs.watch(**mine)
    client.runs.list(**mine)
    shared: RunSelection = {"status": "failed", "app": "a", "since": NOW, "ended_since": NOW}
    client.runs.list(**shared)
    client.runs.watch(**shared)  # type: ignore[misc]
    page: Paging = {"limit": 5, "cursor": "c"}
    client.apps.list(**page)
    client.functions.list("a", **page)
    client.keys.events(**page, reveal=True)
    stored: EventFilter = {"name": "a", "since": NOW}
    client.events.list(**stored, limit=5)
    client.runs.list(since="yesterday")  # type: ignore[arg-type]
    assert_type(client.runs.list().pages(), Iterator[Page[Run]])
    assert_type(client.runs.list().page(), Page[Run])
    for run in client.runs.list():
        assert_type(run, Run)
    assert_type(client.runs.get("r"), Run)
    assert_type(client.runs.wait("r", timeout=timedelta(minutes=1)), Run)
    client.runs.wait("r")  # type: ignore[call-arg]
    assert_type(client.runs.replay("r"), str)
    assert_type(client.runs.jobs("r"), list[Job])
    assert_type(client.runs.trace("r", raw=True), Span)
    assert_type(client.runs.trace("r").render(width=80, color=True, now=NOW), str)
    assert_type(client.events.list(name="a"), Paginator[StoredEvent])
    assert_type(client.events.get("e"), StoredEvent)
    assert_type(client.events.runs("e"), Paginator[Run])
    assert_type(client.events.wait("e", timeout=timedelta(minutes=1)), list[Run])
    assert_type(client.apps.list(), Paginator[App])
    assert_type(client.apps.get("a"), App)
    assert_type(client.functions.list("a"), Paginator[Function])
    assert_type(client.functions.get("a", "f"), Function)
    assert_type(client.functions.invoke("a", "f", {"k": 1}, idempotency_key="k"), str)
    assert_type(client.signals.send("s", data=[1, 2]), V1RunId)
    assert_type(client.cancellations.create("a", "f", started_before=NOW), V1Cancellation)
    assert_type(client.cancellations.list(), list[V1Cancellation])
    assert_type(client.webhooks.create("w", "t"), V2Webhook)
    assert_type(client.webhooks.list(), Paginator[V2Webhook])


def options_and_raw_responses(client: InngestClient, other: AsyncInngestClient) -> None:
    assert_type(client.with_options(timeout=timedelta(seconds=5), retries=0), InngestClient)
    assert_type(other.with_options(env="e", headers={"x-trace": "1"}), AsyncInngestClient)
    client.with_options(signing_key="ff")  # type: ignore[call-arg]
    client.with_options(headers={"x-trace": 1})  # type: ignore[dict-item]
    with client.raw() as responses:
        assert_type(client.runs.get("r"), Run)
    assert_type(responses, Sequence[RawResponse])
    assert_type(responses[-1].headers["x-request-id"], str)
    assert_type((responses[-1].status, responses[-1].body), tuple[int, bytes])
    with other.raw() as responses:
        assert_type(responses, Sequence[RawResponse])


def watching(client: InngestClient) -> None:
    with client.runs.watch(status=["failed", RunStatus.CANCELLED], app="a", every=2) as watcher:
        assert_type(watcher, Watcher)
        for change in watcher:
            assert_type(change, RunChange)
            assert_type(change.kind, ChangeKind)
            assert_type(change.run, Run)
            if change.kind == "begun":  # type: ignore[comparison-overlap]
                break
        assert_type(watcher.token, str)
    client.runs.watch(token=watcher.token, timeout=timedelta(hours=1), include_output=True)
    client.runs.watch(status="runing")  # type: ignore[arg-type]
    client.runs.watch("failed")  # type: ignore[call-arg]
    assert_type(client.runs.wait_many(["r"], 60), EndedRuns)
    assert_type(client.functions.invoke("a", "f", {"x": 1}), str)
    assert_type(client.functions.invoke("a", "f", wait=60), Run)
    assert_type(client.functions.invoke("a", "f", wait=60, raise_on_failure=True), Run)
    client.functions.invoke("a", "f", raise_on_failure=True)  # type: ignore[call-overload]
    with client.runs.wait_many((run.id for run in client.runs.list()), timeout=60) as ended:
        assert_type(list(ended), list[Run])
    client.runs.wait_many(["r"])  # type: ignore[call-arg]
    client.runs.wait_many(client.runs.list(), 60)  # type: ignore[arg-type]


async def watching_asynchronously(client: AsyncInngestClient) -> None:
    async with client.runs.watch(function="f", app="a") as watcher:
        assert_type(watcher, AsyncWatcher)
        assert_type([change async for change in watcher], list[RunChange])
    assert_type(client.runs.wait_many(["r"], timedelta(minutes=1)), AsyncEndedRuns)
    assert_type(await client.functions.invoke("a", "f"), str)
    assert_type(await client.functions.invoke("a", "f", wait=timedelta(minutes=1)), Run)
    assert_type([run async for run in client.runs.wait_many({"r"}, 60)], list[Run])
    [*client.runs.wait_many(["r"], 60)]  # type: ignore[misc]


def tracing(span: Span) -> None:
    assert_type(span.children, tuple[Span, ...])
    assert_type((span.started_at, span.duration), tuple[datetime | None, timedelta | None])
    assert_type(span.children[0].step_op, str | None)
    span.render(color="red")  # type: ignore[arg-type]


async def asynchronous(client: AsyncInngestClient) -> None:
    async with client as entered:
        assert_type(entered, AsyncInngestClient)
    assert_type(await client.send(events()), list[str])
    assert_type(client.runs.list(), AsyncPaginator[Run])
    assert_type(client.runs.list().pages(), AsyncIterator[Page[Run]])
    assert_type(await client.runs.list().page(), Page[Run])
    assert_type([run async for run in client.runs.list()], list[Run])
    assert_type(await client.runs.get("r"), Run)
    assert_type(await client.runs.wait("r", 60), Run)
    assert_type(await client.runs.trace("r", raw=True), Span)
    assert_type(await client.send_and_wait(Event("a"), 60), list[Run])
    assert_type(await client.events.wait("e", 60), list[Run])
    assert_type(await client.functions.invoke("a", "f"), str)
    [*client.runs.list()]  # type: ignore[misc]


def models(run: Run, page: Page[App]) -> None:
    assert_type(run.status, RunStatus)
    assert_type(run.ended_at, datetime | None)
    assert_type(run.event_ids, tuple[str, ...])
    assert_type(run.error, RunError | None)
    assert_type(run.is_ended, bool)
    assert_type(run.duration, timedelta | None)
    records: list[Record] = [run, page]
    assert_type([each.to_dict() for each in records], list[dict[str, Any]])
    assert_type(run.to_json(indent=2), str)
    assert_type(page.items, tuple[App, ...])
    assert_type(page.next_cursor, str | None)
    run.id = "other"  # type: ignore[misc]


def errors(partial: PartialSendError, late: WaitTimeoutError, refused: ApiError) -> None:
    assert_type(partial.report, SendReport)
    assert_type(partial.report + partial.report, SendReport)
    assert_type(partial.report.failures, tuple[SendFailure, ...])
    assert_type(partial.ids, tuple[str | None, ...])
    assert_type(late.run, Run | None)
    assert_type(late.runs, tuple[Run, ...])
    assert_type(late.event_id, str | None)
    if isinstance(late, NoRunError):
        assert_type(late.explanation, Explanation | None)
    assert_type((refused.status, refused.code), tuple[int, str | None])
    assert_type(refused.response, RawResponse | None)
    if isinstance(refused, RateLimitError):
        assert_type(refused.retry_after, float | None)


def anything(run: Run) -> Any:
    return run.output
