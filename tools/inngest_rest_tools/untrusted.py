"""Which parts of an answer are text from outside: data for its reader, never instructions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_type_hints

from inngest_rest.call_row import Returns
from inngest_rest_tools.projection import record_class, record_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.call_row import CallRow
    from inngest_rest.record import Record

# Fields, by class, with text that the sender of an event or a synced app has chosen.
_FIELDS: dict[str, tuple[str, ...]] = {
    "StoredEvent": ("id", "name", "data", "user", "v"),
    "Run": (
        "app_id",
        "function_id",
        "function",
        "cron",
        "output",
        "error",
        "matched",
    ),
    "Span": ("name", "input", "output", "metadata", "children"),
    "Job": ("step", "event", "condition", "signal", "function"),
    "App": (
        "id",
        "name",
        "method",
        "version",
        "url",
        "sdk_language",
        "sdk_version",
        "framework",
        "sync_status",
        "sync_error",
    ),
    "Function": ("id", "app_id", "name", "triggers", "configuration"),
    "Cancellation": ("app_id", "function_id", "condition", "name"),
    "AppSync": ("error",),
    "OfCloud": ("body",),
    "SessionGroup": ("id",),
    "SessionKey": ("key",),
    "Explanation": ("sentence", "listeners", "reasons", "unchecked"),
    "RunExplanation": ("sentence", "reasons", "events", "unchecked"),
    "RunSummary": ("groups",),
    "WaitingReport": ("unchecked",),
    "WaitingRun": (
        "app_id",
        "function_id",
        "function",
        "waits_for",
        "condition",
        "event",
        "message",
    ),
    "StatusReport": ("headline",),
    "Finding": ("message", "limits"),  # errors of the server are quoted
    "Metric": ("labels",),
    "Sent": ("preview",),
    "SendFailure": ("event", "reason"),
    "Acted": ("by_function",),
    "ActionRow": ("reason", "function", "error", "from_step", "event_name"),
    # Errors of the server are quoted, and its release.
    "Diagnosis": ("release",),
    "Answered": ("body",),
}


def untrusted_paths(row: CallRow) -> tuple[str, ...]:
    """Return the paths in an answer to untrusted text: payloads, outputs, messages."""
    place = "data" if row.returns is Returns.ONE else "data.items[]"
    return tuple(_paths_in(record_class(row), place))


def _paths_in(kind: type[Record], place: str) -> Iterator[str]:
    own = _FIELDS.get(kind.__name__, ())
    for name in own:
        yield f"{place}.{name}"
    for name, hint in get_type_hints(kind).items():
        if name in own:
            continue
        nested = record_in(hint)
        if nested is not None:
            brackets = "[]" if "tuple[" in str(hint) else ""
            yield from _paths_in(nested, f"{place}.{name}{brackets}")


def is_present(answer: Any, path: str) -> bool:
    """Return whether JSON has a value at a path, in any item where the path names a list."""
    if not isinstance(answer, dict):
        return False
    name, _, rest = path.partition(".")
    value: Any = cast("dict[str, Any]", answer).get(name.removesuffix("[]"))
    if name.endswith("[]"):
        items: list[Any] = value or []
        return any(_is_present_below(item, rest) for item in items)
    return _is_present_below(value, rest)


def _is_present_below(value: Any, path: str) -> bool:
    if value is None:
        return False
    return not path or is_present(value, path)
