"""The public names of the package, and the page of the reference that has each."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from functools import cache
from importlib import import_module
from itertools import pairwise
from types import FunctionType
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

import inngest_rest
from inngest_rest import testing
from inngest_rest._table import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType


@frozen
class Part:
    """A part of a page.

    Attributes:
        title: What its names are.
        names: The names, in order.
        module: Where programs import them from.
        about: What is said of all of them.
        rest_of: A module whose other public names belong here, too.
    """

    title: str
    names: tuple[str, ...]
    module: str = "inngest_rest"
    about: str = ""
    rest_of: str = ""


@frozen
class Page:
    """A page of the reference."""

    path: str
    title: str
    about: str
    parts: tuple[Part, ...]


def _part(
    title: str, names: str, module: str = "inngest_rest", *, about: str = "", rest_of: str = ""
) -> Part:
    return Part(title, tuple(names.split()), module, about, rest_of)


PAGES = (
    Page(
        "client",
        "The client",
        "The client itself: its settings, sending, and calls of anything. Its groups of methods "
        "have pages of their own.",
        (
            _part("The client", "InngestClient"),
            _part("Settings and answers", "RetryPolicy Target Profile read_profiles RawResponse"),
        ),
    ),
    Page(
        "sending",
        "Events and buffers",
        "What is sent, by whom, and the report on it.",
        (
            _part("Events", "Event EventLike EventType", about="`EventLike` is in the types."),
            _part("Buffers", "EventBuffer AsyncEventBuffer"),
            _part("Reports", "SendReport SendFailure BatchReport"),
        ),
    ),
    Page(
        "listings",
        "Listings and watches",
        "What listings, watches and waits return: objects to iterate over.",
        (
            _part("Listings", "Paginator Page"),
            _part("Watches and waits", "Watcher EndedRuns FollowedRun"),
        ),
    ),
    Page(
        "models",
        "Models",
        "What the server has, the same from every route. All are frozen.",
        (
            _part("Every model", "Record"),
            _part(
                "Runs", "Run RunStatus RunError RunChange Job Span", rest_of="inngest_rest.models"
            ),
            _part("Metrics", "Metric"),
            _part("Unended", "UNFINISHED", "inngest_rest.models"),
            _part(
                "Events, apps and functions", "StoredEvent App AppCheck AppSync Function Trigger"
            ),
            _part("Cancellations and webhooks", "Cancellation Webhook"),
            _part(
                "Inngest Cloud",
                "AccountInfo Environment Key InsightsTable InsightsResult EventSchema Experiment "
                "Variant SessionGroup",
            ),
        ),
    ),
    Page(
        "reports",
        "Reports and explanations",
        "What bulk operations did, what became of an event, and what is wrong with a setup.",
        (
            _part(
                "Bulk operations",
                "ActionReport ActionRow ActionOutcome",
                rest_of="inngest_rest.action_reports",
            ),
            _part(
                "Summaries",
                "RunSummary RunGroup Percentiles ErrorCount",
                rest_of="inngest_rest.summary",
            ),
            _part("Open runs", "WaitingReport WaitingRun", rest_of="inngest_rest.waiting"),
            _part(
                "Explanations",
                "Explanation Reason ReasonKind Listener",
                rest_of="inngest_rest.explanation",
            ),
            _part("Exports", "ExportReport"),
            _part("Diagnosis", "Diagnosis Check Finding FindingState CallRoute ServerKind"),
            _part("Checks", "CheckReport RuleResult"),
            _part("Status", "StatusReport StatusCheck Verdict"),
        ),
    ),
    Page(
        "errors",
        "Errors",
        "Every error that the package raises.",
        (
            _part("All errors", "InngestError"),
            _part(
                "Before anything is sent",
                "ConfigurationError MissingKeyError "
                "InvalidArgumentError InvalidEventError ReportFinishedError ClosedError",
            ),
            _part(
                "No answer, or none that can be read",
                "TransportError RequestTimeoutError InvalidResponseError EventDataError",
            ),
            _part(
                "Errors of the server",
                "ApiError BadRequestError AuthenticationError "
                "PermissionDeniedError NotFoundError RouteNotFoundError ConflictError "
                "RateLimitError ServerError",
            ),
            _part(
                "Sending, waiting and bulk operations",
                "PartialSendError PartialActionError "
                "WaitTimeoutError NoRunError BufferFullError OutboxError",
            ),
            _part("Parts of errors", "Advice NextCall Setting"),
        ),
    ),
    Page(
        "typing",
        "Types",
        "Types of arguments, for annotations of your own.",
        (
            _part(
                "Selections and pages",
                "RunFilter RunSelection CheckRule EventFilter Paging BulkOptions",
                "inngest_rest.typing",
                rest_of="inngest_rest.typing",
            ),
            _part(
                "Arguments",
                "Expected Seconds StatusFilter StatusName ChangeKind ApiVersion ExportFormat "
                "RunInclude Redaction EventNameCheck Method KeyKind WhenFull SummaryBy RepeatedId "
                "REPEATABLE_METHODS",
                "inngest_rest.typing",
            ),
        ),
    ),
    Page(
        "testing",
        "Testing",
        "The mock server, in process or on a socket, and its pytest fixtures.",
        (
            _part("The server", "MockServer MockTransport", "inngest_rest.testing"),
            _part(
                "Fixtures",
                "inngest_client mock_inngest mock_inngest_url inngest_server_url",
                "inngest_rest.pytest_plugin",
            ),
            _part(
                "Behaviours of functions",
                "completes fails retries sleeps waits_for works steps Behaviour Runner",
                "inngest_rest.testing",
                rest_of="inngest_rest.testing",
            ),
            _part("Flow control", "when Condition", "inngest_rest.testing"),
            _part(
                "Faults",
                "answers delays drops loses_response takes_effect_late Fault Effect",
                "inngest_rest.testing",
            ),
            _part(
                "What it has seen",
                "MockEvent MockRun MockRunStatus MockRequest",
                "inngest_rest.testing",
            ),
        ),
    ),
)


def pages() -> tuple[Page, ...]:
    """Return the pages, each part with all of its names."""
    everything, named = public(), placed(PAGES)
    twins = {f"inngest_rest.{each}" for each in pairs().values()}

    def whole(part: Part) -> Part:
        rest = [
            name.removeprefix(f"{part.module}.")
            for name, it in everything.items()
            if part.rest_of in {getattr(it, "__module__", None), name.rpartition(".")[0]}
            and name not in named
            and name not in twins
        ]
        return evolve(part, names=(*part.names, *rest))

    return tuple(evolve(page, parts=tuple(map(whole, page.parts))) for page in PAGES)


@cache
def pairs() -> dict[str, str]:
    """Return the asynchronous class of each blocking one that is written from it."""
    return {
        name.rpartition(".")[2]: f"Async{it.__name__}"
        for name, it in public().items()
        if getattr(it, "__module__", "").startswith("inngest_rest.client.")
    }


def placed(pages: Iterable[Page]) -> dict[str, str]:
    """Return the page of each public name, by its full name."""
    return {
        f"{part.module}.{name}": page.path
        for page in pages
        for part in page.parts
        for each in part.names
        for name in filter(None, (each, pairs().get(each)))
    }


@cache
def public() -> dict[str, Any]:
    """Return all that is public, by the name that programs import."""
    found: dict[str, Any] = {}
    for module in (inngest_rest, testing):
        names = [name for name in module.__all__ if name != "__version__"]
        found |= {f"{module.__name__}.{name}": getattr(module, name) for name in names}
    known = {(name.rpartition(".")[2], id(it)) for name, it in found.items()}
    for module in _modules():
        for name in _defined(module):
            it = getattr(module, name)
            if (name, id(it)) not in known and not is_group(it):
                found[f"{module.__name__}.{name}"] = it
    return found


def is_group(it: Any) -> bool:
    """Return whether it is the class of a group of methods, such as `client.runs`."""
    module = getattr(it, "__module__", "")
    return module.rpartition(".")[0] in {"inngest_rest.client", "inngest_rest.aio"} and (
        getattr(it, "__name__", "").lower() in GROUPS
    )


def group(name: str, *, asynchronous: bool = False) -> type[Any]:
    """Return the class of a group of methods."""
    client = inngest_rest.AsyncInngestClient if asynchronous else inngest_rest.InngestClient
    found: type[Any] = getattr(client, name).kind
    return found


def _modules() -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(inngest_rest.__path__, "inngest_rest."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            yield import_module(info.name)


def _defined(module: ModuleType) -> Iterator[str]:
    """Yield the public classes and functions of a module, and its values that are described."""
    stated = getattr(module, "__all__", vars(module))
    for name, it in vars(module).items():
        is_own = getattr(it, "__module__", None) == module.__name__ and name in stated
        if not name.startswith(("_", "pytest_")) and is_own and isinstance(it, type | FunctionType):
            yield name
    yield from (name for name in described(module) if name in stated)
    if module.__name__.endswith("pytest_plugin"):
        yield from (name for name in vars(module) if name.startswith(("mock_", "inngest_")))


def described(module: ModuleType) -> dict[str, tuple[str, str]]:
    """Return the values of a module that a text follows: how each is written, and the text."""
    body = ast.parse(inspect.getsource(module)).body
    found = {}
    for node, after in pairwise(body):
        match node, after:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if not name.startswith("_"):
                found[name] = ast.unparse(value), text
    return found
