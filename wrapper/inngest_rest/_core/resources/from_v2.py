"""Convert v2's generated models to the public ones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from attrs import evolve

from inngest_rest import models
from inngest_rest._core.calls.listing import ListedPage
from inngest_rest._core.resources.absent import as_json, given, json_object, moment, needed
from inngest_rest._core.resources.run_state import outcome, settled
from inngest_rest._core.resources.typed import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from inngest_rest_api import models as api
    from inngest_rest_api.types import Unset

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
T = TypeVar("T")


_STATUS = {status.upper(): status for status in models.RunStatus}

# What the server adds to the end of a cancelled run, so that steps in flight can report.
_GRACE_PERIOD = timedelta(seconds=10)


class _Envelope(Protocol[A_co]):
    """A response of v2 with one page of a listing."""

    @property
    def data(self) -> Sequence[A_co] | Unset: ...
    @property
    def page(self) -> api.V2Page: ...


def page(answer: _Envelope[A], convert: Callable[[A], T]) -> ListedPage[T]:
    """Return a page of a listing; only `page` shows whether more follow: one may be empty."""
    cursor = given(answer.page.cursor) if given(answer.page.has_more) else None
    items = tuple(map(convert, given(answer.data) or ()))
    return ListedPage(items, needed(cursor, "cursor") if cursor else None)


def run(it: api.V2Run) -> models.Run:
    """Convert a single run (operation getRunV2)."""
    return _run(it, moment(it.ended_at), moment(it.started_at))


def listed_run(it: api.V2Run) -> models.Run:
    """Convert a run of a listing (operations listRunsV2, listEventRunsV2).

    There, `startedAt` is not the start, but when the run was scheduled, and the end of a cancelled
    run includes a grace period (recordings v2-event-runs-cancelled-endedat,
    v2-run-cancelled-endedat).
    """
    ended_at = moment(it.ended_at)
    if ended_at is not None and it.status == "CANCELLED":
        ended_at -= _GRACE_PERIOD
    return _run(it, ended_at, None)


@typed
def _run(it: api.V2Run, ended_at: datetime | None, started_at: datetime | None) -> models.Run:
    said = given(it.status) or "unknown"
    status = settled(_STATUS.get(said) or models.RunStatus(said), ended_at)
    output, error = outcome(status, _unwrapped(json_object(it.output), status))
    return models.Run(
        id=needed(it.id, "id"),
        status=status,
        queued_at=moment(it.queued_at),
        # Before the start, it is when the run was queued (recording v2-run-queued).
        started_at=None if status == models.RunStatus.QUEUED else started_at,
        ended_at=_in_milliseconds(ended_at),
        app_id=given(it.app.id),
        function_id=given(it.function.id),
        event_ids=tuple(given(it.trigger.event_ids) or ()),
        batch_id=given(it.trigger.batch_id),
        cron=given(it.trigger.cron_schedule),
        output=output,
        error=error,
    )


def _unwrapped(output: dict[str, Any] | None, status: models.RunStatus) -> Any:
    """Return an output, or an error, as the SDK reported it.

    v2 wraps what is not an object as `{"data": value}`. A function that returns such an object
    itself reads the same there (recordings v2-run-output-number, v2-run-output-data-number).
    Listings wrap an error once more (recording v2-runs-include-output).
    """
    if output is None or len(output) != 1:
        return output
    if status == models.RunStatus.FAILED and "error" in output:
        return output["error"]
    if not isinstance(output.get("data", output), dict):
        return output["data"]
    return output


def _in_milliseconds(moment: datetime | None) -> datetime | None:
    """Return a time in milliseconds, as getRunV2 has it; listings have more digits."""
    return moment and moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@typed
def app(it: api.V2App) -> models.App:
    sync = given(it.latest_sync)
    app = models.App(
        id=needed(it.id, "id"),
        name=given(it.name),
        method=None if (method := given(it.method)) is None else str(method).lower(),
        version=given(it.app_version),
        created_at=moment(it.created_at),
        archived_at=moment(it.archived_at),
        # proto3 omits fields that are false or zero.
        is_archived=given(it.is_archived) or False,
        function_count=given(it.function_count) or 0,
    )
    if sync is None:
        return app
    return evolve(
        app,
        url=given(sync.url),
        sdk_language=given(sync.sdk_language),
        sdk_version=given(sync.sdk_version),
        framework=given(sync.framework),
        synced_at=moment(sync.synced_at),
        sync_status=given(sync.status),
        sync_error=given(sync.error),
    )


@typed
def function(it: api.V2Function, app_id: str) -> models.Function:
    return models.Function(
        id=needed(it.id, "id"),
        app_id=given(it.app.id) or app_id,
        name=given(it.name),
        triggers=tuple(map(_trigger, given(it.triggers) or ())),
        configuration=as_json(given(it.configuration)),
        # proto3 omits fields that are false.
        is_archived=given(it.is_archived) or False,
        is_paused=given(it.is_paused) or False,
    )


@typed
def _trigger(it: api.V2Trigger) -> models.Trigger:
    # Self-hosted servers spell it the first way, Inngest Cloud the second (schema V2Trigger).
    condition = given(it.if_) or given(it.condition)
    kind = str(given(it.type_) or "unknown").lower()
    return models.Trigger(kind, given(it.value) or "", condition)
