"""The acts of the demo: list apps, send, list runs, replay, cancel, invoke, explain, replay all.

Each act calls the client, shows the result and returns its part of the summary. An act changes only
runs that the demo started itself.
"""

from __future__ import annotations

import json
import textwrap
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest import (
    Explanation,
    InngestClient,
    InngestError,
    NotFoundError,
    Run,
    RunStatus,
    WaitTimeoutError,
)
from scripts.demo_screen import COLUMNS, Screen, clip, clip_list, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOK_EVERY_SECONDS = 0.25
"""Polling interval: a real server shows a run about this long after its event."""
SETTLE_SECONDS = 3.0
"""Longest wait, once there are runs, for one of each kind that the acts need."""
CLOCK_SKEW = timedelta(hours=1)
"""How far this machine's clock may be ahead of the server's."""
SEARCHED_RUNS = 1000
"""How many of the server's newest runs are searched for those of the demo's events."""
SHOWN_APPS = 4
SHOWN_RUNS = 2
"""Runs shown per status."""
BELOW_LABEL = " " * len("  completed   1  ")
STATUSES = [
    RunStatus.COMPLETED,
    RunStatus.FAILED,
    RunStatus.RUNNING,
    RunStatus.QUEUED,
    RunStatus.CANCELLED,
]
REPLAYED = (RunStatus.FAILED, RunStatus.COMPLETED)
"""Statuses of the runs that may be replayed, in order of preference."""


class DemoError(Exception):
    """The demo cannot continue; the message says why and what to do next."""


@frozen
class Stage:
    """State shared by the acts.

    Attributes:
        client: The client that the demo shows.
        screen: The screen to write to.
        wait_seconds: Longest wait for runs to appear, and for a run to end.
        began: When the demo began.
        events: The events the demo sent, by the ids that the server gave them.
        started: Ids of the runs the demo started without an event: a replay, an invocation.
        triggers: Names of the events that start functions on this server.
    """

    client: InngestClient
    screen: Screen
    wait_seconds: float
    began: datetime = field(factory=lambda: datetime.now(UTC))
    events: dict[str, Mapping[str, Any]] = field(factory=dict)
    started: set[str] = field(factory=set)
    triggers: set[str] = field(factory=set)


def demonstrate(stage: Stage, events: list[dict[str, Any]]) -> dict[str, Any]:
    """Perform every act and return the summary; None stands for an act without a suitable run.

    Raises:
        DemoError: There is nothing to show: no app, no function for these events, or no run.
    """
    apps = list_apps(stage, events)
    sent = send(stage, events)
    list_runs(stage)
    return {
        "apps": apps,
        "sent": sent,
        "replayed": replay(stage),
        "cancelled": cancel(stage),
        "invoked": invoke(stage),
        "awaited": send_and_wait(stage),
        "explained": explain(stage),
        "replayed_all": replay_all(stage),
        "runs": count_runs(stage),
    }


def list_apps(stage: Stage, events: list[dict[str, Any]]) -> list[str]:
    """List apps and their functions; raise if the events would start no function."""
    stage.screen.head("Apps", "client.apps.list(), client.functions.list(app)")
    stage.screen.wait_for("the server to answer", in_pipes=False)
    apps = [app for app in stage.client.apps.list() if not app.is_archived]
    width = max((len(clip(app.id, 20)) for app in apps[:SHOWN_APPS]), default=0)
    for number, app in enumerate(apps):
        functions = list(stage.client.functions.list(app.id))
        for function in functions:
            stage.triggers.update(each.value for each in function.triggers if each.kind == "event")
        if number < SHOWN_APPS:
            names = clip_list(sorted(clip(each.id, 40) for each in functions), 74)
            stage.screen.say(f"  {clip(app.id, 20):<{width}}  {names}")
    if len(apps) > SHOWN_APPS:
        stage.screen.say(f"  and {len(apps) - SHOWN_APPS} more")
    if not apps:
        raise DemoError(
            "no app is synced with this server: events would start nothing, so none was sent.\n"
            "  Start an app that serves functions and sync it. For a dev server:\n"
            "    npx inngest-cli@latest dev -u http://localhost:3000/api/inngest\n"
            "  or watch the demo on its own mock server:\n"
            "    scripts/demo"
        )
    if not any(starts(trigger, event["name"]) for trigger in stage.triggers for event in events):
        raise DemoError(
            f"these events would start no function here, so none was sent.\n  {advice(stage)}"
        )
    return [app.id for app in apps]


