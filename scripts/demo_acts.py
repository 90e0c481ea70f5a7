"""What the demo shows, act by act: send, list apps and runs, replay, cancel, count.

Every act is a function of the stage: it works by the client, tells what it did, and returns what
the summary wants. What the acts share is below them: finding a run, waiting for it, wording it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest import Event, InngestClient, InngestError, Run, RunStatus, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STATUSES = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.RUNNING, RunStatus.CANCELLED)
SHOWN = 4
"""Runs shown of each status."""
SCANNED = 100
"""Runs looked through for those of the demo's own events: a listing shows the newest first."""
GRACE = 3.0
"""Seconds in which a run of the demo's own events is preferred to any other."""


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


@frozen
class Stage:
    """What every act needs: the client, where to print, and how to wait.

    Attributes:
        client: The client the demo is about.
        v1: A second one that asks v1 alone, for the names of functions.
        say: Prints a line of the readable text.
        where: The server, in words.
        wait: Longest wait in seconds.
        may_take_any: Whether runs of other events may be replayed and cancelled.
        counted: Most runs counted of each status.
        ours: The name of each event the demo has sent, by its internal id.
        functions: `app/function` by the function's UUID, which is all that v1's runs tell.
        triggers: The names of the events that start functions.
    """

    client: InngestClient
    v1: InngestClient
    say: Callable[[str], None]
    where: str
    wait: float
    may_take_any: bool
    counted: int | None
    ours: dict[str, str] = field(factory=dict)
    functions: dict[str, str] = field(factory=dict)
    triggers: set[str] = field(factory=set)


def demonstrate(stage: Stage, batch: list[dict[str, Any]], source: str) -> dict[str, object]:
    """Do all of it and return the summary; `source` names where the batch is from."""
    stage.say(f"inngest-rest at work on {stage.where}")
    sent = send(stage, batch, source)
    apps = list_apps(stage)
    list_runs(stage)
    failed, new = replay(stage)
    cancelled = cancel(stage, besides=frozenset({new}))
    return {
        "sent": sent,
        "apps": apps,
        "runs": count_runs(stage),
        "replayed": {"from": failed, "to": new},
        "cancelled": cancelled,
    }


def send(stage: Stage, batch: list[dict[str, Any]], source: str) -> int:
    stage.say("\nSend")
    first = Event(
        "app/order.created", data={"orderId": "ord_123", "total": 49.99}, user={"id": "usr_456"}
    )
    (first_id,) = stage.client.send(first)
    stage.ours[first_id] = first.name
    stage.say(f"  one event  {first.name}")
    for id, event in zip(stage.client.send(batch), batch, strict=True):
        stage.ours[id] = event["name"]
    names = Counter(event["name"] for event in batch)
    stage.say(f"  a batch    {len(batch)} of {source}")
    for name, count in names.most_common(SHOWN):
        stage.say(f"    {count:>6} x {clip(name)}")
    if len(names) > SHOWN:
        stage.say("           and more")
    return 1 + len(batch)


def list_apps(stage: Stage) -> list[str]:
    stage.say("\nApps")
    apps = list(stage.client.apps.list())
    width = max((len(app.name or app.id) for app in apps), default=0)
    for app in apps[:20]:
        name = app.name or app.id
        names = sorted(function_names(stage, name))
        stage.say(f"  {name:<{width}}  {clip(', '.join(names), 80)}")
    if not apps:
        stage.say("  none is synced with this server")
    return [app.id for app in apps]


def function_names(stage: Stage, app: str) -> Iterator[str]:
    """Give the names of an app's functions, and note what v1 and v2 tell of them."""
    for client in (stage.client, stage.v1):
        try:
            functions = list(client.functions.list(app))
        except InngestError:
            continue  # an older or a newer server; the names are only for the eye
        for function in functions:
            if client is stage.client:
                yield function.id
            if function.internal_id:
                stage.functions[function.internal_id] = f"{app}/{function.id}"
            stage.triggers.update(each.value for each in function.triggers if each.kind == "event")


def list_runs(stage: Stage) -> None:
    stage.say("\nRuns, the newest of each status")
    for status in STATUSES:
        runs = list(stage.client.runs.list(status=status, limit=SHOWN + 1))
        stage.say(f"  {status}{'' if runs else ': none'}")
        for run in runs[:SHOWN]:
            stage.say(f"    {run.id}  {function_of(stage, run):<22}  {result_of(run)}".rstrip())
        if len(runs) > SHOWN:
            stage.say("    and more")


