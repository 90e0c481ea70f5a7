"""`runs watch` for a person: a live table on a terminal, one line per change elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.live import Live

from inngest_rest.cli.tables import console_for, table_of
from inngest_rest.cli.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest.cli.answer import Answer
    from inngest_rest.cli.ended import Ended
    from inngest_rest.models import Run, RunChange

# Lines of a terminal that are not for runs: the heading, and the one with the cursor.
_OTHER_LINES = 3


def show(changes: Iterable[RunChange], answer: Answer, ended: Ended) -> None:
    """Show changes as they come, to the end."""
    console = console_for(answer.output)
    if answer.output.is_terminal and not console.is_dumb_terminal:
        _live(changes, answer, ended)
        return
    for each in changes:
        ended.note([each])
        answer.output.line(_line(each))
        answer.output.flush()


def _line(change: RunChange) -> str:
    run = change.run
    at = run.ended_at or run.queued_at
    when = f"{at:%Y-%m-%d %H:%M:%S}  " if at else ""
    name = f"{run.app_id}/{run.function_id}" if run.function_id else ""
    return safe(f"{when}{run.id}  {change.kind:8}  {run.status:9}  {name}".rstrip()).replace(
        "\n", " "
    )


def _live(changes: Iterable[RunChange], answer: Answer, ended: Ended) -> None:
    """Keep a table of the runs that changed last, the newest at the bottom."""
    console = console_for(answer.output)
    runs: dict[str, Run] = {}
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        for each in changes:
            ended.note([each])
            runs.pop(each.run.id, None)
            runs[each.run.id] = each.run
            while len(runs) > max(console.height - _OTHER_LINES, 1):
                del runs[next(iter(runs))]
            live.update(table_of(list(runs.values()), console), refresh=True)
