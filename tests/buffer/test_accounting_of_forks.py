"""Every event is accounted for by a process that forks, whichever way it sends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.accounting.test_accounting import PARTS, STEPS_OF_A_RUN, run
from tests.buffer.forking import Forking

if TYPE_CHECKING:
    from tests.support.client_kinds import ClientKind


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_every_event_is_accounted_for_by_a_process_that_forks(
    client_kind: ClientKind, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "inngest_rest")
    run((Forking, *PARTS), client_kind, STEPS_OF_A_RUN * 3)
