"""Mutants by mutmut, which reads its settings where it is imported: in the folder laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mutmut.__main__ import _run, collect_source_file_mutation_data, create_mutants
from mutmut.configuration import config
from mutmut.mutation import mutators
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.runners.harness import PytestRunner
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths
from mutmut.workers import isolation

from scripts.internal.mutation.sampling import Trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class RunnerOfWholeTests(PytestRunner):
    """Runs a test with all of its parameters, and those of the room's own folder first.

    Not each id of a parameter can be given to pytest on its command line.
    """

    def _pytest_args_regular_run(self, tests: Iterable[str]) -> list[str]:
        whole = sorted({name.partition("[")[0] for name in tests})
        folders = config().pytest_add_cli_args_test_selection
        ordered = [name for folder in folders for name in whole if name.startswith(f"{folder}/")]
        return super()._pytest_args_regular_run(ordered)


def adapt_mutmut() -> None:
    """Have mutmut leave texts as they are, and run whole tests."""
    operators: Any = mutators.mutation_operators
    operators[:] = [each for each in operators if each[1] is not mutators.operator_string]
    isolation.PytestRunner = RunnerOfWholeTests  # type: ignore[attr-defined]


def make_mutants(jobs: int) -> None:
    """Write the changed modules, with all mutants of each function."""
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(jobs)


def trials() -> list[Trial]:
    """Return every mutant."""
    found, _ = collect_source_file_mutation_data(mutant_names=())
    return [Trial(name, str(data.path), status_by_exit_code[code]) for data, name, code in found]


def run(mutants: Sequence[Trial], jobs: int) -> None:
    """Try mutants on the tests that call what they change."""
    _run([each.name for each in mutants], jobs)


def difference(mutant: Trial) -> str:
    """Return what a mutant changes, as a diff."""
    return str(get_diff_for_mutant(mutant.name))
