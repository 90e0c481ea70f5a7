"""An event passes few files, and CONTRIBUTING.md has them in the order in which they are read."""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import inngest_rest
import inngest_rest_api
from inngest_rest import Event
from tests.support.client_kinds import open_client
from tests.support.peer import Peer, answers

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from types import FrameType

    from tests.support.client_kinds import ClientKind

ROOT = Path(__file__).parents[2]
PACKAGE = Path(inngest_rest.__file__).parent
GENERATED = Path(inngest_rest_api.__file__).parents[1]

WAY = (
    (ROOT / "CONTRIBUTING.md")
    .read_text("utf-8")
    .partition("\n## The way of an event\n")[2]
    .partition("\n## ")[0]
)
LISTED = set(re.findall(r"`([\w/]+\.py)`", WAY))

OF_ONE_CLIENT: dict[ClientKind, set[str]] = {
    "blocking": {"client/client.py", "client/groups.py", "_core/drivers/blocking.py"},
    "async": {"aio/client.py", "aio/groups.py", "_core/drivers/asynchronous.py"},
}


@contextmanager
def files_passed() -> Iterator[set[str]]:
    """Collect the files of the package whose functions are called by this thread."""
    passed: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call":
            for root in (PACKAGE, GENERATED):
                if path.is_relative_to(root):
                    passed.add(path.relative_to(root).as_posix())
                    break

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield passed
    finally:
        sys.setprofile(before)


def test_an_event_passes_the_files_that_the_page_lists(client_kind: ClientKind) -> None:
    def answers_twice(connection: socket.socket) -> None:
        answers(connection)
        answers(connection)

    with (
        Peer(answers_twice) as peer,
        asyncio.Runner() as runner,
        open_client(client_kind, runner, event_key="k", base_url=peer.url) as client,
    ):
        client.send(Event("app/order", {"total": 1}))
        with files_passed() as passed:
            client.send(Event("app/order", {"total": 1}))
    others = {
        name for kind, names in OF_ONE_CLIENT.items() if kind != client_kind for name in names
    }
    assert sorted(passed) == sorted(LISTED - others)
