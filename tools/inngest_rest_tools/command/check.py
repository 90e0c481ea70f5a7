"""The answer to `runs check`: one line, three exit statuses, and notifications of a change."""

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
from inngest_rest._redaction import with_texts
from inngest_rest._version import __version__
from inngest_rest._visible import shortened, visible
from inngest_rest_tools.command.renderer import Renderer
from inngest_rest_tools.problems import EXIT_STATUS, Code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest.models import Page
    from inngest_rest.record import Record
    from inngest_rest_tools.problems import Problem

CANNOT_TELL = 2
"""The exit status of a check with an unknown result."""

_WITHIN_S = 60.0  # for a whole notification

_STATUSES = {
    "ok": 0,
    "broken": 1,
    "unknown": CANNOT_TELL,
}

# The last result of which each was notified, such as "broken; server".
_LastResults = dict[Literal["exec", "webhook"], str]


@define(eq=False, repr=False)
class Checking(Renderer):
    """Writes the answer as one line, and notifies others, with a state file once per change."""

    # A command as "exec", and as "webhook" a URL, which contains a secret.
    notified: dict[Literal["exec", "webhook"], str] = field(factory=dict)
    state: str | None = None  # state file: the last notification sent to each
    _report: Any = field(default=None, init=False)

    def add(self, records: Iterable[Record], page: Page[Any] | None = None) -> bool:
        (self._report,) = map(self.redactor, records)
        return super().add((self._report,), page)

    def finish(
        self, problem: Problem | None = None, *, data: Record | None = None
    ) -> int:
        """Write the answer, notify the others, and return the exit status."""
        if data is not None:
            self.add((data,))
        problem = self.redactor(problem)
        state = _state_of(problem)
        summary = problem.message if problem else str(self._report)
        line = visible(f"{state}: {summary}")
        self._write_answer(line, problem)
        if problem is not None and problem.code is Code.INTERRUPTED:
            return EXIT_STATUS[Code.INTERRUPTED]
        result = "; ".join([state, *self._broken_rules(problem)])
        is_state_usable = self._notify(result, {"text": line, "state": state})
        return _STATUSES[state] if is_state_usable else CANNOT_TELL

    def _write_answer(self, line: str, problem: Problem | None) -> None:
        if self.format != "table" or self.projection.fields is not None:
            super().finish(problem)
            return
        self.output.line(line)
        self.output.close()
        if problem is not None and problem.hint:
            worded = problem.worded(self.name_of)
            self.stderr.hint(str(worded.hint))

    def _broken_rules(self, problem: Problem | None) -> list[str]:
        """Return the broken rules; without a report, the code of the problem."""
        if self._report:
            return sorted(result.rule for result in self._report.broken)
        code = problem.code if problem else None
        return [str(code)]

    def _notify(self, result: str, message: dict[str, str]) -> bool:
        """Notify each of the others of the result, unless it has been notified of the same.

        Returns whether the state file could be used. Without one, each is notified unless all is
        well.
        """
        try:
            last_results = _read(self.state)
        except (OSError, ValueError) as error:
            self._warn_of_state(error)
            self._notify_all(result, message, {})
            return False
        self._notify_all(result, message, last_results)
        try:
            _write(self.state, last_results)
        except OSError as error:
            self._warn_of_state(error)
            return False
        return True

    def _notify_all(
        self, result: str, message: dict[str, str], last_results: _LastResults
    ) -> None:
        """Notify the others, and note the result as the last one of those who received it."""
        report: dict[str, Any] = {}
        if self._report:
            report = self._report.to_dict()
        for name, recipient in self.notified.items():
            before = last_results.get(name, "ok")
            if before == result:
                continue
            state_before = before.partition(";")[0]
            notification = {**message, "before": state_before, **report}
            text = json.dumps(with_texts(notification, shortened))
            failure = _send(name, recipient, text.encode())
            if failure:
                again = "the next check tells it again"
                self.stderr.hint(f"Warning: --{name} failed ({failure}); {again}")
            else:
                last_results[name] = result

    def _warn_of_state(self, error: Exception) -> None:
        why = getattr(error, "strerror", None) or "it is not the state of a check"
        self.stderr.hint(f"Warning: state: {self.state} cannot be used: {why}")


def _state_of(problem: Problem | None) -> str:
    if problem is None:
        return "ok"
    return "broken" if problem.code is Code.BROKEN else "unknown"


def _read(state: str | None) -> _LastResults:
    """Read the last results from the state file; none if it does not exist yet."""
    text = read_file(Path(state)) if state else None
    if text is None:
        return {}
    if text == b"":  # left by a check that could not write it
        return {"exec": "unknown", "webhook": "unknown"}
    return msgspec.json.decode(text, type=_LastResults)


def _write(state: str | None, last_results: _LastResults) -> None:
    if state is None:
        return
    try:
        content = json.dumps(last_results).encode()
        replace_file(Path(state), content)
    except OSError:
        # As on a full disk. Its content is outdated, and an empty file takes no space.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with suppress(OSError):
            emptied = os.open(state, flags, 0o600)
            os.close(emptied)
        raise


def _send(name: str, recipient: str, text: bytes) -> str:
    """Run the user's command with the text on its input, or post the text to the URL.

    Returns the reason of a failure, without the URL; empty on success.
    """
    try:
        if name == "exec":
            return _run(recipient, text)
        return _post(recipient, text)
    except Exception as error:  # noqa: BLE001 - messages of some errors contain the URL
        return type(error).__name__


def _run(command: str, text: bytes) -> str:
    """Run a command with its output on standard error; on a timeout, end its whole session."""
    process = subprocess.Popen(  # noqa: S602
        command, shell=True, stdin=subprocess.PIPE, stdout=2, start_new_session=True
    )
    # Neither Ctrl-C nor SIGTERM, as of `timeout`, reaches another session.
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        process.communicate(text, timeout=_WITHIN_S)
    except BaseException:
        if os.name == "posix":
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, handler)
    status = process.returncode
    return f"exit status {status}" if status else ""


def _post(url: str, text: bytes) -> str:
    """Post to a URL, and read only the head of the response, however large its body is."""
    import asyncio  # noqa: PLC0415 - one of the two kinds of notification needs them

    import httpx  # noqa: PLC0415

    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"inngest-rest/{__version__}",
    }

    async def post() -> str:
        # httpx bounds each read, but not all of them together.
        async with (
            asyncio.timeout(_WITHIN_S),
            httpx.AsyncClient(timeout=_WITHIN_S) as client,
        ):
            request = client.stream("POST", url, content=text, headers=headers)
            async with request as response:
                return "" if response.is_success else f"HTTP {response.status_code}"

    return asyncio.run(post())
