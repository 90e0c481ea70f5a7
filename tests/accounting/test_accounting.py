"""Every event that is handed over is accepted, or reported as rejected or unknown: nothing else.

A state machine sends, buffers and imports events while requests are lost and refused, and while
it is interrupted and killed, in the time of a clock that it moves. What the mock server has in the
end is the truth. `pytest tests/accounting --accounting-steps 200000` goes on for longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.accounting.machine import Accounting

if TYPE_CHECKING:
    from tests.support.doors import DoorName

STEPS_OF_A_RUN = 50


@pytest.mark.parametrize("door", ["blocking", "async"])
def test_every_event_is_accounted_for(
    door: DoorName, pytestconfig: pytest.Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "inngest_rest")

    class Machine(Accounting):
        pass

    Machine.door = door
    steps: int = pytestconfig.getoption("--accounting-steps")
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=max(steps // STEPS_OF_A_RUN // 2, 1),
            stateful_step_count=STEPS_OF_A_RUN,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
