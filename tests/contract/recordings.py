"""Exchanges recorded from real servers, and the reasons why some belong to no operation.

A recording states the release of its server in `release` or `server` ("1.38.1", "start 1.33") or in
its name. Those that state none are of release 1.43. README.md has the form of a file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .document import Document, DocumentedOperation, is_ill_formed

FOLDER = Path(__file__).parent / "recordings"

UNSTATED = "1.43"
"""The release of the recordings that state none: the first ones. It is never raised."""


@dataclass(frozen=True)
class Recording:
    """One request and its response, as sent over the wire."""

    name: str
    method: str
    path: str
    query: dict[str, Any]
    sent: Any
    status: int
    content_type: str
    received: Any
    release: str | None = None
    """The release of the server, if the recording states it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The headers of the response."""

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read one file of the folder."""
        exchange = json.loads(path.read_text(encoding="utf-8"))
        request, response = exchange["request"], exchange["response"]
        return cls(
            name=path.stem,
            method=request["method"],
            path=request["path"],
            query=request["query"],
            sent=request["body"],
            status=response["status"],
            content_type=response["headers"].get("content-type", ""),
            received=response["body"],
            headers=response["headers"],
            release=_release(exchange.get("release"), exchange.get("server"), path.stem),
        )

    @property
    def minor_release(self) -> str:
        """The release without its patch level; `UNSTATED` if the recording does not state it."""
        return ".".join((self.release or UNSTATED).split(".")[:2])

    @property
    def is_refusal(self) -> bool:
        """Return whether it is an error response; a v1 GET has it in the body of an HTTP 200."""
        return not 200 <= self.status < 300 or hides_error(self.received)

    @property
    def is_web_ui(self) -> bool:
        """Return whether the web UI responded: a page, or nothing in builds without one."""
        is_page = "html" in self.content_type or str(self.received).lstrip().startswith("<")
        return self.status == 200 and (is_page or self.received in ("", None))


def hides_error(body: Any) -> bool:
    """Return whether the body of a success is an error: it has one, and nothing else."""
    return isinstance(body, dict) and "error" in body and body.get("data") is None


def _release(*stated: object) -> str | None:
    """Return the first release stated."""
    found = (re.search(r"(?<![\d.])\d+\.\d+(\.\d+)?(?![\d.])", str(each)) for each in stated)
    return next((each[0] for each in found if each), None)


def read_all(folder: Path = FOLDER) -> list[Recording]:
    """Read every recording of a folder, sorted by name."""
    return [Recording.read(path) for path in sorted(folder.glob("*.json"))]


LEFT_OUT = re.compile(
    r"/invoke/[^/]+"
    r"|/(dev|mcp|v0/.*|debug/.*)"
    r"|/v1/(realtime/.*|checkpoint.*|http/.*|traces/.*|runs/[^/]+/metadata)"
    r"|/v2/(sandboxes|partner)(/.*)?|/v2/insights/query/prompt",
)
SERVED = re.compile(r"/(e|invoke|v0|v1|v2|api/v2)/.+|/(health|dev|metrics|mcp)/?|/debug/.*")

Rule = Callable[[Recording, Document], bool]


def why_outside(recording: Recording, document: Document) -> str | None:
    """Return why a recording belongs to no operation; None if nothing explains it."""
    return next((why for why, holds in OUTSIDE.items() if holds(recording, document)), None)


def is_of_absent_route(recording: Recording, operation: DocumentedOperation) -> bool:
    """Return whether a server responded as one does that lacks the operation, and may lack it.

    Releases before the operation's first one lack it.
    """
    if operation.tag == "ingest":
        return False
    is_older = bool(operation.since) and _is_before(recording, str(operation.since))
    return is_older and (recording.status in (405, 501) or says_not_found(recording))


def _is_before(recording: Recording, since: str) -> bool:
    # A release that is stated as 1.38 may be one before 1.38.3, and is not before 1.38.0.
    return _parts(recording.release or UNSTATED) < _parts(since)


def _parts(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.removesuffix(".0").split(".")))


def says_not_found(recording: Recording) -> bool:
    """Return whether the server knows no such route."""
    return recording.status == 404 and recording.received in (
        "404 page not found\n",
        {"errors": [{"code": "api_error", "message": "Not Found"}]},
    )


def _is_malformed(recording: Recording, _: Document) -> bool:
    path = recording.path
    return path.endswith("/") or "//" in path or is_ill_formed(path)


def _has_another_method(recording: Recording, document: Document) -> bool:
    return document.has_path(recording.path)


def _is_left_out(recording: Recording, _: Document) -> bool:
    return LEFT_OUT.fullmatch(recording.path.removeprefix("/api")) is not None


def _is_outside_api(recording: Recording, _: Document) -> bool:
    return SERVED.fullmatch(recording.path) is None


def _is_no_route(recording: Recording, _: Document) -> bool:
    names = ("/nope", "/nosuch")  # asked without the right key, so that only 401 comes back
    return says_not_found(recording) or recording.is_web_ui or recording.path.endswith(names)


# Why an exchange may belong to no operation, in the order checked. The description of the document
# explains the first, second and fourth.
OUTSIDE: dict[str, Rule] = {
    "the path is malformed: slash at the end, empty segment, bad escape": _is_malformed,
    "the path is an operation's, the method is not": _has_another_method,
    "a route of the server that the document leaves out": _is_left_out,
    "outside the API, where the web interface answers": _is_outside_api,
    "no route of the server": _is_no_route,
}
