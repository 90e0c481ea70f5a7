"""The answer to `runs check`: one line, three exit statuses, and who is told of a change."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from attrs import define, field

from inngest_rest._files import read_file, replace_file
from inngest_rest._programs.command.renderer import Renderer
from inngest_rest._programs.problems import EXIT_STATUS, Code
from inngest_rest._redaction import with_texts
from inngest_rest._version import __version__
from inngest_rest._visible import shortened, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._programs.problems import Problem
    from inngest_rest.models import Page
    from inngest_rest.record import Record

CANNOT_TELL = 2
"""The exit status of a check that can say neither that all rules hold nor that one is broken."""

_WITHIN_S = 60.0  # that each of the others may take to be told, all in all

_STATUSES = {"ok": 0, "broken": EXIT_STATUS[Code.RULE_BROKEN], "unknown": CANNOT_TELL}

# What each of the others was told last, such as "broken; server".
_Told = dict[Literal["exec", "webhook"], str]


@define(eq=False, repr=False)
class Checking(Renderer):
    """Writes the answer as one line, and tells others, once per change if there is a state file."""

    # What tells others: a command as "exec", and as "webhook" a URL with a secret in it.
    notified: dict[Literal["exec", "webhook"], str] = field(factory=dict)
    state: str | None = None  # state file: the last notification sent to each
    _report: Any = field(default=None, init=False)

    def add(self, records: Iterable[Record], page: Page[Any] | None = None) -> bool:
        (self._report,) = map(self.redactor, records)
        return super().add((self._report,), page)

    def finish(
        self, problem: Problem | None = None, *, data: Record | None = None
    ) -> int:
        """Write the answer, notify the others, and return which of the exit statuses it is."""
        if data is not None:
            self.add((data,))
        problem = self.redactor(problem)
        state = _state_of(problem)
        line = visible(f"{state}: {problem.message if problem else self._report}")
        self._write_answer(line, problem)
        if problem is not None and problem.code is Code.INTERRUPTED:
            return EXIT_STATUS[Code.INTERRUPTED]
        found = "; ".join([state, *self._broken_rules(problem)])
        is_kept = self._tell(found, {"text": line, "state": state})
        return _STATUSES[state] if is_kept else CANNOT_TELL

    def _write_answer(self, line: str, problem: Problem | None) -> None:
        if self.format != "table" or self.projection.fields is not None:
            super().finish(problem)
            return
        self.output.line(line)
        self.output.close()
        if problem is not None and problem.hint:
            self.stderr.hint(str(problem.worded(self.name_of).hint))

    def _broken_rules(self, problem: Problem | None) -> list[str]:
        """Return the rules that are broken; without a report, the code of what went wrong."""
        if self._report:
            return sorted(result.rule for result in self._report.broken)
        return [str(problem.code if problem else None)]

    def _tell(self, found: str, message: dict[str, str]) -> bool:
        """Tell each of the others what was found, unless that is what it was told last.

        Return whether the state could be used. Without it, each is told unless all is well.
        """
        try:
            told = _read(self.state)
        except (OSError, ValueError) as error:
            self._warn_of_state(error)
            self._tell_all(found, message, {})
            return False
        self._tell_all(found, message, told)
        try:
            _write(self.state, told)
        except OSError as error:
            self._warn_of_state(error)
            return False
        return True

    def _tell_all(self, found: str, message: dict[str, str], told: _Told) -> None:
        report: dict[str, Any] = self._report.to_dict() if self._report else {}
        for name, other in self.notified.items():
            before = told.get(name, "ok")
            if before == found:
                continue
            whole = {**message, "before": before.partition(";")[0], **report}
            text = json.dumps(with_texts(whole, shortened)).encode()
            if why := _tell_one(name, other, text):
                again = "the next check tells it again"
                self.stderr.hint(f"Warning: --{name} failed ({why}); {again}")
            else:
                told[name] = found

    def _warn_of_state(self, error: Exception) -> None:
        why = getattr(error, "strerror", None) or "it is not the state of a check"
        self.stderr.hint(f"Warning: state: {self.state} cannot be used: {why}")


def _state_of(problem: Problem | None) -> str:
    if problem is None:
        return "ok"
    return "broken" if problem.code is Code.RULE_BROKEN else "unknown"


def _read(state: str | None) -> _Told:
    """Return what each was told last, by a file that may not be there yet."""
    text = read_file(Path(state)) if state else None
    if text == b"":  # a check that could not write it has left it so
        return {"exec": "unknown", "webhook": "unknown"}
    return {} if text is None else msgspec.json.decode(text, type=_Told)


def _write(state: str | None, told: _Told) -> None:
    if state is None:
        return
    try:
        replace_file(Path(state), json.dumps(told).encode())
    except OSError:
        # As on a full disk. What it has is true no more, and to leave it empty takes no room.
        with suppress(OSError):
            os.close(os.open(state, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        raise


def _tell_one(name: str, other: str, text: bytes) -> str:
    """Run a command of the user's own with what is told on its input, or post it to a URL.

    Return why that failed, in words without the URL.
    """
    try:
        return _run(other, text) if name == "exec" else _post(other, text)
    except Exception as error:  # noqa: BLE001 - some errors have the URL in their words
        return type(error).__name__


def _run(command: str, text: bytes) -> str:
    """Run a command, whose output is no part of the answer; end it with all that it started."""
    own = subprocess.Popen(  # noqa: S602
        command, shell=True, stdin=subprocess.PIPE, stdout=2, start_new_session=True
    )
    # Neither Ctrl-C nor SIGTERM, as of `timeout`, reaches a session of its own.
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        own.communicate(text, timeout=_WITHIN_S)
    except BaseException:
        if os.name == "posix":
            with suppress(ProcessLookupError):
                os.killpg(own.pid, signal.SIGKILL)
        else:
            own.kill()
        own.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, handler)
    return f"exit status {own.returncode}" if own.returncode else ""


def _post(url: str, text: bytes) -> str:
    """Post to a URL; of the answer, only the head is read, whatever its body would become."""
    import asyncio  # noqa: PLC0415 - one of the two ways to tell needs them

    import httpx  # noqa: PLC0415

    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"inngest-rest/{__version__}",
    }

    async def post() -> str:
        # httpx itself bounds each read, and not all of them together.
        async with (
            asyncio.timeout(_WITHIN_S),
            httpx.AsyncClient(timeout=_WITHIN_S) as client,
        ):
            request = client.stream("POST", url, content=text, headers=headers)
            async with request as response:
                return "" if response.is_success else f"HTTP {response.status_code}"

    return asyncio.run(post())
