"""A scripted server: its responses by request, and a record of the requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
from attrs import field, frozen

if TYPE_CHECKING:
    from tests.support.clock import Clock

RECORDINGS = Path(__file__).parents[1] / "contract" / "recordings"


@frozen
class Reply:
    """A response, which may be sent any number of times."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(factory=dict)


Answer = Reply | Exception | Callable[[httpx.Request], Reply]


def says(body: object, *, status: int = 200, **headers: str) -> Reply:
    """Return a JSON response; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = json.dumps(body).encode()
    return Reply(status, text, {"content-type": "application/json", **named})


def text(status: int, body: str, content_type: str = "text/plain; charset=utf-8") -> Reply:
    """Return a text response."""
    return Reply(status, body.encode(), {"content-type": content_type})


def recorded(name: str) -> Reply:
    """Return a recorded response of the real server."""
    response = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))["response"]
    body = response["body"]
    content_type = response["headers"].get("content-type")
    headers = {"content-type": content_type} if content_type else {}
    raw = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    return Reply(response["status"], raw.encode(), headers)


def body_of(name: str) -> Any:
    """Return the body of a recording."""
    return json.loads(recorded(name).body)


def about(id: str, name: str) -> Reply:
    """Return a recorded response as if it were about this run or event."""
    body = body_of(name)
    if not body.get("data"):
        return recorded(name)
    fields = body["data"].keys() & {"id", "run_id", "runId", "internal_id"}
    body["data"] |= dict.fromkeys(fields, id)
    return says(body, status=recorded(name).status)


# Responses to routes that a server does not have: its web UI, or a 404 of the family.
WEB_UI = text(200, "<!DOCTYPE html><title>Inngest</title>", "text/html")
NO_ROUTE = {"v1": recorded("v1-runs-list"), "v2": recorded("v2-unknown-route")}


class Server(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Responds by a script; routes that are not in it are absent."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.closed = 0
        self._script: dict[str, list[Answer]] = {}

    def on(self, route: str, *answers: Answer) -> None:
        """Respond to "METHOD /path" with each of these in turn, then always with the last."""
        self._script[route] = list(answers)

    @property
    def asked(self) -> list[str]:
        """The requests, as "METHOD /path?query"."""
        return [f"{each.method} {unquote(each.url.raw_path.decode())}" for each in self.requests]

    def bodies(self) -> list[Any]:
        """Return the JSON body of each request."""
        return [json.loads(each.content) for each in self.requests]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self._answer(request)

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        script = self._script.get(f"{request.method} {path}")
        if script is None:
            answer: Answer = NO_ROUTE.get(path.split("/")[1], WEB_UI)
        else:
            answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Exception):
            raise answer
        reply = answer if isinstance(answer, Reply) else answer(request)
        stream = httpx.ByteStream(reply.body)
        return httpx.Response(reply.status, headers=reply.headers, stream=stream)


def accepts_all(request: httpx.Request) -> Reply:
    """Accept every event; its name becomes its internal id."""
    events = json.loads(request.content)
    return says({"ids": [each["name"] for each in events], "status": 200})


def refuses(name: str) -> Callable[[httpx.Request], Reply]:
    """Accept events as the server does: up to the first with this name (operation sendEvents)."""

    def answer(request: httpx.Request) -> Reply:
        names = [each["name"] for each in json.loads(request.content)]
        if name not in names:
            return accepts_all(request)
        stored = names[: names.index(name)]
        body = {"ids": stored or [""], "status": 400, "error": f"{name} is refused"}
        return says(body, status=400)

    return answer


def hangs(clock: Clock) -> Callable[[httpx.Request], Reply]:
    """Respond with nothing for as long as the client waits for a response."""

    def answer(request: httpx.Request) -> Reply:
        clock.advance(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("timed out", request=request)

    return answer
