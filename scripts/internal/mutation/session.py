"""A pytest plugin that runs tests again and again, each time in a fork with one function changed.

Everything is imported and collected once. Child processes then measure which tests reach which
line, and one more child for each mutant puts the changed code into the functions that are loaded
and runs the tests that reach the change, until one fails: those first that failed with a neighbour,
then those that take and reach the least. All limits are of processor time, so that the verdict is
the same on a busy machine. What survives is given to the type checker, which `scripts/test` runs
as well.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from itertools import accumulate
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from scripts.internal.mutation.mutants import Mutant

    Functions = Mapping[tuple[str, str], Sequence[FunctionType]]

# Python 3.11, as which mypy reads this, has none.
_MONITORING: Any = vars(sys)["monitoring"]

Fate = Literal["killed", "timeout", "types", "survived", "unreached", "lost"]

# Seconds of processor time that a test may take, beyond ten times what it takes without a change.
_CPU_LIMIT = 3.0

# Seconds on the clock in which a process that waits in vain has used next to no processor time.
_IDLE_LIMIT = 30.0
_IDLE_SECONDS = 0.05

# Bytes that a process may map: a loop without an end must not take the machine with it.
_MEMORY_LIMIT = 6 << 30

# Exit statuses of the process of a mutant.
_SURVIVED, _KILLED, _LOST = 0, 1, 2
_FATES: dict[int, Fate] = {_SURVIVED: "survived", _KILLED: "killed", _LOST: "lost"}


@dataclass(frozen=True)
class Trial:
    """What became of a mutant.

    Attributes:
        id: Its id.
        fate: "killed" by a test that failed, or by "timeout"; "survived" the tests, but refused
            by the type checker: "types"; "survived" both; "unreached" by any test; "lost" if the
            function is not loaded as it stands.
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
    """A mutant that is being tried: on how many tests, and where the answer comes."""

    mutant: Mutant
    tests: int
    reader: int


