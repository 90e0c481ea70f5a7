"""What is confirmed before it is done: what it is in words, and the token that stands for it.

A token stands for the set that was shown: that set is acted on, no other.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest._programs.parameters import parameters
from inngest_rest._table import Effect
from inngest_rest._visible import and_more, quoted, shortened
from inngest_rest.typing import RunSelection

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from inngest_rest._table import Row
    from inngest_rest.action_reports import ActionReport
    from inngest_rest.responses import Target

# What selects the runs, in whose place a plan stands.
_SELECTION = {"ids", "limit", "name", *RunSelection.__annotations__}

# How a call is made, which may be another when it is confirmed.
_MANNER = {"confirm", "dry_run", "max_chars", "rate", "in_flight", "report"}

_ACTS_ON_EVENTS = {"events.resend", "functions.recover"}

_MOST_KEPT = 20  # plans that wait for their confirmation: each may have many runs


class ShownPlan(NamedTuple):
    """What was shown, and the parameters of the call that would have done it."""

    values: Mapping[str, Any]
    planned: ActionReport


class ShownPlans:
    """What was shown, by its token, where one process shows it and acts on it.

    A token is good once.
    """

    def __init__(self) -> None:
        self._plans: dict[str, ShownPlan] = {}

    def keep(
        self, token: str, values: Mapping[str, Any], planned: ActionReport
    ) -> None:
        self._plans[token] = ShownPlan(what_is_done(values), planned)
        for oldest in list(self._plans)[:-_MOST_KEPT]:
            del self._plans[oldest]

    def take(self, token: str) -> ShownPlan | None:
        return self._plans.pop(token, None)


def token_of(
    target: Target, row: Row, values: Mapping[str, Any], planned: ActionReport
) -> str:
    """Return the token of what is planned at a server: how much it is, and a digest of it."""
    to_do = [row.id for row in planned.rows if row.is_open]
    selected = what_is_done(pinned(values, planned))
    if "ids" in values:
        selected = {
            **without(selected, names_that_select(row)),
            "ids": sorted(map(str, to_do)),
        }
    parts = [target.to_dict(), row.command, selected]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode())
    return f"{len(to_do)}-{digest.hexdigest()[:16]}"


def pinned(values: Mapping[str, Any], planned: ActionReport) -> Mapping[str, Any]:
    """Return parameters with the window that was planned, which is the same at any time."""
    names = "since", "until"
    if "started_before" in values:
        names = "started_after", "started_before"
    elif values.get("ended_since") or values.get("ended_until"):
        names = "ended_since", "ended_until"
    window = zip(names, (planned.since, planned.until), strict=True)
    return {
        **values,
        **{name: instant for name, instant in window if instant is not None},
    }


def names_that_select(row: Row) -> set[str]:
    """Return the parameters in whose place a plan stands; what a call requires is none of them."""
    required = {
        parameter.name for parameter in parameters(row) if parameter.is_required
    }
    return _SELECTION - required


def what_is_done(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that say what is done, without those that say how."""
    return without(values, _MANNER)


def without(values: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def deed(row: Row, values: Mapping[str, Any], planned: ActionReport) -> str:
    """Return in words what would be done, and to how much."""
    match row.name:
        case "send_many":
            names = Counter(str(event.get("name")) for event in values["events"])
            counts = [
                f"{count:,} {quoted(name)}" for name, count in names.most_common()
            ]
            return f"send {len(values['events']):,} events ({and_more(counts)})"
        case "request":
            return f"{values['method']} {shortened(values['path'])}"
        case "cancellations.create":
            condition = values["condition"]
            where = f" for which {shortened(condition)} holds," if condition else ""
            most = f"of at most {_amount(row, planned)} now"
            return f"cancel every run of the function in that time,{where} {most},"
        case _ if row.is_bulk:
            return f"act on {_amount(row, planned)}"
        case _:
            return _deed_of_one(row, values)


def _amount(row: Row, planned: ActionReport) -> str:
    count = sum(row.is_open for row in planned.rows)
    kind = "event" if row.name in _ACTS_ON_EVENTS else "run"
    return f"1 {kind}" if count == 1 else f"{count:,} {kind}s"


def _deed_of_one(row: Row, values: Mapping[str, Any]) -> str:
    """Return in words what a call would do that acts on one thing."""
    given = {name: value for name, value in what_is_done(values).items() if value}
    text = shortened(json.dumps(given, ensure_ascii=False, default=str))
    does = "change what is there" if row.effect is Effect.CHANGE else "add"
    return f"{does}, with {text},"


def to_do_by_function(report: ActionReport) -> list[tuple[str, int]]:
    """Return how many rows are left to do of each function, or event name, the most first."""
    kinds = (row.function or row.event_name for row in report.rows if row.is_open)
    return Counter(filter(None, kinds)).most_common()