def send(stage: Stage, events: list[dict[str, Any]]) -> int:
    """Send the first event alone and the others as a batch."""
    stage.screen.head("Send", "client.send(event), client.send(events)")
    asked = time.monotonic()
    ids = stage.client.send(events[0])
    if len(events) > 1:
        ids += stage.client.send(events[1:])
    took = since(asked)
    stage.events.update(zip(ids, events, strict=True))
    names = Counter(clip(event["name"], 40) for event in events).most_common()
    listed = clip_list([f"{count} x {name}" for name, count in names], 66)
    stage.screen.say(f"  {number_of(len(events), 'event')} in {in_words(took)}: {listed}")
    return len(events)


def list_runs(stage: Stage) -> None:
    """Wait for the runs that the events start, and show the newest of each status."""
    stage.screen.head("Runs", "client.runs.list(since=began), client.runs.get(id)")
    asked = time.monotonic()
    if not look_for(stage, bool, stage.wait_seconds, "the first run of these events"):
        raise DemoError(
            f"no run of these events appeared within {stage.wait_seconds:g} s.\n"
            "  Check that the app runs, that its functions are not paused, and that no event has\n"
            '  an "id" of the last 24 hours. --wait SECONDS waits longer.'
        )
    time.sleep(LOOK_EVERY_SECONDS)  # the runs of one batch appear one after another
    patience = min(SETTLE_SECONDS, stage.wait_seconds)
    runs = look_for(stage, are_of_every_kind, patience, "some of these runs to end")
    stage.screen.say(f"  {number_of(len(runs), 'run')} within {in_words(since(asked))} of sending")
    width = max(len(function_of(run)) for run in runs)
    for status, count in counts_of(runs).items():
        label = stage.screen.paint(f"  {clip(status, 9):<9} {count:>3}  ", status)
        for run in [run for run in runs if run.status == status][:SHOWN_RUNS]:
            facts = f"{run.id}  {function_of(run):<{width}}"
            if run.is_ended:
                details = get_details(stage, run)
                facts += f"  {duration_of(details):>6}  {result_of(details)}"
            stage.screen.say(label + clip(facts.rstrip(), COLUMNS - len(BELOW_LABEL)))
            label = BELOW_LABEL
        if count > SHOWN_RUNS:
            stage.screen.say(f"{BELOW_LABEL}and {count - SHOWN_RUNS} more")


def replay(stage: Stage) -> dict[str, str] | None:
    """Replay a run that failed, or else one that completed, and return the ids of both."""
    stage.screen.head("Replay a failed run", f"client.runs.replay(id), {wait_code(stage)}")
    runs = look_for(stage, can_replay, stage.wait_seconds, "one of these runs to end")
    old = next((run for status in REPLAYED for run in runs if run.status == status), None)
    if old is None:
        leave_out(stage, "none of these runs has failed or completed", "which fails")
        return None
    event = stage.client.events.get(event_of(stage, old))
    if old.status != RunStatus.FAILED:
        stage.screen.say(f"  none has failed, so this replays one that {old.status}")
    cause = f"{clip(event.name, 30)} {as_json(event.data, COLUMNS)}"
    stage.screen.say(clip(f"  {function_of(old)} for {cause}", COLUMNS))
    details = get_details(stage, old)
    show_end(stage, old.id, details, duration_of(details))
    asked = time.monotonic()
    new = stage.client.runs.replay(old.id)
    stage.started.add(new)
    show_end(stage, new, wait_for_end(stage, new), in_words(since(asked)))
    return {"from": old.id, "to": new}


def cancel(stage: Stage) -> str | None:
    """Cancel a run that has not ended and return its id; one that just ended does not count."""
    stage.screen.head("Cancel a running one", "client.runs.cancel(id)")
    tried = set(stage.started)
    while True:
        alive = [run for run in own_runs(stage) if not run.is_ended and run.id not in tried]
        if not alive:
            leave_out(stage, "none of these runs is still running", "which takes a while")
            return None
        run = alive[0]
        tried.add(run.id)
        stage.screen.say(f"  {function_of(run)}")
        stage.client.runs.cancel(run.id)
        ended = wait_for_end(stage, run.id)
        show_end(stage, run.id, ended, duration_of(ended))
        if ended is None:
            return None
        if ended.status == RunStatus.CANCELLED:
            return run.id


