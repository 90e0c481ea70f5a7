"""The old server with one difference: what a call of the client does about that one alone.

An alteration sends a request by a function that it is given, and returns a response: the old
server's, changed, or one that the new server gave to a like request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx

from scripts.internal.release_diff.bodies import changed, form, kind
from scripts.internal.release_diff.subjects import exchange, parsed
from tests.contract.document import routed
from tests.contract.parsing import body_of, respond
from tests.contract.replayer import path_of
from tests.contract.world import DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from scripts.internal.release_diff.survey import Probe
    from tests.contract.recordings import Recording

    Places = Collection[tuple[str, str]]

Send = Callable[[httpx.Request], httpx.Response]
Alteration = Callable[[httpx.Request, Send], httpx.Response]
Change = Callable[[dict[str, Any], str], None]


def adding(places: Places, value: Any) -> Alteration:
    """Add a field."""
    return _rewriting(places, lambda item, name: item.update({name: value}))


def removing(places: Places) -> Alteration:
    """Remove a field."""
    return _rewriting(places, lambda item, name: item.pop(name, None))


def renaming(places: Places, other: str) -> Alteration:
    """Rename a field."""

    def rename(item: dict[str, Any], name: str) -> None:
        if name in item:
            item[other] = item.pop(name)

    return _rewriting(places, rename)


def replacing(places: Places, value: Any, instead_of: Collection[Any] = ()) -> Alteration:
    """Replace the value of a field; only certain values if those are named."""

    def replace(item: dict[str, Any], name: str) -> None:
        if item.get(name) is not None and (not instead_of or item[name] in instead_of):
            item[name] = value

    return _rewriting(places, replace)


def _rewriting(places: Places, change: Change) -> Alteration:
    def alter(request: httpx.Request, send: Send) -> httpx.Response:
        response = send(request)
        asked = operation_at(request)
        paths = [path for operation, path in places if operation == asked]
        body = parsed(response.text)
        if not paths or not response.is_success or not isinstance(body, dict | list):
            return response
        for path in paths:
            body = _changed(body, path, change)
        return httpx.Response(response.status_code, headers=_headers(response), json=body)

    return alter


def _changed(body: Any, path: str, change: Change) -> Any:
    if path.startswith("[]."):  # a list without an envelope
        within = path.removeprefix("[].")
        return [changed(each, within, change) for each in body]
    return changed(body, path, change)


def _headers(response: httpx.Response) -> dict[str, str]:
    kept = ("content-type", "date", "x-inngest-server-kind")
    return {name: response.headers[name] for name in kept if name in response.headers}


def refusing(operation: str, answer: Recording) -> Alteration:
    """Give one answer to every request of an operation."""

    def alter(request: httpx.Request, send: Send) -> httpx.Response:
        return _answer(answer) if operation_at(request) == operation else send(request)

    return alter


def limiting(operations: Collection[str], most: int, *, refuses: bool) -> Alteration:
    """Have smaller pages: refuse more, or give as many."""

    def alter(request: httpx.Request, send: Send) -> httpx.Response:
        asked = request.url.params.get("limit", "")
        is_too_much = asked.isdigit() and int(asked) > most
        if not is_too_much or operation_at(request) not in operations:
            return send(request)
        if refuses:
            error = {"code": "invalid_field_format", "message": f"Limit cannot exceed {most}"}
            return httpx.Response(400, json={"errors": [error]})
        url = request.url.copy_set_param("limit", most)
        return send(httpx.Request(request.method, url, headers=request.headers))

    return alter


def answering(answers: Mapping[Probe, tuple[Recording, Recording]]) -> Alteration:
    """Give the new server's answer to requests that are like those of probes."""

    def alter(request: httpx.Request, send: Send) -> httpx.Response:
        for probe, (before, after) in answers.items():
            if _is_like(request, probe, before):
                return _answered(request, send, before, after)
        return send(request)

    return alter


def _answered(
    request: httpx.Request, send: Send, before: Recording, after: Recording
) -> httpx.Response:
    """Answer as the new server does; a success of both keeps its own ids."""
    if after.is_refusal and not before.is_refusal:
        return _answer(after)
    response = send(request)
    if before.is_refusal:
        is_refused_so = form(exchange("", request, response)) == form(before)
        return _answer(after) if is_refused_so else response
    headers = {**_headers(response), "content-type": after.content_type}
    return httpx.Response(after.status, headers=headers, content=response.content)


def _is_like(request: httpx.Request, probe: Probe, asked: Recording) -> bool:
    """Return whether a request is one of a probe: an event alike, a path and a query alike."""
    if operation_at(request) != probe.operation:
        return False
    if asked.is_refusal and probe.operation != "sendEvents":
        return True
    if not probe.query.items() <= dict(request.url.params).items():
        return False
    if probe.operation not in {"sendEvents", "sendEventV2"}:
        return routed(path_of(request)) == routed(asked.path)
    sent = parsed(request.content.decode())
    events = sent if isinstance(sent, list) else [sent]
    return any(_is_alike(event, probe.body) for event in events)


def _is_alike(event: Any, odd: Any) -> bool:
    """Return whether an event is as another one, as far as a server may refuse it for that."""
    if not isinstance(event, dict) or not isinstance(odd, dict):
        return False
    return event.keys() >= odd.keys() and _oddity(event) == _oddity(odd)


def _oddity(event: Mapping[str, Any]) -> tuple[bool, str]:
    """Return whether the name of an event is long, and what kind of data it has."""
    data = kind(event["data"]) if "data" in event else ""
    return len(str(event.get("name", ""))) > 100, data


def _answer(recording: Recording) -> httpx.Response:
    return respond(recording, body_of(recording))


def operation_at(request: httpx.Request) -> str:
    """Name what a request asks: the id of a documented operation, else method and path."""
    path = path_of(request)
    found = DOCUMENT.match(request.method, path)
    return f"{request.method} {path}" if found is None else found.id
