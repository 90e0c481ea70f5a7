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

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

# Instrumentations, such as that of httpx, look for it: their spans would repeat ours, but with the
# event key.
_SUPPRESSED = "suppress_instrumentation"


def start(method: str, template: str, url: str) -> CallSpan:
    """Start the span of a call, a child of the current span.

    The template is the path with placeholders; the URL has neither keys nor a query.
    """
    if not _is_on():
        return CallSpan(None)
    from opentelemetry import trace  # noqa: PLC0415 - it is imported already

    server = urlsplit(url)
    attributes: dict[str, AttributeValue] = {
        "http.request.method": method,
        "server.address": server.hostname or "",
        "server.port": server.port or (443 if server.scheme == "https" else 80),
        "url.full": url,
        "url.template": template,
    }
    tracer = trace.get_tracer("inngest_rest", __version__)
    kind = trace.SpanKind.CLIENT
    return CallSpan(tracer.start_span(f"{method} {template}", kind=kind, attributes=attributes))


class CallSpan:
    """The span of a call, whatever number of requests it makes; without one, nothing is recorded.

    Attributes:
        requests: Number of requests that were sent.
        status: HTTP status of the last response; None if there was none.
    """

    def __init__(self, span: Span | None) -> None:
        self._span = span
        self.requests = 0
        self.status: int | None = None

    def end(self, error: BaseException | None = None) -> None:
        """End the span, with the error that ended the call, if one did."""
        if self._span is None:
            return
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        if self.status is not None:
            self._span.set_attribute("http.response.status_code", self.status)
        if self.requests > 1:
            self._span.set_attribute("http.request.resend_count", self.requests - 1)
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


def _is_on() -> bool:
    return "opentelemetry.trace" in sys.modules


def suppress_others() -> Callable[[], object]:
    """Keep instrumentations of httpx from making spans of their own; return what ends that."""
    if not _is_on():
        return lambda: None
    from opentelemetry import context  # noqa: PLC0415

    return partial(context.detach, context.attach(context.set_value(_SUPPRESSED, True)))