def invoke(stage: Stage) -> str | None:
    """Invoke a function that completed before, with the same data, and return the run's id."""
    code = f"client.functions.invoke(app, function, data), {wait_code(stage)}"
    stage.screen.head("Invoke and wait", code)
    for run in own_runs(stage):
        if run.status == RunStatus.COMPLETED and run.id not in stage.started:
            break
    else:
        leave_out(stage, "none of these runs has completed", "which completes")
        return None
    # `since` needs v2, whose runs have the ids of app and function.
    assert run.app_id
    assert run.function_id
    data = stage.events[event_of(stage, run)].get("data") or {}
    stage.screen.say(f"  {function_of(run)} with {as_json(data, 60)}")
    asked = time.monotonic()
    new = stage.client.functions.invoke(run.app_id, run.function_id, data)
    stage.started.add(new)
    show_end(stage, new, wait_for_end(stage, new), in_words(since(asked)))
    return new


def send_and_wait(stage: Stage) -> list[str] | None:
    """Send an event whose runs have all completed once more, and return the ids of its new runs."""
    code = f"client.send_and_wait(event, timeout={stage.wait_seconds:g})"
    stage.screen.head("Send and wait", code)
    statuses: dict[str, set[RunStatus]] = {}
    for run in own_runs(stage):
        if run.id not in stage.started:
            statuses.setdefault(event_of(stage, run), set()).add(run.status)
    done = [id for id, found in statuses.items() if found == {RunStatus.COMPLETED}]
    if not done:
        leave_out(stage, "no event has runs that all completed", "which completes")
        return None
    event = {key: value for key, value in stage.events[done[0]].items() if key != "id"}
    stage.screen.say(clip(f"  {event['name']} {as_json(event.get('data'), 60)}", COLUMNS))
    asked = time.monotonic()
    try:
        runs = stage.client.send_and_wait(event, timeout=max(stage.wait_seconds, 1.0))
    except WaitTimeoutError as error:
        stage.screen.say(clip(f"  {error}", COLUMNS))
        return None
    for run in runs:
        stage.started.add(run.id)
        show_end(stage, run.id, run, in_words(since(asked)))
    return [run.id for run in runs]


def explain(stage: Stage) -> str:
    """Send an event that no function waits for, and return what the server shows about it."""
    stage.screen.head("Why did it start nothing?", "client.events.explain(id)")
    name = f"{min(stage.triggers, key=len).rstrip('*./')}.misspelt"
    (id,) = stage.client.send({"name": name, "data": {}})
    sentence = str(explanation_of(stage, id))
    for line in textwrap.wrap(sentence, COLUMNS - 2):
        stage.screen.say(f"  {clip(line, COLUMNS)}")
    return sentence


def explanation_of(stage: Stage, id: str) -> Explanation:
    """Explain an event as soon as the server shows it."""
    asked = time.monotonic()
    while True:
        try:
            return stage.client.events.explain(id)
        except NotFoundError:
            if time.monotonic() - asked >= stage.wait_seconds:
                raise
        stage.screen.wait_for("the event to be stored", in_pipes=False)
        time.sleep(LOOK_EVERY_SECONDS)


def replay_all(stage: Stage) -> dict[str, int] | None:
    """Replay the demo's runs that failed, after a dry run, and return the counts of the report."""
    code = 'client.runs.replay_all(status="failed", since=began)'
    stage.screen.head("Replay all that failed", code)
    plan = stage.client.runs.replay_all(
        status=RunStatus.FAILED, since=stage.began - CLOCK_SKEW, limit=SEARCHED_RUNS, dry_run=True
    )
    own = {run.id for run in own_runs(stage)}
    ids = [row.id for row in plan.rows if row.id in own]
    stage.screen.say(f"  {plan}; {number_of(len(ids), 'run')} of the demo")
    if not ids:
        leave_out(stage, "none of these runs has failed", "which fails")
        return None
    report = stage.client.runs.replay_all(ids)
    stage.started.update(row.new_run_id for row in report.rows if row.new_run_id)
    stage.screen.say(f"  {report}")
    return {str(outcome): count for outcome, count in report.counts.items()}


def count_runs(stage: Stage) -> dict[str, int]:
    """Count the runs of the demo by status, at the end."""
    return {**dict.fromkeys(STATUSES, 0), **counts_of(own_runs(stage))}


