"""Parameters of operations, as programs and models make them up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest.calls import commands
from inngest_rest.errors import InvalidArgumentError
from inngest_rest_tools.answer import Reply
from inngest_rest_tools.command.inputs import Inputs
from inngest_rest_tools.parameters import parameters, read
from inngest_rest_tools.problems import Code, problem_of
from inngest_rest_tools.running import Invocation
from tests.hostile.invalid import DEEP, VALUES, bounded, briefly, damaged, flipped, written
from tests.operations.cases import CASES, World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of a parameter that names a file is one in this folder."""
    monkeypatch.chdir(tmp_path)


OPERATIONS = {each.command or "": each for each in commands() if not each.uses_files}


def outcome(world: World, name: str, text: bytes) -> Code | None:
    """Run an operation with `--params`; return what went wrong."""
    operation = OPERATIONS[name]
    with briefly():
        try:
            values = Inputs().json("params", text.decode("utf-8", "surrogateescape"), dict)
            found = read(operation, values)
        except InvalidArgumentError as error:
            envelope = Reply(name).envelope(problem_of(error, operation))
        else:
            call = Invocation(row=operation, client=world.client, values=found, is_confirmed=True)
            envelope = call.run()
        json.loads(envelope.to_json())
    return None if envelope.error is None else envelope.error.code


ODD = [*VALUES, "0s", "999999999w", "-1h"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_any_value_of_any_parameter_is_a_result_or_a_problem(name: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    case = dict(CASES[name](world))
    # Operations share most of their parameters: each takes every third value, by turns.
    turn = [*OPERATIONS].index(name)
    for number, field in enumerate(parameters(OPERATIONS[name])):
        if field.name == "timeout":
            continue  # it passes at once, by the clock of the mock, however often that ticks
        for value in [*ODD[(turn + number) % 3 :: 3], [case.get(field.name)] * 2]:
            found = outcome(world, name, written({**case, field.name: value}))
            assert found is not Code.UNEXPECTED, (field.name, value)


@pytest.mark.parametrize("name", ["send_many", "events.list", "runs.cancel"])
def test_any_parameters_are_a_result_or_a_problem(name: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    case = dict(CASES[name](world))

    @settings(bounded, max_examples=40)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        text = data.draw(damaged(case))
        if data.draw(st.booleans()):
            text = data.draw(flipped(text))
        assert outcome(world, name, text) is not Code.UNEXPECTED

    holds()


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 5_000, "9" * 5_000, "\0", "[]", "null"])
def test_params_that_are_no_object_are_a_problem(text: str) -> None:
    with briefly(), pytest.raises(InvalidArgumentError):
        Inputs().json("params", text, dict)