class Session:
    """The plugin.

    Args:
        mutants: What to try.
        root: The folder of the repository.
        folder: Where the reach of the tests is kept, and the trials.
        jobs: How many mutants are tried at a time.
        seconds: The processor time that the tests of a mutant may take together: so many different
            ones of a line that everything reaches are as good as all.
    """

    def __init__(
        self, mutants: Sequence[Mutant], root: Path, folder: Path, jobs: int, seconds: float
    ) -> None:
        self._mutants = mutants
        self._root = root
        self._reach_file = folder / "reach.json"
        self._trials_file = folder / "trials.jsonl"
        self._folder = folder
        self._jobs = jobs
        self._seconds = seconds
        self._killers: dict[tuple[Path, str], Counter[str]] = {}
        self._has_failed = False
        self.trials: list[Trial] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Do it all in the place of running the tests once."""
        for path in {it.path for it in self._mutants}:
            # Some are imported when they are first needed.
            module = path.relative_to(self._root / "wrapper").with_suffix("")
            import_module(".".join(module.parts))
        functions = _functions({str(it.path) for it in self._mutants})
        _cached()
        gc.freeze()  # A child collects what it has made itself.
        if not self._reach_file.exists():
            self._measure_all(session, functions)
        reach = Reach(**json.loads(self._reach_file.read_text(encoding="utf-8")))
        known = {each.id: each for each in self._read_trials()}
        wanted = [it for it in self._mutants if it.id(self._root) not in known]
        wanted_ids = {it.id(self._root) for it in self._mutants}
        self.trials = [each for id, each in known.items() if id in wanted_ids]
        self._try_all(session, wanted, reach, functions)
        self._check_types()
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        self._has_failed |= report.failed

    def _read_trials(self) -> Iterator[Trial]:
        if self._trials_file.exists():
            for line in self._trials_file.read_text(encoding="utf-8").splitlines():
                yield Trial(**json.loads(line))

    def _measure_all(self, session: pytest.Session, functions: Functions) -> None:
        """Measure the reach of the tests, in several processes."""
        loaded = [it for each in functions.values() for it in each]
        files = [self._folder / f"reach-{number}.json" for number in range(self._jobs)]
        size = -(-len(session.items) // self._jobs)
        pids: list[int] = []
        for number, file in enumerate(files):
            pid = os.fork()
            if not pid:
                try:
                    places = range(number * size, (number + 1) * size)
                    self._measure(session, places, loaded, file)
                finally:
                    os._exit(0)
            pids.append(pid)
        for pid in pids:
            os.waitpid(pid, 0)
        whole = Reach({}, [])
        for file in files:
            part = Reach(**json.loads(file.read_text(encoding="utf-8")))
            file.unlink()
            whole.seconds.extend(part.seconds)
            for line, tests in part.lines.items():
                whole.lines.setdefault(line, []).extend(tests)
        self._reach_file.write_text(json.dumps(asdict(whole)), encoding="utf-8")

    def _measure(
        self,
        session: pytest.Session,
        places: range,
        functions: Iterable[FunctionType],
        file: Path,
    ) -> None:
        lines: dict[str, list[int]] = {}
        seconds: list[float] = []
        items = session.items[places.start : places.stop]
        lines_of = _Lines(functions)
        for place, (item, following) in zip(places, _pairs(items), strict=False):
            _forget_results()
            self._has_failed = False
            began = time.process_time()
            reached = lines_of.run(lambda: _run(item, following))  # noqa: B023 - called at once
            seconds.append(time.process_time() - began)
            if self._has_failed:
                sys.stderr.write(f"{item.nodeid} fails as it stands, and is left out\n")
                continue
            for line in reached:
                lines.setdefault(line, []).append(place)
        file.write_text(json.dumps(asdict(Reach(lines, seconds))), encoding="utf-8")

    def _try_all(
        self,
        session: pytest.Session,
        wanted: Sequence[Mutant],
        reach: Reach,
        functions: Functions,
    ) -> None:
        sizes = Counter(place for tests in reach.lines.values() for place in tests)
        running: dict[int, _Running] = {}
        queue = list(wanted)
        while queue or running:
            while queue and len(running) < self._jobs:
                mutant = queue.pop(0)
                tests = self._tests_of(session, mutant, reach, sizes)
                loaded = functions.get((str(mutant.path), mutant.function), [])
                if not tests or not loaded:
                    self._note(Trial(mutant.id(self._root), "lost" if tests else "unreached"))
                    continue
                reader, pid = self._fork(session, mutant, loaded, tests, reach)
                running[pid] = _Running(mutant, len(tests), reader)
            self._reap(running)

    def _tests_of(
        self, session: pytest.Session, mutant: Mutant, reach: Reach, sizes: Counter[int]
    ) -> list[int]:
        """Return the tests that reach a line, those first which are the likeliest to fail soon.

        A test that reaches few other lines says more about this one, and so does one of its room;
        one with many parameters says little more with each.
        """
        room, stem = mutant.path.parent.name.strip("_"), mutant.path.stem
        # A part of an expression that takes several lines has no line of its own.
        lines = (f"{mutant.path}:{at}" for at in range(mutant.line, mutant.start, -1))
        found = next((it for line in lines if (it := reach.lines.get(line))), list[int]())
        killers = self._killers.get((mutant.path, mutant.function), Counter())
        cases = Counter[str]()

        def cost(place: int) -> float:
            return (reach.seconds[place] + 0.003) * sizes[place] ** 2

        def rank(place: int) -> tuple[int, float]:
            item = session.items[place]
            name = item.nodeid.partition("[")[0]
            cases[name] += 1
            weight = float(cases[name]) ** 1.5
            weight *= 0.3 if item.path.parent.name == room else 1
            weight *= 0.3 if stem in item.path.stem else 1
            return -killers[item.nodeid], cost(place) * weight

        ranked = sorted(sorted(found, key=cost), key=rank)
        taken = accumulate(reach.seconds[place] for place in ranked)
        return [place for place, sum in zip(ranked, taken, strict=True) if sum < self._seconds]

    def _fork(
        self,
        session: pytest.Session,
        mutant: Mutant,
        loaded: Sequence[FunctionType],
        tests: Sequence[int],
        reach: Reach,
    ) -> tuple[int, int]:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writer)
            return reader, pid
        status = _LOST
        try:
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT, _MEMORY_LIMIT))
            code = _code_of(compile(mutant.source, str(mutant.path), "exec"), mutant.function)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # without its last yield, it is no generator
                for function in loaded:
                    function.__code__ = code
            _forget_results()
            status = _KILLED
            _end_when_idle()
            for place, following in zip(tests, [*tests[1:], None], strict=True):
                # The default of SIGPROF is to end the process.
                signal.setitimer(signal.ITIMER_PROF, _CPU_LIMIT + 10 * reach.seconds[place])
                item = session.items[place]
                _run(item, None if following is None else session.items[following])
                if self._has_failed:
                    os.write(writer, item.nodeid.encode())
                    break
            status = _KILLED if self._has_failed else _SURVIVED
        except BaseException as error:  # noqa: BLE001 - a mutant may do anything
            os.write(writer, repr(error)[:200].encode())
        finally:
            os._exit(status)

    def _reap(self, running: dict[int, _Running]) -> None:
        pid, status = os.wait()
        if pid not in running:
            return
        mutant, count, reader = running.pop(pid)
        by = os.read(reader, 500).decode(errors="replace")
        os.close(reader)
        fate = "timeout" if os.WIFSIGNALED(status) else _FATES[os.WEXITSTATUS(status)]
        if fate == "killed":
            self._killers.setdefault((mutant.path, mutant.function), Counter())[by] += 1
        self._note(Trial(mutant.id(self._root), fate, count, by))

    def _check_types(self) -> None:
        """Give what survived to the type checker, and write its verdicts down."""
        mutants = {it.id(self._root): it for it in self._mutants}
        for at, trial in enumerate(self.trials):
            if trial.fate == "survived" and (error := self._type_error(mutants[trial.id])):
                self.trials[at] = replace(trial, fate="types", by=error)
        lines = [json.dumps(asdict(each)) + "\n" for each in self.trials]
        self._trials_file.write_text("".join(lines), encoding="utf-8")

    def _type_error(self, mutant: Mutant) -> str:
        path = str(mutant.path)
        changed = self._folder / mutant.path.name
        changed.write_text(mutant.source, encoding="utf-8")
        options = ["--no-error-summary", "--shadow-file", path, str(changed)]
        options += ["--cache-dir", str(self._folder.parent / "mypy")]
        done = subprocess.run(
            [sys.executable, "-m", "mypy", *options, path],
            cwd=self._root,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.partition("\n")[0] if done.returncode == 1 else ""

    def _note(self, trial: Trial) -> None:
        self.trials.append(trial)
        with self._trials_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(trial)) + "\n")
        sys.stderr.write(f"{len(self.trials)}/{len(self._mutants)} {trial.id} {trial.fate}\n")


class _Lines:
    """Which lines of some functions a program reaches, at next to no cost.

    Args:
        functions: They, with the functions in them.
    """

    def __init__(self, functions: Iterable[FunctionType]) -> None:
        self._found = set[str]()
        events = _MONITORING.events.LINE
        tool = _MONITORING.COVERAGE_ID
        _MONITORING.use_tool_id(tool, "mutation")
        _MONITORING.register_callback(tool, events, self._note)
        codes = [it.__code__ for it in functions]
        while codes:
            code = codes.pop()
            _MONITORING.set_local_events(tool, code, events)
            codes += [it for it in code.co_consts if isinstance(it, CodeType)]

    def run(self, program: Callable[[], None]) -> set[str]:
        """Run a program, and return the lines, as "file:line"."""
        self._found = set()
        _MONITORING.restart_events()
        program()
        return self._found

    def _note(self, code: CodeType, line: int) -> object:
        self._found.add(f"{code.co_filename}:{line}")
        return _MONITORING.DISABLE


def _end_when_idle() -> None:
    """End the process with a signal when it waits in vain."""
    used = 0.0

    def look(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal used
        before, used = used, time.process_time()
        if used - before < _IDLE_SECONDS:
            os.kill(os.getpid(), signal.SIGKILL)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _IDLE_LIMIT, _IDLE_LIMIT)


def _forget_results() -> None:
    """Forget what functions of the package have returned before."""
    for each in _cached():
        each.cache_clear()


@functools.cache
def _cached() -> list[functools._lru_cache_wrapper[object]]:
    return [
        each
        for each in gc.get_objects()
        if isinstance(each, functools._lru_cache_wrapper)  # noqa: SLF001 - it has no other name
        and each.__module__.startswith("inngest_rest.")
    ]


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
