"""Every public operation of both clients before a real server that misbehaves, trial by trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.complaints import complaints
from tests.faults.faults import FAULTS
from tests.faults.operations import TRIED_CALLS, public_operations
from tests.faults.server import FaultServer
from tests.faults.trials import load_everything, run_trials
from tests.faults.verdicts import Fault, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def fault_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultServer]:
    with FaultServer() as server:
        load_everything(server, tmp_path_factory.mktemp("loading"))
        yield server


def test_every_public_method_is_in_the_matrix() -> None:
    assert sorted(each.name for each in TRIED_CALLS) == sorted(public_operations())


def test_each_kind_of_operation_is_put_before_every_fault() -> None:
    assert len({each.name for each in FAULTS}) == len(FAULTS)
    assert {each.verdict for each in FAULTS} == set(Verdict)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda it: it.name)
def test_every_call_ends_as_the_fault_demands(
    fault_server: FaultServer, tmp_path: Path, fault: Fault
) -> None:
    trials = run_trials(fault_server, tmp_path, [fault])
    wrong = [f"{trial}: {what}" for trial in trials for what in complaints(trial)]
    assert not wrong, "\n".join(wrong)
