"""What a mock, changed as a next release might be, answers to all requests of a survey."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from scripts.internal import record
from scripts.internal.release_diff.subjects import subject
from scripts.internal.servers import Keys
from tests.contract.mock_world import make_mock
from tests.scripts.changed_server import changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.internal.release_diff.survey import Probe
    from tests.contract.recordings import Recording

ASKED = 'POST /v2/runs/{runId}/annotations {"text": "checked"}'


@cache
def exchanges(*changes: str) -> Mapping[Probe, Recording]:
    mock = make_mock("contract", visibility_delay=0)
    with mock.serve() as url, changed(url, changes) as own, subject(own, Keys()) as found:
        return record.exchanges(found, [ASKED] if "routes" in changes else [])
