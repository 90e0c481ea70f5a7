"""Which operation answers each call of the client.

The order of the operations of a call is the one in which the plans of this package ask for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.calls.families import may_ask
from inngest_rest._core.diagnosis.releases import oldest
from inngest_rest.diagnosis import CallRoute
from inngest_rest_api.api import ingest, v1, v2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inngest_rest._core.calls.route import OperationModule
    from inngest_rest._core.calls.settings import Settings
    from inngest_rest._core.diagnosis.releases import Releases
    from inngest_rest_api.api import Operation

_CALLS: dict[str, tuple[OperationModule, ...]] = {
    "send": (ingest.send_events,),
    "events.list": (v1.list_events_v1,),
    "events.get": (v1.get_event_v1,),
    "events.runs": (v2.list_event_runs_v2, v1.list_event_runs_v1),
    "runs.list": (v1.list_runs_v1, v2.list_runs_v2),
    "runs.get": (v2.get_run_v2, v1.get_run_v1),
    "runs.watch": (v2.list_runs_v2,),
    "runs.cancel": (v2.cancel_run_v2, v1.cancel_run_v1),
    "runs.replay": (v1.replay_run_v1, v2.rerun_run_v2),
    "runs.jobs": (v1.list_run_jobs_v1,),
    "runs.trace": (v2.get_run_trace_v2,),
    "apps.list": (v1.list_apps_v1, v2.list_apps_v2),
    "apps.get": (v2.get_app_v2,),
    "functions.list": (v2.list_functions_v2, v1.list_functions_v1),
    "functions.get": (v2.get_function_v2,),
    "functions.invoke": (v2.invoke_function_v2,),
    "signals.send": (v1.send_signal_v1,),
    "cancellations.list": (v1.list_cancellations_v1,),
    "cancellations.create": (v1.create_cancellation_v1,),
    "cancellations.delete": (v1.delete_cancellation_v1,),
    "webhooks.list": (v1.list_webhooks_v1,),
    "webhooks.get": (v1.get_webhook_v1,),
    "webhooks.create": (v1.create_webhook_v1,),
    "webhooks.update": (v1.update_webhook_v1,),
    "webhooks.delete": (v1.delete_webhook_v1,),
}


def call_routes(settings: Settings, releases: Releases) -> tuple[CallRoute, ...]:
    """Return which route answers each call on a server of one of these releases."""
    return tuple(_routes(settings, releases))


def calls_not_asked(settings: Settings) -> list[str]:
    """Return the calls that have operations only in a family that these settings rule out."""
    return [call for call, modules in _CALLS.items() if not _asked(settings, _operations(modules))]


def _routes(settings: Settings, releases: Releases) -> Iterator[CallRoute]:
    for call, modules in _CALLS.items():
        operations = _operations(modules)
        yield _route(call, operations, _asked(settings, operations), releases)


def _operations(modules: Sequence[OperationModule]) -> list[Operation]:
    return [module.OPERATION for module in modules]


def _asked(settings: Settings, operations: Sequence[Operation]) -> list[Operation]:
    return [it for it in operations if it.tag == "ingest" or may_ask(settings, it.tag)]


def _route(
    call: str, operations: Sequence[Operation], asked: Sequence[Operation], releases: Releases
) -> CallRoute:
    """Return the first route that the server has, or else the first that it may have."""
    for answer in (True, None):
        found = [it for it in asked if releases.have(it) is answer]
        if found:
            # Of several that it may have, rather one that some server is known to have.
            operation = next((it for it in found if it.since is not None), found[0])
            route = f"{operation.method} {operation.path}"
            return CallRoute(call, answer, operation.tag, route, operation.since)
    released = [it.since for it in asked or operations if it.since is not None]
    return CallRoute(call, False, since=oldest(released))
