"""`send_file` of CSV: each row becomes an event, and resumes as a line does."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest import InvalidArgumentError, SendReport
from inngest_rest.files._import import csv_rows, lines
from inngest_rest.files._import.csv_rows import CsvRows
from inngest_rest.files._import.lines import Lines
from tests.files.imports.ndjson import BY_TWO, raises_at, sent
from tests.hostile.invalid import bounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inngest_rest import InngestClient
    from tests.support.server import Server

EVENT = "shop/order.created"


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
        "order,kind,at,total,paid,by,lines,secret,left,chat\n"
        'o-1,shop/order.paid,2026-11-25T12:00:00Z,9.50,TRUE,kim,"[{""n"": 1}]",x,7,c-1\n'
        "o-2,shop/order.paid,,,,,,x,,c-2\n"
    )
    columns = {"order": "id", "kind": "name", "at": "ts", "total": "data.amounts.total:float"}
    columns |= {"paid": "data.paid:bool", "by": "user.id", "lines": "data.lines:json"}
    columns |= {"secret": "", "left": "v", "chat": "sessions.chat"}
    assert client.send_file(file, columns=columns) == SendReport(accepted=2)
    first, second = sent(server)
    assert first == {
        "name": "shop/order.paid",
        "id": "o-1",
        "ts": round(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp() * 1000),
        "v": "7",
        "user": {"id": "kim"},
        "meta": {"sessions": {"chat": "c-1"}},
        "data": {"amounts": {"total": 9.5}, "paid": True, "lines": [{"n": 1}]},
    }
    assert (second["id"], "ts" in second) == ("o-2", False)
    assert second["data"] == {"amounts": {"total": None}, "paid": None, "lines": None}


def test_a_row_that_is_no_event_is_rejected_with_its_number_and_its_cells(
    client: InngestClient, server: Server, file: Path
) -> None:
    rows = ["1,9.5", "2,much", "3", "5,\xff", "6,nan", "7,1", "8,1,b"]
    file.write_bytes("\n".join(["id,total", *rows]).encode("latin-1"))
    report = client.send_file(file, event=EVENT, columns={"total": "data.total:float"})
    assert [(each.position, each.reason) for each in report.failures] == [
        (3, "column total is not of type float: could not convert string to float: 'much'"),
        (4, "it has 1 cells, and the header 2: column total has none"),
        (5, "column total is not of type float: could not convert string to float: '\\udcff'"),
        (6, "not JSON: data.total is NaN or infinite, which JSON cannot represent"),
        (8, "it has 3 cells, and the header 2: behind the last column is 'b'"),
    ]
    assert [each["data"]["id"] for each in sent(server)] == ["1", "7"]
    rejected = Path(f"{file}.rejected.ndjson").read_text().splitlines()
    assert json.loads(rejected[0]) == {"name": EVENT, "data": {"id": "2", "total": "much"}}
    assert len(rejected) == 5


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
        ({"columns": {"n": "id"}}, "event is missing"),
        ({"event": EVENT, "columns": {"n": "total"}}, "write PATH or PATH:TYPE"),
        ({"event": EVENT, "columns": {"n": "data"}}, "write PATH or PATH:TYPE"),
        ({"event": EVENT, "columns": {"n": "data.n:flaot"}}, "did you mean 'float'"),
        ({"event": EVENT, "columns": {"m": "data.n"}}, "there is none called 'm'"),
        ({"event": EVENT, "columns": {"n": None}}, "have 'n': None, not two texts"),
        ({"event": EVENT, "columns": ["n=data.n"]}, "map the name of each to a path"),
    ],
)
def test_a_mistake_in_the_columns_is_told_before_anything_is_sent(
    client: InngestClient, server: Server, file: Path, given: Any, message: str
) -> None:
    file.write_text("n\n1\n")
    with pytest.raises(InvalidArgumentError, match=message):
        client.send_file(file, **given)
    assert server.requests == []


@pytest.mark.parametrize(
    ("header", "columns", "message"),
    [
        ("n,n", {}, "'n' and 'n' would overwrite each other at data.n;"),
        ("a,b", {"a": "data.b"}, "'a' and 'b' would overwrite each other at data.b;"),
        ("a,b", {"a": "id", "b": "id"}, "'a' and 'b' would overwrite each other at id;"),
        (
            "a,b",
            {"a": "data.x:int", "b": "data.x.y"},
            "'a' and 'b' would overwrite each other at data.x and data.x.y;",
        ),
        (
            "a,b",
            {"a": "data.x.y", "b": "data.x"},
            "'a' and 'b' would overwrite each other at data.x.y and data.x;",
        ),
        ("", {}, "the first row, of the names, is blank"),
        ("sep=;", {}, "tells Excel which separator the file has: delete that line"),
        ("SEP=,", {}, "tells Excel which separator the file has: delete that line"),
        ('"sep=|"', {}, "tells Excel which separator the file has: delete that line"),
        ('"a"b', {}, "line 1 cannot be read as CSV: ',' expected after '\"';"),
        ("\xff", {}, "is not UTF-8"),
    ],
)
def test_a_header_that_would_lose_a_value_is_refused_before_anything_is_sent(
    client: InngestClient,
    server: Server,
    file: Path,
    header: str,
    columns: dict[str, str],
    message: str,
) -> None:
    file.write_bytes(f"{header}\n1,2\n".encode("latin-1"))
    with pytest.raises(InvalidArgumentError, match=re.escape(message)):
        client.send_file(file, event=EVENT, columns=columns)
    assert server.requests == []


def test_columns_of_one_name_may_be_left_out(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_text("n,n,m\n1,2,3\n")
    client.send_file(file, event=EVENT, columns={"n": ""})
    assert [each["data"] for each in sent(server)] == [{"m": "3"}]


def test_a_cell_longer_than_csv_reads_is_refused_and_nothing_behind_it_sent(
    client: InngestClient, server: Server, file: Path
) -> None:
    limit = csv.field_size_limit()
    large = "forged,1\n" * (limit // 9 + 1)
    file.write_text(f'id,note\n1,a\n2,"{large}"\n3,c\n')
    report = client.send_file(file, event=EVENT)
    assert [each.position for each in report.failures] == [3]
    assert f"field larger than field limit ({limit})" in report.failures[0].reason
    assert [each["data"]["id"] for each in sent(server)] == ["1"]
    assert csv.field_size_limit() == limit


def test_a_line_too_long_for_memory_is_refused_and_nothing_behind_it_sent(
    client: InngestClient, server: Server, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "MAX_LINE", 1_000)
    monkeypatch.setattr(lines, "MAX_LINE", 1_000)
    file.write_text(f"id,note\n1,a\n2,{'x' * 5_000}\n3,c\n")
    report = client.send_file(file, event=EVENT)
    assert [each.position for each in report.failures] == [3]
    assert (
        "line 3 cannot be read as CSV: it is longer than 1,000 bytes" in report.failures[0].reason
    )
    assert [each["data"]["id"] for each in sent(server)] == ["1"]


WRONG_QUOTES = {
    '3,"5 inch': "line 999 cannot be read as CSV: unexpected end of data; none behind it was read",
    '3,"5 inch\n"4,x': "line 5 cannot be read as CSV: ',' expected after '\"'; none behind it",
    '3,"say "hi", or\n4,forged\n"': "line 4 cannot be read as CSV: ',' expected after '\"';",
    '"3"3,x': "line 4 cannot be read as CSV: ',' expected after '\"';",
    "3,a\r4,forged": "line 4 cannot be read as CSV: new-line character seen in unquoted field",
}


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("wrong", WRONG_QUOTES)
def test_no_row_is_read_behind_one_that_is_no_csv_until_it_is_corrected(
    client: InngestClient, server: Server, file: Path, wrong: str, resume: bool
) -> None:
    rows = "".join(f"{each},x\n" for each in range(5, 1_000))
    file.write_text(f"id,note\n1,a\n2,b\n{wrong}\n{rows}", newline="")
    for accepted in (2, 0 if resume else 2):
        report = client.send_file(file, event=EVENT, **BY_TWO, resume=resume)
        assert (report.accepted, report.rejected) == (accepted, 1)
        assert report.failures[0].position == 4
        assert report.failures[0].reason.startswith(WRONG_QUOTES[wrong])
        assert not Path(f"{file}.rejected.ndjson").exists()
        [reason] = Path(f"{file}.rejected.reasons.ndjson").read_text().splitlines()
        assert json.loads(reason)["rejected_line"] is None
    file.write_text(f'id,note\n1,a\n2,b\n3,"5"" inch"\n{rows}')
    assert client.send_file(file, event=EVENT, resume=True).accepted == 996
    notes = {each["data"]["id"]: each["data"]["note"] for each in sent(server)}
    assert notes == {"1": "a", "2": "b", "3": '5" inch', **{f"{n}": "x" for n in range(5, 1_000)}}


def test_a_quote_inside_a_cell_without_quotes_is_text(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_text('id,note\n1,5" inch\n2,"a"\n')
    client.send_file(file, event=EVENT)
    assert [each["data"]["note"] for each in sent(server)] == ['5" inch', "a"]


def test_half_of_a_last_line_is_neither_sent_nor_rejected_but_read_once_it_is_whole(
    client: InngestClient, server: Server, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = '\ufeffid,note\r\n1,a\r\n\r\n2,"b, ""\r\nc"\r\n1999,"ü"\r\n'.encode()
    in_quotes = whole.index(b"\nc") + 1
    for size in range(len(whole) + 1):
        file.write_bytes(whole[:size])
        report = client.send_file(file, event=EVENT, columns={"note": "data.note"}, resume=True)
        assert report.rejected == (size == in_quotes), "which may be a quote that is wrong"
    assert [each["data"] for each in sent(server)] == [
        {"id": "1", "note": "a"},
        {"id": "2", "note": 'b, "\r\nc'},
        {"id": "1999", "note": "ü"},
    ]
    warnings = dict.fromkeys(each for each in caplog.messages if "ends in" in each)
    assert [each.removeprefix(f"{file} ") for each in warnings] == [
        f"ends in the middle of row {row}; resume once it is complete" for row in range(1, 6)
    ]


def test_a_last_row_without_a_line_end_is_sent_without_resume(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_text('id,note\n1,a\n2,"b"')
    assert client.send_file(file, event=EVENT) == SendReport(accepted=2)
    file.write_text("id,note\n1,a\n2,")
    assert client.send_file(file, event=EVENT) == SendReport(accepted=2)
    assert sent(server)[-1]["data"] == {"id": "2", "note": ""}


def test_a_table_with_fewer_rows_than_were_sent_is_another_one(
    client: InngestClient, file: Path
) -> None:
    file.write_text("n\n1\n2\n3\n")
    client.send_file(file, event=EVENT, resume=True)
    file.write_text("n\n4\n5\n")
    with pytest.raises(InvalidArgumentError, match="of which there are 2, while 3 are final"):
        client.send_file(file, event=EVENT, resume=True)


def test_a_request_of_rows_has_no_more_bytes_than_one_of_lines(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_text("n,note\n" + f"1,{'x' * 130_000}\n" * 40)
    assert client.send_file(file, event=EVENT) == SendReport(accepted=40)
    assert [len(each) for each in server.bodies()] == [32, 8]


@pytest.mark.parametrize("kind", ["int", "float"])
def test_a_number_that_is_one_in_python_alone_is_rejected(
    client: InngestClient, file: Path, kind: str
) -> None:
    file.write_text("n\n1_000\n")
    report = client.send_file(file, event=EVENT, columns={"n": f"data.n:{kind}"})
    assert [each.reason for each in report.failures] == [f"column n is not of type {kind}: '1_000'"]


texts = st.text(st.sampled_from('ab,;\t"\n\r ü😀'), max_size=6)


@settings(bounded, max_examples=60)
@given(data=st.data())
def test_any_table_becomes_its_rows_however_it_was_written_and_wherever_it_was_cut(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    width = data.draw(st.integers(2, 4))
    cells = st.lists(texts, min_size=width, max_size=width)
    rows = data.draw(st.lists(cells, max_size=5))
    names = [f"c{each}" for each in range(width)]
    separator = data.draw(st.sampled_from(",;\t"))
    end = data.draw(st.sampled_from(["\r\n", "\n"]))
    written = io.StringIO()
    # The writer of older Pythons puts quotes around the characters of its own line end alone.
    quoting: Any = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
    writer = csv.writer(written, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows([names, *rows])
    content = written.getvalue().encode()
    file = tmp_path_factory.mktemp("drawn") / "rows.csv"

    def read(content: bytes, *, grows: bool) -> list[Sequence[str]]:
        file.write_bytes(content)
        with closing(Lines(str(file))) as source:
            return [each.cells for each in CsvRows(source, grows=grows) if not each.fault]

    assert read(content, grows=False) == [names, *rows]
    cut = data.draw(st.integers(0, len(content) - 1))
    begun = read(content[:cut], grows=True)
    assert begun == [names, *rows][: len(begun)]
    assert read(content + content[: cut + 1], grows=True)[: len(rows) + 1] == [names, *rows]


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
    found = client.preview_file(file, event=EVENT, columns={"n": "data.n:int"})
    assert (found.events, [each.position for each in found.failures]) == (1, [3])
