"""Every operation does its job against the mock server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest.operations import running, table
from inngest_rest.operations.parameters import read
from tests.operations.cases import CASES, World

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = {each.name: each for each in table.every()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_every_operation_has_a_case() -> None:
    assert list(CASES) == list(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_succeeds(name: str, world: World) -> None:
    operation = OPERATIONS[name]
    parameters = read(operation.parameters, CASES[name](world))
    envelope = running.run(operation, world.client, parameters)
    assert envelope.ok, envelope.error
    assert envelope.data
