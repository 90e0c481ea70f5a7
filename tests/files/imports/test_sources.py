"""`send_file` reads files, pipes and standard input in bounded memory; failures are clear."""

from __future__ import annotations

import asyncio
import gc
import gzip
import io
import os
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AsyncInngestClient,
    ConfigurationError,
    InvalidArgumentError,
    SendReport,
)
from inngest_rest.files._import import options
from inngest_rest.files._import.lines import Lines
from tests.files.imports.ndjson import line, sent
from tests.support.chance import drawing
from tests.support.server import says

if TYPE_CHECKING:
    from pathlib import Path

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.server import Server


PATIENCE = 60  # seconds until a test that hangs fails
SEED = 20_261_124


@pytest.mark.parametrize("kind", ["absent", "a folder", "damaged gzip", "cut gzip"])
def test_a_file_that_cannot_be_read_is_a_clear_error(
    client: InngestClient, file: Path, kind: str
) -> None:
    whole = gzip.compress(drawing(SEED).randbytes(500_000) + b"\n" + line(1))
    match kind:
        case "a folder":
            file.mkdir()
        case "damaged gzip":
            file.write_bytes(whole[:300_000] + bytes(100) + whole[300_100:])
        case "cut gzip":
            file.write_bytes(whole[:-9])
    expected = {
        "absent": (FileNotFoundError, "orders.ndjson"),
        "a folder": (IsADirectoryError, "orders.ndjson"),
    }
    error, words = expected.get(kind, (gzip.BadGzipFile, "(?i)gzip|crc"))
    with pytest.raises(error, match=words):
        client.send_file(file)


