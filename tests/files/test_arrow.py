"""Listings as Arrow tables and streams, and records as rows of flat columns."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from inngest_rest import (
    AsyncInngestClient,
    ConfigurationError,
    Run,
    RunChange,
    RunError,
    RunStatus,
    StoredEvent,
)
from inngest_rest_mock import MockServer
from tests.support.run_lists import Listed, RunLists

if TYPE_CHECKING:
    from tests.conftest import Connect

AT = datetime(2026, 11, 24, 13, 42, 9, 777_000, tzinfo=UTC)


def test_a_flat_row_has_times_as_times_nested_fields_and_durations() -> None:
    run = Run(
        *("01R", RunStatus.FAILED, AT, AT + timedelta(seconds=1), AT + timedelta(seconds=4)),
        event_ids=("01E",),
        output={"paid": [1]},
        error=RunError("E", "no"),
    )
    row = run.to_dict(flat=True)
    assert row["queued_at"] == AT
    assert (row["duration"], row["total_duration"]) == (timedelta(seconds=3), timedelta(seconds=4))
    assert (row["error_name"], row["error_message"], row["error_stack"]) == ("E", "no", None)
    assert (row["output"], row["event_ids"], row["status"]) == ('{"paid": [1]}', ("01E",), "failed")
    assert type(row["status"]) is str
    assert RunChange("ended", run).to_dict(flat=True)["run_error_name"] == "E"
    assert StoredEvent("1", "1", "a/b", {"n": 1}).to_dict(flat=True)["data"] == '{"n": 1}'


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # tasks have no such listing
def test_a_listing_becomes_a_table_with_typed_columns(connect: Connect) -> None:
    client = connect(transport=RunLists(250, lambda _: Listed(running=2.0)))
    table = client.runs.list().to_arrow()
    assert table.num_rows == 250
    assert table.schema.field("queued_at").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("total_duration").type == pa.duration("us")
    assert table.column("total_duration")[0].as_py() == timedelta(seconds=2)
    assert table.column("event_ids")[0].as_py() == []


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # tasks have no such listing
def test_a_listing_is_a_stream_of_its_pages_each_fetched_when_it_is_read(connect: Connect) -> None:
    lists = RunLists(250, lambda _: Listed())
    listing: Any = connect(transport=lists).runs.list()
    reader = pa.RecordBatchReader.from_stream(listing)
    assert lists.asked == []
    assert reader.read_next_batch().num_rows == 100
    assert len(lists.asked) == 1
    assert reader.read_all().num_rows == 150
    assert pa.table(listing).num_rows == 250, "it can be read again"


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # tasks have no such listing
def test_an_empty_listing_has_the_columns_of_others(connect: Connect) -> None:
    client = connect(transport=MockServer().transport)
    names = list(Run("1", RunStatus.QUEUED).to_dict(flat=True))
    empty: Any = client.runs.list()
    for table in (empty.to_arrow(), pa.table(empty)):
        assert (table.num_rows, table.column_names) == (0, names)
    assert "data" in client.events.list().to_arrow().column_names


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # tasks have no such listing
def test_a_listing_of_any_kind_becomes_a_table(connect: Connect) -> None:
    mock = MockServer()
    mock.function("shop", "charge", trigger="order/placed")
    client = connect(transport=mock.transport)
    apps: Any = client.apps.list()
    assert pa.table(apps).column("id").to_pylist() == ["shop"]
    functions = client.functions.list("shop").to_arrow()
    assert functions.column("triggers").to_pylist() == [
        '[{"kind": "event", "value": "order/placed", "condition": null}]'
    ]


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # tasks have no such listing
def test_a_table_without_its_library_says_what_to_install(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    client = connect(transport=MockServer().transport)
    with pytest.raises(ConfigurationError, match=r"pip install 'inngest-rest\[arrow\]'"):
        client.runs.list().to_arrow()


def test_an_asynchronous_listing_says_to_await_a_table() -> None:
    async def tell() -> None:
        client = AsyncInngestClient(dev=True, transport=MockServer().transport)
        listing: Any = client.runs.list()
        assert (await listing.to_arrow()).num_rows == 0
        with pytest.raises(TypeError, match=r"await \.to_arrow\(\)"):
            pa.table(listing)
        await client.aclose()

    asyncio.run(tell())
