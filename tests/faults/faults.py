"""The table of faults: what a server does to every request, and what a call makes of it."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from tests.faults.behaviours import (
    REFUSES,
    answers,
    closes,
    floods,
    goes_on,
    greets,
    http,
    json,
    resets,
    resets_when_written_to,
    stalls,
    trickles,
)
from tests.faults.verdicts import Fault, Verdict

if TYPE_CHECKING:
    from tests.faults.server import Behaviour


_OK = '{"data":{},"ids":["01"],"status":200}'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_LONG = _HEAD + b"Content-Length: 1000\r\n\r\n"
_INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
_PAGE = "<!DOCTYPE html><html><title>Inngest</title></html>"
_ERROR = '{"errors":[{"code":"x","message":"no"}]}'
_GZIP = "Content-Encoding: gzip"


def _limited(*headers: str) -> bytes:
    return http(429, "slow down", *headers)


def _after(value: str) -> bytes:
    return _limited(f"Retry-After: {value}")


def _of(
    verdict: Verdict, *rows: tuple[str, Behaviour] | tuple[str, Behaviour, bool]
) -> list[Fault]:
    return [Fault(row[0], row[1], verdict, *row[2:]) for row in rows]


_BROKEN = _of(
    Verdict.LOST,
    ("resets as the request comes", greets(resets_when_written_to)),
    ("hangs up when connected", greets(closes)),
    ("resets after the request", answers(b"", resets), True),
    ("hangs up after the request", answers(b"", closes)),
    ("resets in the status line", answers(b"HTTP/1.1 2", resets)),
    ("hangs up in the status line", answers(b"HTTP/1.1 2", closes)),
    ("hangs up in the headers", answers(_HEAD, closes)),
    ("resets behind the headers", answers(_LONG, resets)),
    ("resets in the body", answers(_LONG + b'{"data":', resets), True),
    ("hangs up in the body", answers(_LONG + b'{"data":', closes)),
    ("hangs up in a chunk", answers(_CHUNKED + b'ff\r\n{"data":', closes)),
    ("hangs up before the last chunk", answers(_CHUNKED + b"1\r\n{\r\n", closes)),
    ("hangs up after an interim response", answers(_INTERIM, closes)),
    ("101", answers(b"HTTP/1.1 101 \r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", closes)),
    ("is no HTTP server", answers(b"SSH-2.0-OpenSSH_9.6\r\n", closes)),
    ("is an SMTP server that goes first", greets(goes_on, b"220 mail ESMTP\r\n")),
    ("speaks HTTP/2", answers(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", closes)),
    ("speaks HTTP/0.9", answers(_OK.encode(), closes)),
    ("NUL in a header", answers(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", closes)),
    ("status that is no number", answers(b"HTTP/1.1 abc OK\r\n\r\n", closes)),
    ("status 20", answers(b"HTTP/1.1 20 OK\r\n\r\n", closes)),
    ("Content-Length too long", answers(http(200, _OK, "Content-Length: 99"), closes)),
    ("Content-Length negative", answers(http(200, _OK, "Content-Length: -1"), closes)),
    ("Content-Length no number", answers(http(200, _OK, "Content-Length: ten"), closes)),
    ("two Content-Lengths", answers(http(200, _OK, "Content-Length: 3", "Content-Length: 4"))),
    ("Content-Length of 400 digits", answers(http(200, _OK, f"Content-Length: {'9' * 400}"))),
    ("chunk of no size", answers(_CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", closes)),
    ("chunk of negative size", answers(_CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n", closes)),
    ("chunk longer than it says", answers(_CHUNKED + b"1\r\n{}\r\n0\r\n\r\n", closes)),
    ("chunk of 30 digits", answers(_CHUNKED + b"f" * 30 + b"\r\n{}\r\n", closes)),
    ("unknown transfer coding", answers(http(200, _OK, "Transfer-Encoding: gzip"), closes)),
    ("header of 1 MB", answers(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000, closes)),
    ("headers without end", answers(b"HTTP/1.1 200 OK\r\n", floods(b"X: y\r\n" * 1_000, 1_000))),
    ("trailers without end", answers(_CHUNKED + b"0\r\n", floods(b"X: y\r\n" * 1_000, 1_000))),
    ("gzip that is none", answers(http(200, _OK, _GZIP))),
    ("gzip broken", answers(http(200, gzip.compress(b"{}")[:10] + b"\xff" * 20, _GZIP))),
    ("deflate that is none", answers(http(200, _OK, "Content-Encoding: deflate"))),
)

_SLOW = _of(
    Verdict.LATE,
    ("stalls after the request", answers(b"", stalls), True),
    ("stalls in the status line", answers(b"HTTP/1.1 2", stalls)),
    ("stalls in the headers", answers(_HEAD, stalls)),
    ("stalls behind the headers", answers(_LONG, stalls)),
    ("stalls in the body", answers(_LONG + b'{"data":', stalls), True),
    ("stalls in a chunk", answers(_CHUNKED + b"ff\r\n{", stalls)),
    ("stalls after an interim response", answers(_INTERIM, stalls)),
    ("stalls unread", greets(stalls)),
    ("header by header", answers(_HEAD, trickles(b"X: y\r\n"))),
    ("header letter by letter", answers(_HEAD + b"X: ", trickles(b"a"))),
    ("interim responses without end", answers(b"", trickles(_INTERIM))),
    ("body byte by byte", answers(_LONG, trickles(b" ", 0.02))),
    ("chunk by chunk", answers(_CHUNKED, trickles(b"1\r\n \r\n"))),
    ("chunk extension letter by letter", answers(_CHUNKED + b"1;x=", trickles(b"a")), True),
    ("trailer by trailer", answers(_CHUNKED + b"0\r\n", trickles(b"X: y\r\n"))),
)

_FAILED = _of(
    Verdict.FAILED,
    ("500", answers(json(500, _ERROR))),
    ("500 as a page", answers(http(500, _PAGE, "Content-Type: text/html"))),
    ("502 as a page", answers(http(502, _PAGE, "Content-Type: text/html"))),
    ("503", answers(http(503, "down")), True),
    ("503 and hangs up", answers(http(503, "down", "Connection: close"), closes)),
    ("504", answers(http(504, ""))),
    ("520", answers(http(520, "unknown"))),
    ("599", answers(http(599, ""))),
    ("600", answers(http(600, ""))),
    ("999", answers(http(999, "denied"))),
    ("500 of 1 MB", answers(http(500, b"x" * 1_000_000))),
    ("500 in a gzip bomb", answers(http(500, gzip.compress(bytes(4_000_000)), _GZIP))),
    ("500 with JSON nested deep", answers(json(500, "[" * 10_000 + "]" * 10_000))),
    ("500 whose errors are a number", answers(json(500, '{"errors":5}'))),
    ("500 whose errors are true", answers(json(500, '{"errors":true,"error":[1]}'))),
    (
        "500 in an unknown character set",
        answers(http(500, b"\xff", "Content-Type: a/b; charset=hex")),
    ),
    ("503 with an absurd Retry-After", answers(http(503, "", "Retry-After: soon"))),
)

_LIMITED = (
    *_of(
        Verdict.LIMITED,
        ("429", answers(_limited())),
        ("429, Retry-After 0", answers(_after("0"))),
        ("429, Retry-After negative", answers(_after("-5"))),
        ("429, Retry-After past", answers(_after("Wed, 21 Oct 2015 07:28:00 GMT"))),
        ("429, Retry-After empty", answers(_after(""))),
        ("429, Retry-After a word", answers(_after("soon"))),
        ("429, Retry-After NaN", answers(_after("nan"))),
        ("429, Retry-After a list", answers(_after("1, 2"))),
        ("429, Retry-After binary", answers(_after("\xff\xfe"))),
        (
            "429, Retry-After of year 99999999999",
            answers(_after("Tue, 24 Nov 99999999999 18:00:00 GMT")),
        ),
        (
            "429, Retry-After of an absurd zone",
            answers(_after("Tue, 24 Nov 2026 18:00:00 +99999999999999")),
        ),
    ),
    *_of(
        Verdict.TOLD_TO_WAIT,
        ("429, Retry-After 20", answers(_after("20")), True),
        ("429, Retry-After 20.0", answers(_after("20.0"))),
    ),
    *_of(
        Verdict.BARRED,
        ("429, Retry-After 3600", answers(_after("3600"))),
        ("429, Retry-After infinite", answers(_after("inf"))),
        ("429, Retry-After 1e400", answers(_after("1e400"))),
        ("429, Retry-After of 5,000 digits", answers(_after("9" * 5_000))),
        ("429, Retry-After 2037", answers(_after("Tue, 24 Nov 2037 18:00:00 GMT"))),
        ("429, Retry-After of year 9999", answers(_after("Fri, 31 Dec 9999 23:59:59 GMT"))),
    ),
)

_REFUSED = (
    *_of(Verdict.TIMED_OUT, ("408", answers(http(408, "too slow")))),
    *_of(
        Verdict.BAD,
        ("400", answers(json(400, _ERROR)), True),
        ("400 as text", answers(http(400, "no"))),
    ),
    *_of(Verdict.INVALID, ("422", answers(json(422, _ERROR)))),
    *_of(Verdict.UNAUTHORIZED, ("401", answers(json(401, _ERROR)), True)),
    *_of(Verdict.FORBIDDEN, ("403", answers(json(403, _ERROR)))),
    *_of(Verdict.CONFLICT, ("409", answers(json(409, _ERROR)))),
    *_of(Verdict.OVERSIZE, ("413", answers(http(413, "too large")))),
    *_of(
        Verdict.REFUSED,
        ("402", answers(http(402, "pay"))),
        ("418", answers(http(418, "tea"))),
        ("425", answers(http(425, "too early"))),
        ("451", answers(http(451, "no"))),
        ("499", answers(http(499, ""))),
    ),
    *_of(Verdict.UNKNOWN, ("404 of a resource", answers(json(404, _ERROR)), True)),
    *_of(
        Verdict.NO_ROUTE,
        ("404 as text", answers(http(404, "404 page not found")), True),
        ("404 as a page", answers(http(404, _PAGE, "Content-Type: text/html"))),
        ("405", answers(http(405, ""))),
        ("501", answers(http(501, ""))),
    ),
)

_ODD = (
    *_of(
        Verdict.PAGE,
        ("a web page", answers(http(200, _PAGE, "Content-Type: text/html")), True),
        ("a web page that says it is JSON", answers(json(200, _PAGE))),
        ("XML", answers(http(200, "<?xml version='1.0'?><a/>", "Content-Type: text/xml"))),
    ),
    *_of(
        Verdict.NOTHING,
        ("nothing", answers(http(200, "")), True),
        ("nothing, in chunks", answers(_CHUNKED + b"0\r\n\r\n")),
        ("nothing, in gzip", answers(http(200, gzip.compress(b""), _GZIP))),
        ("204", answers(b"HTTP/1.1 204 \r\n\r\n"), True),
    ),
    *_of(
        Verdict.MALFORMED,
        ("JSON cut off", answers(json(200, '{"data":{"id":"01'))),
        ("null", answers(json(200, "null"))),
        ("a list", answers(json(200, "[1]"))),
        ("a number", answers(json(200, "1e400"))),
        ("a text", answers(json(200, '"ok"'))),
        ("plain text", answers(http(200, "OK"))),
        ("another object", answers(json(200, '{"hello":"world"}')), True),
        ("data of a number", answers(json(200, '{"data":5}'))),
        (
            "data of the wrong types",
            answers(json(200, '{"data":{"id":1,"run_id":[]},"ids":"abc"}')),
        ),
        ("NaN", answers(json(200, '{"data":NaN}'))),
        ("JSON nested deep", answers(json(200, '{"data":' + "[" * 5_000 + "]" * 5_000 + "}"))),
        ("a number of 5,000 digits", answers(json(200, '{"data":' + "9" * 5_000 + "}"))),
        ("a lone surrogate", answers(json(200, '{"data":"\\ud800"}'))),
        ("a byte order mark", answers(json(200, "\ufeff{}"))),
        (
            "UTF-16",
            answers(http(200, '{"data":1}'.encode("utf-16"), "Content-Type: application/json")),
        ),
        ("UTF-8 that is none", answers(http(200, b'{"data":"\xff"}', "Content-Type: a/json"))),
        ("charset hex", answers(http(200, "zz", "Content-Type: application/json; charset=hex"))),
        ("charset utf-16", answers(http(200, "zzz", "Content-Type: text/plain; charset=utf-16"))),
        ("charset idna", answers(http(200, b"\xff", "Content-Type: text/plain; charset=idna"))),
        ("charset undefined", answers(http(200, "z", "Content-Type: a/b; charset=undefined"))),
        ("brotli", answers(http(200, b"\x0b\x02\x80", "Content-Encoding: br"))),
        ("zstd", answers(http(200, b"\x28\xb5\x2f\xfd", "Content-Encoding: zstd"))),
        (
            "deflate of something else",
            answers(http(200, zlib.compress(b"[]"), "Content-Encoding: deflate")),
        ),
        ("a second response behind the first", answers(json(200, "[]") + json(200, _OK))),
        ("an interim response before it", answers(_INTERIM + json(200, "[]"))),
        ("a hundred interim responses", answers(_INTERIM * 100 + json(200, "[]"))),
        ("Content-Length too short", answers(http(200, "[]" + _OK, "Content-Length: 2"))),
        ("garbage that comes later", answers(json(200, "[]"), trickles(b"x"))),
        ("chunk extensions", answers(_CHUNKED + b'2;a=b;c="d"\r\n[]\r\n0\r\n\r\n')),
        ("HTTP/1.0", answers(b"HTTP/1.0 200 OK\r\n\r\n[]", closes)),
        ("headers in Latin-1", answers(http(200, "[]", "X-Name: caf\xe9"))),
        ("hangs up after each response", answers(json(200, "[]"), closes)),
        ("resets after each response", answers(json(200, "[]", "Connection: close"), closes)),
    ),
    *_of(
        Verdict.MALFORMED,
        ("receipt with too few ids", answers(json(200, '{"ids":[],"status":200}'))),
        ("receipt with too many ids", answers(json(200, '{"ids":["01","02"],"status":200}'))),
        ("receipt with an empty id", answers(json(200, '{"ids":[""],"status":200}'))),
        ("receipt whose ids are a text", answers(json(200, '{"ids":"a","status":200}'))),
        ("receipt whose ids are null", answers(json(200, '{"ids":null,"status":200}'))),
        ("receipt whose ids are an object", answers(json(200, '{"ids":{"0":"01"},"status":200}'))),
        ("receipt whose ids are true", answers(json(200, '{"ids":[true],"status":200}'))),
        ("receipt that says 500", answers(json(200, '{"ids":["01"],"status":500}'))),
        (
            "receipt with an error",
            answers(json(200, '{"ids":["01"],"status":200,"error":"not stored"}')),
        ),
    ),
    *_of(
        Verdict.BAD,
        ("400 with all ids", answers(json(400, '{"ids":["01"],"status":400,"error":"no"}'))),
        ("400 that says 200", answers(json(400, '{"ids":["01"],"status":200}'))),
    ),
    *_of(Verdict.NULL, ("data of null", answers(json(200, '{"data":null}')))),
    *_of(
        Verdict.TOO_LARGE,
        ("gzip bomb", answers(http(200, gzip.compress(bytes(4_000_000)), _GZIP))),
        (
            "body without end",
            answers(_CHUNKED, floods(b"10000\r\n" + b" " * 65_536 + b"\r\n", 1_000)),
        ),
        ("body of 4 MB", answers(http(200, b" " * 4_000_000))),
    ),
    *_of(
        Verdict.NO_ANSWER,
        ("301", answers(http(301, "", "Location: /elsewhere"))),
        ("302 to a page", answers(http(302, _PAGE, "Location: /login", "Content-Type: text/html"))),
        ("304", answers(b"HTTP/1.1 304 \r\n\r\n")),
        ("307 to another host", answers(http(307, "", "Location: http://127.0.0.1:1/"))),
        ("308 to itself", answers(http(308, "", "Location: "))),
    ),
)

FAULTS = (
    Fault("nothing listens", REFUSES, Verdict.NOT_SENT, everywhere=True),
    Fault(
        "plain HTTP where TLS is due",
        greets(closes, http(400, "plain"), scheme="https"),
        Verdict.NOT_SENT,
    ),
    *_BROKEN,
    *_SLOW,
    *_FAILED,
    *_LIMITED,
    *_REFUSED,
    *_ODD,
)
"""Every fault, by what it means."""