# Runs: only the demo's own, polled until an act can use them.


def own_runs(stage: Stage) -> list[Run]:
    """List the runs that the demo started, newest first; no others are changed."""
    listed = stage.client.runs.list(since=stage.began - CLOCK_SKEW, limit=SEARCHED_RUNS)
    return [
        run
        for run in listed
        if run.id in stage.started
        # A batch may contain events of other senders.
        or (run.batch_id is None and not stage.events.keys().isdisjoint(run.event_ids))
    ]


def event_of(stage: Stage, run: Run) -> str:
    """Return the id of the demo's event that started the run."""
    return next(id for id in run.event_ids if id in stage.events)


def look_for(
    stage: Stage, is_enough: Callable[[list[Run]], bool], seconds: float, what: str
) -> list[Run]:
    """Poll the demo's runs until there are enough or the time is up, and return the last list."""
    asked = time.monotonic()
    while True:
        runs = own_runs(stage)
        if is_enough(runs) or time.monotonic() - asked >= seconds:
            return runs
        stage.screen.wait_for(f"{what}, at most {seconds:g} s")
        time.sleep(LOOK_EVERY_SECONDS)


def are_of_every_kind(runs: list[Run]) -> bool:
    """Return whether every act has a run, or no run can change any more."""
    if all(run.is_ended for run in runs):
        return True
    return {run.status for run in runs}.issuperset(REPLAYED)


def can_replay(runs: list[Run]) -> bool:
    return any(run.status in REPLAYED for run in runs) or all(run.is_ended for run in runs)


def get_details(stage: Stage, run: Run) -> Run:
    """Get what a listing omits: the end and the result."""
    try:
        return stage.client.runs.get(run.id)
    except (
        InngestError
    ):  # a server may list a run before it can return it; the line is shorter then
        return run


def wait_for_end(stage: Stage, id: str) -> Run | None:
    """Wait until a run has ended; None if it takes too long."""
    what = f"run {id} to end, at most {stage.wait_seconds:g} s"
    stage.screen.wait_for(what, in_pipes=False)
    try:
        return stage.client.runs.wait(id, max(stage.wait_seconds, 1.0))
    except WaitTimeoutError:
        return None


# Text


def wait_code(stage: Stage) -> str:
    return f"client.runs.wait(new, {stage.wait_seconds:g})"


def show_end(stage: Stage, id: str, run: Run | None, took: str) -> None:
    """Show on one line how a run ended and how long it took."""
    if run is None:
        stage.screen.say(f"  {id}  has not ended within {stage.wait_seconds:g} s")
        return
    status = stage.screen.paint(run.status, run.status)
    after = f" after {took}" if took else ""
    stage.screen.say(f"  {id}  {status}{after}  {result_of(run)}".rstrip())


def leave_out(stage: Stage, reason: str, needed: str) -> None:
    stage.screen.say(f"  left out: {reason}")
    stage.screen.say(f"  {advice(stage, needed)}")


def advice(stage: Stage, needed: str = "") -> str:
    names = clip_list(sorted(clip(each, 40) for each in stage.triggers), 90) or "none"
    function = f"a function {needed}".rstrip()
    return f"Pass a FILE with an event that starts {function}. Events known there:\n    {names}"


def starts(trigger: str, name: str) -> bool:
    """Return whether a trigger, which may end in a wildcard, matches an event name."""
    return name == trigger or (trigger.endswith("*") and name.startswith(trigger[:-1]))


def function_of(run: Run) -> str:
    return clip(f"{run.app_id or '?'}/{run.function_id or '?'}", 30)


def result_of(run: Run) -> str:
    if run.error is not None:
        return clip(": ".join(filter(None, [run.error.name, run.error.message])), 40)
    return "" if run.output is None else as_json(run.output, 40)


def duration_of(run: Run | None) -> str:
    begin = run and (run.started_at or run.queued_at)
    return in_words(run.ended_at - begin) if run and run.ended_at and begin else ""


def counts_of(runs: list[Run]) -> dict[str, int]:
    counts = Counter(run.status for run in runs)
    return {
        status: counts[status] for status in dict.fromkeys([*STATUSES, *counts]) if counts[status]
    }


def as_json(value: object, width: int) -> str:
    return clip(json.dumps(value, ensure_ascii=False, default=str), width)


def number_of(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def since(asked: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - asked)
