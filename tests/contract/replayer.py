"""A client that is answered as one exchange was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx

from inngest_rest.errors import InngestError
from tests.support.doors import DoorName, open_door

from .document import Document, Operation, routed
from .methods import METHODS, Request, family_of, moment, request_of, stand_in
from .parsing import Exchange, body_of, respond

if TYPE_CHECKING:
    import asyncio


class Replayer:
    """Asks through one door; whatever is asked but the operation in question is a failure.

    Attributes:
        asked: The requests of the last call.
    """

    def __init__(self, document: Document, door: DoorName, runner: asyncio.Runner) -> None:
        self._document = document
        self._door = door
        self._runner = runner
        self.asked: list[httpx.Request] = []

    def ask(self, operation: Operation, request: Request, answer: httpx.Response) -> Any:
        """Call the method of an operation and return what it does, an error included."""
        self.asked.clear()

        def handle(sent: httpx.Request) -> httpx.Response:
            asked = self._document.match(sent.method, path_of(sent))
            if self.asked and asked is not None and asked.id == "getEventV1":
                # What follows an unknown run: whether its id is an event's.
                return httpx.Response(404)
            assert asked == operation
            self.asked.append(sent)
            return answer

        try:
            with open_door(
                self._door,
                self._runner,
                dev=True,
                event_key=request.path.get("eventKey"),
                api_version=family_of(operation),
                retries=0,
                transport=httpx.MockTransport(handle),
            ) as client:
                return METHODS[operation.id].ask(client, request)
        except InngestError as error:
            return error

    def replay(self, exchange: Exchange) -> Any:
        """Ask the recorded request, or something ordinary where that cannot be asked."""
        recording, operation = exchange
        answer = respond(recording, body_of(recording))
        request = request_of(operation, recording)
        if request is not None:
            outcome = self.ask(operation, request, answer)
            if self.asked:
                assert_same_request(self.asked[0], exchange)
                return outcome
        return self.ask(operation, ordinary(exchange), answer)


def ordinary(exchange: Exchange) -> Request:
    """Ask for something ordinary, with as many events as the answer speaks of."""
    body = body_of(exchange.recording)
    stored = [each for each in body.get("ids", ()) if each] if isinstance(body, dict) else []
    return stand_in(exchange.operation, len(stored) + (exchange.status != 200))


def assert_same_request(sent: httpx.Request, exchange: Exchange) -> None:
    """Hold the client's request to the recorded one, as far as both say the same thing."""
    recorded = exchange.recording.query
    assert unquote(routed(path_of(sent))) == unquote(routed(exchange.recording.path))
    # A page larger than the server gives is asked for in its own size.
    both = (sent.url.params.keys() & recorded.keys()) - {"limit"}
    for name in both:
        said, wanted = sent.url.params.get_list(name), recorded[name]
        wanted = wanted if isinstance(wanted, list) else [wanted]
        assert [moment(each) for each in said] == [moment(str(each)) for each in wanted]


def path_of(request: httpx.Request) -> str:
    """Give the path as it goes over the wire."""
    return request.url.raw_path.decode().partition("?")[0]
