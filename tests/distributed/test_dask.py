"""`send_many` in each partition under Dask: a worker that dies loses and repeats nothing."""

from __future__ import annotations

import os
import signal
from collections import Counter
from functools import partial, reduce
from operator import add
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, SendReport
from inngest_rest_mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

bag = pytest.importorskip("dask.bag")
cloudpickle = pytest.importorskip("cloudpickle")
distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.distributed

PARTITIONS = 8
ROWS = 2_000


def row_to_event(row: int) -> dict[str, Any]:
    # The id comes from the row: a partition that is done again repeats no run.
    return {"name": "shop/order.placed", "id": f"orders-2026-11-24-{row}", "data": {"order": row}}


def send_partition(rows: Iterator[int]) -> list[SendReport]:
    """Send a partition; the keys are in the worker's environment."""
    with InngestClient() as client:
        # One at a time: what was drawn before the kill has then been sent, and is sent again.
        return [client.send_many(map(row_to_event, rows), batch_size=25, in_flight=1)]


def killed_once(rows: Iterator[int], *, witness: Path) -> Iterator[int]:
    """Draw rows; the first worker that is amid a partition dies there, as if its machine did."""
    for drawn, row in enumerate(rows):
        if drawn == ROWS // PARTITIONS * 3 // 4:
            try:
                witness.touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        yield row


def send_partition_of_a_dying_worker(rows: Iterator[int], *, witness: Path) -> list[SendReport]:
    return send_partition(killed_once(rows, witness=witness))


def test_a_killed_worker_loses_no_event_and_repeats_no_run(tmp_path: Path) -> None:
    mock = MockServer(event_keys=["workers-only"])
    mock.function("shop", "charge", trigger="shop/order.placed")
    witness = tmp_path / "one worker was killed here"
    with (
        mock.serve() as url,
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            silence_logs=50,
            env={
                "INNGEST_EVENT_KEY": "workers-only",
                "INNGEST_BASE_URL": url,
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            },
            local_directory=str(tmp_path),
        ) as cluster,
        distributed.Client(cluster),
    ):
        rows = bag.from_sequence(range(ROWS), npartitions=PARTITIONS)
        send = partial(send_partition_of_a_dying_worker, witness=witness)
        assert b"workers-only" not in cloudpickle.dumps(send)
        reports = rows.map_partitions(send).compute()
    assert witness.exists()
    assert reduce(add, reports) == SendReport(accepted=ROWS)
    assert len(reports) == PARTITIONS
    ids = Counter(event.id for event in mock.events)
    assert ids.keys() == {row_to_event(row)["id"] for row in range(ROWS)}
    assert max(ids.values()) > 1, "the partition of the killed worker was sent from its beginning"
    assert len(mock.runs) == ROWS
