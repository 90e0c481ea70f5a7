"""Whether a change is right: format, lint, layers, types, generated code, and the tests.

Stale generated code ends it at once. The static checks run beside the tests. Each step is printed
with its seconds when it ends, and all that a failed one printed comes last.
tests/support/selection.py has what runs where, and why.

A test that fails is run once more, alone. If it passes then, the step passes, but the test is named
at the end, with its traceback: it depends on chance or on load, which is a flaw to be mended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from scripts.internal.pythons import VERSIONS, find_pythons

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

USAGE = """\
scripts/test           all tests on the newest Python; on the oldest, with the lowest versions of
                       all dependencies, the tests whose result may differ there; with the newest
                       httpx, which the lock does not have, those of what sends
scripts/test --quick   between two edits: the newest Python, one client, nothing slow, types by mypy
                       alone, and not what agents' hosts and GitHub read
scripts/test --all     for a release: every test, with both clients, on every Python, and what shows
                       docstrings by `python -OO`
scripts/test ARGUMENT  pytest alone: scripts/test tests/sending -k splits; -n 2 uses both cores"""

GENERATED = (sys.executable, "-m", "scripts.internal.regeneration", "--check")

HOSTS = (".agents", ".claude-plugin", "mcp-server", "tools/inngest_rest_tools/.agents")

# skillsaw reads all that is below its folder, be it somebody's cache: it gets the files of git.
SKILLSAW = """
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
git ls-files -z "$@" | tar --null -T - -cf - | tar -xf - -C "$folder"
cd "$folder"
skillsaw lint --strict --quiet --skip-rule claude-plugin-readme
"""

STATIC: Mapping[str, Sequence[Sequence[str]]] = {
    "format": [["ruff", "format", "--check", "."]],
    "lint": [["ruff", "check", "."]],
    "layers": [["lint-imports"]],
    "types, by mypy": [["mypy"]],
    "types, by pyright": [["basedpyright"]],
    "licences, advisories": [["scripts/audit"]],
    "files of agents' hosts": [
        ["agentskills", "validate", "tools/inngest_rest_tools/.agents/skills/inngest"],
        # Plugins and marketplaces of Claude Code and Codex, and the entry of the MCP registry.
        ["bash", "-euo", "pipefail", "-c", SKILLSAW, "skillsaw", *HOSTS],
    ],
    "GitHub's files": [
        ["zizmor", "--offline", "--no-progress", "--persona", "pedantic", ".github"],
        *(
            ["check-jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
            for schema, files in (
                ("github-workflows", sorted(Path(".github/workflows").glob("*.yml"))),
                ("github-issue-forms", sorted(Path(".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))),
                ("dependabot", [Path(".github/dependabot.yml")]),
            )
        ),
    ],
}

# What `--quick` leaves out: it takes long, or is about files that are seldom edited.
NOT_QUICK = {
    "types, by pyright",
    "licences, advisories",
    "files of agents' hosts",
    "GitHub's files",
}

# Each lowest version of a dependency has a wheel for these.
VERSIONS_OF_LOWEST = ("3.11", "3.12", "3.13")

# On Python 3.11, what runs after an error was thrown into a generator, as drivers throw them into
# plans, does not count as run.
VERSIONS_NOT_MEASURED = ("3.11",)

# Programs that show docstrings, or might rely on an assertion: `python -OO` has neither.
OPTIMIZED = ("tests/cli", "tests/mcp_server", "tests/operations")

# What sends, on the newest httpx, which is what a new user gets. The lock has another one, since
# pytest-httpx allows no newer: what is tested with it is left out, and counted as deselected.
OF_HTTPX = (
    *("-p", "no:pytest_httpx", "--without", "long"),
    *("tests/calls", "tests/concurrency", "tests/core", "tests/drivers", "tests/sending"),
)

PARALLEL = ("-n", "2", "--dist", "worksteal")

# More failures than these do not come by chance.
MOST_TRIED_AGAIN = 25

# Beyond this a step hangs.
STEP_TIMEOUT = 2_400.0

PREPARE = '. scripts/environment "$0" "$1" "$2"; python --version'

IN_ENVIRONMENT = '. scripts/environment dev "$0" "$1" && shift && exec env -i "PATH=$PATH" "$@"'

# No set has another order in another process.
VARIABLES = ("LANG=C.UTF-8", "PYTHONHASHSEED=0")


@frozen
class Verdict:
    """What came of the steps so far.

    Attributes:
        folder: Where each step writes what it prints.
        failed: What each failed step printed.
        flaws: The tests that passed at the second try, with what the first one printed.
    """

    folder: Path
    failed: dict[str, str] = field(factory=dict)
    flaws: dict[str, str] = field(factory=dict)

    def step(self, name: str, do: Callable[[Path], int]) -> None:
        """Do what writes to a file and returns an exit status; print the file's last line."""
        began = time.monotonic()
        log = self.folder / f"{name}.txt"
        status = do(log)
        text = log.read_text("utf-8", "replace").rstrip()
        outcome = text.rpartition("\n")[2] if status == 0 else f"FAILED (exit status {status})"
        say(f"{name:22} {time.monotonic() - began:4.0f} s  {outcome.strip('= ')}")
        if status:
            self.failed[name] = text

    def run(self, name: str, *commands: Sequence[str]) -> None:
        """Run commands until one fails."""
        self.step(name, lambda log: next(filter(None, (run(each, log) for each in commands)), 0))

    def test(
        self,
        name: str,
        python: str,
        *arguments: str,
        measured: bool = False,
        versions: str = "",
        optimized: bool = False,
    ) -> None:
        """Run tests with a Python on both cores, and those that fail once more, alone."""

        def do(log: Path) -> int:
            cache = self.folder / f"{name}.cache"
            pytest = ["-m", "pytest", "-q", "-o", f"cache_dir={cache}", *arguments]
            start = ["python"]
            if optimized:
                # Those of tests remain, since pytest rewrites them.
                ignored = "ignore:assertions not in test modules:pytest.PytestConfigWarning"
                start, pytest = ["PYTHONOPTIMIZE=2", "python"], [*pytest, "-W", ignored]

            def run_python(*command: str) -> int:
                return run(self.bare(python, *start, *command, versions=versions), log)

            coverage = ("-m", "coverage", "run") if measured else ()
            status = run_python(*coverage, *pytest, *PARALLEL)
            failed = failures(cache)
            if status != 1 or not 0 < len(failed) <= MOST_TRIED_AGAIN:
                return status
            first = log.read_text("utf-8", "replace").rstrip()
            status = run_python(*pytest, "--last-failed")
            flaws = failed - failures(cache)
            self.flaws.update((f"{name}: {each}", first) for each in flaws)
            if status == 0:
                closing = first.rpartition("\n")[2].strip("= ")
                with log.open("a") as file:
                    file.write(f"{closing}; {len(flaws)} passed at the second try")
            return status

        self.step(name, do)

    def bare(self, python: str, *command: str, versions: str = "") -> Sequence[str]:
        """Return a command that sees the same few variables on every machine."""
        kept = [f"{name}={os.environ[name]}" for name in ("HOME", "TMPDIR") if name in os.environ]
        variables = [*VARIABLES, *kept, f"COVERAGE_FILE={self.folder / 'coverage'}"]
        return ["bash", "-c", IN_ENVIRONMENT, python, versions, *variables, *command]

    def report(self) -> None:
        """Print all about failures, and about tests that passed at the second try."""
        for first in dict.fromkeys(self.flaws.values()):
            say(f"\n==== the first try of what passed at the second ====\n{without_head(first)}")
        for name, text in self.failed.items():
            say(f"\n==== {name}: all it printed ====\n{text}")
        say("")
        for flaw in self.flaws:
            say(f"passed at the second try, a flaw to be mended: {flaw}")
        if self.failed:
            say(f"FAILED: {'; '.join(self.failed)}")


