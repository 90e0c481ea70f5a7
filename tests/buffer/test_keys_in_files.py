"""What a server quotes does not get into an outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest import EventBuffer, InngestClient
from tests.buffer.buffers import flush_until_logged
from tests.secrets.planted_keys import ARGUMENTS, found_in
from tests.secrets.quoting_server import QuotingServer, written
from tests.secrets.traces import all_logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def quoting() -> Iterator[QuotingServer]:
    server = QuotingServer()
    yield server
    server.close()


@pytest.mark.parametrize("fault", ["refused-event", "refused-key", "broken", "no-http"])
def test_no_key_gets_into_an_outbox(
    quoting: QuotingServer, tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = InngestClient(**ARGUMENTS, base_url=quoting.url(fault), retries=0)
    with all_logs() as log, client, EventBuffer(client, tmp_path / "outbox.db") as buffer:
        buffer.add({"name": "app/placed"})
        said = "events rejected" if fault == "refused-event" else "trying again in"
        flush_until_logged(buffer, said, caplog)
        letters = repr(buffer.dead_letters())
        content = written(tmp_path)
        buffer.close(0.01)
    assert "app/placed" in content
    assert ("***" in letters) == (fault == "refused-event")
    assert found_in(content + written(tmp_path) + letters + log.take()) == set()
