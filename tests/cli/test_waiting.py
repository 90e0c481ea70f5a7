"""`runs waiting`: what open runs wait for, in few tokens, and their ids for `cancel`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import sleeps, waits_for_event
from inngest_rest_tools import tools

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest_mock import MockServer
    from tests.support.command import Run

DAY = timedelta(days=1)


@pytest.fixture
def ids(mock: MockServer, client: InngestClient) -> list[str]:
    """Return the ids of runs that wait for payments, and of others that sleep."""
    paid = waits_for_event("order/paid", timeout=DAY)
    mock.function("crm", "order", trigger="order/made", run=paid)
    mock.function("crm", "remind", trigger="order/kept", run=sleeps(DAY))
    for name in ("made", "kept"):
        client.send([{"name": f"order/{name}", "data": {"order": n}} for n in range(4)])
    mock.advance(60)
    return [run.id for run in mock.runs if run.app_id == "crm"]


def test_a_table_tells_what_each_open_run_waits_for(run: Run, ids: list[str]) -> None:
    out = run("runs", "waiting", "--event-fields", "data.order", "-o", "table").out
    said, _, *lines = out.splitlines()
    assert said == "8 open: 4 waits for event, 4 sleeps"
    rows, reasons = lines[:8], [line for line in lines[8:] if "  why: " in line]
    assert [row.split()[0] for row in rows] == ids
    assert rows[3].split()[1:] == ["waits", "for", "event", "crm/order", "data.order", "3"]
    assert [reason.split()[0] for reason in reasons] == ids
    assert reasons[3].startswith(
        f"{ids[3]}  why: step 'order/paid' waits for event 'order/paid', until "
    )


def test_the_ids_of_what_waits_are_what_cancel_takes(run: Run, ids: list[str]) -> None:
    written = run("runs", "waiting", "--function", "crm/order", "-o", "id").out
    assert sorted(written.split()) == sorted(ids[:4])
    assert run("runs", "cancel", "-", "--yes", stdin=written).status == 0
    assert [each.status for each in run.server.runs if each.id in ids[:4]] == ["cancelled"] * 4


def test_eight_runs_that_wait_take_fewer_than_300_tokens(run: Run, ids: list[str]) -> None:
    written = run("runs", "waiting").out
    read = tools.Tools(run.client).call("runs_waiting", {}).text()
    for text in (written, read):
        rows = json.loads(text)["data"]["rows"]
        assert sorted(row["id"] for row in rows) == sorted(ids)
        assert len(text.encode()) / 4 < 300
