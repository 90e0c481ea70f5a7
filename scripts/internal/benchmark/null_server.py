"""A server that only counts: the upper bound for a client, and a check that every event arrived.

`python -m scripts.internal.benchmark.null_server [--latency MS]` prints its port and serves until
its standard input closes. POST /e/KEY counts the events of the body and answers with as many ids,
POST /v2/runs/ID/cancel cancels, GET /count returns and resets the count, GET /v1/runs and GET
/v2/runs answer with 100 runs and always a next page, any other GET answers with one run of v2.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import re
import sys

RUN = (
    b'{"data":{"app":{"id":"probe-app"},"function":{"id":"hello","name":"hello"},'
    b'"id":"01M86WNRKHYE50ZF3GG530BHRT","queuedAt":"2026-11-24T13:42:09.779Z",'
    b'"startedAt":"2026-11-24T13:42:09.783129305Z","endedAt":"2026-11-24T13:42:09.921142877Z",'
    b'"status":"COMPLETED","output":{"data":{"echo":{"k":"ok"},"n":1}},'
    b'"trigger":{"eventIds":["01M86WNRG0YYYPRBM426FGBJSC"]}},'
    b'"metadata":{"fetchedAt":"2026-11-24T13:42:37.951534562Z"}}'
)

CANCELLED = b'{"data":{"runId":"%s"},"metadata":{"fetchedAt":"2026-11-24T13:45:20.964997761Z"}}'

# The last run of a page has the page's number in its id, since v1 continues after that id.
V1_RUN = (
    b'{"run_id":"01M86WNR%018d","run_started_at":"2026-11-24T13:42:09.777Z",'
    b'"function_id":"39dfc054-6808-53bd-90b7-98756fd9bf24","function_version":0,'
    b'"environment_id":"00000000-0000-4000-b000-000000000000",'
    b'"event_id":"01M86WNRFXGX2X6REM97R8ZTYK","status":"%s",'
    b'"ended_at":"2026-11-24T13:42:09.921142877Z","output":{"echo":{"k":"ok"},"n":1}}'
)
V2_RUN = (
    b'{"app":{"id":"probe-app"},"function":{"id":"%s","name":"%s"},'
    b'"id":"01M86WNR%018d","queuedAt":"2026-11-24T13:42:09.779Z",'
    b'"startedAt":"2026-11-24T13:42:09.783129305Z","status":"%s",'
    b'"trigger":{"eventIds":["01M86WNRG0YYYPRBM426FGBJSC"]}}'
)
KINDS = [(b"hello", b"completed"), (b"slow", b"running"), (b"steps", b"failed")]
# Of even and of odd pages: a run that the page before had is not listed again.
V1_RUNS = [
    b",".join(V1_RUN % (first + n, KINDS[n % 3][1].title()) for n in range(99))
    for first in (10**9, 2 * 10**9)
]
V2_RUNS = [
    b",".join(
        V2_RUN % (name, name, first + n, status.upper())
        for n in range(100)
        for name, status in [KINDS[n % 3]]
    )
    for first in (0, 100)
]


def page_of_v1(number: int) -> bytes:
    """Return a page in the format of recording v1-event-runs-ok."""
    return b'{"data":[%s,%s]}' % (V1_RUNS[number % 2], V1_RUN % (number, b"Completed"))


def page_of_v2(number: int) -> bytes:
    """Return a page in the format of recording v2-runs-list."""
    return (
        b'{"data":[%s],"metadata":{"fetchedAt":"2026-11-24T13:42:37.951534562Z"},'
        b'"page":{"cursor":"%0100d","hasMore":true,"limit":100}}' % (V2_RUNS[number % 2], number)
    )


def page_of_open(runs: range, first: int) -> bytes:
    """Return the page of running runs that begins with the first, in that format."""
    listed = runs[first : first + 100]
    rows = b",".join(V2_RUN % (b"hello", b"hello", n, b"RUNNING") for n in listed)
    page = b'"cursor":"%d","hasMore":%s,"limit":100'
    page %= first + 100, b"true" if first + 100 < len(runs) else b"false"
    metadata = b'"metadata":{"fetchedAt":"2026-11-24T13:42:37.951534562Z"}'
    return b'{"data":[%s],%s,"page":{%s}}' % (rows, metadata, page)


def next_page(line: bytes) -> int:
    """Return the number of the page that a request's cursor asks for."""
    cursor = line.partition(b"cursor=")[2]
    return int(re.match(rb"(?:01m86wnr)?(\d*)", cursor)[1] or 0) + 1  # type: ignore[index]


def answer(body: bytes, content_type: bytes = b"application/json") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        content_type,
        len(body),
        body,
    )


@functools.cache
def accepted(count: int) -> bytes:
    ids = b",".join([b'"01M86WMR2REMKV8DQ54EQPCS5T"'] * count)
    return answer(b'{"ids":[%s],"status":200}' % ids, b"text/plain; charset=utf-8")


class Counter(asyncio.Protocol):
    """One connection; the class holds the count, shared by all."""

    received = 0
    latency = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.buffer = bytearray()
        self.wanted = 0

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while len(self.buffer) >= self.wanted and (head := self.buffer.find(b"\r\n\r\n")) >= 0:
            lower = self.buffer[:head].lower()
            mark = lower.find(b"content-length:")
            length = int(lower[mark + 15 :].split(b"\r\n", 1)[0]) if mark >= 0 else 0
            self.wanted = head + 4 + length
            if len(self.buffer) < self.wanted:
                return
            self.reply(bytes(lower.partition(b"\r")[0]), self.buffer[head + 4 : self.wanted])
            del self.buffer[: self.wanted]
            self.wanted = 0

    def reply(self, line: bytes, body: bytearray) -> None:
        if line.startswith(b"post /v2/runs/"):
            run_id = line.split(b"/")[3].upper()  # the line is in lower case
            out = answer(CANCELLED % run_id)
        elif line.startswith(b"post"):
            count = body.count(b'"name":')
            Counter.received += count
            out = accepted(count)
        elif line.startswith(b"get /count"):
            out = answer(b"%d" % Counter.received)
            Counter.received = 0
        elif line.startswith(b"get /v1/runs?"):
            out = answer(page_of_v1(next_page(line)))
        elif line.startswith(b"get /v2/runs?"):
            out = answer(page_of_v2(next_page(line)))
        else:
            out = answer(RUN)
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self.transport.write, out)
        else:
            self.transport.write(out)


async def serve(latency: float) -> None:
    Counter.latency = latency
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Counter, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, metavar="MS")
    asyncio.run(serve(parser.parse_args().latency / 1_000))
