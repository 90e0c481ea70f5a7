"""Values that a run, or one of its steps, is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from inngest_rest._arguments import check_choice, check_json_object, check_text
from inngest_rest._core.calls.route import no_result
from inngest_rest._core.resources import routes
from inngest_rest.typing import MetadataOp
from inngest_rest_api import models as api
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def add(
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
