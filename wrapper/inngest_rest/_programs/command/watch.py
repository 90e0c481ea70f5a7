"""Commands that wait: each run as it ends, or each change, as a live table on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._programs.command.streams import safe
from inngest_rest._programs.envelope import Code, Problem, advice
from inngest_rest._visible import and_more
from inngest_rest.errors import NextCall
from inngest_rest.models import Run, RunChange, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inngest_rest._programs.command.renderer import Renderer
    from inngest_rest.record import Record

_FAILED = {RunStatus.FAILED, RunStatus.CANCELLED}

# Runs that a message names.
_MOST_NAMED = 5

# Lines of a terminal that are not for runs: the heading, and the one with the cursor.
_OTHER_LINES = 3


def show(items: Iterable[Record], renderer: Renderer, *, fail: bool, watches: bool) -> int:
    """Write records as they come, to the end, and return the exit status.

    Args:
        items: The records.
        renderer: Writes them.
        fail: Whether a run that failed or was cancelled is a problem.
        watches: Whether the records are changes, of which a person sees the last of each run.
    """
    ended: list[Run] = []

    def noted() -> Iterator[Record]:
        for each in items:
            run = each.run if isinstance(each, RunChange) and each.kind == "ended" else each
            if isinstance(run, Run):
                ended.append(run)
            yield each

    if watches and renderer.format == "table":
        _draw(noted(), renderer)
    else:
        for each in noted():
            renderer.add((each,))
            renderer.stderr.progress(f"{len(ended):,} so far")
        renderer.stderr.end_progress()
    failed = [run for run in ended if run.status in _FAILED]
    if not fail or not failed:
        return renderer.finish()
    named = and_more([f"{run.id} {run.status}" for run in failed], _MOST_NAMED)
    message = f"{len(failed)} of {len(ended)} runs did not complete: {named}"
    hint = advice("{} shows where it ended.", NextCall("runs.trace", (failed[0].id,)))
    return renderer.finish(Problem(Code.RUN_FAILED, message, hint=hint))


def _draw(changes: Iterable[Record], renderer: Renderer) -> None:
    from rich.live import Live  # noqa: PLC0415 - rich is slow to load

    from inngest_rest._programs.command import tables  # noqa: PLC0415

    console = tables.console_for(renderer.output)
    if not renderer.output.is_terminal or console.is_dumb_terminal:
        for each in changes:
            renderer.output.line(_line(each))
            renderer.output.flush()
        return
    runs: dict[str, Run] = {}
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        for each in changes:
            assert isinstance(each, RunChange)
            runs.pop(each.run.id, None)  # the one that changed last is at the bottom
            runs[each.run.id] = each.run
            while len(runs) > max(console.height - _OTHER_LINES, 1):
                del runs[next(iter(runs))]
            live.update(tables.table_of(list(runs.values()), console), refresh=True)


def _line(change: Record) -> str:
    assert isinstance(change, RunChange)
    run = change.run
    at = run.ended_at or run.queued_at
    when = f"{at:%Y-%m-%d %H:%M:%S}  " if at else ""
    name = f"{run.app_id}/{run.function_id}" if run.function_id else ""
    text = f"{when}{run.id}  {change.kind:8}  {run.status:9}  {name}".rstrip()
    return safe(text).replace("\n", " ")
