"""Buffers in memory and in a file, for the suite that accounts for every event."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import rule

from inngest_rest import AsyncEventBuffer, EventBuffer, InngestClient, InvalidEventError
from inngest_rest.buffer import _outbox
from tests.accounting.machine import (
    INTERRUPTS,
    NO_TIME,
    Machine,
    Script,
    Tally,
    deaths,
    kinds,
    moments,
    scripts,
)
from tests.support.client_kinds import Blocking

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from inngest_rest import BatchReport
    from tests.accounting.ledger import Kind
    from tests.support.clock import Clock

# Python 3.11 may fail to compile a module that is first imported deep inside hypothesis.
with InngestClient(dev=True) as _client:
    EventBuffer(_client).close()
_ = _outbox


class Accounted(Machine):
    """The process also adds events to a buffer in memory, and to one in a file."""

    def start(self) -> None:
        super().start()
        self._memory: Memory | None = None
        self._outbox: Outbox | None = None

    def leave(self) -> None:
        if self._memory is not None:
            self._memory.buffer.close(NO_TIME)
            self._memory.finish()
        if self._outbox is not None:
            self._outbox.buffer.close(NO_TIME)
        super().leave()

    def finish(self) -> None:
        self.memory.buffer.close(100.0)
        self.memory.finish()
        super().finish()
        self.outbox.finish()

    @property
    def memory(self) -> Memory:
        """The buffer in memory, opened when it is first needed: that takes longer than a step."""
        self._memory = self._memory or Memory(self)
        return self._memory

    @property
    def outbox(self) -> Outbox:
        """The buffer in a file."""
        self._outbox = self._outbox or Outbox(self)
        return self._outbox

    def buffer(self, **options: Any) -> Any:
        if self.client_kind == "blocking":
            return LoneBuffer(self.clock, self.client, **options)
        return Blocking(
            AsyncEventBuffer(self.client.target, **options), cast("asyncio.Runner", self.runner)
        )

    @rule(each=kinds)
    def add_to_memory(self, each: list[Kind]) -> None:
        for kind in each:
            self.memory.add(kind)

    @rule(
        seconds=st.sampled_from([0.5, 10.0, 100.0]),
        script=scripts,
        moment=moments,
        dies=deaths,
    )
    def flush_memory(self, seconds: float, script: Script, moment: int | None, dies: bool) -> None:
        memory = self.memory
        self.use(lambda: memory.flush(seconds), script, moment, dies=dies)
        memory.check()

    @rule(
        seconds=st.sampled_from([NO_TIME, 5.0, 100.0]),
        script=scripts,
        moment=moments,
        dies=deaths,
    )
    def close_memory(self, seconds: float, script: Script, moment: int | None, dies: bool) -> None:
        memory = self.memory
        self.use(lambda: memory.buffer.close(seconds), script, moment, dies=dies)
        memory.finish()
        if memory is self._memory:
            self._memory = None

    @rule(each=kinds, script=scripts, moment=moments, dies=deaths)
    def add_to_outbox(
        self, each: list[Kind], script: Script, moment: int | None, dies: bool
    ) -> None:
        outbox = self.outbox
        self.use(lambda: outbox.add(each), script, moment, dies=dies)

    @rule(
        seconds=st.sampled_from([0.5, 10.0, 100.0]),
        script=scripts,
        moment=moments,
        dies=deaths,
    )
    def flush_outbox(self, seconds: float, script: Script, moment: int | None, dies: bool) -> None:
        outbox = self.outbox
        self.use(lambda: outbox.buffer.flush(seconds), script, moment, dies=dies)
        outbox.check()

    @rule(
        seconds=st.sampled_from([NO_TIME, 5.0, 100.0]),
        script=scripts,
        moment=moments,
        dies=deaths,
    )
    def reopen_outbox(self, seconds: float, script: Script, moment: int | None, dies: bool) -> None:
        outbox = self.outbox
        self.use(lambda: outbox.buffer.close(seconds), script, moment, dies=dies)
        outbox.buffer.close(NO_TIME)
        outbox.check()
        if outbox is self._outbox:
            self._outbox = None


class _Condition(threading.Condition):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "the only thread waits for another"
        self._clock.advance(timeout)
        return False


class LoneBuffer(EventBuffer):
    """A blocking buffer without a thread, as where none can start: whoever flushes it sends."""

    def __init__(self, clock: Clock, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._clock = clock
        self._changed = _Condition(clock)

    def _notify(self) -> None:
        self._count += 1

    def after_fork_in_child(self) -> None:
        super().after_fork_in_child()
        self._changed = _Condition(self._clock)


class Memory:
    """A buffer in memory, and what was added to it."""

    def __init__(self, machine: Accounted) -> None:
        self._ledger = machine.ledger
        self._events: dict[int, dict[str, Any]] = {}
        self._tally = Tally(machine.ledger, self._events)
        # What a callback of a buffer raises is logged, so it must not be the one that checks.
        self._told: list[BatchReport] = []
        self.buffer = machine.buffer(
            batch_size=3, max_pending=12, when_full="drop", on_batch=self._told.append
        )

    def add(self, kind: Kind) -> None:
        event = self._ledger.event(kind)
        position = len(self._events)
        # Before the call: a task may send it before that returns.
        self._events[position] = event
        self._ledger.hand_over([event])
        taken = False
        try:
            taken = self.buffer.add(event)
        except InvalidEventError:
            assert kind == "invalid"
        if not taken:
            del self._events[position]
            self._ledger.untouched([event])

    def flush(self, seconds: float) -> None:
        is_done = self.buffer.flush(seconds)
        self.check()
        assert not is_done or self._tally.seen == set(self._events)

    def check(self) -> None:
        while self._told:
            self._tally(self._told.pop(0))
        self._tally.check(self.buffer.report)

    def finish(self) -> None:
        """Check that something was said of each event, now that the buffer is closed."""
        assert self.buffer.close(NO_TIME) == 0
        self.check()
        assert self._tally.seen == set(self._events), "closed, and nothing was said of some"


class Outbox:
    """A buffer in a file; events that another process added are in it, too."""

    def __init__(self, machine: Accounted) -> None:
        self._machine = machine
        self._ledger = machine.ledger
        self._told: list[BatchReport] = []
        self.buffer = machine.buffer(
            store=machine.root / "outbox.db",
            batch_size=3,
            max_pending=30,
            when_full="drop",
            on_batch=self._told.append,
        )
        file = self.buffer._queue.file  # noqa: SLF001
        transaction = file.transaction

        @contextlib.contextmanager
        def ticking(doing: str) -> Iterator[Any]:
            machine.alarm.tick()
            with transaction(doing) as db:
                yield db

        file.transaction = ticking

    def check(self) -> None:
        while self._told:
            batch = self._told.pop(0)
            for id in filter(None, batch.ids):
                self._ledger.accepted_as(id)
            assert batch.report.accepted == sum(id is not None for id in batch.ids)
            failed = [each.event for each in batch.report.failures]
            rejected, unknown = batch.report.rejected, batch.report.unknown
            self._ledger.not_accepted(failed, rejected=rejected, unknown=unknown)

    def add(self, each: list[Kind]) -> None:
        for kind in each:
            self._add(kind)

    def _add(self, kind: Kind) -> None:
        event = self._ledger.event(kind)
        self._ledger.hand_over([event])
        taken = False
        try:
            taken = self.buffer.add(event)
        except InvalidEventError:
            assert kind == "invalid"
        except INTERRUPTS:
            self._ledger.lost([event])
            raise
        if self._machine.network.is_dead:
            self._ledger.lost([event])
        elif taken:
            self._ledger.keep([event])
        else:
            self._ledger.untouched([event])

    def finish(self) -> None:
        """Send all that is left, and check that each event is sent, or a dead letter."""
        assert self.buffer.flush(600.0)
        self.check()
        assert self.buffer.pending == 0
        letters = self.buffer.dead_letters()
        unknown = sum("an earlier request may have stored it" in each.reason for each in letters)
        self._ledger.not_accepted(
            [each.event for each in letters], rejected=len(letters) - unknown, unknown=unknown
        )
        assert self.buffer.close() == 0
