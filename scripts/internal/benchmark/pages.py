"""The bodies of the null server's responses, in the formats of recordings."""

from __future__ import annotations

import re

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
