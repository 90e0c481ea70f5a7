"""Exchanges recorded from a real server, and the reasons why some belong to no operation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .document import Document, is_ill_formed

FOLDER = Path(__file__).parent / "recordings"


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
        )

    @property
    def is_refusal(self) -> bool:
        """Return whether it is an error response; a v1 GET has it in the body of an HTTP 200."""
        hidden = isinstance(self.received, dict) and "error" in self.received
        return not 200 <= self.status < 300 or hidden


def read_all(folder: Path = FOLDER) -> list[Recording]:
    """Read every recording of a folder, sorted by name."""
    return [Recording.read(path) for path in sorted(folder.glob("*.json"))]


LEFT_OUT = re.compile(
    r"/invoke/[^/]+"
    r"|/(dev|metrics|mcp|v0/.*|debug/.*)"
    r"|/v1/(prom/.*|realtime/.*|checkpoint.*|http/.*|traces/.*|runs/[^/]+/metadata)"
    r"|/v2/(account|events|operations|env/webhooks|(envs|keys|partner)(/.*)?)"
    r"|/v2/(sandboxes|insights|experiments|sessions)(/.*)?"
    r"|/v2/(runs/[^/]+/scores|apps/[^/]+/syncs)",
)
SERVED = re.compile(r"/(e|invoke|v0|v1|v2|api/v2)/.+|/(health|dev|metrics|mcp)/?|/debug/.*")

Rule = Callable[[Recording, Document], bool]


def why_outside(recording: Recording, document: Document) -> str | None:
    """Return why a recording belongs to no operation; None if nothing explains it."""
    return next((why for why, holds in OUTSIDE.items() if holds(recording, document)), None)


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
    says_so = recording.status == 404 and recording.received in (
        "404 page not found\n",
        {"errors": [{"code": "api_error", "message": "Not Found"}]},
    )
    return says_so or recording.path.endswith("/nope")


# Why an exchange may belong to no operation, in the order checked. The description of the document
# explains the first, second and fourth.
OUTSIDE: dict[str, Rule] = {
    "the path is malformed: slash at the end, empty segment, bad escape": _is_malformed,
    "the path is an operation's, the method is not": _has_another_method,
    "a route of the server that the document leaves out": _is_left_out,
    "outside the API, where the web interface answers": _is_outside_api,
    "no route of the server": _is_no_route,
}
