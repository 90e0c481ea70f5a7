"""Follow a run: its steps as they start and end, read off its trace."""

from __future__ import annotations

import math
from collections import deque
from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.arguments import check_id, check_seconds
from inngest_rest._core.calls.retry import FAULTS
from inngest_rest._core.plans import FIRST_PAUSE, Plan, longer, sleep
from inngest_rest._core.resources.runs import name_event
from inngest_rest._core.resources.trace import get_trace, is_attempt
from inngest_rest._core.resources.wait import APPEARS_WITHIN, may_appear
from inngest_rest._core.resources.watch import OUTAGE, SLICE
from inngest_rest.models import Span, StepChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.calls.route import AbsentRoutes
    from inngest_rest._core.calls.session import Session
    from inngest_rest.typing import Seconds

# Seconds after which one that waits for another's request looks again.
_LOOK = 0.05


class _Feed:
    """The trace of a run, which all who follow it by one client read, and one of them requests."""

    def __init__(self) -> None:
        self.asking = Lock()
        self.root: Span | None = None
        self.version = 0
        self.next_at = -math.inf
        self.pause = FIRST_PAUSE


# By run and environment, and by the state that all copies of a client share.
_feeds: WeakKeyDictionary[AbsentRoutes, WeakValueDictionary[tuple[str, str | None], _Feed]] = (
    WeakKeyDictionary()
)


class Follow:
    """A run that is followed, with validated arguments: what was told of it, and what is to be."""

    def __init__(self, session: Session, run_id: str, timeout: Seconds | None) -> None:
        self._session = session
        self._id = check_id("run id", run_id, argument="id")
        now = session.clock.monotonic()
        self._deadline = math.inf if timeout is None else now + check_seconds("timeout", timeout)
        self._fails_at = now + APPEARS_WITHIN
        feeds = _feeds.setdefault(session.absent, WeakValueDictionary())
        self._feed = feeds.setdefault((self._id, session.settings.env), _Feed())
        self._version: int = 0
        self._told: set[tuple[str, str]] = set()
        self._pending: deque[StepChange] = deque()
        self._is_over = False

    @property
    def is_done(self) -> bool:
        """Whether it was closed, or the run has ended and all was taken."""
        return self._is_over and not self._pending

    def close(self) -> None:
        self._is_over = True
        self._pending.clear()

    def take(self) -> StepChange | None:
        """Return the next change; None if the trace must be read again."""
        return self._pending.popleft() if self._pending else None

    def step(self) -> Plan[None]:
        """Pause, and read the trace, unless another has just read it."""
        feed, clock = self._feed, self._session.clock
        if feed.version == self._version:
            now = clock.monotonic()
            left = feed.next_at - now
            if now >= self._deadline:
                state = "had not ended" if feed.root else "did not appear"
                raise errors.WaitTimeoutError(
                    f"run {self._id} {state} when the timeout expired", run=None
                )
            if left > 0 or not feed.asking.acquire(blocking=False):
                yield from sleep(min(max(left, _LOOK), SLICE, self._deadline - now))
                return
            try:
                yield from self._ask()
            finally:
                feed.asking.release()
        if feed.root is not None and feed.version != self._version:
            self._version = feed.version
            self._pending += self._changes(feed.root)
            self._is_over = feed.root.ended_at is not None

    def _ask(self) -> Plan[None]:
        feed, clock = self._feed, self._session.clock
        try:
            root = yield from get_trace(self._session, self._id, raw=False, deadline=self._deadline)
        except FAULTS as error:
            passes = may_appear(error) if feed.root else isinstance(error, errors.NotFoundError)
            if clock.monotonic() >= self._fails_at or not passes:
                if isinstance(error, errors.NotFoundError) and not feed.root:
                    yield from name_event(self._session, self._id, error)
                raise
            asked = getattr(error, "retry_after", None) or 0.0
            feed.next_at = clock.monotonic() + max(feed.pause, asked)
            feed.pause = longer(feed.pause)
            return
        feed.pause = longer(feed.pause) if root == feed.root else FIRST_PAUSE
        feed.next_at = clock.monotonic() + feed.pause
        self._fails_at = clock.monotonic() + OUTAGE
        feed.root, feed.version = root, feed.version + 1

    def _changes(self, root: Span) -> Iterator[StepChange]:
        """Yield what a trace has that was not told: of the run itself, first and last."""
        steps = [(it, it.step_id) for it in root.children if it.step_id]
        # A failed attempt of no step may be one at a step that has not ended.
        below = (it for child in root.children for it in child.children)
        failed = [(it, it.id) for it in below if is_attempt(it) and it.status == "failed"]
        began = [(it.started_at, "started", it, key) for it, key in steps if it.started_at]
        ends = [(it.ended_at, "ended", it, key) for it, key in (*steps, *failed) if it.ended_at]
        changes = sorted([*began, *ends], key=itemgetter(0))
        first = [(root.started_at, "started", root, "")] if root.started_at else []
        last = [(root.ended_at, "ended", root, "")] if root.ended_at else []
        for _, kind, span, key in (*first, *changes, *last):
            if (kind, key) not in self._told:
                self._told.add((kind, key))
                yield StepChange(
                    "ended" if kind == "ended" else "started", evolve(span, children=())
                )
