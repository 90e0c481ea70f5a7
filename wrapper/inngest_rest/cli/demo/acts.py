"""The acts of the demo: list apps, send, list runs, replay, cancel, invoke, explain, replay all.

Each act calls the client, shows the result and returns its part of the summary. An act changes only
runs that the demo started itself.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any

from attrs import frozen

from inngest_rest import Explanation, NotFoundError, RunStatus, WaitTimeoutError
from inngest_rest.cli.demo.screen import COLUMNS
from inngest_rest.cli.demo.stage import (
    CLOCK_SKEW,
    LOOK_EVERY_SECONDS,
    REPLAYED,
    SEARCHED_RUNS,
    SETTLE_SECONDS,
    DemoError,
    Stage,
    advice,
    are_of_every_kind,
    can_replay,
    event_of,
    get_details,
    leave_out,
    look_for,
    own_runs,
    show_end,
    wait_code,
    wait_for_end,
)
from inngest_rest.cli.demo.words import (
    STATUSES,
    as_json,
    clip,
    clip_list,
    counts_of,
    duration_of,
    function_of,
    in_words,
    number_of,
    result_of,
    starts,
)
from inngest_rest.operations.problems import Code
from inngest_rest.record import Record

SHOWN_APPS = 4
SHOWN_RUNS = 2
"""Runs shown per status."""
BELOW_LABEL = " " * len("  completed   1  ")


@frozen(repr=False)
class Summary(Record):
    """What the demo has done; None stands for an act without a suitable run.

    Attributes:
        apps: The apps of the server.
        sent: Number of events sent.
        replayed: The run that was replayed, and the new one.
        cancelled: The run that was cancelled.
        invoked: The run of the function that was invoked.
        awaited: The runs of the event that was waited for.
        explained: Why an event has started no run.
        replayed_all: How many of the failed runs were replayed, by outcome.
        runs: How many runs of the demo there are at its end, by status.
    """

    apps: tuple[str, ...]
    sent: int
    replayed: dict[str, str] | None
    cancelled: str | None
    invoked: str | None
    awaited: tuple[str, ...] | None
    explained: str
    replayed_all: dict[str, int] | None
    runs: dict[str, int]

    @property
    def left_out(self) -> list[str]:
        """The acts that no run was suitable for."""
        return [act for name, act in ACTS.items() if getattr(self, name) is None]


ACTS = {
    "replayed": "replay",
    "cancelled": "cancel",
    "invoked": "invoke",
    "awaited": "send and wait",
    "replayed_all": "replay all",
}


def demonstrate(stage: Stage, events: list[dict[str, Any]]) -> Summary:
    """Perform every act and return the summary.

    Raises:
        DemoError: There is nothing to show: no app, no function for these events, or no run.
    """
    apps = list_apps(stage, events)
    sent = send(stage, events)
    list_runs(stage)
    return Summary(
        apps=tuple(apps),
        sent=sent,
        replayed=replay(stage),
        cancelled=cancel(stage),
        invoked=invoke(stage),
        awaited=send_and_wait(stage),
        explained=explain(stage),
        replayed_all=replay_all(stage),
        runs=count_runs(stage),
    )


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
            "no app is synced with this server: events would start nothing, so none was sent",
            code=Code.NOT_FOUND,
            hint="Start an app that serves functions and sync it. For a dev server:\n"
            "    npx inngest-cli@latest dev -u http://localhost:3000/api/inngest\n"
            "  or watch the demo on its own mock server:\n"
            "    inngest-rest demo",
        )
    if not any(starts(trigger, event["name"]) for trigger in stage.triggers for event in events):
        raise DemoError(
            "these events would start no function here, so none was sent",
            code=Code.NOT_FOUND,
            hint=advice(stage),
        )
    return [app.id for app in apps]


def send(stage: Stage, events: list[dict[str, Any]]) -> int:
    """Send the first event alone and the others as a batch."""
    stage.screen.head("Send", "client.send(event), client.send(events)")
    asked = stage.monotonic()
    ids = stage.client.send(events[0])
    if len(events) > 1:
        ids += stage.client.send(events[1:])
    took = stage.since(asked)
    stage.events.update(zip(ids, events, strict=True))
    names = Counter(clip(event["name"], 40) for event in events).most_common()
    listed = clip_list([f"{count} x {name}" for name, count in names], 66)
    stage.screen.say(f"  {number_of(len(events), 'event')} in {in_words(took)}: {listed}")
    return len(events)


def list_runs(stage: Stage) -> None:
    """Wait for the runs that the events start, and show the newest of each status."""
    stage.screen.head("Runs", "client.runs.list(since=began), client.runs.get(id)")
    asked = stage.monotonic()
    if not look_for(stage, bool, stage.wait_seconds, "the first run of these events"):
        raise DemoError(
            f"no run of these events appeared within {stage.wait_seconds:g} s",
            code=Code.TIMED_OUT,
            hint="Check that the app runs, that its functions are not paused, and that no event "
            'has an "id" of the last 24 hours. --wait SECONDS waits longer.',
        )
    stage.sleep(LOOK_EVERY_SECONDS)  # the runs of one batch appear one after another
    patience = min(SETTLE_SECONDS, stage.wait_seconds)
    runs = look_for(stage, are_of_every_kind, patience, "some of these runs to end")
    stage.screen.say(
        f"  {number_of(len(runs), 'run')} within {in_words(stage.since(asked))} of sending"
    )
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
    asked = stage.monotonic()
    new = stage.client.runs.replay(old.id)
    stage.started.add(new)
    show_end(stage, new, wait_for_end(stage, new), in_words(stage.since(asked)))
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
    data: dict[str, Any] = stage.events[event_of(stage, run)].get("data") or {}
    stage.screen.say(f"  {function_of(run)} with {as_json(data, 60)}")
    asked = stage.monotonic()
    new = stage.client.functions.invoke(run.app_id, run.function_id, data)
    stage.started.add(new)
    show_end(stage, new, wait_for_end(stage, new), in_words(stage.since(asked)))
    return new


def send_and_wait(stage: Stage) -> tuple[str, ...] | None:
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
    asked = stage.monotonic()
    try:
        runs = stage.client.send_and_wait(event, timeout=max(stage.wait_seconds, 1.0))
    except WaitTimeoutError as error:
        stage.screen.say(clip(f"  {error}", COLUMNS))
        return None
    for run in runs:
        stage.started.add(run.id)
        show_end(stage, run.id, run, in_words(stage.since(asked)))
    return tuple(run.id for run in runs)


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
    asked = stage.monotonic()
    while True:
        try:
            return stage.client.events.explain(id)
        except NotFoundError:
            if stage.monotonic() - asked >= stage.wait_seconds:
                raise
        stage.screen.wait_for("the event to be stored", in_pipes=False)
        stage.sleep(LOOK_EVERY_SECONDS)


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
