"""Runs that are grouped into sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest import models
from inngest_rest._core.resources.fields import optional, record, required
from inngest_rest_api.types import Unset

if TYPE_CHECKING:
    from inngest_rest_api import models as api


def session_key(raw: api.V2SessionKey) -> str:
    return required(raw.id, "id")


def session_group(raw: api.V2Session) -> models.SessionGroup:
    functions = optional(raw.functions) or []
    known = filter(None, map(_function_id, functions))
    return record(models.SessionGroup, raw, function_ids=tuple(known))


def session_run(raw: api.V2SessionRun) -> models.Run:
    status = models.RunStatus(optional(raw.status) or "unknown")
    function_id = _function_id(raw.function)
    return record(models.Run, raw, status=status, function_id=function_id)


def _function_id(raw: api.V2FunctionRef | Unset) -> str | None:
    if isinstance(raw, Unset):
        return None
    return optional(raw.id)
