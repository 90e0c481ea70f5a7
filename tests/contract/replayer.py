"""A client whose requests are answered from one recording."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx

from inngest_rest.errors import InngestError
from tests.support.client_kinds import ClientKind, open_client

from .document import Document, DocumentedOperation, routed
from .methods import METHODS, Arguments, family_of, moment, request_of, stand_in
from .parsing import Exchange, body_of, respond

if TYPE_CHECKING:
    import asyncio
    from contextlib import AbstractContextManager


# What the client may ask after the recorded exchange: whether the id of an unknown run is an
# event's, a run by the other family, and whether there is an app that has no functions.
FOLLOW_UPS = ("getEventV1", "getRunV1", "getRunV2", "getAppV2")


class Replayer:
    """Calls one kind of client; a request to any operation but the recorded one is a failure.

    Attributes:
        asked: The requests of the last call.
    """

    def __init__(self, document: Document, client_kind: ClientKind, runner: asyncio.Runner) -> None:
        self._document = document
        self._client_kind = client_kind
        self._runner = runner
        self._operation: DocumentedOperation | None = None
        self._answer = httpx.Response(500)
        self.asked: list[httpx.Request] = []

    def ask(
        self,
        operation: DocumentedOperation,
        said: Arguments,
        answer: httpx.Response,
        event_key: str | None = "x",
    ) -> Any:
        """Call the method of an operation and return its result or error."""
        self.asked.clear()
        self._operation, self._answer = operation, answer
        try:
            with self.client(event_key, family_of(operation)) as client:
                return METHODS[operation.id].ask(client, said)
        except InngestError as error:
            return error

    def client(self, event_key: str | None, family: str) -> AbstractContextManager[Any]:
        """Return a client for one call."""
        return open_client(  # type: ignore[no-any-return]
            self._client_kind,
            self._runner,
            dev=True,
            event_key=event_key,
            api_version=family,
            retries=0,
            transport=httpx.MockTransport(self._handle),
        )

    def _handle(self, sent: httpx.Request) -> httpx.Response:
        asked = self._document.match(sent.method, path_of(sent))
        if self.asked and asked != self._operation and asked is not None and asked.id in FOLLOW_UPS:
            return httpx.Response(404)
        assert asked == self._operation
        if self.asked and "cursor" in sent.url.params:  # after a page that was made empty
            return httpx.Response(200, json={"data": [], "page": {"hasMore": False}})
        self.asked.append(sent)
        return self._answer

    def replay(self, exchange: Exchange) -> Any:
        """Send the recorded request, or an ordinary one if that cannot be sent."""
        recording, operation = exchange
        answer = respond(recording, body_of(recording))
        request = request_of(operation, recording)
        if request is not None:
            said = METHODS[operation.id].arguments(request)
            outcome = self.ask(operation, said, answer, request.path.get("eventKey"))
            if self.asked:
                assert_same_request(self.asked[0], exchange)
                return outcome
        return self.ask(operation, ordinary(exchange), answer)


# A client does not replay a run that it has just replayed.
HELD_BACK = {"rerunRunV2", "replayRunV1"}


class SharedReplayer(Replayer):
    """Calls all operations of a family with one client: for many successes in a short time."""

    def __init__(self, document: Document, client_kind: ClientKind, runner: asyncio.Runner) -> None:
        super().__init__(document, client_kind, runner)
        self._clients: dict[tuple[str | None, str], Any] = {}

    def client(self, event_key: str | None, family: str) -> AbstractContextManager[Any]:
        """Return the client that was used before, and leave it open."""
        if self._operation is not None and self._operation.id in HELD_BACK:
            return super().client(event_key, family)
        key = (event_key, family)
        if key not in self._clients:
            self._clients[key] = super().client(event_key, family)
        return nullcontext(self._clients[key])

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()


def ordinary(exchange: Exchange) -> Arguments:
    """Return ordinary arguments, with as many events as the response accounts for."""
    body = body_of(exchange.recording)
    stored = [each for each in body.get("ids", ()) if each] if isinstance(body, dict) else []
    return stand_in(exchange.operation, len(stored) + (exchange.status >= 300))


def assert_same_request(sent: httpx.Request, exchange: Exchange) -> None:
    """Compare the client's request with the recorded one, as far as they are comparable."""
    recorded = exchange.recording.query
    assert unquote(routed(path_of(sent))) == unquote(routed(exchange.recording.path))
    # The client reduces a page size beyond the server's maximum; "_" leads past a cache.
    both = (sent.url.params.keys() & recorded.keys()) - {"limit", "_"}
    for name in both:
        said, wanted = sent.url.params.get_list(name), recorded[name]
        wanted = wanted if isinstance(wanted, list) else [wanted]
        assert [moment(each) for each in said] == [moment(str(each)) for each in wanted]


def path_of(request: httpx.Request) -> str:
    """Return the path as it is sent."""
    return request.url.raw_path.decode().partition("?")[0]
