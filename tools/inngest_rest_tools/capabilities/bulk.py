"""Acts on many runs: their counts, and a row for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest.programs import and_more, quoted
from inngest_rest.record import in_words
from inngest_rest_tools.cutting import MOST_ROWS
from inngest_rest_tools.form import (
    LEAST_TEXT,
    Column,
    Form,
    first_rows,
    line,
    names,
    optional,
    place_of,
    whole,
)
from inngest_rest_tools.problems import DONE, Code, Problem, advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.bulk import ActionReport
    from inngest_rest_tools.cutting import Cutter
    from inngest_rest_tools.form import Part
    from inngest_rest_tools.parameter import Values
    from inngest_rest_tools.results import Acted


def view_of_acts(acted: Acted) -> Iterator[Part]:
    """Yield the parts of the view of what was done, or would be."""
    outcomes = [
        f"{count:,} {outcome.replace('_', ' ')}"
        for outcome, count in acted.counts.items()
    ]
    counts = ", ".join(outcomes) or "nothing to do"
    yield f"{acted.action}: {counts} at {place_of(acted.target)}"
    window: list[str] = []
    if acted.since:
        window.append(f"since {in_words(acted.since)}")
    if acted.until:
        window.append(f"until {in_words(acted.until)}")
    if window:
        yield f"Runs queued {' '.join(window)}"
    if len(acted.by_function) > 1:
        functions = [
            f"{count:,} {quoted(name)}" for name, count in acted.by_function.items()
        ]
        yield f"Of them {and_more(functions)}"
    yield from first_rows(acted.rows, MOST_ROWS)


# The code if a single run was named: its outcome is that of the call.
_CODE_OF_ONE = {
    "not_found": Code.NOT_FOUND,
    "refused": Code.USAGE,
    "failed": Code.SERVER,
    "unknown": Code.NETWORK,
}


def _incomplete(report: ActionReport, _values: Values) -> Problem | None:
    """Return the problem of a report with rows that are not done."""
    if DONE.issuperset(report.counts):
        return None
    if len(report.rows) == 1:
        return _incomplete_one(report)
    again = "the same with the ids of those that failed tries them again."
    hint = f"data.rows has the reason of each; {again}"
    return Problem(Code.PARTIAL, str(report), hint=hint)


def _incomplete_one(report: ActionReport) -> Problem:
    (row,) = report.rows
    code = _CODE_OF_ONE.get(row.outcome, Code.PARTIAL)
    hint = None
    if code is Code.SERVER:
        hint = advice("{} shows what answers at the base URL.", "diagnose")
    return Problem(
        code=code,
        message=row.reason or str(report),
        hint=hint,
        retryable=code is Code.NETWORK,
    )


def _shorten_row(row: dict[str, Any], _cutter: Cutter, _is_item: bool) -> None:
    if "id" in row:
        del row["position"]


FORMS = {
    "Acted": Form(untrusted=("by_function",), view=view_of_acts),
    "ActionOutcome": Form(
        styles={
            "planned": "cyan",
            "done": "green",
            "already_ended": "yellow",
            "already_replayed": "yellow",
            "not_found": "red",
            "refused": "red",
            "failed": "red",
            "unknown": "magenta",
            "not_tried": "dim",
        },
    ),
    "ActionReport": Form(problem=_incomplete),
    "ActionRow": Form(
        left_out=names("replays_before"),
        shorten=_shorten_row,
        untrusted=("reason", "function", "error", "from_step"),
        columns=(
            whole("ID", "id"),
            whole("OUTCOME", "outcome"),
            whole("NEW RUN", "new_run_id"),
            Column("FUNCTION", "function"),
            optional("STATUS", "status"),
            optional("QUEUED", "queued_at"),
            optional("ENDED", "ended_at", from_width=110),
            Column("FROM STEP", "from_step"),
            Column("ERROR", "error", least=LEAST_TEXT),
            line("REASON", "reason"),
        ),
    ),
}
