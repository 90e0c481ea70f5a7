"""`send_file` again: the next import continues where the last one stopped, and repeats no run."""

from __future__ import annotations

import errno
import gzip
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import InngestClient, InvalidArgumentError, SendReport
from inngest_rest._core.sending.job import SendJob
from inngest_rest.files._import import lines as lines_module
from inngest_rest_mock import MockServer, loses_response
from tests.files.imports.ndjson import BY_TWO, ROUTE, files, line, names, raises_at, write
from tests.support.disk import fill_disk
from tests.support.server import accepts_all, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import BatchReport
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("first_resumes", [False, True])
def test_resuming_continues_after_the_last_batch_that_was_accepted(
    client: InngestClient, server: Server, file: Path, zipped: bool, first_resumes: bool
) -> None:
    write(file, 10)
    if zipped:
        file.write_bytes(gzip.compress(file.read_bytes()))
    with pytest.raises(ZeroDivisionError):
        client.send_file(file, **BY_TWO, resume=first_resumes, on_batch=raises_at(3))
    assert names(server) == [f"e{each}" for each in range(6)]
    report = client.send_file(file, **BY_TWO, resume=True)
    assert report == SendReport(accepted=4)
    assert names(server) == [f"e{each}" for each in range(10)]


def test_an_id_is_the_same_whether_a_line_is_reached_at_once_or_by_resuming(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_bytes(b"\xef\xbb\xbf\n" + b"\r\n\n".join(map(line, range(10))))
    client.send_file(file)
    [whole] = server.bodies()
    server.requests.clear()
    with pytest.raises(ZeroDivisionError):
        client.send_file(file, **BY_TWO, on_batch=raises_at(3))
    client.send_file(file, **BY_TWO, resume=True)
    assert [event for body in server.bodies() for event in body] == whole


def test_resuming_continues_after_a_line_too_long_to_hold(
    client: InngestClient, server: Server, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE", 1_000)
    file.write_bytes(b"\n".join([line(0), b"x" * 2_500, *map(line, range(2, 10))]))
    with pytest.raises(ZeroDivisionError):
        client.send_file(file, **BY_TWO, on_batch=raises_at(4))
    server.requests.clear()
    assert client.send_file(file, **BY_TWO, resume=True) == SendReport(accepted=4)
    assert names(server) == [f"e{each}" for each in range(6, 10)]


@pytest.mark.parametrize("answer", [httpx.ReadError("reset"), text(503, "")], ids=["lost", "503"])
def test_resuming_begins_at_the_lowest_batch_with_an_unknown_outcome(
    connect: Connect, server: Server, file: Path, answer: Any
) -> None:
    client = connect(retries=0)
    write(file, 10)
    server.on(ROUTE, accepts_all, answer, accepts_all)
    report = client.send_file(file, **BY_TWO)
    assert (report.accepted, report.unknown) == (8, 2)
    server.requests.clear()
    assert client.send_file(file, **BY_TWO, resume=True).accepted == 8
    assert names(server) == [f"e{each}" for each in range(2, 10)]


def test_a_lost_answer_and_all_that_follows_run_once(connect: Connect, file: Path) -> None:
    mock = MockServer()
    mock.function("shop", "charge", trigger="e*")
    write(file, 10)
    mock.fault(loses_response(), after=1)
    client = connect(transport=mock.transport, retries=0)
    assert client.send_file(file, **BY_TWO).unknown == 2
    assert client.send_file(file, **BY_TWO, resume=True).accepted == 8
    assert len(mock.runs) == 10


def test_a_checkpoint_stays_while_work_is_left_and_where_resume_was_asked_for(
    connect: Connect, file: Path
) -> None:
    client = connect(retries=0)
    write(file, 4)
    client.send_file(file)
    assert files(file.parent) == [file.name]
    with pytest.raises(ZeroDivisionError):
        client.send_file(file, **BY_TWO, on_batch=raises_at(1))
    assert files(file.parent) == [file.name, f"{file.name}.checkpoint"]
    client.send_file(file)
    assert files(file.parent) == [file.name]
    client.send_file(file, resume=True)
    assert files(file.parent) == [file.name, f"{file.name}.checkpoint"]


def test_resuming_what_is_complete_sends_nothing_and_what_was_added_since(
    client: InngestClient, server: Server, file: Path
) -> None:
    write(file, 3)
    client.send_file(file, resume=True)
    assert client.send_file(file, resume=True) == SendReport()
    assert len(server.requests) == 1
    with file.open("ab") as more:
        more.write(line(3))
    assert client.send_file(file, resume=True).accepted == 1
    with file.open("ab") as more:
        more.write(b"\r\n" + line(4) + b"\n")
    reports: list[BatchReport] = []
    client.send_file(file, resume=True, on_batch=reports.append)
    assert [list(each.positions) for each in reports] == [[5]]
    assert client.send_file(file, resume=True) == SendReport()
    # Now only the last line gets its newline.
    file.write_bytes(file.read_bytes().rstrip())
    Path(f"{file}.checkpoint").unlink()
    client.send_file(file, resume=True)
    for _ in range(2):
        with file.open("ab") as more:
            more.write(b"\n")
        assert client.send_file(file, resume=True) == SendReport()


def test_a_changed_line_far_from_the_beginning_is_detected(
    client: InngestClient, file: Path
) -> None:
    content = [line(each, pad="x" * 3_000) for each in range(6)]
    file.write_bytes(b"\n".join(content))
    with pytest.raises(ZeroDivisionError):
        client.send_file(file, **BY_TWO, on_batch=raises_at(2))
    content[3] = content[3].replace(b"e3", b"xx")
    file.write_bytes(b"\n".join(content))
    with pytest.raises(InvalidArgumentError, match="its first 4 lines changed"):
        client.send_file(file, resume=True)


def test_lines_after_the_checkpoint_may_be_corrected(
    client: InngestClient, server: Server, file: Path
) -> None:
    write(file, 6)
    with pytest.raises(ZeroDivisionError):
        client.send_file(file, **BY_TWO, on_batch=raises_at(1))
    file.write_bytes(file.read_bytes().replace(line(4), b'{"name":"corrected"}'))
    client.send_file(file, resume=True)
    assert names(server) == ["e0", "e1", "e2", "e3", "corrected", "e5"]


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "another beginning": lambda old: old.replace(b"e0", b"xx"),
    "another line before": lambda old: old.replace(b"e3", b"xx"),
    "a line more before": lambda old: line(9) + b"\n" + old,
    "a longer line before": lambda old: old.replace(line(3), line(3) + b" "),
    "shorter": lambda old: old[:30],
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_file_is_refused_before_anything_is_sent(
    client: InngestClient, server: Server, file: Path, change: str
) -> None:
    write(file, 6)
    with pytest.raises(ZeroDivisionError):
        client.send_file(file, **BY_TWO, on_batch=raises_at(2))
    file.write_bytes(CHANGES[change](file.read_bytes()))
    server.requests.clear()
    with pytest.raises(InvalidArgumentError, match=r"ndjson\.checkpoint belongs to a different"):
        client.send_file(file, resume=True)
    assert server.requests == []
    assert client.send_file(file).accepted >= 1


def test_a_complete_last_line_that_grew_since_is_refused(client: InngestClient, file: Path) -> None:
    file.write_bytes(line(1))
    client.send_file(file, resume=True)
    file.write_bytes(line(1) + line(2) + b"\n")
    with pytest.raises(InvalidArgumentError, match="its first 1 lines changed"):
        client.send_file(file, resume=True)


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a list": lambda _: [],
    "another version": lambda _: {"version": 1},
    "no offset": lambda _: {"version": 3, "line": 5},
    "a line of text": lambda saved: {**saved, "line": "5"},
    "a negative offset": lambda saved: {**saved, "offset": -1},
    "logs that are none": lambda saved: {**saved, "logs": [1]},
    "an edge that is none": lambda saved: {**saved, "edge": 5},
}


@pytest.mark.parametrize("damage", [None, *DAMAGES], ids=str)
def test_a_damaged_checkpoint_is_refused_before_anything_is_sent(
    client: InngestClient, server: Server, file: Path, damage: str | None
) -> None:
    write(file, 2)
    client.send_file(file, resume=True)
    checkpoint = Path(f"{file}.checkpoint")
    saved = json.loads(checkpoint.read_bytes())
    checkpoint.write_text(json.dumps(DAMAGES[damage](saved)) if damage else "")
    server.requests.clear()
    with pytest.raises(InvalidArgumentError, match=r"is not a valid checkpoint.* resume=False"):
        client.send_file(file, resume=True)
    assert server.requests == []


def test_an_import_of_another_name_is_refused(client: InngestClient, file: Path) -> None:
    write(file, 2)
    client.send_file(file, resume=True)
    with pytest.raises(InvalidArgumentError, match=r"named 'orders\.ndjson', not 'other'"):
        client.send_file(file, resume=True, name="other")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(os.devnull)])
