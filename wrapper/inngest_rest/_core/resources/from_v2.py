"""Convert v2's generated models to the public ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from attrs import evolve

from inngest_rest import models
from inngest_rest._core.calls.listing import Part
from inngest_rest._core.resources.absent import given, json_object, moment, needed, run_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inngest_rest_api import models as api
    from inngest_rest_api.types import Unset

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
T = TypeVar("T")


_STATUS = {status.upper(): status for status in models.RunStatus}


class _Envelope(Protocol[A_co]):
    """A response of v2 with one page of a listing."""

    @property
    def data(self) -> Sequence[A_co] | Unset: ...
    @property
    def page(self) -> api.V2Page: ...


def part(answer: _Envelope[A], convert: Callable[[A], T]) -> Part[T]:
    """Return a part of a listing; only `page` shows whether more follow, as a page may be empty."""
    page = answer.page
    place = given(page.cursor) if given(page.has_more) else None
    return Part(tuple(map(convert, given(answer.data) or ())), place or None)


def run(it: api.V2Run) -> models.Run:
    status = _STATUS.get(it.status) or models.RunStatus(it.status)
    output, error = json_object(it.output), None
    if status == models.RunStatus.FAILED and output is not None:
        # getRunV2 returns the error itself, listRunsV2 wraps it.
        error = run_error(output.get("error") or output)
        output = None
    elif status == models.RunStatus.CANCELLED:
        output = None
    return models.Run(
        id=needed(it.id, "id"),
        status=status,
        queued_at=moment(it.queued_at),
        started_at=moment(it.started_at),
        ended_at=moment(it.ended_at),
        app_id=it.app.id,
        function_id=it.function.id,
        event_ids=tuple(it.trigger.event_ids),
        batch_id=given(it.trigger.batch_id),
        cron=given(it.trigger.cron_schedule),
        output=output,
        error=error,
    )


def app(it: api.V2App) -> models.App:
    sync = given(it.latest_sync)
    app = models.App(
        id=needed(it.id, "id"),
        name=given(it.name),
        method=str(it.method).lower(),
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


def function(it: api.V2Function) -> models.Function:
    return models.Function(
        id=needed(it.id, "id"),
        app_id=it.app.id,
        name=given(it.name),
        triggers=tuple(
            models.Trigger(str(each.type_).lower(), given(each.value) or "", given(each.if_))
            for each in given(it.triggers) or ()
        ),
        configuration=it.configuration.to_dict(),
        is_archived=given(it.is_archived) or False,
    )
