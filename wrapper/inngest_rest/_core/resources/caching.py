"""Read past v1's cache, whose entries live for 3 to 15 seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

if TYPE_CHECKING:
    from inngest_rest._core.calls.route import Route
    from inngest_rest._core.calls.session import Session

T = TypeVar("T")


def past_cache(session: Session, route: Route[Any, T]) -> Route[Any, T]:
    """Return a route with an unknown parameter, which v1's cache takes for another request."""
    params = {**route.kwargs.get("params", {}), "_": int(session.clock.now() * 1_000)}
    return evolve(route, kwargs={**route.kwargs, "params": params})
