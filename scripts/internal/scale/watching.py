"""A watch while runs begin and end by SQL: how far behind it is, and whether it misses any."""

from __future__ import annotations

import random
import statistics
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from scripts.internal.scale.copies import Copy, make_copy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest import InngestClient
    from scripts.internal.scale.copies import Database

PATIENCE = timedelta(seconds=45)
"""How long the last changes may take to be seen."""


@frozen
class Watched:
    """How a watch kept up.

    Attributes:
        changes: The number of changes that were made.
        missed: Those of them that were not seen.
        doubled: The number that were seen more than once.
        lags: The seconds from each change to its being seen, ascending.
    """

    changes: int
    missed: int
    doubled: int
    lags: tuple[float, ...]

    def __str__(self) -> str:
        if len(self.lags) < 2:
            return f"watch: {self.missed} of {self.changes} changes missed"
        percentiles = statistics.quantiles(self.lags, n=100, method="inclusive")
        return (
            f"watch: {self.changes:,} changes, {self.missed} missed, {self.doubled} doubled; "
            f"behind by {percentiles[49]:.1f} s (p50), {percentiles[98]:.1f} s (p99), "
            f"{self.lags[-1]:.1f} s (most)"
        )


@define
class _Changes:
    """What was changed and what was seen: moments by run and whether it is the end."""

    made: dict[tuple[str, bool], float] = field(factory=dict)
    seen: dict[tuple[str, bool], list[float]] = field(factory=dict)


def watch_changes(
    client: InngestClient, database: Database, per_second: int, duration: timedelta
) -> Watched:
    """Begin and end runs for some time, a change each, and watch all runs meanwhile."""
    changes = _Changes()
    is_over = threading.Event()
    changer = threading.Thread(
        target=_change, args=(database, changes, per_second, duration, is_over), daemon=True
    )
    watch = client.runs.watch(timeout=duration + PATIENCE)
    changer.start()
    for change in watch:
        if change.kind != "changed":
            key = (change.run.id, change.kind == "ended")
            changes.seen.setdefault(key, []).append(time.monotonic())
        if is_over.is_set() and changes.seen.keys() >= changes.made.keys():
            break
    changer.join()
    return _compare(changes)


def _change(
    database: Database,
    changes: _Changes,
    per_second: int,
    duration: timedelta,
    is_over: threading.Event,
) -> None:
    """Each half second, begin a quarter as many runs as change per second, and end the oldest."""
    chance = random.Random(1)  # noqa: S311 - not for secrets
    began = time.monotonic()
    open_runs: list[str] = []
    size = max(per_second // 4, 1)
    for turn in range(int(duration.total_seconds() * 2)):
        time.sleep(max(began + turn / 2 - time.monotonic(), 0))
        now = int(time.time() * 1000)
        copies = [_open_copy(now, chance) for _ in range(size)]
        database.insert(copies)
        _note(changes, (copy.run_id for copy in copies), is_end=False)
        open_runs += [copy.run_id for copy in copies]
        if turn >= 4:  # a run is open for two seconds
            ended, open_runs = open_runs[:size], open_runs[size:]
            database.end(ended)
            _note(changes, ended, is_end=True)
    is_over.set()


def _open_copy(now: int, chance: random.Random) -> Copy:
    return make_copy(now - 2_000, "Running", chance)


def _note(changes: _Changes, run_ids: Iterable[str], *, is_end: bool) -> None:
    now = time.monotonic()
    changes.made.update({(run_id, is_end): now for run_id in run_ids})


def _compare(changes: _Changes) -> Watched:
    seen = {key: moments for key, moments in changes.seen.items() if key in changes.made}
    missed = [key for key in changes.made if key not in seen]
    return Watched(
        changes=len(changes.made),
        missed=len(missed),
        doubled=sum(len(moments) > 1 for moments in seen.values()),
        lags=tuple(sorted(moments[0] - changes.made[key] for key, moments in seen.items())),
    )
