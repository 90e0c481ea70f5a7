"""Metrics for Prometheus: those of a self-hosted server, and those of Inngest Cloud."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from inngest_rest_mock._api.v1.shapes import v1_error
from inngest_rest_mock._carriers.exchange import Response

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DEPTH = "Total depth of all system queues including backlog and ready state items"
_ENDED = "The total number of function runs ended"


def get_metrics(call: Call) -> Response:
    """Respond with the depth of the queue: here, one item for each run that has not ended."""
    depth = sum(
        run.ended_ns is None for run in call.store.execution.runs.oldest_first()
    )
    return _in_text("inngest_queue_depth", "gauge", _DEPTH, {"": depth})


def get_prometheus_v1(call: Call) -> Response:
    """Respond with the number of ended runs, as Inngest Cloud does; other servers have no such."""
    if not call.is_cloud:
        return v1_error(501, "not implemented")
    ended = Counter(
        f'{{date="{run.ended_at:%Y-%m-%d}",fn="{run.app_id}-{run.function_id}",status="{run.status.title()}"}}'
        for run in call.store.execution.runs.oldest_first()
        if run.ended_at is not None
    )
    return _in_text("inngest_function_run_ended_total", "counter", _ENDED, ended)


def _in_text(name: str, kind: str, words: str, values: dict[str, int]) -> Response:
    """Respond in the text format, with a value for each set of labels."""
    lines = [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{labels} {value}" for labels, value in sorted(values.items())]
    return Response(200, (("Content-Type", _TYPE),), "\n".join([*lines, ""]).encode())
