"""Files: what a server quotes does not get into an outbox, a checkpoint or rejected lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest import EventBuffer, InngestClient, InngestError
from tests.buffer.buffers import flush_until_logged
from tests.secrets.planted_keys import ARGUMENTS, found_in
from tests.secrets.quoting_server import QuotingServer
from tests.secrets.traces import all_logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def quoting() -> Iterator[QuotingServer]:
    server = QuotingServer()
    yield server
    server.close()


def written(folder: Path) -> str:
    """Return the contents of all files in a folder."""
    found = [each.read_bytes() for each in folder.iterdir()]
    return b"\n".join(found).decode("latin-1")


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


@pytest.mark.parametrize("fault", ["refused-event", "refused-key", "broken", "no-http"])
def test_no_key_gets_into_what_an_import_writes(
    quoting: QuotingServer, tmp_path: Path, fault: str
) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text('{"name": "app/placed"}\n' * 3)
    shown = list[str]()
    with InngestClient(**ARGUMENTS, base_url=quoting.url(fault), retries=0) as client:
        try:
            report = client.send_file(
                file, resume=True, batch_size=1, on_batch=lambda it: shown.append(repr(it))
            )
        except InngestError as error:
            shown += [repr(error), *error.__notes__]
        else:
            shown.append(repr(report))
    assert (len(list(tmp_path.iterdir())) > 1) == (fault == "refused-event")
    assert found_in(written(tmp_path) + "".join(shown)) == set()
