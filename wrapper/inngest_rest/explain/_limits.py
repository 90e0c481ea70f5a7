"""The limits of a function that explain its runs: concurrency, singletons and cancellations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from inngest_rest._core.interface import limit, limits

if TYPE_CHECKING:
    from inngest_rest.models import Function


def cancels_earlier_run(function: Function) -> bool:
    """Return whether a function is a singleton whose new run cancels the one before it."""
    singleton = limit(function, "singleton") or {}
    mode = str(singleton.get("mode"))
    return mode.lower() == "cancel"


def concurrency_limits(function: Function) -> list[Mapping[str, Any]]:
    """Return the function's own concurrency limits, without the plan's; `limit` is a number."""
    of_function: list[Mapping[str, Any]] = []
    for entry in limits(function, "concurrency"):
        number = entry.get("limit")
        # v2 also states the origin of the number; v1 has only the number.
        if isinstance(number, Mapping):
            with_origin = cast("Mapping[str, Any]", number)
            if with_origin.get("isPlanLimit"):
                continue
            number = with_origin.get("value")
        of_function.append({**entry, "limit": number})
    return of_function


def cancellations(function: Function) -> list[Mapping[str, Any]]:
    """Return the events that cancel the function's runs: `event`, perhaps with a `condition`."""
    entries = limits(function, "cancellations")
    return [entry for entry in entries if isinstance(entry.get("event"), str)]


def cancelling_events(function: Function) -> list[str]:
    """Return the names of the events that cancel the function's runs."""
    return [entry["event"] for entry in cancellations(function)]
