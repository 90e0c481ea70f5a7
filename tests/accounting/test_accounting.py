"""Every event that is handed over is accepted, or reported as rejected or unknown: nothing else.

A state machine sends, buffers and imports events while requests are lost and refused, and while
it is interrupted and killed, in the time of a clock that it moves. What the mock server has in the
end is the truth. `pytest tests/accounting --accounting-steps 200000` goes on for longer.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.accounting.forking import Forking
from tests.accounting.machine import Accounting

if TYPE_CHECKING:
    from tests.support.client_kinds import ClientKind

STEPS_OF_A_RUN = 50


def test_every_event_is_accounted_for(
    client_kind: ClientKind, pytestconfig: pytest.Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "inngest_rest")
    run(Accounting, client_kind, pytestconfig.getoption("--accounting-steps") // 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_every_event_is_accounted_for_by_a_process_that_forks(
    client_kind: ClientKind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "inngest_rest")
    run(Forking, client_kind, STEPS_OF_A_RUN * 3)


def run(machine: type[Accounting], client_kind: ClientKind, steps: int) -> None:
    """Run a machine for about so many steps, the same ones each time."""
    of_this_client = type(machine.__name__, (machine,), {"client_kind": client_kind})
    run_state_machine_as_test(
        of_this_client,
        settings=settings(
            max_examples=max(steps // STEPS_OF_A_RUN, 1),
            stateful_step_count=STEPS_OF_A_RUN,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
