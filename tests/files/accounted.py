"""Files that are sent, for the suite that accounts for every event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from inngest_rest import InngestError
from inngest_rest.files._import import import_job as _import_job
from tests.accounting.machine import Machine, Script, Tally, deaths, kinds, moments, scripts

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest import SendReport
    from tests.accounting.ledger import Kind

# Python 3.11 may fail to compile a module that is first imported deep inside hypothesis.
_ = _import_job


class Accounted(Machine):
    """The process also sends files, and resumes them."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[File] = []

    def finish(self) -> None:
        for file in self.files:
            file.finish()
        super().finish()

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


class File:
    """A file of events, one a line."""

    def __init__(self, machine: Machine, path: Path, each: list[Kind]) -> None:
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
