"""Whether and when an event, an invocation or a replay starts a run: at once, later, or never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from inngest_rest_mock._times import NS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest_mock._state.catalogue import Function
    from inngest_rest_mock._state.execution import Execution
    from inngest_rest_mock._state.ids import UlidFactory
    from inngest_rest_mock._state.records import MockEvent

Verdict: TypeAlias = Literal[
    "started", "repeated", "rate_limited", "debounced", "skipped"
]

IDEMPOTENCY_NS = 24 * 3600 * NS_PER_SECOND
"""How long the server deduplicates runs by event id (consts.FunctionIdempotencyPeriod)."""


@attrs.frozen
class Admitted:
    """The verdict, with the id of the run that started, or had for a repeated key."""

    verdict: Verdict
    run_id: str = ""


@attrs.frozen
class Held:
    """The events of one run, which starts at `due_ns` at the latest; `batch_id` if they batch."""

    function: Function
    events: list[MockEvent]
    due_ns: int
    batch_id: str | None


class Pending:
    """What is held back, at most one run per function."""

    def __init__(self, ids: UlidFactory) -> None:
        self._ids = ids
        self.held: dict[str, Held] = {}

    def add(self, function: Function, event: MockEvent, at: int) -> Held | None:
        """Add an event to the batch of its function; return the batch once it is full."""
        key = function.internal_id
        if key not in self.held:
            due = at + function.batch_timeout_ns
            self.held[key] = Held(function, [], due, self._ids.next(at))
        batch = self.held[key]
        batch.events.append(event)
        if len(batch.events) < (function.batch_size or 1):
            return None
        return self.held.pop(key)

    def replace(self, function: Function, event: MockEvent, due_ns: int) -> None:
        """Hold an event of a function that debounces, in place of the one before."""
        self.held[function.internal_id] = Held(function, [event], due_ns, None)

    def pop_due(self, now: int) -> Held | None:
        """Remove and return what is due first, if it is due by `now`."""
        first = min(self.held.values(), key=lambda each: each.due_ns, default=None)
        if first is None or first.due_ns > now:
            return None
        return self.held.pop(first.function.internal_id)


class Admission:
    """Applies flow control in the server's order (executor.Schedule)."""

    def __init__(self, execution: Execution, pending: Pending) -> None:
        self._execution = execution
        self._pending = pending
        self._started: dict[tuple[str, str], tuple[int, str]] = {}
        self._counted: dict[str, dict[str, int]] = {}

    def admit(
        self,
        function: Function,
        events: Sequence[MockEvent],
        key: str,
        at: int,
        visible: int,
        *,
        has_waited: bool = False,
        batch_id: str | None = None,
        original_run_id: str | None = None,
        **steps: Any,
    ) -> Admitted:
        """Start a run of a function, unless flow control prevents or puts it off.

        Args:
            function: The function.
            events: Its event, or those of its batch.
            key: Starts one run of the function in 24 hours.
            at: The time.
            visible: When the run becomes readable.
            has_waited: Whether it was debounced or batched before, which is not done twice.
            batch_id: The id of the batch.
            original_run_id: The run that this one replays, which no rate limit prevents.
            steps: The steps that it keeps, and an input.
        """
        flow = function.flow
        slot = (function.internal_id, key)
        is_limited = (
            flow.rate_limit is not None and not has_waited and original_run_id is None
        )
        if is_limited and not self._counts(function, key, at):
            return Admitted("rate_limited")
        if flow.debounce_ns is not None and not has_waited:
            self._pending.replace(function, events[0], at + flow.debounce_ns)
            return Admitted("debounced")
        running = self._running(function) if flow.singleton is not None else []
        if running and flow.singleton == "skip":
            return Admitted("skipped")
        for each in running:  # a repeated key cancels them, too, and starts none
            self._execution.cancel(each, at)
        until, run_id = self._started.get(slot, (0, ""))
        if at < until:
            return Admitted("repeated", run_id)
        run_id = self._execution.start(
            function,
            events,
            at,
            visible + flow.delay_ns,
            original_run_id=original_run_id,
            batch_id=batch_id,
            **steps,
        )
        self._started[slot] = (at + IDEMPOTENCY_NS, run_id)
        return Admitted("started", run_id)

    def _running(self, function: Function) -> list[str]:
        runs = self._execution.of_function(function.app_id, function.id)
        return [run.id for run in runs if run.ended_ns is None]

    def _counts(self, function: Function, key: str, at: int) -> bool:
        """Return whether a rate limit admits a run, and count it: once for a key.

        It is a plain count; a server admits a tenth of it at once, and spreads the others.
        """
        assert function.flow.rate_limit is not None
        limit, period = function.flow.rate_limit
        counted = self._counted.get(function.internal_id, {})
        counted = {key: since for key, since in counted.items() if at < since + period}
        self._counted[function.internal_id] = counted
        if key not in counted and len(counted) >= limit:
            return False
        counted.setdefault(key, at)
        return True
