"""`send_file` keeps the lines that were rejected, ready to be corrected and sent."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inngest_rest import InvalidArgumentError
from tests.files.imports.ndjson import BY_TWO, ROUTE, files, line, names, raises_at
from tests.support.server import accepts_all, refuses, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest import BatchReport, InngestClient
    from tests.conftest import Connect
    from tests.support.server import Server


BAD = [b"bad", b"[1]", b'{"name":""}']


def test_rejected_lines_are_kept_byte_for_byte_with_their_reasons_beside(
    client: InngestClient, server: Server, file: Path
) -> None:
    server.on(ROUTE, refuses("e2"))
    file.write_bytes(b"\r\n".join([line(1), b" " + BAD[0] + b" ", line(2), BAD[1], line(3)]))
    report = client.send_file(file, batch_size=2)
    assert (report.accepted, report.rejected) == (2, 3)
    rejected = file.parent / "orders.ndjson.rejected.ndjson"
    assert rejected.read_bytes() == b" bad \n" + line(2) + b"\n[1]\n"
    reasons = rejected.with_name("orders.ndjson.rejected.reasons.ndjson").read_text()
    entries = [json.loads(each) for each in reasons.splitlines()]
    assert [(each["line"], each["rejected_line"]) for each in entries] == [(2, 1), (3, 2), (4, 3)]
    reasons_reported = {each.position: each.reason for each in report.failures}
    assert {each["line"]: each["reason"] for each in entries} == reasons_reported
    rejected.write_bytes(rejected.read_bytes().replace(b" bad ", line(7)).replace(b"[1]\n", b""))
    server.on(ROUTE, accepts_all)
    server.requests.clear()
    assert client.send_file(rejected).accepted == 2
    assert names(server) == ["e7", "e2"]


def test_all_rejected_lines_are_kept_however_many(
    client: InngestClient, server: Server, file: Path
) -> None:
    file.write_bytes(b"bad\n" * 2_500)
    report = client.send_file(file, batch_size=100)
    assert (report.rejected, len(report.failures)) == (2_500, 1_000)
    assert Path(f"{file}.rejected.ndjson").read_bytes() == b"bad\n" * 2_500
    assert server.requests == []


def test_lines_with_an_unknown_outcome_are_not_rejected(
    connect: Connect, server: Server, file: Path
) -> None:
    file.write_bytes(b"bad\n" + line(1))
    server.on(ROUTE, text(503, ""))
    connect(retries=0).send_file(file)
    assert Path(f"{file}.rejected.ndjson").read_bytes() == b"bad\n"


def test_dead_letters_chooses_another_place(client: InngestClient, file: Path) -> None:
    file.write_bytes(b"bad\n")
    client.send_file(file, dead_letters=file.parent / "bad.jsonl")
    assert files(file.parent) == ["bad.jsonl", "bad.reasons.jsonl", "orders.ndjson"]


def test_what_an_earlier_import_rejected_is_kept_under_a_number(
    client: InngestClient, file: Path
) -> None:
    for content in (b"bad 1\n", b"bad 2\n", line(3)):
        file.write_bytes(content)
        client.send_file(file)
    kept = f"{file.name}.rejected.ndjson."
    found = {each: (file.parent / each).read_bytes() for each in files(file.parent)}
    assert {each: text for each, text in found.items() if each.startswith(kept)} == {
        f"{kept}1": b"bad 1\n",
        f"{kept}2": b"bad 2\n",
    }
    assert f"{file.name}.rejected.ndjson" not in found


def test_resuming_rejects_no_line_twice(connect: Connect, server: Server, file: Path) -> None:
    client = connect(retries=0)
    file.write_bytes(b"\n".join([line(0), b"bad 1", line(2), b"bad 3", line(4), b"bad 5\n"]))
    server.on(ROUTE, accepts_all, text(503, ""), accepts_all)
    assert client.send_file(file, **BY_TWO).rejected == 3
    rejected = Path(f"{file}.rejected.ndjson")
    assert rejected.read_bytes() == b"bad 1\nbad 3\nbad 5\n"
    assert client.send_file(file, **BY_TWO, resume=True).rejected == 2
    assert rejected.read_bytes() == b"bad 1\nbad 3\nbad 5\n"
    reasons = Path(f"{file}.rejected.reasons.ndjson").read_text().splitlines()
    assert [json.loads(each)["line"] for each in reasons] == [2, 4, 6]


def test_resuming_sets_aside_what_was_replaced_since(
    connect: Connect, server: Server, file: Path
) -> None:
    client = connect(retries=0)
    file.write_bytes(b"\n".join([b"bad 0", line(1), line(2), b"bad 3\n"]))
    server.on(ROUTE, accepts_all, text(503, ""), accepts_all)
    client.send_file(file, **BY_TWO)
    rejected = Path(f"{file}.rejected.ndjson")
    rejected.write_bytes(b"{}\n")
    client.send_file(file, **BY_TWO, resume=True)
    assert Path(f"{rejected}.1").read_bytes() == b"{}\n"
    assert rejected.read_bytes() == b"bad 3\n"


def test_a_rejected_line_that_cannot_be_written_down_stops_the_import_before_it(
    client: InngestClient, file: Path
) -> None:
    file.write_bytes(b"\n".join([line(0), line(1), b"bad", line(3)]))
    nowhere = file.parent / "nowhere" / "rejected.ndjson"
    words = "cannot use .*nowhere.*: no such file or directory"
    with pytest.raises(InvalidArgumentError, match=words) as caught:
        client.send_file(file, **BY_TWO, dead_letters=nowhere)
    assert caught.value.__notes__ == ["send_file(..., resume=True) continues at line 3"]
    nowhere.parent.mkdir()
    assert client.send_file(file, **BY_TWO, dead_letters=nowhere, resume=True).accepted == 1
    assert nowhere.read_bytes() == b"bad\n"


def test_resuming_destroys_no_line_that_was_corrected(
    connect: Connect, server: Server, file: Path
) -> None:
    client = connect(retries=0)
    file.write_bytes(b"\n".join([b"bad 0", line(1), line(2), b"bad 3", b"bad 4", line(5)]) + b"\n")
    server.on(ROUTE, accepts_all, text(503, ""), accepts_all)
    client.send_file(file, **BY_TWO)
    rejected = Path(f"{file}.rejected.ndjson")
    written = b"bad 0\nbad 3\nbad 4\n"
    assert rejected.read_bytes() == written
    # The line before the checkpoint is corrected here, one that will be rejected again there.
    for number, bad, rest in [(1, b"bad 0", b"bad 3\nbad 4\n"), (2, b"bad 4", b"bad 3\nbad 4\n")]:
        corrected = rejected.read_bytes().replace(bad, line(9))
        rejected.write_bytes(corrected)
        server.on(ROUTE, text(503, ""))
        client.send_file(file, **BY_TWO, resume=True)
        assert Path(f"{rejected}.{number}").read_bytes() == corrected
        assert rejected.read_bytes() == rest
    server.on(ROUTE, accepts_all)
    client.send_file(file, **BY_TWO, resume=True)
    assert rejected.read_bytes() == b"bad 3\nbad 4\n"
    client.send_file(file, **BY_TWO, resume=True)
    assert rejected.read_bytes() == b"bad 3\nbad 4\n"


def test_resuming_keeps_a_line_added_to_those_rejected_before_the_checkpoint(
    client: InngestClient, file: Path
) -> None:
    file.write_bytes(b"bad 0\n" + line(1) + b"\n")
    client.send_file(file, resume=True)
    rejected = Path(f"{file}.rejected.ndjson")
    rejected.write_bytes(b"bad 0\n" + line(9) + b"\n")
    with file.open("ab") as more:
        more.write(b"bad 2\n")
    client.send_file(file, resume=True)
    assert Path(f"{rejected}.1").read_bytes() == b"bad 0\n" + line(9) + b"\n"
    assert rejected.read_bytes() == b"bad 0\nbad 2\n"
    assert not Path(f"{file}.rejected.reasons.ndjson.1").exists()


@pytest.mark.parametrize("step", ["shutil.copyfileobj", "os.truncate"])
def test_killed_while_it_sets_lines_aside_a_resumed_import_keeps_those_before_the_checkpoint(
    client: InngestClient, file: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file.write_bytes(b"bad 0\n" + line(1) + b"\n" + line(2) + b"\nbad 3\n")
    with pytest.raises(ZeroDivisionError):
        client.send_file(file, **BY_TWO, resume=True, on_batch=raises_at(2))
    rejected = Path(f"{file}.rejected.ndjson")
    with rejected.open("ab") as lines:
        lines.write(b"another\n")

    def kill(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(step, kill)
        with pytest.raises(MemoryError):
            client.send_file(file, **BY_TWO, resume=True)
    client.send_file(file, **BY_TWO, resume=True)
    assert rejected.read_bytes() == b"bad 0\nbad 3\n"
    assert b"another\n" in Path(f"{rejected}.{1 + (step != 'os.truncate')}").read_bytes()


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.usefixtures("umask")
def test_files_of_an_import_are_readable_by_their_owner_alone(
    client: InngestClient, file: Path
) -> None:
    file.write_bytes(b"bad\n" + line(1) + b"\n" + line(2) + b"\nbad 3\n")
    file.chmod(0o600)
    for stop in (1, 2, 9):
        with suppress(ZeroDivisionError):
            client.send_file(file, **BY_TWO, resume=True, on_batch=raises_at(stop))
    beside = [".checkpoint", ".rejected.ndjson", ".rejected.reasons.ndjson"]
    assert files(file.parent) == [file.name, *(f"{file.name}{each}" for each in beside)]
    assert {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()} == {0o600}


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_no_file_of_an_import_is_written_through_a_link(client: InngestClient, file: Path) -> None:
    file.write_bytes(b"bad\n" + line(1) + b"\n")
    elsewhere = file.parent / "elsewhere"
    elsewhere.mkdir()
    victim = elsewhere / "victim"
    victim.write_bytes(b"mine")
    file.with_name(f".{file.name}.checkpoint.new").symlink_to(victim)
    Path(f"{file}.rejected.ndjson").symlink_to(elsewhere / "absent")
    client.send_file(file, resume=True)
    assert victim.read_bytes() == b"mine"
    assert files(elsewhere) == ["victim"]
    assert Path(f"{file}.rejected.ndjson").read_bytes() == b"bad\n"
    assert not Path(f"{file}.checkpoint").is_symlink()


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_rejected_lines_moved_away_during_an_import_are_followed_by_a_private_file(
    client: InngestClient, file: Path
) -> None:
    file.write_bytes(b"bad 0\n" + line(1) + b"\n" + line(2) + b"\nbad 3\n")
    client.send_file(file, **BY_TWO, resume=True)
    with file.open("ab") as more:
        more.write(line(4) + b"\n" + line(5) + b"\nbad 6\n")
    rejected, corrected = Path(f"{file}.rejected.ndjson"), file.parent / "corrected.ndjson"

    def move_away(_: BatchReport) -> None:
        if not corrected.exists():
            rejected.rename(corrected)

    client.send_file(file, **BY_TWO, resume=True, on_batch=move_away)
    assert rejected.read_bytes() == b"bad 6\n"
    assert stat.S_IMODE(rejected.stat().st_mode) == 0o600
