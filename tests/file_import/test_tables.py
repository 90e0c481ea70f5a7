"""`send_file` of CSV and Parquet: each row becomes an event, and resumes as a line does."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InvalidArgumentError, SendReport
from tests.support.ndjson import BY_TWO, ROUTE, names, raises_at, sent
from tests.support.server import accepts_all

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.support.server import Server

EVENT = "shop/order.created"


@pytest.fixture(autouse=True)
def server(server: Server) -> Server:
    server.on(ROUTE, accepts_all)
    return server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.csv"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_row_is_an_event_and_its_columns_are_its_data(
    client: InngestClient, server: Server, file: Path, separator: str
) -> None:
    file.write_text(
        f'id{separator}note\n1{separator}"a{separator} ""b""\n2nd line"\n\n2{separator}\n'
    )
    assert client.send_file(file, event=EVENT) == SendReport(accepted=2)
    assert [(each["name"], each["data"]) for each in sent(server)] == [
        (EVENT, {"id": "1", "note": f'a{separator} "b"\n2nd line'}),
        (EVENT, {"id": "2", "note": ""}),
    ]


def test_a_column_goes_where_it_is_told_to_in_the_type_that_it_has_there(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_text(
        "order,kind,at,total,paid,by,lines,secret,left\n"
        'o-1,shop/order.paid,2026-11-25T12:00:00Z,9.50,TRUE,kim,"[{""n"": 1}]",x,7\n'
        "o-2,shop/order.paid,,,,,,x,\n"
    )
    columns = ["order=id", "kind=name", "at=ts", "total=data.amounts.total:float"]
    columns += ["paid=data.paid:bool", "by=user.id", "lines=data.lines:json", "secret=", "left=v"]
    assert client.send_file(file, columns=columns) == SendReport(accepted=2)
    first, second = sent(server)
    assert first == {
        "name": "shop/order.paid",
        "id": "o-1",
        "ts": round(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp() * 1000),
        "v": "7",
        "user": {"id": "kim"},
        "data": {"amounts": {"total": 9.5}, "paid": True, "lines": [{"n": 1}]},
    }
    assert (second["id"], "ts" in second) == ("o-2", False)
    assert second["data"] == {"amounts": {"total": None}, "paid": None, "lines": None}


def test_a_row_that_is_no_event_is_rejected_with_its_number_and_its_cells(
    client: InngestClient, server: Server, file: Path
) -> None:
    rows = ["1,9.5", "2,much", "3", "5,\xff", "6,nan", "7,1"]
    file.write_bytes("\n".join(["id,total", *rows]).encode("latin-1"))
    report = client.send_file(file, event=EVENT, columns=["total=data.total:float"])
    assert [(each.position, each.reason) for each in report.failures] == [
        (3, "column total is no float: could not convert string to float: 'much'"),
        (4, "it has 1 cells, and the header 2"),
        (5, "column total is no float: could not convert string to float: '\\udcff'"),
        (6, "not JSON: data.total is NaN or infinite, which JSON cannot represent"),
    ]
    assert [each["data"]["id"] for each in sent(server)] == ["1", "7"]
    rejected = Path(f"{file}.rejected.ndjson").read_text().splitlines()
    assert json.loads(rejected[0]) == {"name": EVENT, "data": {"id": "2", "total": "much"}}
    assert len(rejected) == 4


def test_text_that_is_not_utf_8_is_rejected(client: InngestClient, file: Path) -> None:
    file.write_bytes("id\nM\xfcller\n".encode("latin-1"))
    report = client.send_file(file, event=EVENT)
    assert report.rejected == 1
    assert "surrogates not allowed" in report.failures[0].reason


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_a_table_resumes_after_its_last_row_that_is_final_with_the_same_ids(
    client: InngestClient, server: Server, file: Path, zipped: bool
) -> None:
    text = "\ufeffn\r\n" + "".join(f'"{each}\n"\r\n' for each in range(10))
    file.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    client.send_file(file, event=EVENT)
    whole = sent(server)
    server.requests.clear()
    with pytest.raises(ZeroDivisionError) as caught:
        client.send_file(file, event=EVENT, **BY_TWO, on_batch=raises_at(3))
    assert caught.value.__notes__ == ["send_file(..., resume=True) continues at line 8"]
    assert client.send_file(file, event=EVENT, **BY_TWO, resume=True) == SendReport(accepted=4)
    assert sent(server) == whole
    with pytest.raises(InvalidArgumentError, match="belongs to other events, by what is now at 11"):
        client.send_file(file, event="shop/other", resume=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"csv": True}, "event is missing"),
        ({"columns": ["n=id"]}, "event is missing"),
        ({"event": EVENT, "columns": ["n"]}, "write COLUMN=PLACE"),
        ({"event": EVENT, "columns": ["n=total"]}, "write COLUMN=PLACE"),
        ({"event": EVENT, "columns": ["n=data"]}, "write COLUMN=PLACE"),
        ({"event": EVENT, "columns": ["n=data.n:flaot"]}, "did you mean 'float'"),
        ({"event": EVENT, "columns": ["m=data.n"]}, "there is none called 'm'"),
        ({"event": EVENT, "columns": "n=data.n"}, "must be an iterable of texts"),
    ],
)
def test_a_mistake_in_the_columns_is_told_before_anything_is_sent(
    client: InngestClient, server: Server, file: Path, given: Any, message: str
) -> None:
    file.write_text("n\n1\n")
    with pytest.raises(InvalidArgumentError, match=message):
        client.send_file(file, **given)
    assert server.requests == []


def test_csv_that_is_given_as_ndjson_is_refused_with_the_command_that_works(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_text("id,total\n" + "1,2\n" * 1_000)
    with pytest.raises(InvalidArgumentError) as caught:
        client.send_file(file)
    assert f"`inngest-rest send-file {file} --csv --event shop/order.created`" in str(caught.value)
    assert server.requests == []
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_batch_says_how_much_of_the_file_has_been_read(client: InngestClient, file: Path) -> None:
    file.write_text('{"name": "e"}\n' * 4)
    shares: list[Any] = []
    client.send_file(file, batch_size=1, on_batch=lambda batch: shares.append(batch.share))
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_preview_reads_a_table_as_it_would_be_sent(client: InngestClient, file: Path) -> None:
    file.write_text("n\n1\nx\n")
    found = client.preview_file(file, event=EVENT, columns=["n=data.n:int"])
    assert (found.events, [each.position for each in found.failures]) == (1, [3])


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    arrow = pytest.importorskip("pyarrow")
    path = tmp_path / "orders.parquet"
    columns = {
        "n": list(range(10)),
        "at": [datetime(2026, 11, 25, 12, tzinfo=UTC)] * 10,
        "tags": [["a"], None] * 5,
    }
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(arrow.table(columns), path, row_group_size=3)
    return path


def test_a_parquet_file_keeps_its_types_and_resumes(
    client: InngestClient, server: Server, parquet: Path
) -> None:
    more: Any = {"event": EVENT, "columns": ["at=ts"]}
    with pytest.raises(ZeroDivisionError):
        client.send_file(parquet, **more, **BY_TWO, on_batch=raises_at(2))
    assert client.send_file(parquet, **more, **BY_TWO, resume=True) == SendReport(accepted=6)
    assert [each["data"] for each in sent(server)] == [
        {"n": each, "tags": [["a"], None][each % 2]} for each in range(10)
    ]
    assert {each["ts"] for each in sent(server)} == {1_764_072_000_000 + 365 * 86_400_000}
    assert len({each["id"] for each in sent(server)}) == 10
    assert len(names(server)) == 10


def test_a_parquet_file_needs_the_name_of_its_events_and_is_the_same_when_it_resumes(
    client: InngestClient, parquet: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"orders\.parquet --event shop/order\.created"):
        client.send_file(parquet)
    with pytest.raises(ZeroDivisionError):
        client.send_file(parquet, event=EVENT, **BY_TWO, on_batch=raises_at(2))
    arrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table({"n": [1, 2]}), parquet)
    with pytest.raises(InvalidArgumentError, match="belongs to a different file"):
        client.send_file(parquet, event=EVENT, resume=True)
    parquet.write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(InvalidArgumentError, match="is no whole Parquet file"):
        client.send_file(parquet, event=EVENT)
