"""The answer to `runs check`: one line, three exit statuses, and who is told of a change."""

from __future__ import annotations

import json
import os
import subprocess
from functools import partial
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import httpx
from attrs import define, field

from inngest_rest._core.locks import lock_file
from inngest_rest._programs.command.output import Renderer
from inngest_rest._programs.problems import EXIT_STATUS, Code
from inngest_rest._version import __version__
from inngest_rest._visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inngest_rest._programs.problems import Problem
    from inngest_rest.models import Page
    from inngest_rest.record import Record

CANNOT_TELL = 2
"""The exit status of a check that can say neither that all rules hold nor that one is broken."""

_WITHIN_S = 60.0  # that others may take to be told


@define(eq=False, repr=False)
class Checking(Renderer):
    """Writes the answer as one line, and tells others, once per change if there is a state file."""

    # What tells others: a command as "exec", and as "webhook" a URL with a secret in it.
    others: dict[str, str] = field(factory=dict[str, str])
    state: str | None = None  # the file that has what each of them was told last
    _report: Any = field(default=None, init=False)

    def add(self, records: Iterable[Record], page: Page[Any] | None = None) -> bool:
        (self._report,) = records
        return super().add(records, page)

    def finish(self, problem: Problem | None = None, *, data: Record | None = None) -> int:
        if data is not None:
            self.add((data,))
        code, report = problem.code if problem else None, self._report
        state = {None: "ok", Code.RULE_BROKEN: "broken"}.get(code, "unknown")
        line = visible(f"{state}: {problem.message if problem else report}")
        if self.format == "table" and self.projection.fields is None:
            self.output.line(line)
            self.output.close()
            if problem is not None and problem.hint:
                self.stderr.hint(str(problem.worded(self.name_of).hint))
        else:
            super().finish(problem)
        if code is Code.INTERRUPTED:
            return EXIT_STATUS[code]
        broken = sorted(each.rule for each in report.broken) if report else [str(code)]
        try:
            self._tell("; ".join([state, *broken]), {"text": line, "state": state})
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not the state of a check"
            why = "another check uses it" if isinstance(error, BlockingIOError) else why
            self.stderr.hint(f"Warning: state: {self.state} cannot be used: {why}")
            return CANNOT_TELL
        return {"ok": 0, "broken": EXIT_STATUS[Code.RULE_BROKEN]}.get(state, CANNOT_TELL)

    def _tell(self, found: str, message: dict[str, str]) -> None:
        """Tell each of the others what was found, unless that is what it was told last."""
        ours: Any = {"opener": partial(os.open, mode=0o600), "encoding": "utf-8"}
        with open(self.state, "a+", **ours) if self.state else TemporaryFile("a+") as file:  # noqa: PTH123
            lock_file(file.fileno())
            file.seek(0)
            told: Any = json.loads(file.read() or "{}")
            if not {"exec", "webhook"}.issuperset(told):
                raise ValueError
            for name, other in self.others.items():
                before: str = told.get(name, "ok")
                if before == found:
                    continue
                report: Mapping[str, Any] = self._report.to_dict() if self._report else {}
                whole = {**message, "before": before.partition(";")[0], **report}
                if why := _tell_one(name, other, json.dumps(whole).encode()):
                    again = "the next check tells it again"
                    self.stderr.hint(f"Warning: --{name} failed ({why}); {again}")
                    continue
                told[name] = found
            file.truncate(0)
            file.write(json.dumps(told))


def _tell_one(name: str, other: str, text: bytes) -> str:
    """Run a command of the user's own with what is told on its input, or post it to a URL.

    Return why that failed, in words without the URL.
    """
    try:
        if name == "exec":  # its output is no part of the answer
            own = subprocess.Popen(other, shell=True, stdin=subprocess.PIPE, stdout=2)  # noqa: S602
            own.communicate(text, timeout=_WITHIN_S)
            return f"exit status {own.returncode}" if own.returncode else ""
        agent = {"Content-Type": "application/json", "User-Agent": f"inngest-rest/{__version__}"}
        answer = httpx.post(other, content=text, headers=agent, timeout=_WITHIN_S)
    except Exception as error:  # noqa: BLE001 - some errors have the URL in their words
        return type(error).__name__
    return "" if answer.is_success else f"HTTP {answer.status_code}"