def say(line: str) -> None:
    """Print a line at once, whatever else prints."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(command: Sequence[str], log: Path) -> int:
    """Run a command that adds what it prints to a file; return its exit status."""
    with log.open("ab") as output:
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=STEP_TIMEOUT,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            output.write(f"\n{error}\n".encode())
            return 124


def failures(cache: Path) -> set[str]:
    """Return the tests that pytest remembers as failed."""
    file = cache / "v" / "cache" / "lastfailed"
    return set(json.loads(file.read_text("utf-8"))) if file.exists() else set()


def without_head(text: str) -> str:
    """Return what pytest printed from the first traceback on."""
    return text[max(text.find("= FAILURES ="), 0) :]


def main(mode: str = "") -> int:  # noqa: C901 - the plan of a run, read from top to bottom
    """Run all steps of a mode; return 1 if one failed."""
    if mode in {"-h", "--help"}:
        say(USAGE)
        return 0
    pythons = find_pythons()
    newest = next(reversed(pythons))
    oldest = next(each for each in VERSIONS_OF_LOWEST if each in pythons)
    # What a Python between the oldest and the newest has alone, a release and GitHub's matrix find.
    others = list(pythons)[-2::-1] if mode == "--all" else []
    environments = [("dev", pythons[each], "") for each in (newest, *others)]
    if mode != "--quick":
        environments += [
            ("dev", pythons[oldest], "lowest"),
            ("dev", pythons[newest], "newest-httpx"),
            ("distributed", sys.executable, ""),
        ]
    everything = ("--clients", "both", "--kill-rounds", "300") if mode == "--all" else ()
    elsewhere = everything or ("--without", "once", "--without", "long")

    def static_checks() -> None:
        for name, commands in STATIC.items():
            if mode != "--quick" or name not in NOT_QUICK:
                verdict.run(name, *commands)

    def tests() -> None:
        if mode == "--quick":
            quick = ("--clients", "one", "--without", "long", "--without", "slow")
            verdict.test(f"tests, {newest}", pythons[newest], *quick)
            return
        is_measured = newest not in VERSIONS_NOT_MEASURED
        verdict.test(f"tests, {newest}", pythons[newest], *everything, measured=is_measured)
        if is_measured:
            combine, report = ("coverage", "combine", "-q"), ("coverage", "report")
            bare = partial(verdict.bare, pythons[newest])
            verdict.run("coverage", bare(*combine), bare(*report))
        for each in others:
            verdict.test(f"tests, {each}", pythons[each], *elsewhere)
        verdict.test("tests, lowest versions", pythons[oldest], *elsewhere, versions="lowest")
        verdict.test("tests, newest httpx", pythons[newest], *OF_HTTPX, versions="newest-httpx")
        if mode == "--all":
            verdict.test(
                "tests, python -OO", pythons[newest], *OPTIMIZED, *elsewhere, optimized=True
            )
        distributed = ["-m", "distributed", "tests/distributed"]
        verdict.run("tests, distributed", [sys.executable, "-m", "pytest", "-q", *distributed])

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as beside:
        verdict = Verdict(Path(folder))
        verdict.run("environments", *(["bash", "-c", PREPARE, *each] for each in environments))
        if not verdict.failed:
            # What is tested is what the sources yield, or nothing is.
            verdict.run("generated code", GENERATED)
        if not verdict.failed:
            static = beside.submit(static_checks)
            tests()
            static.result()
        verdict.report()
    if absent := [each for each in VERSIONS if each not in pythons]:
        say(f"not tested, since not on this machine: Python {', '.join(absent)}")
    return bool(verdict.failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
