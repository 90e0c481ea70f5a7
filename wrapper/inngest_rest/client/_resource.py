"""What every group of methods holds: a way to run plans, and the session they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

T = TypeVar("T")


class Run(Protocol):
    """A driver's `run`."""

    def __call__(self, plan: Plan[T], /) -> T: ...


class Resource:
    """A group of methods of the client."""

    def __init__(self, run: Run, session: Session) -> None:
        self._run = run
        self._session = session
