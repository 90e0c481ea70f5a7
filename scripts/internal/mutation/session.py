"""A pytest plugin that runs tests again and again, each time in a fork with one function changed.

Everything is imported and collected once. A child process then measures which tests reach which
line, and one more child for each mutant puts the changed code into the functions that are loaded
and runs the tests that reach the change, the quickest first, until one fails.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import accumulate
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Literal, NamedTuple

import coverage
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from scripts.internal.mutation.mutants import Mutant

Fate = Literal["killed", "timeout", "survived", "unreached", "lost"]

# Seconds of processor time that the tests of a mutant take: as many different ones of a line that
# everything reaches are as good as all.
_MOST_SECONDS = 30.0

# Seconds, beyond ten times what the tests took: of processor; and on the clock, for those that wait
# for each other in vain, where it may be ten times as busy.
_CPU_LIMIT = 5
_WALL_LIMIT = 40.0
_BUSY = 10


@dataclass(frozen=True)
class Trial:
    """What became of a mutant.

    Attributes:
        id: Its id.
        fate: "killed" by a test that failed, or by "timeout"; "survived" the tests; "unreached" by
            any; "lost" if the function is not loaded as it stands.
        tests: How many tests there were.
        by: The test that failed.
    """

    id: str
    fate: Fate
    tests: int = 0
    by: str = ""


@dataclass(frozen=True)
class Reach:
    """What the tests do without a change.

    Attributes:
        lines: The tests that reach a line, as their places in the session, by "file:line".
        seconds: How long each test takes.
    """

    lines: dict[str, list[int]]
    seconds: list[float]


class _Running(NamedTuple):
    """A mutant that is being tried: on how many tests, until when, and where the answer comes."""

    mutant: Mutant
    tests: int
    end: float
    reader: int


class Session:
    """The plugin.

    Args:
        mutants: What to try.
        root: The folder of the repository.
        folder: Where the reach of the tests is kept, and the trials.
        jobs: How many mutants are tried at a time.
    """

    def __init__(self, mutants: Sequence[Mutant], root: Path, folder: Path, jobs: int) -> None:
        self._mutants = mutants
        self._root = root
        self._reach_file = folder / "reach.json"
        self._trials_file = folder / "trials.jsonl"
        self._jobs = jobs
        self._has_failed = False
        self.trials: list[Trial] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Do it all in the place of running the tests once."""
        if not self._reach_file.exists() and os.waitpid(self._fork_reach(session), 0)[1]:
            raise pytest.UsageError("the tests fail as they stand")
        reach = Reach(**json.loads(self._reach_file.read_text(encoding="utf-8")))
        known = {each.id: each for each in self._read_trials()}
        wanted = [it for it in self._mutants if it.id(self._root) not in known]
        wanted_ids = {it.id(self._root) for it in self._mutants}
        self.trials = [each for id, each in known.items() if id in wanted_ids]
        self._try_all(session, wanted, reach)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        self._has_failed |= report.failed

    def _read_trials(self) -> Iterator[Trial]:
        if self._trials_file.exists():
            for line in self._trials_file.read_text(encoding="utf-8").splitlines():
                yield Trial(**json.loads(line))

    def _fork_reach(self, session: pytest.Session) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            self._measure(session)
        finally:
            os._exit(self._has_failed)

    def _measure(self, session: pytest.Session) -> None:
        measured = coverage.Coverage(
            data_file=None, branch=False, source=[str(self._root / "wrapper")], config_file=False
        )
        seconds: list[float] = []
        for place, (item, following) in enumerate(_pairs(session.items)):
            measured.start()
            measured.switch_context(str(place))
            began = time.process_time()
            _run(item, following)
            seconds.append(time.process_time() - began)
            measured.stop()
            if self._has_failed:
                sys.stderr.write(f"{item.nodeid} fails\n")
                return
        data = measured.get_data()
        lines: dict[str, list[int]] = {}
        for path in {str(it.path) for it in self._mutants}:
            for line, contexts in data.contexts_by_lineno(path).items():
                lines[f"{path}:{line}"] = sorted(int(each) for each in contexts if each)
        text = json.dumps(asdict(Reach(lines, seconds)))
        self._reach_file.write_text(text, encoding="utf-8")

    def _try_all(self, session: pytest.Session, wanted: Sequence[Mutant], reach: Reach) -> None:
        for path in {it.path for it in wanted}:
            # Some are imported when they are first needed.
            module = path.relative_to(self._root / "wrapper").with_suffix("")
            import_module(".".join(module.parts))
        functions = _functions({str(it.path) for it in wanted})
        running: dict[int, _Running] = {}
        queue = list(wanted)
        while queue or running:
            while queue and len(running) < self._jobs:
                mutant = queue.pop(0)
                tests = self._tests_of(session, mutant, reach)
                loaded = functions.get((str(mutant.path), mutant.function), [])
                if not tests or not loaded:
                    self._note(Trial(mutant.id(self._root), "lost" if tests else "unreached"))
                    continue
                seconds = sum(reach.seconds[place] for place in tests)
                reader, pid = self._fork(session, mutant, loaded, tests, seconds)
                end = time.monotonic() + _WALL_LIMIT + 10 * _BUSY * seconds
                running[pid] = _Running(mutant, len(tests), end, reader)
            self._reap(running)

    def _tests_of(self, session: pytest.Session, mutant: Mutant, reach: Reach) -> list[int]:
        """Return the tests that reach a line: of each one case first, own room, then the quickest.

        A test with many parameters says little more with each.
        """
        room = mutant.path.parent.name
        # Of what comes after an error that a plan has caught, Python 3.11 does not tell the lines.
        lines = (f"{mutant.path}:{at}" for at in range(mutant.line, mutant.start, -1))
        found = next((it for line in lines if (it := reach.lines.get(line))), list[int]())
        found = sorted(found, key=lambda place: reach.seconds[place])
        cases: dict[str, int] = {}

        def rank(place: int) -> tuple[int, bool]:
            item = session.items[place]
            name = item.nodeid.partition("[")[0]
            cases[name] = case = cases.get(name, 0) + 1
            return case, item.path.parent.name != room

        ranked = sorted(found, key=rank)
        taken = accumulate(reach.seconds[place] for place in ranked)
        return [place for place, total in zip(ranked, taken, strict=True) if total < _MOST_SECONDS]

    def _fork(
        self,
        session: pytest.Session,
        mutant: Mutant,
        loaded: Sequence[FunctionType],
        tests: Sequence[int],
        seconds: float,
    ) -> tuple[int, int]:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writer)
            return reader, pid
        status = 3
        try:
            limit = int(_CPU_LIMIT + 10 * seconds)
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
            code = _code_of(compile(mutant.source, str(mutant.path), "exec"), mutant.function)
            for function in loaded:
                function.__code__ = code
            for item, following in _pairs([session.items[place] for place in tests]):
                _run(item, following)
                if self._has_failed:
                    os.write(writer, item.nodeid.encode())
                    break
            status = 1 if self._has_failed else 0
        except BaseException as error:  # noqa: BLE001 - a mutant may do anything
            os.write(writer, repr(error)[:200].encode())
            status = 1
        finally:
            os._exit(status)

    def _reap(self, running: dict[int, _Running]) -> None:
        time.sleep(0.02)
        for pid, (mutant, count, end, reader) in list(running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            is_late = not ended and time.monotonic() > end
            if is_late:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            if not ended and not is_late:
                continue
            del running[pid]
            by = os.read(reader, 500).decode(errors="replace")
            os.close(reader)
            fate: Fate = "survived"
            if is_late or os.WIFSIGNALED(status):
                fate = "timeout"
            elif os.WEXITSTATUS(status):
                fate = "killed"
            self._note(Trial(mutant.id(self._root), fate, count, by))

    def _note(self, trial: Trial) -> None:
        self.trials.append(trial)
        with self._trials_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(trial)) + "\n")
        sys.stderr.write(f"{len(self.trials)}/{len(self._mutants)} {trial.id} {trial.fate}\n")


def _pairs(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=True)


def _run(item: pytest.Item, following: pytest.Item | None) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _functions(paths: set[str]) -> dict[tuple[str, str], list[FunctionType]]:
    """Return the functions that are loaded from some files, by path and qualified name."""
    found: dict[tuple[str, str], list[FunctionType]] = {}
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename in paths:
            key = (each.__code__.co_filename, each.__code__.co_qualname)
            found.setdefault(key, []).append(each)
    return found


def _code_of(module: CodeType, name: str) -> CodeType:
    """Return the code of a function within that of its module."""
    for each in module.co_consts:
        if isinstance(each, CodeType):
            if each.co_qualname == name:
                return each
            if name.startswith(f"{each.co_qualname}."):
                return _code_of(each, name)
    raise LookupError(name)
