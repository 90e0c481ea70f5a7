"""OpenTelemetry: one client span per call of the API, for programs that trace.

Such a program has imported the API package by then, so it is looked up among the imported modules:
a program without it pays for a look-up in a dict, and never for an import or a search for one.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inngest_rest._version import __version__
from inngest_rest.errors import ApiError, InngestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span, Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

_PORTS = {"http": 80, "https": 443}

# Instrumentations, such as that of httpx, look for it: their spans would repeat ours, but with the
# event key.
_SUPPRESSED = "suppress_instrumentation"

_known: tuple[TracerProvider, Tracer] | None = None


def is_on() -> bool:
    return "opentelemetry.trace" in sys.modules


def start(method: str, template: str, url: str) -> CallSpan | None:
    """Start the span of a call, a child of the current span; return None if it is not recorded.

    The template is the path with placeholders; the URL has neither keys nor a query.
    """
    from opentelemetry import trace  # noqa: PLC0415 - it is imported already

    server = urlsplit(url)
    attributes: dict[str, AttributeValue] = {
        "http.request.method": method,
        "server.address": server.hostname or "",
        "server.port": server.port or _PORTS[server.scheme],
        "url.full": url,
        "url.template": template,
    }
    name, tracer = f"{method} {template}", _tracer(trace.get_tracer_provider())
    span = tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)
    return CallSpan(span) if span.is_recording() else None


def _tracer(provider: TracerProvider) -> Tracer:
    """Return our tracer of the program's provider; making one takes longer than a span."""
    global _known  # noqa: PLW0603 - a cache; some providers, such as that of Logfire, have no hash
    if _known is None or _known[0] is not provider:
        _known = provider, provider.get_tracer("inngest_rest", __version__)
    return _known[1]


class CallSpan:
    """The span of a call, whatever number of requests it makes."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._requests = 0

    def sent(self) -> None:
        self._requests += 1

    def answered(self, status: int) -> None:
        """Note the HTTP status of a response; that of the last one remains."""
        self._span.set_attribute("http.response.status_code", status)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, with the error that ended the call, if one did."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        if self._requests > 1:
            self._span.set_attribute("http.request.resend_count", self._requests - 1)
        if error is not None:
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
            if isinstance(error, GeneratorExit):
                kind = "cancelled"  # or interrupted: a plan is not told how
            elif isinstance(error, ApiError):
                kind = str(error.status)
            self._span.set_attribute("error.type", kind)
            # Other messages may contain anything.
            message = str(error) if isinstance(error, InngestError) else None
            self._span.set_status(StatusCode.ERROR, message)
        self._span.end()


def suppress_others() -> Callable[[], object]:
    """Keep instrumentations of httpx from making spans of their own; return what ends that."""
    if not is_on():
        return lambda: None
    from opentelemetry import context  # noqa: PLC0415

    return partial(context.detach, context.attach(context.set_value(_SUPPRESSED, True)))
