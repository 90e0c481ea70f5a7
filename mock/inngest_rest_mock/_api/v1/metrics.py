"""Metrics for Prometheus: those of a self-hosted server, and an example of Inngest Cloud's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.v1.shapes import v1_error
from inngest_rest_mock._carriers.exchange import Response

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DEPTH = """\
# HELP inngest_queue_depth Total depth of all system queues including backlog and ready state items
# TYPE inngest_queue_depth gauge
inngest_queue_depth """
_ENDED = """\
# HELP inngest_function_run_ended_total The total number of function runs ended
# TYPE inngest_function_run_ended_total counter
inngest_function_run_ended_total{date="2025-02-12",fn="shop-charge",status="Completed"} 480
"""


def get_metrics(call: Call) -> Response:
    """Respond with the depth of the queue: here, one item for each run that has not ended."""
    runs = call.store.execution.runs.oldest_first()
    depth = sum(run.ended_ns is None for run in runs)
    return _in_text(f"{_DEPTH}{depth}\n")


def get_prometheus_v1(call: Call) -> Response:
    """Respond with a number of ended runs, as Inngest Cloud does; other servers have no such."""
    return _in_text(_ENDED) if call.is_cloud else v1_error(501, "not implemented")


def _in_text(text: str) -> Response:
    return Response(200, (("Content-Type", _TYPE),), text.encode())
