"""Bulk cancellations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest import models
from inngest_rest._core.resources.fields import optional, record
from inngest_rest.errors import Advice, NextCall, RouteNotFoundError

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest_api import models as api

# It responds to them with 500 and an empty body (recording v1-cancellations).
NO_CANCELLATIONS: AdviceByError = {
    RouteNotFoundError: Advice(
        "A self-hosted server has no bulk cancellations: cancel runs by a filter, with {}.",
        (NextCall("runs.cancel_all"),),
    )
}
"""The alternative if the server has no bulk cancellations."""


def cancellation(raw: api.V1Cancellation) -> models.Cancellation:
    return record(models.Cancellation, raw, condition=optional(raw.if_))
