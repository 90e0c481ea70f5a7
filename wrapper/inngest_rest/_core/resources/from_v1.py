"""Convert v1's generated models to the public ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from inngest_rest import models
from inngest_rest._core.calls.listing import ListedPage
from inngest_rest._core.resources.absent import given, json_object, moment, needed
from inngest_rest._core.resources.run_state import outcome, settled
from inngest_rest._core.resources.typed import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inngest_rest._core.calls.listing import PageRequest
    from inngest_rest_api import models as api

T = TypeVar("T")

# v1 calls a run that waits to start "Scheduled" (schema V1RunStatus).
_STATUS = {status.capitalize(): status for status in models.RunStatus} | {
    "Scheduled": models.RunStatus.QUEUED
}


def page(found: Iterable[T], id_of: Callable[[T], str], asked: PageRequest) -> ListedPage[T]:
    """Return a page of a listing: it continues after the last id, and ends at a short page.

    A page that ends where the requested cursor is has nothing new.
    """
    items = tuple(found)
    last = id_of(items[-1]) if len(items) >= asked.size else None
    return ListedPage(items, None if last == asked.cursor else last)


@typed
def run(it: api.V1Run) -> models.Run:
    ended_at = moment(it.ended_at)
    said = given(it.status) or "unknown"
    status = settled(_STATUS.get(said.capitalize()) or models.RunStatus(said), ended_at)
    output, error = outcome(status, given(it.output))
    return models.Run(
        id=needed(it.run_id, "run_id"),
        status=status,
        # v1's run_started_at is when the run was queued (schema V1Run).
        queued_at=moment(it.run_started_at),
        ended_at=ended_at,
        internal_function_id=given(it.function_id),
        event_ids=() if (event_id := given(it.event_id)) is None else (event_id,),
        batch_id=given(it.batch_id),
        cron=given(it.cron),
        original_run_id=given(it.original_run_id),
        output=output,
        error=error,
    )


def runs_of_event(listed: Iterable[api.V1Run]) -> tuple[models.Run, ...]:
    """Convert the runs of an event, each once.

    A run that was cancelled while its code was executing is listed twice: as it was cancelled, and
    as its code ended later (recording v1-event-runs-twice). The first end is the run's.
    """
    found: dict[str, models.Run] = {}
    for each in map(run, listed):
        known = found.setdefault(each.id, each)
        if each.ended_at and (known.ended_at is None or each.ended_at < known.ended_at):
            found[each.id] = each
    return tuple(found.values())


@typed
def app(it: api.V1App) -> models.App:
    return models.App(needed(it.id, "id"), given(it.name))


@typed
def function(it: api.V1Function, app_id: str) -> models.Function:
    config = it.config.additional_properties
    return models.Function(
        # v1 prefixes it with the app's id (operation listFunctionsV1).
        id=needed(it.id, "id").removeprefix(f"{app_id}-"),
        app_id=app_id,
        name=given(it.name),
        internal_id=given(it.internal_id),
        triggers=tuple(_trigger(each) for each in config.get("triggers") or ()),
        configuration=dict(config),
        created_at=moment(it.created_at),
        is_archived=moment(it.archived_at) is not None,
    )


def _trigger(it: Mapping[str, Any]) -> models.Trigger:
    kind = "event" if "event" in it else "cron"
    condition = it.get("expression")
    return models.Trigger(
        kind, str(it.get(kind, "")), condition if isinstance(condition, str) else None
    )


@typed
def event(it: api.V1Event) -> models.StoredEvent:
    internal_id = needed(it.internal_id, "internal_id")
    return models.StoredEvent(
        internal_id=internal_id,
        id=given(it.id) or internal_id,
        name=given(it.name) or "",
        data=json_object(it.data),
        ts=given(it.ts),
        # Self-hosted servers spell it the first way, Inngest Cloud the second (schema V1Event).
        received_at=moment(it.received_at) or moment(it.receivedAt),
        user=json_object(it.user),
        v=given(it.v),
    )


@typed
def job(it: api.V1Job) -> models.Job:
    return models.Job(
        id=given(it.job_id),
        at=moment(it.at),
        kind=given(it.kind),
        attempt=given(it.attempt),
        position=given(it.position),
    )


@typed
def cancellation(it: api.V1Cancellation) -> models.Cancellation:
    return models.Cancellation(
        id=needed(it.id, "id"),
        app_id=given(it.app_id),
        function_id=given(it.function_id),
        started_before=moment(it.started_before),
        started_after=moment(it.started_after),
        condition=given(it.if_),
        created_at=moment(it.created_at),
        name=given(it.name),
    )


@typed
def webhook(it: api.V1Webhook) -> models.Webhook:
    return models.Webhook(
        id=needed(it.id, "id"),
        name=given(it.name),
        url=given(it.url),
        transform=given(it.transform),
        created_at=moment(it.created_at),
        updated_at=moment(it.updated_at),
    )
