"""OpenTelemetry: a client span per request of the API, its retries included.

A program that traces has imported the API package by then, so that is looked up among the imported
modules: a program without it pays for a look-up in a dict, and never for an import or a search for
one.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Self
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
    """Start the span of a request, a child of the current span.

    The template is the path with placeholders; the URL has neither keys nor a query.
    """
    if not _is_on():
        return CallSpan(None)
    from opentelemetry import trace  # noqa: PLC0415 - it is imported already

    server = urlsplit(url)
    default_port = 443 if server.scheme == "https" else 80
    attributes: dict[str, AttributeValue] = {
        "http.request.method": method,
        "server.address": server.hostname or "",
        "server.port": server.port or default_port,
        "url.full": url,
        "url.template": template,
    }
    tracer = trace.get_tracer("inngest_rest", __version__)
    kind = trace.SpanKind.CLIENT
    name = f"{method} {template}"
    return CallSpan(tracer.start_span(name, kind=kind, attributes=attributes))


# A large event has more runs than an attribute should have.

# The attribute of the first argument, an id, by the group of the method.


class CallSpan:
    """The span of a request and its retries; without a span, nothing is recorded.

    Attributes:
        requests: How often it was sent.
        status: HTTP status of the last response; None if there was none.
    """

    def __init__(self, span: Span | None) -> None:
        self._span = span
        self.requests = 0
        self.status: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the span, with the error that the request ended in, if any."""
        if self._span is None:
            return
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        if self.status is not None:
            self._span.set_attribute("http.response.status_code", self.status)
        if self.requests > 1:
            self._span.set_attribute("http.request.resend_count", self.requests - 1)
        if error is not None:
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
            if not isinstance(error, Exception):
                kind = "cancelled"  # or interrupted
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
    """Keep instrumentations of httpx from making spans of their own; return the undo function."""
    if not _is_on():
        return _do_nothing
    from opentelemetry import context  # noqa: PLC0415

    token = context.attach(context.set_value(_SUPPRESSED, True))
    return partial(context.detach, token)


def _do_nothing() -> None:
    """Suppress nothing, and so undo nothing."""
