"""Metrics: those of a self-hosted server, else those of an environment of Inngest Cloud.

Both are in the text format of Prometheus
(https://prometheus.io/docs/instrumenting/exposition_formats/): a sample per line, and comments, of
which `# TYPE` and `# HELP` describe the samples of a name.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inngest_rest._core.calls.hosts import API_URL
from inngest_rest._core.calls.route import Route, WholeResponse
from inngest_rest._core.resources.routes import ask_first, where_absent
from inngest_rest._values.visible import shown
from inngest_rest.models import Metric
from inngest_rest_api.api import v1

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

# The environment of Inngest Cloud that is meant where none is set.
_PRODUCTION = "production"

_NO_METRICS = where_absent(
    "This server has no metrics: count queued runs with {}.", "runs.list"
)

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_SAMPLE = re.compile(
    rf"(?P<name>{_NAME})(?:\s*+\{{(?P<labels>.*)\}})?\s++(?P<value>\S++)(?:\s++(?P<at>-?\d++))?"
)
_LABEL = re.compile(
    rf'\s*+(?P<name>{_NAME})\s*+=\s*+"(?P<value>(?:[^"\\]|\\.)*+)"\s*+(?:,|$)\s*+'
)
_COMMENT = re.compile(
    rf"#\s*+(?P<kind>HELP|TYPE)\s++(?P<name>{_NAME})(?:\s++(?P<text>.*))?"
)
_ESCAPE = re.compile(r"\\(.)")

# The samples of these types have names of their own.
_ENDS = ("_bucket", "_sum", "_count")
_WITH_ENDS = ("histogram", "summary")


def get_metrics(session: Session) -> Plan[list[Metric]]:
    """Get the metrics by the first route that the server has; Inngest Cloud has only one."""
    environment = session.settings.env or _PRODUCTION
    of_cloud = _route(v1.get_prometheus_v1, environment)
    if session.settings.api_url == API_URL:
        return ask_first(session, "metrics", of_cloud)
    of_server = _route(v1.get_metrics, needs_key=False)
    return ask_first(session, "metrics", of_server, of_cloud)


def _route(
    module: object, *path: str, needs_key: bool = True
) -> Route[httpx.Response, list[Metric]]:
    return Route.of(
        module,
        _read_response,
        *path,
        expected=WholeResponse,
        needs_key=needs_key,
        advice=_NO_METRICS,
    )


def _read_response(response: httpx.Response) -> list[Metric]:
    # A server without the route, or a proxy, may send an empty body: that is not "no metrics".
    content_type = response.headers.get("content-type", "")
    if not response.content and "text/plain" not in content_type:
        raise ValueError("an empty body that is not said to be metrics")
    return list(read_metrics(response.text))


def read_metrics(text: str) -> Iterator[Metric]:
    """Yield each sample of a text in the format of Prometheus.

    Raises:
        ValueError: A line is neither a sample nor a comment.
    """
    types: dict[str, str] = {}
    helps: dict[str, str] = {}
    for raw_line in text.split("\n"):
        line = raw_line.strip()
        if not line:
            continue
        if not line.startswith("#"):
            yield _sample(line, types, helps)
            continue
        comment = _COMMENT.fullmatch(line)
        if comment is not None:
            texts = types if comment["kind"] == "TYPE" else helps
            texts[comment["name"]] = comment["text"] or ""


def _sample(line: str, types: dict[str, str], helps: dict[str, str]) -> Metric:
    sample = _SAMPLE.fullmatch(line)
    if sample is None:
        raise ValueError(f"not a sample: {shown(line)}")
    family = _family(sample["name"], types)
    time: datetime | None = None
    if sample["at"] is not None:
        time = datetime.fromtimestamp(int(sample["at"]) / 1_000, UTC)
    description: str | None = None
    if family in helps:
        description = _unescaped(helps[family])
    return Metric(
        name=sample["name"],
        labels=_labels(sample["labels"] or ""),
        value=float(sample["value"]),
        type=types.get(family, "untyped"),
        help=description,
        at=time,
    )


def _family(name: str, types: dict[str, str]) -> str:
    """Return the name of a sample in comments."""
    for end in _ENDS:
        family = name.removesuffix(end)
        if family != name and types.get(family) in _WITH_ENDS:
            return family
    return name


def _labels(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    position = 0
    while position < len(text):
        found = _LABEL.match(text, position)
        if found is None:
            raise ValueError(f"not labels: {shown(text)}")
        labels[found["name"]] = _unescaped(found["value"])
        position = found.end()
    return labels


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_unescaped_letter, text)


def _unescaped_letter(escape: re.Match[str]) -> str:
    letter: str = escape[1]
    return "\n" if letter == "n" else letter
