"""Why a run has not ended, or was cancelled; no I/O."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from inngest_rest._core.outcomes import limits
from inngest_rest._core.outcomes.catalogue import is_of, name_of
from inngest_rest._core.outcomes.evidence import key
from inngest_rest._core.resources.wait import APPEARS_WITHIN
from inngest_rest.explanation import Reason, ReasonKind
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.outcomes.evidence import Evidence
    from inngest_rest.models import Function, Run

_SLACK = timedelta(seconds=APPEARS_WITHIN)


def reasons(evidence: Evidence, run: Run) -> Iterator[Reason]:
    """Yield the reasons why a run waits, or was cancelled."""
    function = next((it for it in evidence.catalogue.functions if is_of(run, it)), None)
    if run.status == RunStatus.CANCELLED:
        if function is not None:
            yield from _cancelled(evidence, run, function)
    elif not run.is_ended:
        yield from _waiting(evidence, run, function)


def _waiting(evidence: Evidence, run: Run, function: Function | None) -> Iterator[Reason]:
    ts = evidence.event.ts
    if run.status == RunStatus.QUEUED:
        now = evidence.now.timestamp() * 1_000
        if ts is not None and ts > now:
            yield _reason(
                run,
                ReasonKind.SCHEDULED,
                f"run {run.id} waits for the time of the event, {_time(ts)}",
                is_certain=True,
                ts=ts,
            )
            return
        if function is not None and (throttle := limits.throttle(function)):
            yield _reason(
                run,
                ReasonKind.THROTTLE,
                f"run {run.id} may wait for the throttle of {name_of(function)}, "
                f"{throttle.get('limit')} per {throttle.get('period')}",
                throttle=dict(throttle),
            )
        if function is not None and (concurrency := limits.concurrency(function)):
            yield _reason(
                run,
                ReasonKind.CONCURRENCY,
                f"run {run.id} may wait for its turn, as the concurrency of {name_of(function)} is "
                "limited",
                concurrency=concurrency,
            )
    app = next((it for it in evidence.catalogue.apps if it.id == run.app_id), None)
    if app is not None and app.sync_error:
        yield _reason(
            run,
            ReasonKind.APP_UNREACHABLE,
            f"run {run.id} may wait for another attempt, as app {app.id} is {app.sync_error}",
            sync_error=app.sync_error,
            url=app.url,
        )
    if function is None and run.function_id is not None and not evidence.catalogue.gaps:
        yield _reason(
            run,
            ReasonKind.FUNCTION_REMOVED,
            f"run {run.id} may wait in vain, as its app no longer has the function "
            f"{run.function_id}",
            functions=[it.id for it in evidence.catalogue.functions if it.app_id == run.app_id],
        )


def _cancelled(evidence: Evidence, run: Run, function: Function) -> Iterator[Reason]:
    name = name_of(function)
    others = evidence.others.get(key(function))
    if limits.singleton(function, "cancel"):
        later = [
            it
            for it in reversed(others.runs if others is not None else ())
            if it.id > run.id
            and it.queued_at is not None
            and (run.ended_at is None or abs(it.queued_at - run.ended_at) < _SLACK)
        ]
        if later or others is None:
            by = f", {later[0].id}" if later else ""
            yield _reason(
                run,
                ReasonKind.SINGLETON,
                f"run {run.id} may have been cancelled by a later run of the singleton {name}{by}",
                later_run=later[0].id if later else None,
            )
    if events := limits.cancelled_by(function):
        yield _reason(
            run,
            ReasonKind.CANCEL_ON,
            f"run {run.id} may have been cancelled by an event {' or '.join(map(repr, events))}",
            events=events,
        )
    for what, text in evidence.timeouts.get(key(function), {}).items():
        longest = limits.duration(text)
        if longest is not None and _lasted(run) >= longest:
            yield _reason(
                run,
                ReasonKind.TIMEOUT,
                f"run {run.id} may have been cancelled by the {what} timeout of {name}, {text}",
                timeout=what,
                limit=text,
            )


def _time(ts: int) -> str:
    try:
        return f"{datetime.fromtimestamp(ts / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        return f"{ts} ms after 1970"


def _lasted(run: Run) -> timedelta:
    if run.queued_at is None or run.ended_at is None:
        return timedelta.max
    return run.ended_at - run.queued_at


def _reason(
    run: Run, kind: ReasonKind, message: str, *, is_certain: bool = False, **evidence: object
) -> Reason:
    return Reason(kind, message, is_certain, run.app_id, run.function_id, run.id, evidence)
