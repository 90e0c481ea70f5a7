"""OpenTelemetry: a client span per call of the API, and one around those of an operation.

An operation is a call of a method, or all of an iteration.

Such a program has imported the API package by then, so it is looked up among the imported modules:
a program without it pays for a look-up in a dict, and never for an import or a search for one.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar, cast
from urllib.parse import urlsplit

from inngest_rest._version import __version__
from inngest_rest.errors import ApiError, InngestError, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run
    from inngest_rest.reports import SendReport

    Facts = Mapping[str, AttributeValue]

T = TypeVar("T")

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


RUN_ID = "inngest.run.id"
RUN_IDS = "inngest.run.ids"
RUN_COUNT = "inngest.run.count"
RUN_STATUS = "inngest.run.status"
EVENT_ID = "inngest.event.id"
ITEM_COUNT = "inngest.item.count"

# A large event has more runs than an attribute should have.
MAX_IDS = 20

# The attribute of the first argument, an id, by the group of the method.
_SUBJECTS = {"runs": RUN_ID, "events": EVENT_ID}


async def spanned(name: str, plan: Plan[T], subject: object = None) -> T:
    """Run a plan in the span of an operation; `subject` is the id that it is about, if any."""
    if not _is_on():
        return await plan
    with operation(name, subject) as note:
        value = await plan
        note(_facts_of(value))
    return value


@contextmanager
def operation(
    name: str,
    subject: object = None,
    *,
    facts: Callable[[], Facts] = dict[str, "AttributeValue"],
) -> Generator[Callable[[Mapping[str, AttributeValue]], None]]:
    """Make a span the parent of those of all calls in the block, and yield a setter of attributes.

    An error that ends the block ends the span with it, as for a call. In any case, the attributes
    of `facts` are set at the end.
    """
    if not _is_on():
        yield _ignore
        return
    from opentelemetry import context, trace  # noqa: PLC0415 - it is imported already

    span = _span_of(name, subject)
    token = context.attach(trace.set_span_in_context(span))
    own = CallSpan(span)
    try:
        yield span.set_attributes
    except BaseException as error:
        span.set_attributes({**facts(), **_facts_of_error(error)})
        own.end(error)
        raise
    else:
        span.set_attributes(facts())
        own.end()
    finally:
        context.detach(token)


def _ignore(_: Mapping[str, AttributeValue]) -> None:
    """Set no attributes."""


class Iteration:
    """The span of an iteration, which is the parent of the calls of each step.

    It is not the current span between two steps: the program's work on an item is not part of it.
    It begins with the first step, and ends with the iteration, or when that is garbage.
    """

    def __init__(self, name: str, subject: object = None) -> None:
        self._name = name
        self._subject = subject
        self._span: Span | None = None
        self._count = 0
        self._run_ids: list[str] = []

    @contextmanager
    def step(self) -> Generator[None]:
        """Make the span the current one; an error of the step ends it."""
        if not _is_on():
            yield
            return
        from opentelemetry import context, trace  # noqa: PLC0415 - it is imported already

        if self._span is None:
            self._span = _span_of(self._name, self._subject)
        token = context.attach(trace.set_span_in_context(self._span))
        try:
            yield
        except BaseException as error:
            self.end(error)
            raise
        finally:
            context.detach(token)

    def count(self, *items: object) -> None:
        """Count the returned items, and record the ids of runs."""
        if self._span is None:
            return
        from inngest_rest.models import Run  # noqa: PLC0415 - a program that only sends has no runs

        self._count += len(items)
        runs = [item.id for item in items if isinstance(item, Run)]
        self._run_ids += runs[: MAX_IDS - len(self._run_ids)]

    def end(self, error: BaseException | None = None) -> None:
        """End the span, if it has begun; a further step begins another."""
        span = self._span
        self._span = None
        if span is None:
            return
        span.set_attribute(ITEM_COUNT, self._count)
        if self._run_ids:
            span.set_attribute(RUN_IDS, self._run_ids)
        if error is not None:
            span.set_attributes(_facts_of_error(error))
        CallSpan(span).end(error)
        self._count = 0
        self._run_ids = []

    def __del__(self) -> None:
        self.end()  # a loop was left by `break`


def _span_of(name: str, subject: object) -> Span:
    """Start the span of an operation, with the id that it is about, if any."""
    from opentelemetry import trace  # noqa: PLC0415 - it is imported already

    attributes: dict[str, AttributeValue] = {}
    kind = _SUBJECTS.get(name.partition(".")[0])
    if kind is not None and isinstance(subject, str):
        attributes[kind] = subject
    tracer = trace.get_tracer("inngest_rest", __version__)
    return tracer.start_span(f"inngest.{name}", attributes=attributes)


def facts_of_sending(report: SendReport) -> Facts:
    return {
        "inngest.event.accepted": report.accepted,
        "inngest.event.rejected": report.rejected,
        "inngest.event.unknown": report.unknown,
    }


def _facts_of(value: object) -> dict[str, AttributeValue]:
    """Return the attributes of an operation's result if it is a run or a list of runs."""
    from inngest_rest.models import Run  # noqa: PLC0415 - a program that only sends has no runs

    if isinstance(value, Run):
        return {RUN_ID: value.id, RUN_STATUS: str(value.status)}
    if not isinstance(value, list):
        return {}
    items = cast("list[object]", value)
    runs = [item for item in items if isinstance(item, Run)]
    if len(runs) < len(items):
        return {}
    return _facts_of_runs(runs)


def _facts_of_runs(runs: Sequence[Run]) -> dict[str, AttributeValue]:
    facts: dict[str, AttributeValue] = {RUN_COUNT: len(runs)}
    if runs:
        facts[RUN_IDS] = [run.id for run in runs[:MAX_IDS]]
    event_ids: set[str] = set()
    for run in runs:
        event_ids.update(run.event_ids)
    if len(event_ids) == 1:
        facts[EVENT_ID] = event_ids.pop()
    return facts


def _facts_of_error(error: BaseException) -> dict[str, AttributeValue]:
    """Return the attributes of a wait that ended without a result."""
    if not isinstance(error, WaitTimeoutError):
        return {}
    facts = _facts_of_runs(error.runs) if error.runs else {}
    if error.event_id is not None:
        facts[EVENT_ID] = error.event_id
    return facts


class CallSpan:
    """The span of a call, which may make several requests; without a span, nothing is recorded.

    Attributes:
        requests: Number of requests that were sent.
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