def replay(stage: Stage) -> tuple[str, str]:
    """Show a failed run, replay it, and return both ids."""
    found = find_run(stage, RunStatus.FAILED)
    failed = stage.client.runs.get(found.id)
    stage.say(f"\nOne run, {failed.id}")
    facts = {
        "function": function_of(stage, found),
        "event": event_of(stage, failed),
        "status": failed.status,
        "queued": f"{failed.queued_at:%Y-%m-%d %H:%M:%S %Z}" if failed.queued_at else "",
        "ended": f"{failed.ended_at:%Y-%m-%d %H:%M:%S %Z}" if failed.ended_at else "",
        "error": result_of(failed),
    }
    for name, value in facts.items():
        stage.say(f"  {name:<8}  {value}")
    new = stage.client.runs.replay(failed.id)
    stage.say("\nReplay it")
    stage.say(f"  {failed.id}  {failed.status}")
    again = ended(stage, new)
    stage.say(f"  {new}  {again.status if again else 'not ended yet'}  {result_of(again)}".rstrip())
    return failed.id, new


def cancel(stage: Stage, besides: frozenset[str]) -> str:
    """Cancel a running run and return its id; one that ended by itself first does not count."""
    stage.say("\nCancel a running one")
    while True:
        running = find_run(stage, RunStatus.RUNNING, besides=besides)
        stage.client.runs.cancel(running.id)
        run = ended(stage, running.id)
        if run is None:
            raise DemoError(f"run {running.id} was told to stop and still runs")
        stage.say(f"  {running.id}  {function_of(stage, running)}  running -> {run.status}")
        if run.status == RunStatus.CANCELLED:
            return running.id
        besides |= {running.id}


def count_runs(stage: Stage) -> dict[str, int]:
    stage.say("\nRuns now")
    counts: dict[str, int] = {}
    for status in STATUSES:
        runs = stage.client.runs.list(status=status, limit=stage.counted)
        counts[status.value] = sum(1 for _ in runs)
        more = " or more" if counts[status.value] == stage.counted else ""
        stage.say(f"  {status:<10} {counts[status.value]:>6,}{more}")
    return counts


def find_run(stage: Stage, status: RunStatus, besides: frozenset[str] = frozenset()) -> Run:
    """Find a run with this status, one the demo's events started if there is any.

    Raises:
        DemoError: There is none, or none appeared in time; the message says what to do.
    """
    started = time.monotonic()
    while True:
        listed = stage.client.runs.list(status=status, limit=SCANNED)
        runs = [run for run in listed if run.id not in besides]
        for run in runs:
            if not stage.ours.keys().isdisjoint(run.event_ids):
                return run
        waited = time.monotonic() - started
        if runs and stage.may_take_any and waited >= min(GRACE, stage.wait):
            return runs[0]
        if waited >= stage.wait:
            raise missing(stage, status)
        time.sleep(0.5)


def missing(stage: Stage, status: RunStatus) -> DemoError:
    job, kind = {
        RunStatus.FAILED: ("replay", "fails"),
        RunStatus.RUNNING: ("cancel", "takes a while"),
    }[status]
    whose = "" if stage.may_take_any else " that these events started"
    known = ", ".join(sorted(stage.triggers)[:20]) or "none that it tells of"
    return DemoError(
        f"there is no {status} run{whose} to {job} on {stage.where}.\n"
        f"  Put an event into FILE that starts a function which {kind}, and type\n"
        f"  scripts/demo FILE again (--wait SECONDS if that needs longer than {stage.wait:g} s).\n"
        f"  Events that start a function there: {clip(known, 300)}"
    )


def ended(stage: Stage, id: str) -> Run | None:
    """Wait for the end of a run and return it; None if it takes too long."""
    try:
        return stage.client.runs.wait(id, max(stage.wait, 1.0))
    except WaitTimeoutError:
        return None


def function_of(stage: Stage, run: Run) -> str:
    if run.app_id and run.function_id:
        return clip(f"{run.app_id}/{run.function_id}")
    return clip(stage.functions.get(run.internal_function_id or "", "a function"))


def event_of(stage: Stage, run: Run) -> str:
    if not run.event_ids:
        return f"none: cron {run.cron}"
    try:
        event = stage.client.events.get(run.event_ids[0])
    except InngestError:
        return clip(stage.ours.get(run.event_ids[0], run.event_ids[0]))
    return clip(f"{event.name} {json.dumps(event.data, ensure_ascii=False)}", 80)


def result_of(run: Run | None) -> str:
    """Say in a few words what came of a run, as far as the server told."""
    if run is None or not run.is_ended:
        return ""
    if run.error is not None:
        return clip(": ".join(filter(None, [run.error.name, run.error.message])), 60)
    return "" if run.output is None else clip(json.dumps(run.output, ensure_ascii=False), 60)


def clip(text: str, width: int = 40) -> str:
    """Fit foreign text into a line: no control characters, not too long."""
    clean = "".join(each if each.isprintable() else " " for each in text[: width + 1])
    return clean if len(clean) <= width else f"{clean[: width - 3]}..."
