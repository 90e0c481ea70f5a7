"""Each exchange of a contract case is checked against the document: a wrong response fails it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from inngest_rest.testing import MockServer, answers

from .exercised import Exercised
from .world import DOCUMENT, Judged

UP = {"status": 200, "message": "OK"}

ANSWERS = {
    "as documented": (answers(200, UP), 0),
    "another status": (answers(418), 1),
    "another content type": (answers(200, UP, headers={"Content-Type": "text/html"}), 1),
    "a property too many": (answers(200, {**UP, "version": 1}), 1),
    "a property too few": (answers(200, {"status": 200}), 1),
    "no body": (answers(200), 1),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_response_is_checked(answer: str) -> None:
    effect, faults = ANSWERS[answer]
    mock, found = MockServer(), list[str]()
    mock.fault(effect)
    with httpx.Client(transport=judged(mock, found), base_url="http://test") as client:
        client.get("/health")
    assert len(found) == faults


def test_response_to_an_async_client_is_checked() -> None:
    mock, found = MockServer(), list[str]()
    mock.fault(answers(418))

    async def ask() -> None:
        carrier = judged(mock, found)
        async with httpx.AsyncClient(transport=carrier, base_url="http://test") as client:
            await client.get("/health")
            await client.get("/nowhere")

    asyncio.run(ask())
    assert [each.partition(":")[0] for each in found] == ["GET /health", "GET /nowhere"]


def judged(mock: MockServer, found: list[str]) -> Judged:
    return Judged(mock.transport, Exercised(DOCUMENT), found)