def test_a_file_that_begins_as_gzip_and_is_none_is_closed_again(
    client: InngestClient, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(gzip.compress(line(1))[:5])
    opened: list[io.FileIO] = []

    def open_and_note(path: str) -> io.FileIO:
        opened.append(io.open(path, "rb", buffering=0))  # noqa: SIM115, UP020
        return opened[-1]

    monkeypatch.setattr(io, "FileIO", open_and_note)
    with pytest.raises(gzip.BadGzipFile, match="damaged gzip"):
        client.send_file(file)
    assert [each.closed for each in opened] == [True]


def test_lines_before_the_damage_are_sent_and_the_line_is_reported(
    client: InngestClient, server: Server, file: Path
) -> None:
    chance = drawing(SEED)
    content = b"\n".join(line(each, pad=chance.randbytes(300).hex()) for each in range(2_000))
    whole = gzip.compress(content)
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(gzip.BadGzipFile) as caught:
        client.send_file(file, batch_size=100)
    accepted = len(sent(server))
    assert 500 <= accepted < 1_500
    [read, goes_on] = caught.value.__notes__
    assert read.startswith("read until line ")
    assert goes_on == f"send_file(..., resume=True) continues at line {accepted + 1:,}"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"path": ""}, "path must be the path of a file"),
        ({"path": "x\0y"}, "path must be the path of a file"),
        ({"path": "caf\udce9"}, "path must be a path in UTF-8"),
        ({"dead_letters": "x\0y"}, "dead_letters must be the path of a file"),
        ({"path": "-"}, "name="),
        ({"path": "-", "name": "x", "resume": True}, "standard input cannot be resumed"),
        ({"name": ""}, "name"),
        ({"batch_size": 0}, "batch_size"),
        ({"dead_letters": "orders.ndjson"}, "dead_letters"),
    ],
    ids=repr,
)
def test_a_bad_argument_is_refused_by_name(
    client: InngestClient,
    file: Path,
    wrong: dict[str, Any],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(file.parent)
    with pytest.raises(InvalidArgumentError, match=words):
        client.send_file(**{"path": str(file), **wrong})


def test_a_missing_key_is_reported_before_the_file_is_opened(connect: Connect, file: Path) -> None:
    with pytest.raises(ConfigurationError, match="INNGEST_EVENT_KEY"):
        connect(dev=False).send_file(file)


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_standard_input_is_read_and_left_open(
    client: InngestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    content = line(1) + b"\nbad\n"
    stdin = io.TextIOWrapper(
        io.BufferedReader(io.BytesIO(gzip.compress(content) if zipped else content))
    )
    monkeypatch.setattr("sys.stdin", stdin)
    report = client.send_file("-", name="to/day")
    assert (report.accepted, report.rejected) == (1, 1)
    assert not stdin.closed
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "to_day.rejected.ndjson",
        "to_day.rejected.reasons.ndjson",
    ]


def test_a_pipe_is_a_file_that_cannot_be_resumed(client: InngestClient, file: Path) -> None:
    os.mkfifo(file)

    def with_writer(**options: Any) -> SendReport:
        writer = threading.Thread(target=file.write_bytes, args=(line(1) + b"\n",))
        writer.start()
        try:
            return client.send_file(file, **options)
        finally:
            writer.join(PATIENCE)

    with pytest.raises(InvalidArgumentError, match="cannot be resumed"):
        with_writer(resume=True)
    assert with_writer().accepted == 1
    assert [each.name for each in file.parent.iterdir()] == [file.name]


async def breathe() -> None:
    """Let the loop go round a few times."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_silent_pipe_does_not_block_the_loop(server: Server, file: Path) -> None:
    os.mkfifo(file)
    runs = {"before it is opened": threading.Event(), "while it is silent": threading.Event()}
    waited: list[bool] = []

    def write() -> None:
        before, silent = runs.values()
        waited.append(before.wait(PATIENCE))
        with file.open("wb") as pipe:
            pipe.write(line(1) + b"\n" + line(2) + b"\n")
            pipe.flush()
            waited.append(silent.wait(PATIENCE))

    async def main() -> SendReport:
        answered = asyncio.Event()
        async with AsyncInngestClient(dev=True, transport=server) as client:
            sending = asyncio.create_task(
                client.send_file(file, batch_size=1, in_flight=1, on_batch=lambda _: answered.set())
            )
            await breathe()
            runs["before it is opened"].set()
            await answered.wait()
            await breathe()
            runs["while it is silent"].set()
            return await sending

    writer = threading.Thread(target=write)
    writer.start()
    assert asyncio.run(main()).accepted == 2
    writer.join(PATIENCE)
    assert waited == [True, True]


class Sink(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Accepts everything and keeps nothing."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        ids = ["01M86WMR2REMKV8DQ54EQPCS5T"] * request.content.count(b'"id"')
        return httpx.Response(200, stream=httpx.ByteStream(says({"ids": ids}).body))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def test_memory_is_bounded_however_long_a_file_is(connect: Connect, file: Path) -> None:
    client = connect(transport=Sink())

    def peak(count: int) -> int:
        with file.open("wb") as target:
            target.writelines(line(each) + b"\n" for each in range(count))
        gc.collect()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert client.send_file(file, batch_size=100, in_flight=2).accepted == count
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        peak(2_000)
        assert peak(20_000) < peak(2_000) + 200_000
    finally:
        tracemalloc.stop()


def test_a_cancelled_import_leaves_no_file_open(
    server: Server, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(line(1) + b"\n")
    files: list[Lines] = []
    begun, may_go_on = threading.Event(), threading.Event()

    class Slow(Lines):
        """Opens the file, then waits."""

        def __init__(self, path: str, *, grows: bool = False) -> None:
            super().__init__(path, grows=grows)
            files.append(self)
            begun.set()
            assert may_go_on.wait(PATIENCE)

        def close(self) -> None:
            super().close()
            closed.set()

    closed = threading.Event()
    monkeypatch.setattr(options, "Lines", Slow)

    async def main() -> SendReport:
        async with AsyncInngestClient(dev=True, transport=server) as client:
            sending = asyncio.create_task(client.send_file(file))
            await asyncio.to_thread(begun.wait, PATIENCE)
            sending.cancel()
            await asyncio.wait([sending])
            assert sending.cancelled()
            may_go_on.set()
            assert await asyncio.to_thread(closed.wait, PATIENCE)
            return await client.send_file(file)

    assert asyncio.run(main()).accepted == 1
    assert len(files) == 2


def test_an_import_that_is_cancelled_just_when_it_is_open_leaves_no_file_open(
    server: Server, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(line(1) + b"\n")
    opened: list[Any] = []

    async def cancelled(opening: Any) -> None:
        opened.append(await opening)
        raise asyncio.CancelledError

    async def main() -> SendReport:
        async with AsyncInngestClient(dev=True, transport=server) as client:
            with monkeypatch.context() as patch:
                patch.setattr(asyncio, "shield", cancelled)
                with pytest.raises(asyncio.CancelledError):
                    await client.send_file(file)
            return await client.send_file(file)  # which is not locked by an import any more

    assert asyncio.run(main()).accepted == 1
    assert len(opened) == 1
