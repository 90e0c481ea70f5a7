"""A state machine that sends events, while everything goes wrong; capabilities add rules."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from inngest_rest import (
    BatchReport,
    InngestError,
    PartialSendError,
    RetryPolicy,
)
from inngest_rest_mock import MockServer
from tests.accounting.ledger import Kind, Ledger
from tests.accounting.network import FAULTS, Network
from tests.accounting.simulation import Alarm, Runner, TickingClock
from tests.support.client_kinds import ClientKind, open_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from inngest_rest import SendReport
    from inngest_rest_mock import Fault

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


class Machine(RuleBasedStateMachine):
    """One process at a time, that sends events; it may die. Capabilities add ways to send."""

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

    def die(self) -> None:
        """Let the process die: all that it does from now on will not have happened."""
        self.network.is_dead = True
        self.image = {path: path.read_bytes() for path in self.root.iterdir()}

    def bury(self) -> None:
        """Start another process with what the last one left on the disk."""
        assert self.image is not None
        self.leave()
        self.client.close()
        for path in self.root.iterdir():
            path.unlink()
        for path, content in self.image.items():
            path.write_bytes(content)
        self.image = None
        self.start()

    def leave(self) -> None:
        """Let go of what the dead process had open; capabilities extend this."""

    def finish(self) -> None:
        """Send what is left, and check what was said of it; capabilities extend this."""

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

    def teardown(self) -> None:
        try:
            self.recover()
            # As long as a pause that a server asks for, and as a lease, may last.
            self.clock.advance(3_601)
            self.finish()
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
