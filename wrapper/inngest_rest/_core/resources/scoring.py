"""Scores of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_json_object, check_text, invalid
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.routes import ask
from inngest_rest._visible import shown
from inngest_rest_api import models as api
from inngest_rest_api.api import v2
from inngest_rest_api.types import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

# The longest text of which a score may be named, in bytes of UTF-8 (schema V2Score).
_LONGEST_SCORE = 128
_MOST_SCORES = 100


def score(
    session: Session,
    run_id: str,
    scores: Mapping[str, float | bool],
    *,
    step: str | None,
    experiment: str | None,
    variant: str | None,
) -> Plan[None]:
    """Score a run, or a step of it."""
    check_id("run id", run_id, argument="id")
    check_text("step", step)
    given = check_json_object("scores", scores)
    if not 1 <= len(given) <= _MOST_SCORES:
        raise invalid("scores", f"must be 1 to {_MOST_SCORES} names with a value each")
    for name, value in given.items():
        if not isinstance(value, bool | int | float):
            raise invalid("scores", f"must be numbers or booleans; that of {shown(name)} is not")
        size = len(name.encode())
        if not 1 <= size <= _LONGEST_SCORE or "'" in name or not name.isprintable():
            allowed = f"1 to {_LONGEST_SCORE} bytes without control characters and apostrophes"
            raise invalid("scores", f"must have names of {allowed}, not {shown(name)}")
    of: api.V2ScoreExperiment | Unset = UNSET
    if experiment is not None or variant is not None:
        if step or not (check_text("experiment", experiment) and check_text("variant", variant)):
            raise invalid("experiment", "and variant are given together, and not for a step")
        of = api.V2ScoreExperiment(id=experiment or "", variant=variant or "")
    body = [
        api.V2Score(name=name, value=value, step_id=step or UNSET, experiment=of)
        for name, value in given.items()
    ]
    module = v2.create_scores_v2
    # A second score of a name takes the place of the first.
    route = Route.without_result(module, module.get_kwargs(run_id, body=body))
    return ask(session, "runs.score", route)
