"""A state machine that hands events over in every way there is, while everything goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from inngest_rest import (
    AsyncEventBuffer,
    BatchReport,
    EventBuffer,
    InngestClient,
    InngestError,
    InvalidEventError,
    PartialSendError,
    RetryPolicy,
)
from inngest_rest.buffer import _outbox
from inngest_rest.files._import import import_job as _import_job
from inngest_rest_mock import MockServer
from tests.accounting.ledger import Kind, Ledger
from tests.accounting.network import FAULTS, Network
from tests.accounting.simulation import Alarm, LoneBuffer, Runner, TickingClock
from tests.support.client_kinds import Blocking, ClientKind, open_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from inngest_rest import SendReport
    from inngest_rest_mock import Fault

# Python 3.11 may fail to compile a module that is first imported deep inside hypothesis.
with InngestClient(dev=True) as _client:
    EventBuffer(_client).close()
_ = (_outbox, _import_job)

KINDS: list[Kind] = ["own id", "own id", "own id", "no id", "no id", "refused", "invalid"]
kinds = st.lists(st.sampled_from(KINDS), min_size=1, max_size=6)
sizes = st.sampled_from([1, 2, 3, 5_000])
moments = st.one_of(st.none(), st.integers(0, 3), st.integers(0, 30))
deaths = st.sampled_from([False, False, True])
# Those after which most can be said wrongly come more often.
FAULT_NAMES = [*sorted(FAULTS), "answer lost", "answer lost", "refused", "413"]
# What goes wrong with the next requests: a fault, how often, and after how many that are well.
Script = list[tuple[str, int, int]]
scripts = st.lists(
    st.tuples(
        st.sampled_from(FAULT_NAMES),
        st.sampled_from([1, 1, 2, 5]),
        st.sampled_from([0, 0, 0, 1]),
    ),
    max_size=3,
)

NO_TIME = 0.001
# In memory, where there is such a place: a step would mostly wait for the disk.
PLACE = "/dev/shm" if Path("/dev/shm").is_dir() else None
INTERRUPTS = (KeyboardInterrupt, asyncio.CancelledError)


def interrupt() -> None:
    raise KeyboardInterrupt


class Accounting(RuleBasedStateMachine):
    """One process at a time, that uses everything there is to send events; it may die."""

    client_kind: ClientKind

    def __init__(self) -> None:
        super().__init__()
        self.alarm = Alarm()
        self.clock = TickingClock(self.alarm)
        self.mock = MockServer(clock=self.clock.nanoseconds)
        self.ledger = Ledger(self.mock)
        self.faults: list[Fault] = []
        self.runner = Runner(self.clock)
        self.folder = tempfile.TemporaryDirectory(dir=PLACE)
        self.root = Path(self.folder.name)
        self.files: list[File] = []
        self.unsent: list[dict[str, Any]] = []
        self.image: dict[Path, bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start a process."""
        self.network = Network(self.mock, self.alarm)
        self.client = open_client(
            self.client_kind,
            cast("asyncio.Runner", self.runner),
            self.clock,
            dev=True,
            transport=self.network,
            retries=RetryPolicy(retries=2, total=30),
            timeout=10,
        )
        self._memory: Memory | None = None
        self._outbox: Outbox | None = None

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

    def die(self) -> None:
        """Let the process die: all that it does from now on will not have happened."""
        self.network.is_dead = True
        self.image = {path: path.read_bytes() for path in self.root.iterdir()}

    def bury(self) -> None:
        """Start another process with what the last one left on the disk."""
        assert self.image is not None
        if self._memory is not None:
            self._memory.buffer.close(NO_TIME)
            self._memory.finish()
        if self._outbox is not None:
            self._outbox.buffer.close(NO_TIME)
        self.client.close()
        for path in self.root.iterdir():
            path.unlink()
        for path, content in self.image.items():
            path.write_bytes(content)
        self.image = None
        self.start()

    def use(
        self, action: Callable[[], object], script: Script, moment: int | None, *, dies: bool
    ) -> None:
        """Do something, which is interrupted, or cancelled, or ends the process at some moment."""
        self.go_wrong(script)
        if moment is not None:
            if dies:
                self.alarm.set(moment, self.die)
            elif self.client_kind == "blocking":
                self.alarm.set(moment, interrupt)
            else:
                self.runner.cancel_after = moment * 2
        try:
            with contextlib.suppress(*INTERRUPTS):
                action()
        finally:
            self.alarm.off()
            self.runner.cancel_after = None
            if self.image is not None:
                self.bury()

    def events(self, each: list[Kind]) -> list[dict[str, Any]]:
        return [self.ledger.event(kind) for kind in each]

    def go_wrong(self, script: Script) -> None:
        """Let some of the next requests go wrong, if there is a script, as it says."""
        if script:
            self.recover()
        for name, times, after in script:
            self.faults.append(self.mock.fault(FAULTS[name], times=times, after=after))

    def recover(self) -> None:
        for fault in self.faults:
            fault.clear()
        self.faults.clear()

    @rule(seconds=st.sampled_from([0.5, 2.0, 70.0]))
    def let_time_pass(self, seconds: float) -> None:
        if self.client_kind == "blocking":
            self.clock.advance(seconds)
        else:
            self.runner.run(asyncio.sleep(seconds))

    @rule()
    def the_process_dies(self) -> None:
        self.die()
        self.bury()

    @rule(each=kinds, batch_size=sizes, script=scripts, moment=moments, dies=deaths)
    def send(
        self, each: list[Kind], batch_size: int, script: Script, moment: int | None, dies: bool
    ) -> None:
        events = self.events(each)
        self.use(lambda: self.send_these(events, batch_size), script, moment, dies=dies)

    @precondition(lambda self: self.unsent)
    @rule()
    def send_again(self) -> None:
        """Send what was not accepted, unchanged, as the documentation advises."""
        again, self.unsent = self.unsent, []
        self.send_these(again, 5_000)

    def send_these(self, events: list[dict[str, Any]], batch_size: int) -> None:
        ledger = self.ledger
        ledger.hand_over(events)
        # Of what is sent again, some may be stored from the first time.
        new = [event for event in events if not ledger.stored(event)]
        try:
            ids = self.client.send(events, batch_size=batch_size)
        except InngestError as error:  # an InvalidEventError, too
            partial = error.__cause__ if len(events) == 1 else error
            if isinstance(partial, PartialSendError):
                batch = BatchReport(range(len(events)), partial.ids, partial.report)
                ledger.batch(batch, dict(enumerate(events)))
                self.unsent += [dict(each.event) for each in partial.report.failures]
            else:
                ledger.lost(events)
                ledger.untouched(new)
        except INTERRUPTS:
            ledger.lost(events)
            raise
        else:
            for event, id in zip(events, ids, strict=True):
                ledger.accepted(event, id)

    @rule(
        each=kinds,
        batch_size=st.integers(1, 3),
        in_flight=st.integers(1, 3),
        max_requests=st.sampled_from([None, 2]),
        breaks=st.booleans(),
        script=scripts,
        moment=moments,
        dies=deaths,
    )
    def send_many(
        self,
        *,
        each: list[Kind],
        batch_size: int,
        in_flight: int,
        max_requests: int | None,
        breaks: bool,
        script: Script,
        moment: int | None,
        dies: bool,
    ) -> None:
        events = self.events(each)
        tally = Tally(self.ledger, dict(enumerate(events)))

        def send() -> None:
            source: Any = self.source(events, breaks=breaks)
            report = self.client.send_many(
                self.awaited(source) if self.client_kind == "async" and in_flight == 2 else source,
                batch_size=batch_size,
                # With more, the blocking client has threads, whose order nobody decides.
                in_flight=in_flight if self.client_kind == "async" else 1,
                max_requests=max_requests,
                on_batch=tally,
            )
            assert tally.seen == set(range(len(events)))
            tally.check(report)

        with contextlib.suppress(InngestError, ZeroDivisionError):
            self.use(send, script, moment, dies=dies)
        # What comes behind was not drawn, or is of a batch that was never full.
        assert tally.seen == set(range(len(tally.seen)))
        self.ledger.untouched(events[len(tally.seen) :])

    def source(self, events: list[dict[str, Any]], *, breaks: bool) -> Iterator[dict[str, Any]]:
        for event in events:
            self.alarm.tick()
            yield event
        if breaks:
            raise ZeroDivisionError

    async def awaited(self, source: Iterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        for event in source:
            await asyncio.sleep(0)
            yield event

    @rule(each=kinds, batch_size=st.integers(1, 3), script=scripts, moment=moments, dies=deaths)
    def send_file(
        self, each: list[Kind], batch_size: int, script: Script, moment: int | None, dies: bool
    ) -> None:
        self.files.append(File(self, self.root / f"{len(self.files)}.ndjson", each))
        self.use(lambda: self.files[-1].send(batch_size), script, moment, dies=dies)

    @precondition(lambda self: self.files)
    @rule(batch_size=st.integers(1, 3), script=scripts, moment=moments, dies=deaths)
    def resume_file(self, batch_size: int, script: Script, moment: int | None, dies: bool) -> None:
        self.use(lambda: self.files[-1].send(batch_size), script, moment, dies=dies)

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

    def teardown(self) -> None:
        try:
            self.recover()
            self.memory.buffer.close(100.0)
            self.memory.finish()
            # As long as a pause that a server asks for, and as a lease, may last.
            self.clock.advance(3_601)
            for file in self.files:
                file.finish()
            self.outbox.finish()
            self.client.close()
            self.runner.close()
            self.ledger.audit()
        finally:
            self.runner.loop.close()
            self.folder.cleanup()


class Tally:
    """What `on_batch` was told: each position once."""

    def __init__(self, ledger: Ledger, events: dict[int, dict[str, Any]]) -> None:
        self._ledger = ledger
        self._events = events
        self._counts = [0, 0, 0]
        self.seen = set[int]()

    def __call__(self, batch: BatchReport) -> None:
        positions = self._ledger.batch(batch, self._events)
        assert not positions & self.seen, "told twice"
        self.seen |= positions
        for index, count in enumerate(_counts(batch.report)):
            self._counts[index] += count

    def check(self, report: SendReport) -> None:
        """Check that a report has the same sums."""
        assert _counts(report) == self._counts


def _counts(report: SendReport) -> list[int]:
    return [report.accepted, report.rejected, report.unknown]


class Memory:
    """A buffer in memory, and what was added to it."""

    def __init__(self, machine: Accounting) -> None:
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

    def __init__(self, machine: Accounting) -> None:
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


class File:
    """A file of events, one a line."""

    def __init__(self, machine: Accounting, path: Path, each: list[Kind]) -> None:
        self._machine = machine
        self._path = path
        self._lines: dict[int, str] = {}
        self._events: dict[int, dict[str, Any]] = {}
        self._bad: list[str] = []
        for line, kind in enumerate(each, 1):
            event = machine.ledger.event("own id" if kind == "invalid" else kind)
            self._events[line] = event
            text = json.dumps(event)
            self._lines[line] = text[:-1] if kind == "invalid" else text
            if kind in {"invalid", "refused"}:
                self._bad.append(self._lines[line])
        path.write_text("".join(f"{line}\n" for line in self._lines.values()), encoding="utf-8")
        machine.ledger.hand_over(self._events.values())
        machine.ledger.keep(self._events.values())

    def send(self, batch_size: int) -> SendReport | None:
        """Send it, or what is left of it; return None if that stopped."""
        tally = Tally(self._machine.ledger, self._events)
        try:
            report: SendReport = self._machine.client.send_file(
                self._path,
                resume=True,
                batch_size=batch_size,
                in_flight=2 if self._machine.client_kind == "async" else 1,
                on_batch=tally,
            )
        except InngestError:
            return None
        tally.check(report)
        return report

    def finish(self) -> None:
        """Send what is left, and check the lines that were rejected."""
        report = self.send(5_000)
        assert report is not None
        assert report.unknown == 0
        rejected = self._path.with_suffix(".ndjson.rejected.ndjson")
        lines = rejected.read_text(encoding="utf-8").splitlines() if rejected.exists() else []
        assert sorted(lines) == sorted(self._bad)
