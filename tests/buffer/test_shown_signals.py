"""The programs of the page on buffers flush one when the process gets SIGTERM."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from inngest_rest_mock import MockServer
from tests.test_docs import PROGRAMS


@pytest.mark.parametrize(
    ("mark", "then"),
    [
        (
            "signal.signal(",
            """
import time
from inngest_rest import EventBuffer, InngestClient
buffer = EventBuffer(InngestClient(), max_age=1_000)
buffer.add({"name": "app/late"})
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
""",
        ),
        (
            "add_signal_handler",
            """
async def work(buffer):
    await buffer.add({"name": "app/late"})
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(60)
asyncio.run(main())
""",
        ),
    ],
)
def test_a_buffer_is_flushed_at_sigterm_as_the_page_shows(mark: str, then: str) -> None:
    (program,) = (each for each in PROGRAMS if mark in each.code)
    setup = program.code.removesuffix("asyncio.run(main())\n")
    mock = MockServer()
    with mock.serve() as url:
        path = os.pathsep.join(filter(None, sys.path))
        subprocess.run(
            [sys.executable, "-c", f"import os\n{setup}{then}"],
            env={**os.environ, "PYTHONPATH": path, "INNGEST_DEV": url},
            timeout=50,
            capture_output=True,
            check=False,
        )
    assert mock.events[-1].name == "app/late"
