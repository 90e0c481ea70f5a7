"""Scores of a run, or of one of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_json_object, check_text
from inngest_rest._core.calls.route import nothing
from inngest_rest._core.resources import routes
from inngest_rest._visible import shown
from inngest_rest_api import models as api
from inngest_rest_api.types import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def score(
    session: Session,
    run_id: str,
    scores: Mapping[str, float | bool],
    step: str | None,
    experiment: str | None,
    variant: str | None,
) -> Plan[None]:
    check_text("step", step)
    checked = _check_scores(scores)
    in_experiment: api.V2ScoreExperiment | Unset = UNSET
    if experiment is not None or variant is not None:
        if step or not (
            check_text("experiment", experiment) and check_text("variant", variant)
        ):
            raise invalid("experiment", "and variant go together, and not with a step")
        in_experiment = api.V2ScoreExperiment(
            id=experiment or "", variant=variant or ""
        )
    body = [
        api.V2Score(
            name=name, value=value, step_id=step or UNSET, experiment=in_experiment
        )
        for name, value in checked.items()
    ]
    # A second score of a name takes the place of the first.
    return routes.fetch_one(
        session, "runs.score", nothing, path={"id": run_id}, body=body
    )


def _check_scores(scores: Mapping[str, float | bool]) -> dict[str, float | bool]:
    checked = check_json_object("scores", scores)
    if not 1 <= len(checked) <= 100:
        raise invalid("scores", "must be 1 to 100 names with a value each")
    for name, value in checked.items():
        if not isinstance(value, bool | int | float):
            raise invalid(
                "scores", f"must be numbers or booleans; that of {shown(name)} is not"
            )
        # The limit is one of UTF-8 (schema V2Score).
        if not 1 <= len(name.encode()) <= 128 or "'" in name or not name.isprintable():
            allowed = "1 to 128 bytes without control characters and apostrophes"
            raise invalid("scores", f"must have names of {allowed}, not {shown(name)}")
    return checked
