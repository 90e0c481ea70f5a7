"""Confirmations: the description of an act before it is done, and the token that confirms it.

A token identifies the set that was shown: the act touches this set and no other.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest.call_row import Effect
from inngest_rest.programs import and_more, quoted, shortened
from inngest_rest.typing import RunSelection
from inngest_rest_tools.parameters import parameters

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from inngest_rest.bulk import ActionReport
    from inngest_rest.call_row import CallRow
    from inngest_rest.responses import Target
    from inngest_rest_tools.parameter import Values

# Parameters that select the runs: a plan replaces them.
_SELECTION = {"ids", "limit", "name", *RunSelection.__annotations__}

# Parameters of how a call is made, which may change between the plan and its confirmation.
_MANNER = {"confirm", "dry_run", "max_chars", "rate", "in_flight", "report"}

_MOST_KEPT = 20  # plans that wait for their confirmation: each may have many runs


class ShownPlan(NamedTuple):
    """A plan that was shown, and the parameters of the call that would have carried it out."""

    values: Values
    planned: ActionReport


class ShownPlans:
    """Plans by their token, for a process that both shows them and acts on them.

    Each token is valid once.
    """

    def __init__(self) -> None:
        self._plans: dict[str, ShownPlan] = {}

    def keep(self, token: str, values: Values, planned: ActionReport) -> None:
        decisive = what_is_done(values)
        self._plans[token] = ShownPlan(values=decisive, planned=planned)
        tokens = list(self._plans)
        for oldest in tokens[:-_MOST_KEPT]:
            del self._plans[oldest]

    def take(self, token: str) -> ShownPlan | None:
        return self._plans.pop(token, None)


def token_of(
    target: Target,
    row: CallRow,
    values: Values,
    planned: ActionReport,
) -> str:
    """Return the token of a plan for a server: the number of open rows and a digest."""
    open_rows = [row for row in planned.rows if row.is_open]
    selected = what_is_done(pinned(values, planned))
    if "ids" in values:
        selected = without(selected, names_that_select(row))
        selected["ids"] = sorted(str(row.id) for row in open_rows)
    parts = [target.to_dict(), row.command, selected]
    text = json.dumps(parts, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{len(open_rows)}-{digest[:16]}"


def pinned(values: Values, planned: ActionReport) -> Values:
    """Return parameters with the absolute window of the plan, however long ago that was."""
    begin = "since"
    end = "until"
    if "started_before" in values:
        begin = "started_after"
        end = "started_before"
    elif values.get("ended_since") or values.get("ended_until"):
        begin = "ended_since"
        end = "ended_until"
    pinned = dict(values)
    if planned.since is not None:
        pinned[begin] = planned.since
    if planned.until is not None:
        pinned[end] = planned.until
    return pinned


def names_that_select(row: CallRow) -> set[str]:
    """Return the optional parameters that a plan replaces."""
    required = {
        parameter.name for parameter in parameters(row) if parameter.is_required
    }
    return _SELECTION - required


def what_is_done(values: Values) -> dict[str, Any]:
    """Return the parameters that decide what is done, without those that decide how."""
    return without(values, _MANNER)


def without(values: Values, names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def deed(row: CallRow, values: Values, planned: ActionReport) -> str:
    """Describe the act that a call would do, with its extent."""
    if row.sends_events and "events" in values:
        return _sending(values["events"])
    if row.requests_any_path:
        return f"{values['method']} {shortened(values['path'])}"
    if row.selects_with_condition:
        condition = values["condition"]
        where = f" for which {shortened(condition)} holds," if condition else ""
        most = f"of at most {_amount(planned)} now"
        return f"cancel every run of the function in that time,{where} {most},"
    if row.is_bulk:
        return f"act on {_amount(planned)}"
    return _deed_of_one(row, values)


def _sending(events: Sequence[Mapping[str, Any]]) -> str:
    """Describe the sending of events, with their number by name."""
    names = [str(event.get("name")) for event in events]
    most_common = Counter(names).most_common()
    counts = [f"{count:,} {quoted(name)}" for name, count in most_common]
    return f"send {len(events):,} events ({and_more(counts)})"


def _amount(planned: ActionReport) -> str:
    count = sum(row.is_open for row in planned.rows)
    if count == 1:
        return "1 run"
    return f"{count:,} runs"


def _deed_of_one(row: CallRow, values: Values) -> str:
    """Describe the act of a call that acts on one thing."""
    done = what_is_done(values)
    given = {name: value for name, value in done.items() if value}
    text = json.dumps(given, ensure_ascii=False, default=str)
    does = "change what is there" if row.effect is Effect.CHANGE else "add"
    return f"{does}, with {shortened(text)},"


def to_do_by_function(report: ActionReport) -> list[tuple[str, int]]:
    """Return the number of open rows per function, the largest first."""
    counts = Counter[str]()
    for row in report.rows:
        if row.is_open and row.function:
            counts[row.function] += 1
    return counts.most_common()
