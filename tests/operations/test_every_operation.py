"""Every operation does its job against the mock server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inngest_rest._programs.parameters import read
from inngest_rest._programs.running import Invocation
from inngest_rest._table import commands
from tests.operations.cases import CASES, World

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = {each.command: each for each in commands()}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_succeeds(name: str, world: World) -> None:
    operation = OPERATIONS[name]
    parameters = read(operation, CASES[name](world))
    call = Invocation(row=operation, client=world.client, values=parameters, is_confirmed=True)
    envelope = call.run()
    assert envelope.ok, envelope.error
    assert envelope.data
