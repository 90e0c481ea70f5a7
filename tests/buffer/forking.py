"""The state machine with forks: children get nothing of what their parent has to send."""

from __future__ import annotations

import os
import traceback
import warnings
from typing import TYPE_CHECKING, cast

from hypothesis import strategies as st
from hypothesis.stateful import rule

from inngest_rest import SendReport
from tests.accounting.machine import Script, scripts
from tests.accounting.simulation import Runner
from tests.buffer.accounted import Accounted

if TYPE_CHECKING:
    import asyncio

_WELL, _NO_ROOM, _WRONG = 0, 3, 1


class Forking(Accounted):
    """The process may fork, also in the middle of a request or before a transaction."""

    @rule(
        script=scripts,
        moment=st.sampled_from([None, 0, 1, 2, 3]),
        by=st.sampled_from(["memory", "outbox"]),
    )
    def fork_while_it_sends(self, script: Script, moment: int | None, by: str) -> None:
        self.go_wrong(script)
        buffer = self.memory.buffer if by == "memory" else self.outbox.buffer
        # A loop that runs cannot be used in a child, which asyncio has no way out of.
        if moment is None or self.client_kind == "async":
            self.fork()
        else:
            self.alarm.set(moment, self.fork)
        buffer.flush(10.0)
        self.alarm.off()
        self.memory.check()

    def fork(self) -> None:
        event = self.ledger.event("own id")
        with warnings.catch_warnings():
            # Python warns of threads, which other tests may have left.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            status = _WRONG
            try:
                status = self._be_a_child(event)
            except BaseException:  # noqa: BLE001 - it must not go on as the test's own process
                traceback.print_exc()
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in {_WELL, _NO_ROOM}
        self.ledger.hand_over([event])
        if status == _WELL:
            self.ledger.keep([event])
        else:
            self.ledger.untouched([event])

    def _be_a_child(self, event: dict[str, object]) -> int:
        """Send something of one's own, and leave one event in the file for the parent."""
        self.alarm.off()
        self.recover()
        self.runner = Runner(self.clock)
        buffer = self.memory.buffer
        if self.client_kind == "async":
            buffer.runner = cast("asyncio.Runner", self.runner)
        assert buffer.pending == 0
        assert buffer.report == SendReport()
        self.clock.advance(3_601)  # a pause that the server asked for
        for _ in range(3):
            assert buffer.add(self.ledger.event("own id"))
        assert buffer.flush(100.0)
        assert buffer.report == SendReport(accepted=3)
        # Not through the buffer: its task would send what the parent is to send.
        has_room = self.outbox.buffer._queue.put(event)  # noqa: SLF001
        return _WELL if has_room else _NO_ROOM
