"""Every event that is handed over is accepted, or reported as rejected or unknown: nothing else.

A state machine sends events while requests are lost and refused, and while it is interrupted and
killed, in the time of a clock that it moves. Capabilities add other ways to send, in `accounted.py`
of their tests. What the mock server has in the end is the truth. `pytest tests/accounting
--accounting-steps 200000` goes on for longer.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.accounting.machine import Machine

if TYPE_CHECKING:
    import pytest

    from tests.support.client_kinds import ClientKind

STEPS_OF_A_RUN = 50

_FOLDERS = sorted(each.parent.name for each in Path(__file__).parents[1].glob("*/accounted.py"))
PARTS = (*(import_module(f"tests.{name}.accounted").Accounted for name in _FOLDERS), Machine)
"""What sends: the capabilities that do, and the client itself."""


def test_every_event_is_accounted_for(
    client_kind: ClientKind, pytestconfig: pytest.Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "inngest_rest")
    run(PARTS, client_kind, pytestconfig.getoption("--accounting-steps") // 2)


def run(parts: tuple[type[Machine], ...], client_kind: ClientKind, steps: int) -> None:
    """Run a machine of these for about so many steps, the same ones each time."""
    of_this_client = type("Accounting", parts, {"client_kind": client_kind})
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
