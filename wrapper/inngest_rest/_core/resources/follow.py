"""Follow the steps of one run."""

from __future__ import annotations

import math
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

from attrs import evolve, frozen

from inngest_rest import errors
from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.retry import FAULTS
from inngest_rest._core.locks import Forked
from inngest_rest._core.plans import FIRST_PAUSE, longer
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.polling import (
    APPEARS_WITHIN,
    OUTAGE,
    SLICE,
    Poller,
    asked_pause,
    may_appear,
)
from inngest_rest._core.resources.trace import get_trace, is_attempt
from inngest_rest.models import Span, StepChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from inngest_rest._core.calls.route import AbsentRoutes
    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import Seconds

# Seconds between two looks at the request of another follower.
_SOON = 0.05


class _Feed(Forked):
    """The trace of a run, shared by its followers in one client, one of which requests it."""

    def __init__(self) -> None:
        self.asking = Lock()
        super().__init__()
        self.root: Span | None = None
        self.next_at = -math.inf
        self.pause = FIRST_PAUSE

    def after_fork_in_child(self) -> None:
        self.asking = Lock()  # the thread that asks is the parent's


# By the state that all copies of a client share, by run and by environment.
_feeds = WeakValueDictionary["tuple[AbsentRoutes, str, str | None]", _Feed]()


class Follow(Poller[StepChange]):
    """Follows one run, with validated arguments."""

    def __init__(self, session: Session, run_id: str, timeout: Seconds | None) -> None:
        super().__init__(session, timeout)
        self._id = check_id("run id", run_id, argument="id")
        self._fails_at = self._began + APPEARS_WITHIN
        key = (session.absent, self._id, session.settings.env)
        self._feed = _feeds.setdefault(key, _Feed())
        self._root: Span | None = None
        self._reported: set[tuple[str, str]] = set()

    async def poll(self) -> Sequence[str]:
        """Pause, and read the trace unless another follower has just read it."""
        if self._feed.root is self._root:
            await self._read_trace()
        root = self._feed.root
        if root is not None and root is not self._root:
            self._root = root
            self._pending += self._changes(root)
            self._is_exhausted = root.ended_at is not None
        return ()

    async def _read_trace(self) -> None:
        feed = self._feed
        now = self._now()
        if now >= self._deadline:
            was_seen = feed.root is not None
            state = "had not ended" if was_seen else "did not appear"
            raise errors.WaitTimeoutError(
                f"run {self._id} {state} when the timeout expired",
                run=None,
                was_seen=was_seen,
            )
        pause = feed.next_at - now
        asking = feed.asking
        if pause > 0 or not asking.acquire(blocking=False):
            pause = max(pause, _SOON)
            await self._session.driver.sleep(min(pause, SLICE, self._deadline - now))
            return
        try:
            ask = runs.explain_event_id(self._ask, by=self._deadline)
            await ask(self._session, self._id, feed)
        finally:
            asking.release()

    async def _ask(self, session: Session, run_id: str, feed: _Feed) -> None:
        try:
            root = await get_trace(session, run_id, deadline=self._deadline)
        except FAULTS as error:
            if feed.root is not None:
                may_pass = may_appear(error)
            else:
                may_pass = isinstance(error, errors.NotFoundError)
            if self._now() >= self._fails_at or not may_pass:
                raise
            pause = max(feed.pause, asked_pause(error))
            feed.next_at = self._now() + pause
            feed.pause = longer(feed.pause)
            return
        has_changed = root != feed.root
        feed.pause = FIRST_PAUSE if has_changed else longer(feed.pause)
        feed.next_at = self._now() + feed.pause
        self._fails_at = self._now() + OUTAGE
        feed.root = root

    def _changes(self, root: Span) -> Iterator[StepChange]:
        """Yield the changes in a trace that were not reported yet."""
        for moment in _moments(root):
            key = (moment.kind, moment.key)
            if key not in self._reported:
                self._reported.add(key)
                span = evolve(moment.span, children=())
                yield StepChange(moment.kind, span)


@frozen(kw_only=True)
class _Moment:
    """A span started or ended."""

    at: datetime
    kind: Literal["started", "ended"]
    span: Span
    key: str


def _moments(root: Span) -> Iterator[_Moment]:
    """Yield the starts and ends in a trace by time; those of the run come first and last."""
    if root.started_at:
        yield _Moment(
            at=root.started_at,
            kind="started",
            span=root,
            key="",
        )
    yield from sorted(_moments_of_steps(root), key=attrgetter("at"))
    if root.ended_at:
        yield _Moment(
            at=root.ended_at,
            kind="ended",
            span=root,
            key="",
        )


def _moments_of_steps(root: Span) -> Iterator[_Moment]:
    # Sorting keeps this order of moments at the same time.
    for step in root.children:
        if step.started_at and step.step_id:
            yield _Moment(
                at=step.started_at,
                kind="started",
                span=step,
                key=step.step_id,
            )
    for step in root.children:
        if step.ended_at and step.step_id:
            yield _Moment(
                at=step.ended_at,
                kind="ended",
                span=step,
                key=step.step_id,
            )
    yield from _moments_of_failed_attempts(root)


def _moments_of_failed_attempts(root: Span) -> Iterator[_Moment]:
    """Yield the ends of failed attempts; the step of an attempt may not have an id yet."""
    for child in root.children:
        for span in child.children:
            if is_attempt(span) and span.status == "failed" and span.ended_at:
                yield _Moment(
                    at=span.ended_at,
                    kind="ended",
                    span=span,
                    key=span.id,
                )
