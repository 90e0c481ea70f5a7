"""What a server filters runs by: the status of paused ones, and queries.

A listing of open runs names statuses, as one without reads a whole history. Each server has QUEUED
and RUNNING; PAUSED came with release 1.45. It is tried once: a server that refuses to filter by it
(400 up to release 1.44, 501 of a self-hosted 1.45: operation listRunsV2) is not asked for it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest import errors
from inngest_rest._core.calls.alternatives import first_present, may_ask
from inngest_rest._core.calls.operation import perform
from inngest_rest._core.calls.route import Route, no_result
from inngest_rest._core.resources import routes
from inngest_rest._core.resources.filters import PAUSED
from inngest_rest_api import models as api
from inngest_rest_api.api import v2

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session


async def filters_by_paused(session: Session, deadline: float) -> bool:
    """Return whether the server filters runs by PAUSED."""
    if session.absent.filters_by_paused is None:
        session.absent.filters_by_paused = await _try_paused(session, deadline)
    return session.absent.filters_by_paused


async def _try_paused(session: Session, deadline: float) -> bool:
    query = {"limit": 1, "status": [api.V2RunStatus(PAUSED.upper())]}
    route = Route.of(v2.list_runs_v2, no_result, query=query)
    if not may_ask(session.settings, route.operation):
        return False
    try:
        await perform(session, route, deadline=deadline)
    except (errors.BadRequestError, errors.RouteNotFoundError):
        return False
    return True


async def check_has_queries(session: Session, deadline: float) -> None:
    """Raise if the server ignores queries, and so would list every run.

    A request with an invalid expression shows it: a server that reads the query refuses that.
    """
    if session.absent.has_queries:
        return
    advice = routes.where_absent(
        "Servers filter runs by query since release 1.45.0. Pass it as where instead, which is "
        "evaluated here."
    )
    route = Route.of(
        v2.list_runs_v2,
        _is_refusal,
        query={"limit": 1, "query": "("},
        accepted={422: api.V2Errors},
        advice=advice,
    )
    session.absent.has_queries = await first_present(session, route, deadline=deadline)
    if session.absent.has_queries:
        return
    error = errors.RouteNotFoundError(
        "the server ignores query",
        status=200,
        method="GET",
        url=session.settings.api_url + route.path,
    )
    error.advice = advice[errors.RouteNotFoundError]
    error.releases = {"GET /v2/runs?query=": "1.45.0"}
    raise error


def _is_refusal(answer: object) -> bool:
    return isinstance(answer, api.V2Errors)
