"""A reverse proxy that changes a server as its next release might: one change, or several.

    python -m tests.scripts.changed_server http://127.0.0.1:8288 field rename

prints the URL of a proxy of the server at that URL, and serves until it is interrupted.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


class Answer(NamedTuple):
    """A response: its body is JSON, or text."""

    status: int
    body: Any
    kind: str = "application/json"
    location: str = ""


ANNOTATION = {"id": "01K9V2D6N9P1R7Z4W8X3Y5A0B1", "text": "checked", "author": "ops"}


def runs_of(asked: Asked, answer: Answer) -> list[dict[str, Any]]:
    """Return the runs in a success: those of v2, and v1's single one."""
    if answer.status != 200 or not isinstance(answer.body, dict):
        return []
    data = answer.body.get("data")
    if asked.path.startswith("/v1/runs/") and isinstance(data, dict) and "run_id" in data:
        return [data]
    is_v2 = re.fullmatch(r"/v2/(.*/)?runs(/[^/]+)?", asked.path) is not None
    listed = data if isinstance(data, list) else [data]
    return [each for each in listed if isinstance(each, dict)] if is_v2 else []


def field(asked: Asked, answer: Answer) -> Answer:
    for run in runs_of(asked, answer):
        run["fieldOfTomorrow"] = 0
    return answer


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, list):
        return [_renamed(each, old, new) for each in value]
    if not isinstance(value, dict):
        return value
    return {new if key == old else key: _renamed(each, old, new) for key, each in value.items()}


def rename(_: Asked, answer: Answer) -> Answer:
    return answer._replace(body=_renamed(answer.body, "durationMs", "durationMillis"))


def pagerename(_: Asked, answer: Answer) -> Answer:
    return answer._replace(body=_renamed(answer.body, "hasMore", "hasNextPage"))


def status(asked: Asked, answer: Answer) -> Answer:
    for run in runs_of(asked, answer):
        if run.get("status") == "RUNNING":
            run["status"] = "WAITING"
    return answer


def routes(asked: Asked, answer: Answer) -> Answer:
    if re.fullmatch(r"/v2/runs/[^/]+/annotations", asked.path):
        return Answer(200, {"data": [ANNOTATION] if asked.method == "GET" else ANNOTATION})
    if asked.path == "/v2/operations" and answer.status == 200:
        schema = {"type": "object", "properties": {"runId": {"type": "string"}}}
        answer.body["data"]["operations"] += [
            {
                "id": f"{method}Annotations",
                "http": {"method": method, "path": "/runs/{runId}/annotations"},
                "mcp": {"name": f"{method.lower()}_annotations", "inputSchema": schema},
            }
            for method in ("GET", "POST")
        ]
    return answer


def error(asked: Asked, answer: Answer) -> Answer:
    if asked.path.endswith("/cancel") and answer.status == 409:
        problem = {"title": "Run has ended", "detail": "It cannot be cancelled.", "status": 422}
        return Answer(422, problem, "application/problem+json")
    return answer


def removed(asked: Asked, answer: Answer) -> Answer:
    is_it = re.fullmatch(r"/v1/runs/[^/]+/jobs", asked.path)
    return Answer(404, "404 page not found\n", "text/plain; charset=utf-8") if is_it else answer


def strict(asked: Asked, answer: Answer) -> Answer:
    if not asked.path.startswith("/e/"):
        return answer
    events = asked.body if isinstance(asked.body, list) else [asked.body]
    for event in (each for each in events if isinstance(each, dict)):
        if len(str(event.get("name", ""))) > 100:
            return _refused("name exceeds 100 characters")
        if event.get("data") is None:
            return _refused("data is required")
    return answer


def _refused(why: str) -> Answer:
    return Answer(400, {"ids": [""], "error": why, "status": 400}, "text/plain; charset=utf-8")


def limit(asked: Asked, answer: Answer) -> Answer:
    """Refuse pages of more than half of what was allowed; v1, which refuses none, is asked less."""
    most = 20 if asked.path.startswith("/v2/events/") else 50
    given = asked.query.get("limit", "")
    is_asked = asked.path.startswith("/v2/") and answer.status == 200 and given.isdigit()
    if not is_asked or int(given) <= most:
        return answer
    refusal = {"code": "invalid_field_format", "message": f"Limit cannot exceed {most}"}
    return Answer(400, {"errors": [refusal]})


CHANGES: dict[str, Callable[[Asked, Answer], Answer]] = {
    each.__name__: each
    for each in (field, rename, pagerename, status, routes, error, removed, strict, limit)
}
"""What the next release may change, by name; the order is that in which they are made."""


@contextmanager
def changed(url: str, changes: Collection[str]) -> Iterator[str]:
    """Serve a proxy of the server at a URL, with changes; yield its own URL."""
    upstream = httpx.Client(base_url=url, timeout=60)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, else each waits for the other's receipt

        def handle_one(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            if (
                "limit" in changes
                and parts.path == "/v1/events"
                and query.get("limit", "").isdigit()
            ):
                query["limit"] = str(min(int(query["limit"]), 25))
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, parts.path, query, _parsed(content))
            answer, headers = self._answer(asked, content, parts.query)
            self._send(answer, headers)

        def _answer(
            self, asked: Asked, content: bytes, query: str
        ) -> tuple[Answer, Mapping[str, str]]:
            if "strict" in changes and (refusal := strict(asked, Answer(0, None))).status:
                return refusal, {}
            kept = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("host", "content-length", "connection", "accept-encoding")
            }
            is_events = asked.path == "/v1/events"
            query = urlencode(asked.query) if is_events else query
            path = asked.path + (f"?{query}" if query else "")
            try:
                response = upstream.request(asked.method, path, headers=kept, content=content)
            except httpx.LocalProtocolError:  # a header that no server would be sent
                return Answer(400, "400 Bad Request", "text/plain; charset=utf-8"), {}
            answer = Answer(
                response.status_code,
                _parsed(response.content),
                response.headers.get("content-type", ""),
            )
            for name, change in CHANGES.items():
                if name in changes:
                    answer = change(asked, answer)
            names = ("x-inngest-server-kind", "date", "x-inngest-sdk", "location")
            kept = {it: response.headers[it] for it in names if it in response.headers}
            return answer, {**kept, "location": answer.location or kept.get("location", "")}

        def _send(self, answer: Answer, headers: Mapping[str, str]) -> None:
            is_text = isinstance(answer.body, str)
            content = answer.body.encode() if is_text else json.dumps(answer.body).encode()
            self.send_response_only(answer.status)
            for name, value in {**headers, "content-type": answer.kind}.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one  # noqa: N815 - as it is called

        def log_message(self, format: str, *_: Any) -> None:
            """Say nothing."""

    with upstream, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


if __name__ == "__main__":
    with changed(sys.argv[1], sys.argv[2:]) as own:
        sys.stdout.write(f"{own}\n")
        sys.stdout.flush()
        threading.Event().wait()