def test_what_is_no_regular_file_is_refused_as_a_checkpoint(
    client: InngestClient, file: Path, make: Callable[[Path], None]
) -> None:
    file.write_bytes(line(1) + b"\n")
    make(Path(f"{file}.checkpoint"))
    with pytest.raises(InvalidArgumentError, match=r"\.checkpoint is not a regular file"):
        client.send_file(file, resume=True)


def test_a_checkpoint_is_written_once_a_second_and_whole(
    client: InngestClient, file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, 10)
    replaced: list[int] = []
    replace = Path.replace

    def watch(self: Path, target: Path) -> Path:
        replaced.append(json.loads(self.read_bytes())["line"])
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watch)
    client.send_file(
        file, batch_size=1, in_flight=1, resume=True, on_batch=lambda _: clock.advance(0.4)
    )
    assert replaced == [1, 4, 7, 10]


def test_a_checkpoint_that_cannot_be_written_fails_an_import_that_asked_for_it_alone(
    client: InngestClient, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(file, 4)
    file.with_name(f".{file.name}.checkpoint.new").mkdir()
    assert client.send_file(file, **BY_TWO).accepted == 4
    assert [each.levelname for each in caplog.records] == ["WARNING"]
    with pytest.raises(InvalidArgumentError, match=r"cannot use .*\.checkpoint: is a directory"):
        client.send_file(file, **BY_TWO, resume=True)


@pytest.mark.parametrize("written", ["checkpoint", "rejected.ndjson"])
def test_a_file_beside_a_resumed_one_that_cannot_be_written_is_named_in_a_sentence(
    client: InngestClient, tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "orders.ndjson"
    file.write_text("[]\n" if written == "rejected.ndjson" else '{"name": "e"}\n')
    fill_disk(monkeypatch)
    with pytest.raises(InvalidArgumentError) as caught:
        client.send_file(file, resume=True)
    assert str(caught.value) == f"cannot use {file}.{written}: no space left on device"
    assert caught.value.argument == "path"


def test_a_batch_whose_report_an_interrupt_lost_is_sent_again(
    client: InngestClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, 8)
    handle_result = SendJob.handle_result
    calls: list[None] = []

    def interrupted(self: SendJob, *args: Any) -> bool:
        calls.append(None)
        if len(calls) == 2:  # as a signal may, between the answer and its report
            return True
        return handle_result(self, *args)

    monkeypatch.setattr(SendJob, "handle_result", interrupted)
    client.send_file(file, **BY_TWO)
    monkeypatch.undo()
    assert client.send_file(file, **BY_TWO, resume=True).accepted == 6


def test_a_last_line_caught_half_written_is_sent_once_it_is_complete(
    client: InngestClient, server: Server, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    half = line(2)[:-9]
    for content in (half, line(1) + b"\n" + half, line(1) + b"\n" + half + line(2)[-9:-2]):
        file.write_bytes(content)
        assert client.send_file(file, resume=True).rejected == 0
        assert "ends in the middle of line" in caplog.messages[-1]
    assert names(server) == ["e1"]
    file.write_bytes(line(1) + b"\n" + line(2) + b"\n" + line(3) + b"\n")
    assert client.send_file(file, resume=True) == SendReport(accepted=2)
    assert client.send_file(file, resume=True) == SendReport()
    assert names(server) == ["e1", "e2", "e3"]
    assert files(file.parent) == [file.name, f"{file.name}.checkpoint"]


def test_a_last_line_that_is_a_number_may_be_the_beginning_of_a_longer_one(
    client: InngestClient, file: Path
) -> None:
    file.write_bytes(line(1) + b"\n12")
    assert client.send_file(file, resume=True) == SendReport(accepted=1)
    file.write_bytes(line(1) + b"\n1234\n" + line(2))
    report = client.send_file(file, resume=True)
    assert (report.accepted, report.rejected) == (1, 1)


def test_spaces_that_may_begin_a_line_do_not_end_it(
    client: InngestClient, server: Server, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for content in (line(1) + b"\n  ", line(1) + b"\n  " + line(2) + b"\n"):
        file.write_bytes(content)
        assert client.send_file(file, resume=True) == SendReport(accepted=1)
    assert names(server) == ["e1", "e2"]
    assert caplog.messages == []


def test_what_is_added_while_the_file_is_read_does_not_split_its_last_line(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_bytes(line(1) + b"\n" + line(2)[:-9])

    def complete(batch: BatchReport) -> None:
        if 1 in batch.positions:
            with file.open("ab") as more:
                more.write(line(2)[-9:] + b"\n" + line(3) + b"\n")

    first = client.send_file(file, **BY_TWO, resume=True, on_batch=complete)
    assert first == SendReport(accepted=1)
    assert client.send_file(file, resume=True) == SendReport(accepted=2)
    assert names(server) == ["e1", "e2", "e3"]


def test_a_file_is_sent_by_one_import_at_a_time(
    client: InngestClient, server: Server, file: Path
) -> None:
    pytest.importorskip("fcntl")
    write(file, 4)
    refused: list[str] = []

    def send_as_well(_: BatchReport) -> None:
        with (
            InngestClient(dev=True, transport=server) as other,
            pytest.raises(InvalidArgumentError) as caught,
        ):
            other.send_file(file)
        refused.append(str(caught.value))

    assert client.send_file(file, resume=True, on_batch=send_as_well).accepted == 4
    assert refused == [f"{file} is being sent by another send_file; wait until that has ended"]
    assert client.send_file(file).accepted == 4
    assert names(server) == [f"e{each}" for each in range(4)] * 2


def test_a_file_on_a_drive_without_locks_is_sent(
    client: InngestClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def has_no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", has_no_locks)
    write(file, 4)
    assert client.send_file(file, resume=True).accepted == 4
