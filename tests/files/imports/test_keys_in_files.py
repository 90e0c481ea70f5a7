"""What a server quotes does not get into a checkpoint or rejected lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest import InngestClient, InngestError
from tests.secrets.planted_keys import ARGUMENTS, found_in
from tests.secrets.quoting_server import QuotingServer, written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def quoting() -> Iterator[QuotingServer]:
    server = QuotingServer()
    yield server
    server.close()


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
