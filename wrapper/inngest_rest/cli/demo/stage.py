"""The stage of the demo: its client and screen, the runs that are its own, and words for them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest import InngestClient, InngestError, Run, RunStatus, WaitTimeoutError
from inngest_rest.cli.demo.words import clip, clip_list, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest.cli.demo.screen import Screen
    from inngest_rest.operations.problems import Code

LOOK_EVERY_SECONDS = 0.25
"""Polling interval: a real server shows a run about this long after its event."""
SETTLE_SECONDS = 3.0
"""Longest wait, once there are runs, for one of each kind that the acts need."""
CLOCK_SKEW = timedelta(hours=1)
"""How far this machine's clock may be ahead of the server's."""
SEARCHED_RUNS = 1000
"""How many of the server's newest runs are searched for those of the demo's events."""
REPLAYED = (RunStatus.FAILED, RunStatus.COMPLETED)
"""Statuses of the runs that may be replayed, in order of preference."""


class DemoError(Exception):
    """The demo cannot continue; the message says why.

    Attributes:
        code: What kind of error it is.
        hint: What to do next.
    """

    def __init__(self, message: str, *, code: Code, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


@frozen
class Stage:
    """State shared by the acts.

    Attributes:
        client: The client that the demo shows.
        screen: The screen to write to.
        wait_seconds: Longest wait for runs to appear, and for a run to end.
        monotonic: Returns seconds that never go back.
        sleep: Lets some seconds pass.
        began: When the demo began.
        events: The events the demo sent, by the ids that the server gave them.
        started: Ids of the runs the demo started without an event: a replay, an invocation.
        triggers: Names of the events that start functions on this server.
    """

    client: InngestClient
    screen: Screen
    wait_seconds: float
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    began: datetime = field(factory=lambda: datetime.now(UTC))
    events: dict[str, Mapping[str, Any]] = field(factory=dict[str, "Mapping[str, Any]"])
    started: set[str] = field(factory=set[str])
    triggers: set[str] = field(factory=set[str])

    def since(self, asked: float) -> timedelta:
        """Return how long ago that was, by this stage's own time."""
        return timedelta(seconds=self.monotonic() - asked)


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
    asked = stage.monotonic()
    while True:
        runs = own_runs(stage)
        if is_enough(runs) or stage.monotonic() - asked >= seconds:
            return runs
        stage.screen.wait_for(f"{what}, at most {seconds:g} s")
        stage.sleep(LOOK_EVERY_SECONDS)


def are_of_every_kind(runs: list[Run]) -> bool:
    """Return whether every act has a run, or no run can change any more."""
    if all(run.is_ended for run in runs):
        return True
    return {run.status for run in runs}.issuperset(REPLAYED)


def can_replay(runs: list[Run]) -> bool:
    """Return whether a run can be replayed, or none ever will be."""
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
    """Return the code that waits for the end of a run."""
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
    """Show why an act is left out, and what it needs."""
    stage.screen.say(f"  left out: {reason}")
    stage.screen.say(f"  {advice(stage, needed)}")


def advice(stage: Stage, needed: str = "") -> str:
    """Return which events start functions on this server."""
    names = clip_list(sorted(clip(each, 40) for each in stage.triggers), 90) or "none"
    function = f"a function {needed}".rstrip()
    return f"Pass a FILE with an event that starts {function}. Events known there:\n    {names}"
