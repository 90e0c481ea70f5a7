"""A tracer provider that keeps spans, on OpenTelemetry's API alone."""

# ruff: noqa: ARG002 - the arguments are those of the API
from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

if TYPE_CHECKING:
    from collections.abc import Iterator


class RecordedSpan(trace.Span):
    """A span as it was started, with all that was noted on it."""

    def __init__(
        self, name: str, parent: trace.Span, kind: trace.SpanKind, attributes: Any
    ) -> None:
        self.name = name
        self.parent = parent
        self.kind = kind
        self.attributes: dict[str, Any] = dict(attributes or {})
        self.status: tuple[trace.StatusCode, str | None] | None = None
        self.ended = 0

    def end(self, end_time: int | None = None) -> None:
        self.ended += 1

    def get_span_context(self) -> trace.SpanContext:
        return trace.SpanContext(1, 1, is_remote=False)

    def set_attributes(self, attributes: Any) -> None:
        self.attributes.update(attributes)

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = status, description

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        raise NotImplementedError

    def update_name(self, name: str) -> None:
        raise NotImplementedError

    def record_exception(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    def is_recording(self) -> bool:
        return True


class Spans(trace.TracerProvider, trace.Tracer):
    """Makes spans and keeps them.

    Attributes:
        scope: The name and version that its tracer was asked for with.
        all: The spans in the order they were started.
    """

    def __init__(self) -> None:
        self.scope: tuple[str, str | None] | None = None
        self.all: list[RecordedSpan] = []

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> trace.Tracer:
        self.scope = instrumenting_module_name, instrumenting_library_version
        return self

    def start_span(
        self,
        name: str,
        context: Any = None,
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        attributes: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> trace.Span:
        span = RecordedSpan(name, trace.get_current_span(context), kind, attributes)
        self.all.append(span)
        return span

    @contextmanager
    def _as_current(self, name: str) -> Iterator[trace.Span]:
        with trace.use_span(self.start_span(name)) as span:
            yield span

    start_as_current_span = _as_current  # type: ignore[assignment]
