"""Parse recorded responses with the generated parsers, and serialize them again."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from inngest_rest_api.api import OPERATIONS

from .document import TIME, Document, DocumentedOperation, is_placeholder
from .recordings import Recording, hides_error, is_of_absent_route, read_all

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType


class Exchange(NamedTuple):
    """A recording together with its operation."""

    recording: Recording
    operation: DocumentedOperation

    @property
    def status(self) -> int:
        """The effective status: the one in the body where a v1 GET answers HTTP 200."""
        return effective_status(self.recording.status, self.recording.received)


def effective_status(status: int, body: Any) -> int:
    """Return the effective status: the one in the body where a v1 GET answers HTTP 200."""
    if status == 200 and hides_error(body):
        return int(body["status"])
    return status


def documented(document: Document) -> dict[str, Exchange]:
    """Pair every recording that is a response of an operation with it, by name."""
    return {name: each for name, each in paired(document).items() if not is_of_absent_route(*each)}


def paired(document: Document) -> dict[str, Exchange]:
    """Pair every recording that has an operation with it, by name; the server may lack it."""
    met = ((each, document.match(each.method, each.path)) for each in read_all())
    return {
        each.name: Exchange(each, operation) for each, operation in met if operation is not None
    }


def by_operation(exchanges: Mapping[str, Exchange]) -> dict[str, dict[str, Exchange]]:
    """Group exchanges by the ids of their operations."""
    groups: dict[str, dict[str, Exchange]] = defaultdict(dict)
    for name, each in sorted(exchanges.items()):
        groups[each.operation.id][name] = each
    return dict(sorted(groups.items()))


def module_of(operation: DocumentedOperation) -> ModuleType:
    """Find the generated module of an operation in the generated table of operations."""
    return _module(operation.method.upper(), snake(operation.path))


@cache
def _module(method: str, path: str) -> ModuleType:
    (found,) = (each for each in OPERATIONS if (each.method, each.path) == (method, path))
    return import_module(f"inngest_rest_api.api.{found.tag}.{found.name}")


def snake(text: str) -> str:
    """Write the parameters in a path in snake_case."""
    return re.sub(r"(?<=[a-z])[A-Z]", lambda match: f"_{match[0].lower()}", text)


def parse(operation: DocumentedOperation, recording: Recording, body: Any) -> Any:
    """Parse a response with the operation's generated parser."""
    return module_of(operation).parse_response(respond(recording, body), strict=True)


def respond(recording: Recording, body: Any) -> httpx.Response:
    """Return the recorded response with this body: text as it is, anything else as JSON."""
    content = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    headers = {"content-type": recording.content_type} if recording.content_type else {}
    return httpx.Response(recording.status, headers=headers, content=content.encode())


def body_of(recording: Recording) -> Any:
    """Return the recorded body, with the kept part of values too long to keep."""
    return "" if recording.received is None else _kept(recording.received)


def _kept(value: Any) -> Any:
    if is_placeholder(value):
        return value.get("head", value)
    if isinstance(value, list):
        return [_kept(each) for each in value]
    return {key: _kept(each) for key, each in value.items()} if isinstance(value, dict) else value


def written(parsed: Any) -> Any:
    """Convert the result of a parser back to JSON."""
    if isinstance(parsed, str):
        # A status that may be text or JSON is read as text: the generator supports only one.
        return parsed if parsed.startswith("#") else json.loads(parsed)
    if isinstance(parsed, list):
        return [written(each) for each in parsed]
    return parsed.to_dict() if hasattr(parsed, "to_dict") else parsed


def losses(sent: Any, kept: Any, where: str = "$") -> list[str]:
    """Return where two bodies differ; times are compared as instants, to the microsecond."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        names = sorted(sent.keys() | kept.keys())
        return [
            loss
            for name in names
            for loss in losses(sent.get(name, _GONE), kept.get(name, _GONE), f"{where}.{name}")
        ]
    if isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        pairs = enumerate(zip(sent, kept, strict=True))
        return [loss for index, pair in pairs for loss in losses(*pair, f"{where}[{index}]")]
    return [] if _is_same(sent, kept) else [f"{where}: {sent!r} became {kept!r}"]


class _Gone:
    def __repr__(self) -> str:
        return "nothing"


_GONE = _Gone()


def _is_same(sent: Any, kept: Any) -> bool:
    if type(sent) is type(kept) and sent == kept:
        return True
    is_time = isinstance(sent, str) and isinstance(kept, str) and TIME.fullmatch(sent)
    return bool(is_time) and datetime.fromisoformat(sent).isoformat() == kept
