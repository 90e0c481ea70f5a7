"""Acts on one run: cancel it, score it, or give it values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from inngest_rest import errors
from inngest_rest._core.calls.route import About, Route, no_result
from inngest_rest._core.resources import routes
from inngest_rest._local.arguments import (
    check_choice,
    check_json_object,
    check_text,
    invalid,
)
from inngest_rest._values.visible import shown
from inngest_rest.typing import MetadataOp
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


async def cancel(session: Session, run_id: str) -> bool:
    """Cancel a run; return False if v2 responds that it had ended, which v1 does not report."""
    about = About(run_id, "runId")
    by_v2 = Route.of(v2.cancel_run_v2, no_result, run_id, about=about)
    post = by_v2.operation
    how = errors.Advice(
        "A server that stores in PostgreSQL answers DELETE /v1/runs/{run_id} with 404 for "
        f"every run; {post.method} {post.path} cancels there, since release {post.since}."
    )
    advice: AdviceByError = {errors.NotFoundError: how}
    by_v1 = Route.of(v1.cancel_run_v1, no_result, run_id, advice=advice)
    try:
        await routes.ask_first(session, "runs.cancel", by_v2, by_v1)
    except (errors.ConflictError, errors.BadRequestError) as error:
        if error.code not in {"run_already_cancelled", "run_already_ended"}:
            raise
        return False
    return True


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
    in_experiment = _experiment(experiment, variant, step)
    body: list[api.V2Score] = []
    for name, value in checked.items():
        score_of_name = api.V2Score(
            name=name,
            value=value,
            step_id=step or UNSET,
            experiment=in_experiment,
        )
        body.append(score_of_name)
    # It may be repeated: a second score of a name replaces the first.
    return routes.ask_one(
        session, "runs.score", no_result, path={"id": run_id}, body=body
    )


def _experiment(
    experiment: str | None, variant: str | None, step: str | None
) -> api.V2ScoreExperiment | Unset:
    if experiment is None and variant is None:
        return UNSET
    reason = "and variant go together, and not with a step"
    if step:
        raise invalid("experiment", reason)
    checked_experiment = check_text("experiment", experiment)
    checked_variant = checked_experiment and check_text("variant", variant)
    if not checked_experiment or not checked_variant:
        raise invalid("experiment", reason)
    return api.V2ScoreExperiment(id=checked_experiment, variant=checked_variant)


def _check_scores(scores: Mapping[str, float | bool]) -> dict[str, float | bool]:
    checked = check_json_object("scores", scores)
    if not 1 <= len(checked) <= 100:
        raise invalid("scores", "must be 1 to 100 names with a value each")
    for name, value in checked.items():
        if not isinstance(value, bool | int | float):
            reason = f"must be numbers or booleans; that of {shown(name)} is not"
            raise invalid("scores", reason)
        # The limit is one of UTF-8 (schema V2Score).
        has_length = 1 <= len(name.encode()) <= 128
        if not has_length or "'" in name or not name.isprintable():
            allowed = "1 to 128 bytes without control characters and apostrophes"
            raise invalid("scores", f"must have names of {allowed}, not {shown(name)}")
    return checked


def add_metadata(
    session: Session,
    run_id: str,
    values: Mapping[str, Any],
    *,
    kind: str,
    op: MetadataOp,
    step: str | None,
) -> Plan[None]:
    check_text("step", step)
    check_choice("op", op, get_args(MetadataOp))
    update = api.V1MetadataUpdate(
        kind=check_text("kind", kind or ""),
        op=api.V1MetadataOp(op),
        values=api.JsonObject.from_dict(check_json_object("values", values)),
    )
    target = api.V1MetadataTarget(step_id=step or UNSET)
    return routes.ask_one(
        session,
        "runs.add_metadata",
        no_result,
        path={"id": run_id},
        body=api.V1MetadataBody(target=target, metadata=[update]),
        repeatable=op != "add",
    )
