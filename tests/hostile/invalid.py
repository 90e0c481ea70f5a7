"""What no server, program or person should send, and does: values, torn text, flipped bytes."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import inngest_rest

if TYPE_CHECKING:
    from collections.abc import Iterator

# The same examples in every run: what breaks here breaks everywhere.
bounded = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

LONGEST = 1.0
"""Seconds of CPU that reading anything may take, on any machine."""

# Modules that are loaded on first use, and perhaps compiled, take none of it.
for _module in walk_packages(inngest_rest.__path__, "inngest_rest."):
    if not _module.name.endswith("__main__"):
        import_module(_module.name)

DEEP = "[" * 5_000 + "]" * 5_000


@contextmanager
def briefly() -> Iterator[None]:
    """Fail where something takes a second of CPU; how busy the machine is does not matter."""
    began = time.process_time()
    yield
    spent = time.process_time() - began
    assert spent < LONGEST, f"{spent:.1f} s of CPU"


class Raw(str):
    """JSON as it stands, which may be none."""

    __slots__ = ()


VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**63,
    -(2**64),
    1e308,
    "",
    "0",
    "null",
    "\0",
    " ",
    "\ud800",
    "\u202e<b>&amp;",
    "x" * 70_000,
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-23:59",
    "2026-11-24T18:00:00",
    "2026-11-24",
    "24:00",
    "2026-W48-2",
    "soon",
    "COMPLETED",
    "Running",
    "CANCELLED",
    "..",
    "a/b",
    [],
    [None],
    [[]],
    ["x"],
    [{}],
    [1, "x", {}],
    {},
    {"": None},
    {"data": {"data": {"data": None}}},
    {"error": {"error": "x"}},
    {"name": [], "message": {}, "stack": 5},
    {"event": None, "cron": 5},
    Raw("1e400"),
    Raw("-0.0"),
    Raw("NaN"),
    Raw("Infinity"),
    Raw("9" * 5_000),
    Raw('{"a": 1, "a": 2}'),
    Raw("[" * 300 + "]" * 300),
    Raw('{"a":' * 990 + "1" + "}" * 990),
    Raw(DEEP),
    Raw('"\\ud83d"'),
    Raw(""),
    Raw("]"),
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where each value in a JSON value is, the outermost first."""
    yield path
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, each in children:
        yield from paths(each, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a place."""
    for step in path:
        value = value[step]
    return value


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Copy a value with another in one place."""
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = put(value[path[0]], path[1:], new)
    return copied


def written(value: Any) -> bytes:
    """Write a value as JSON, the raw texts in it as they stand."""
    raw: list[Raw] = []

    def mark(each: Any) -> Any:
        if isinstance(each, Raw):
            raw.append(each)
            return f"\0{len(raw) - 1}\0"
        if isinstance(each, dict):
            return {key: mark(it) for key, it in each.items()}
        return [mark(it) for it in each] if isinstance(each, list) else each

    text = json.dumps(mark(value))
    for number, each in enumerate(raw):
        text = text.replace(json.dumps(f"\0{number}\0"), each)
    return text.encode()


@st.composite
def damaged(draw: st.DrawFn, value: Any) -> bytes:
    """Put values in up to three places of a JSON value, or what stands in another place."""
    for _ in range(draw(st.integers(1, 3))):
        places = list(paths(value))
        path = draw(st.sampled_from(places))
        new = draw(st.sampled_from([*VALUES, ...]))
        if new is ...:
            new = at(value, draw(st.sampled_from(places)))
        value = put(value, path, new)
    return written(value)


@st.composite
def flipped(draw: st.DrawFn, text: bytes) -> bytes:
    """Cut, repeat, overwrite or insert bytes in a few places."""
    changed = bytearray(text)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(changed)))
        match draw(st.sampled_from(["cut", "repeat", "overwrite", "insert"])):
            case "cut":
                del changed[start:]
            case "repeat":
                changed[start:start] = changed[start : start + draw(st.integers(1, 64))]
            case "overwrite":
                new = draw(st.binary(min_size=1, max_size=8))
                changed[start : start + len(new)] = new
            case _:
                changed[start:start] = draw(st.binary(min_size=1, max_size=8))
    return bytes(changed)


def accept(request: httpx.Request) -> httpx.Response:
    """Answer as a server that accepts every event."""
    events = json.loads(request.content)
    assert all(isinstance(event, dict) for event in events)
    return httpx.Response(200, json={"ids": ["x"] * len(events), "status": 200})
