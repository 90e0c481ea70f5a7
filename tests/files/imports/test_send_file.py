"""`send_file`: every line is sent once, byte for byte, or reported with its number."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InvalidEventError, SendReport
from inngest_rest._local.event_json import encode
from inngest_rest.files._import import lines as lines_module
from inngest_rest.files._import.encoder import NdjsonEncoder
from inngest_rest.files._import.lines import Chunk, Position
from inngest_rest_mock import MockServer
from tests.files.imports.ndjson import ROUTE, line, names, sent
from tests.support.server import refuses

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest import BatchReport, InngestClient
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

BOM = b"\xef\xbb\xbf"


def names_sent(client: InngestClient, server: Server, path: object, **options: Any) -> list[str]:
    server.requests.clear()
    report = client.send_file(path, in_flight=1, **options)  # type: ignore[arg-type]
    names = [event["name"] for event in sent(server)]
    assert report == SendReport(accepted=len(names))
    return names


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"", []),
        (b"\n\n \t\r\n", []),
        (line(1), ["e1"]),
        (line(1) + b"\n", ["e1"]),
        (line(1) + b"\r\n" + line(2) + b"\r\n", ["e1", "e2"]),
        (BOM + line(1) + b"\n" + line(2), ["e1", "e2"]),
        (b"\n" + line(1) + b"\n\n  \n" + line(2) + b"\n\n", ["e1", "e2"]),
        (b"  " + line(1) + b" \t\n", ["e1"]),
    ],
    ids=["empty", "blank", "no ending", "ending", "CRLF", "BOM", "blank lines", "spaces"],
)
def test_every_line_that_is_not_blank_is_an_event(
    client: InngestClient,
    server: Server,
    file: Path,
    content: bytes,
    names: list[str],
    zipped: bool,
) -> None:
    # gzip is recognized by its content, whatever the file is called.
    file.write_bytes(gzip.compress(content) if zipped else content)
    assert names_sent(client, server, file) == names


def test_gzip_of_several_members_is_one_file(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_bytes(gzip.compress(line(1) + b"\n") + gzip.compress(line(2) + b"\n"))
    assert names_sent(client, server, str(file)) == ["e1", "e2"]


def test_a_good_line_is_sent_byte_for_byte_and_an_id_is_added_where_it_has_none(
    client: InngestClient, server: Server, file: Path
) -> None:
    odd = b'{ "name":"\\u0061" ,"data":{"x":1.0,"big":12345678901234567890123,"x":2e3}, "new": [] }'
    file.write_bytes(odd + b"\n" + line(2, id="own") + b"\n")
    client.send_file(file)
    [body] = [each.content for each in server.requests]
    identity = sent(server)[0]["id"]
    assert body == b'[%b,"id":"%b"},%b]' % (odd[:-1], identity.encode(), line(2, id="own"))


def test_sessions_of_a_line_go_into_meta_and_are_checked(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_bytes(
        b'{"name":"a","data":{},"sessions":{"chat":"c-1"}}\n'
        b'{"name":"b","data":{},"meta":{"sessions":{"chat":"c-1"}}}\n'
        b'{"name":"c","data":{},"meta":{"sessions":{"chat":""}}}\n'
    )
    report = client.send_file(file)
    assert [each["meta"] for each in sent(server)] == [{"sessions": {"chat": "c-1"}}] * 2
    assert not any("sessions" in each for each in sent(server))
    assert [each.reason for each in report.failures] == [
        "sessions.chat is not an id of 1 to 512 bytes"
    ]


def test_an_id_is_the_same_whatever_else_a_batch_holds(
    client: InngestClient, server: Server, file: Path
) -> None:
    odd = [b'{"name":"a"}', line(2, id=""), line(3, id=None), b"bad"]
    file.write_bytes(b"\n".join([*[line(1)] * 200, *odd, *[line(1)] * 200]))
    reports: list[BatchReport] = []
    together = ids(client, server, file, on_batch=reports.append)
    assert len(set(together)) == 403
    assert list(reports[0].positions) == [*range(1, 204), *range(205, 405)]
    assert ids(client, server, file, batch_size=1) == together


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_id_counts_as_absent_and_absent_or_null_data_is_an_empty_object(
    client: InngestClient, server: Server, file: Path, empty: str | None
) -> None:
    file.write_bytes(
        b'{"name":"a","data":null}\n{"name":"b"}\n'
        b'{"name":"c","data":{},"user":null,"ts":null,"v":null}\n'
    )
    client.send_file(file)
    assert [set(each) for each in sent(server)] == [{"name", "data", "id"}] * 3
    assert [each["data"] for each in sent(server)] == [{}] * 3
    file.write_bytes(line(1, id=empty))
    client.send_file(file)
    assert sent(server)[-1]["id"]


def test_of_two_ids_that_the_server_reads_as_one_ours_is_the_last(
    connect: Connect, file: Path
) -> None:
    mock = MockServer()
    file.write_bytes(b'{"name":"a","ID":"","data":{}}\n')
    connect(transport=mock.transport).send_file(file)
    assert mock.events[0].id.count("-") == 2


def test_the_same_import_again_repeats_no_run(connect: Connect, file: Path) -> None:
    mock = MockServer()
    mock.function("shop", "charge", trigger="e*")
    client = connect(transport=mock.transport)
    # Equal lines are separate events.
    file.write_bytes(b"\n".join([line(1)] * 3 + [line(2, id="own")]))
    client.send_file(file)
    assert len(mock.runs) == 4
    client.send_file(file, batch_size=1)
    assert len(mock.events) == 8
    assert len(mock.runs) == 4


def ids(client: InngestClient, server: Server, file: Path, **options: Any) -> list[str]:
    server.requests.clear()
    client.send_file(file, in_flight=1, **options)
    return [each["id"] for each in sent(server)]


def test_an_id_depends_on_the_name_the_number_and_the_bytes_of_a_line_alone(
    client: InngestClient, server: Server, file: Path
) -> None:
    content = [line(1), line(1), b"no event", line(3), line(4)]
    file.write_bytes(b"\n".join(content))
    before = ids(client, server, file)
    assert len(set(before)) == 4
    assert ids(client, server, file, batch_size=1, name="orders.ndjson") == before
    assert not set(ids(client, server, file, name="other")) & set(before)
    # Another ending, another wrapping, another folder: the same import.
    elsewhere = file.parent / "elsewhere" / file.name
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(gzip.compress(BOM + b"\r\n".join(content) + b"\r\n"))
    assert ids(client, server, elsewhere) == before
    content[1] = line(1, user={})
    file.write_bytes(b"\n".join(content))
    corrected = ids(client, server, file)
    assert [new == old for new, old in zip(corrected, before, strict=True)] == [
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("field", ["name", "data", "user", "ts", "v", "id", "meta", "other"])
def test_a_line_is_sent_if_its_event_would_be(field: str) -> None:
    numbers = [0, -1, 1.0, 1.7e12, 2**70, 1_700_000_000_000, 315_532_799_999, 4_102_444_800_001]
    values: list[Any] = [None, True, "", "x", "Inngest/x", [], {}, {"a": [None]}, *numbers]
    for value in values:
        event: dict[str, Any] = {"name": "a", "data": {}, field: value}
        chunk = Chunk([json.dumps(event).encode()], Position(), Position())
        is_sent = len(NdjsonEncoder("x").batch(chunk).positions) == 1
        if is_sent:
            encode(event, 1, from_file=True)
        else:
            with pytest.raises(InvalidEventError):
                encode(event, 1, from_file=True)


@pytest.mark.parametrize("text", [b'"data":{"x":1e999}', b'"meta":[1e999]', b'"other":1e999'])
def test_a_line_with_a_number_too_large_is_rejected_among_good_ones(text: bytes) -> None:
    bad = b'{"name":"a","data":{},%b}' % text
    chunk = Chunk([line(1), bad, line(3)], Position(), Position())
    batch = NdjsonEncoder("x").batch(chunk)
    assert (batch.positions, [each.position for each in batch.invalid]) == ([1, 3], [2])


def test_an_id_is_the_same_in_every_release(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_bytes(b'{"name":"app/order","data":{"n":1}}\n{"name":"app/order","id":"","data":{}}')
    assert ids(client, server, file, name="backfill") == [
        "af76eb7f9a5683f4-1-4c5e240333d823fc",
        "af76eb7f9a5683f4-2-32898154e7305346",
    ]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"name":', "not JSON: .*truncated"),
        (b'{"name":"a","data":{"x":NaN}}', "not JSON: .*byte 24"),
        (b'{"name":"a","data":{"x":1e999}}', "not JSON: .*out of range"),
        (b'{"name":"a","data":{"x":"\\ud800"}}', "not JSON: "),
        (b'{"name":"a\xff"}', "not JSON: .*utf-8.* byte 0xff in position 10"),
        (BOM + b'{"name":"a"}', "not JSON: .*byte 0"),
        (line(1) + line(2), "not JSON: .*trailing characters"),
        (b"[" * 5_000, "not JSON: .*"),
        (b"[1]", "one JSON object, not list"),
        (b"null", "one JSON object, not NoneType"),
        (b"{}", "name must be text and not empty"),
        (b'{"name":""}', "name must be text and not empty"),
        (b'{"name":"","data":{}}', "name must be text and not empty"),
        (b'{"name":5,"data":{}}', "name must be text"),
        (b'{"name":"Inngest/x","data":{}}', "reserved"),
        (b'{"name":"a","data":[]}', "data must be a JSON object, not list"),
        (b'{"name":"a","data":{},"user":"u"}', "user must be a JSON object"),
        (b'{"name":"a","data":{},"ts":1700000000}', "counts milliseconds"),
        (b'{"name":"a","data":{},"ts":true}', "ts must be"),
        (b'{"name":"a","data":{},"ts":1e12}', "ts must be"),
        (b'{"name":"a","data":{},"v":1}', "v must be text"),
        (b'{"name":"a","data":{},"id":7}', "id must be text"),
        (b'{"name":"a","data":{},"id":[]}', "id must be text"),
        (b'{"name":"a","data":{"x":"%b"}}' % (b"x" * 3_145_728), "the server accepts 3,145,728"),
    ],
)
def test_a_bad_line_is_rejected_with_its_number_and_the_rest_is_sent(
    client: InngestClient, server: Server, file: Path, bad: bytes, reason: str
) -> None:
    file.write_bytes(b"\n".join([line(1), b"", bad, line(4)]) + b"\n")
    reports: list[BatchReport] = []
    report = client.send_file(file, on_batch=reports.append)
    assert (report.accepted, report.rejected, report.unknown) == (2, 1, 0)
    assert [each["name"] for each in sent(server)] == ["e1", "e4"]
    assert [each for batch in reports for each in batch.positions] == [1, 4]
    [failure] = report.failures
    assert failure.position == 3
    assert re.search(reason, failure.reason)


def test_the_largest_event_goes_out_and_one_byte_more_does_not(
    client: InngestClient, file: Path
) -> None:
    def of_size(size: int) -> bytes:
        beginning, end = b'{"name":"e1","data":{"x":"', b'"},"id":"own"}'
        return beginning + b"x" * (size - len(beginning) - len(end)) + end

    file.write_bytes(of_size(3_145_728) + b"\n" + of_size(3_145_729))
    report = client.send_file(file)
    assert (report.accepted, report.rejected) == (1, 1)


def test_a_line_too_long_to_hold_is_skipped_and_its_size_reported(
    client: InngestClient, server: Server, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE", 1_000)
    spaces = line(1).ljust(4_999)  # its beginning is JSON
    file.write_bytes(b"\n".join([spaces, line(2), b"x" * 3_000, line(4), b"x" * 2_500]))
    report = client.send_file(file, in_flight=1)
    assert [each["name"] for each in sent(server)] == ["e2", "e4"]
    assert [(each.position, each.reason[:22]) for each in report.failures] == [
        (1, "a line of 5,000 bytes;"),
        (3, "a line of 3,001 bytes;"),
        (5, "a line of 2,500 bytes;"),
    ]


def test_a_first_line_too_long_for_a_batch_goes_alone(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_bytes(line(1).ljust(5_000_000) + b"\n" + line(2) + b"\n" + line(3))
    assert client.send_file(file, in_flight=1).accepted == 3
    assert [[each["name"] for each in body] for body in server.bodies()] == [["e1"], ["e2", "e3"]]


def test_a_file_that_ends_in_the_middle_of_a_line_says_so(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_bytes(line(1) + b"\n" + line(2)[:-3])
    [failure] = client.send_file(file).failures
    assert failure.position == 2
    assert failure.reason.endswith("the file ends in the middle of this line")
    assert [each["name"] for each in sent(server)] == ["e1"]


def test_large_lines_are_split_by_bytes(client: InngestClient, server: Server, file: Path) -> None:
    file.write_bytes(b"\n".join(line(each, pad="x" * 1_500_000) for each in range(5)))
    client.send_file(file, in_flight=1)
    assert [len(each) for each in server.bodies()] == [2, 2, 1]


def test_options_are_those_of_send_many(client: InngestClient, file: Path, clock: Clock) -> None:
    file.write_bytes(b"\n".join(map(line, range(5))))
    reports: list[BatchReport] = []
    options: Any = {"batch_size": 2, "in_flight": 1, "max_requests": 1, "on_batch": reports.append}
    assert client.send_file(file, **options).accepted == 5
    assert [list(each.positions) for each in reports] == [[1, 2], [3, 4], [5]]
    assert [each for each in clock.pauses if each] == [1.0, 1.0]


@pytest.mark.parametrize(
    "data",
    [
        b'{"big":12345678901234567890123,"negative":-12345678901234567890123}',
        b'{"digits":0.1000000000000000055511151231257827,"zero":1.0,"power":2E3}',
        b'{"deep":' + b"[" * 300 + b"]" * 300 + b"}",
        rb'{"text":"]},{[ \" \\","more":"\\\"]}","\u00e9":"\u20ac"}',
        b'{ "spaces" : [ 1 , 2 ] , "empty" : [ ] , "none" : { } }',
        b'{"twice":1,"twice":2}',
    ],
    ids=["integers", "decimals", "deep", "strings", "spaces", "keys"],
)
def test_a_refused_event_leaves_the_bytes_of_the_lines_around_it(
    client: InngestClient, server: Server, file: Path, data: bytes
) -> None:
    def event(number: int) -> bytes:
        return b'{"name":"e%d","id":"own-%d","data":%b}' % (number, number, data)

    server.on(ROUTE, refuses("e1"))
    file.write_bytes(b"\n".join(map(event, range(4))))
    report = client.send_file(file)
    assert (report.accepted, report.rejected, report.unknown) == (3, 1, 0)
    assert [each.content for each in server.requests] == [
        b"[" + b",".join(map(event, numbers)) + b"]" for numbers in ([0, 1, 2, 3], [2, 3])
    ]
    rejected = file.with_name(f"{file.name}.rejected.ndjson")
    assert rejected.read_bytes() == event(1) + b"\n"


@pytest.mark.parametrize("check", ["refuse", "warn"])
def test_names_of_events_are_checked_as_those_of_other_events(
    connect: Connect, server: Server, file: Path, caplog: pytest.LogCaptureFixture, check: Any
) -> None:
    file.write_bytes(b"\n".join([line(0, name="shop/order.created"), line(1, name="Order")]))
    report = connect(event_name_check=check).send_file(file)
    assert [each.position for each in report.failures] == ([2] if check == "refuse" else [])
    assert len(names(server)) == report.accepted == (1 if check == "refuse" else 2)
    assert any("'Order' does not follow" in it for it in caplog.messages) == (check == "warn")
