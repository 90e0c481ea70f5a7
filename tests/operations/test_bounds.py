"""An answer is bounded: what is long is cut, and it is said where."""

from __future__ import annotations

from typing import Any

import pytest

from inngest_rest.call_row import Returns
from inngest_rest.calls import commands
from inngest_rest.models import Page
from inngest_rest_tools import answer as answers
from inngest_rest_tools import cutting, schemas
from inngest_rest_tools.answer import Envelope, Reply, bound
from inngest_rest_tools.cutting import Cutter, Rest
from inngest_rest_tools.problems import Code, Problem


def cut_down(data: Any, max_chars: int) -> tuple[Any, list[str]]:
    cutter = Cutter(max_chars)
    return cutter.cut(data, "data"), cutter.paths


def test_a_text_is_cut_and_says_how_much_is_missing() -> None:
    data, paths = cut_down({"items": [{"output": "x" * 72}, {"output": "short"}]}, 70)
    cut = f"{'x' * 70}...[2 more characters]"
    assert data == {"items": [{"output": cut}, {"output": "short"}]}
    assert paths == ["data.items[0].output"]


def test_a_text_that_may_be_an_id_or_a_time_is_never_cut() -> None:
    data = {"id": "x" * 64, "text": "x" * 65}
    assert cut_down(data, 3) == (
        {"id": "x" * 64, "text": "xxx...[62 more characters]"},
        ["data.text"],
    )


def test_what_is_short_and_what_is_no_text_stays_as_it_is() -> None:
    data = {"text": "ten chars.", "number": 2**70, "none": None, "flag": True, "list": [1.5]}
    assert cut_down(data, 10) == (data, [])


def test_the_original_is_left_as_it_is() -> None:
    data = {"output": {"text": "x" * 72}}
    cut_down(data, 10)
    assert data == {"output": {"text": "x" * 72}}


def test_a_path_does_not_repeat_keys_that_strangers_made_up() -> None:
    _, paths = cut_down({"output": {"now do as I say: ": "x" * 72, "k" * 50: "x" * 72}}, 70)
    assert paths == ["data.output.*"]


def test_what_is_nested_too_deeply_is_cut() -> None:
    data: Any = 1
    for _ in range(300):
        data = {"key": data}
    short, paths = cut_down(data, 10)
    assert paths == ["data" + ".key" * 101]
    (warning,) = bounded(data).warnings
    assert warning.startswith("cut at 100 levels: data.key.key")
    for _ in range(101):
        short = short["key"]
    assert short == "...[more than 100 levels]"


@pytest.fixture(autouse=True)
def longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LONGEST_ANSWER", 5_000)


def bounded(data: Any, *, max_chars: int = 2_000) -> Envelope:
    envelope = bound(Envelope(True, "runs.get", data=data), max_chars)
    assert len(envelope.to_json()) <= 5_000
    return envelope


def test_an_answer_that_is_short_enough_stays_as_it_is() -> None:
    data = {"output": "x" * 2_000, "list": list(range(500))}
    assert bounded(data) == Envelope(True, "runs.get", data=data)


def test_text_is_cut_further_before_lists_are() -> None:
    answer = bounded({"items": [{"output": "x" * 3_000}] * 4})
    assert len(answer.data["items"]) == 4
    (warning,) = answer.warnings
    assert warning.startswith("cut at 1000 characters: data.items[0].output, ")


def test_a_list_is_cut_where_short_text_does_not_suffice() -> None:
    answer = bounded({"rows": [{"id": "x" * 100}] * 200})
    assert answer.data["rows"] == [{"id": "x" * 100}] * 32
    assert answer.warnings == ("cut at 32 items: data.rows (200); a narrower call shows more",)


def test_a_payload_with_many_keys_is_cut_but_a_record_never() -> None:
    payload = {f"key {index}": index for index in range(2_000)}
    answer = bounded({"output": payload, "id": "1"})
    assert 0 < len(answer.data["output"]) < 2_000
    assert answer.data["id"] == "1"
    assert answer.warnings[0].endswith("items: data.output (2000); a narrower call shows more")
    fields = [
        len(part["properties"])
        for operation in commands()
        for part in schemas.of_answer(operation)["$defs"].values()
        if "properties" in part
    ]
    assert max(fields) < cutting.MOST_FIELDS


@pytest.mark.parametrize(
    "payload",
    [
        {"k" * 100_000: 1},
        {"k" * 100_000 + str(index): 1 for index in range(60)},
        [[[["x" * 50] * 50] * 50] * 3],
        {str(it): {str(it): {str(it): it for it in range(45)} for it in range(45)} for it in "ab"},
    ],
)
def test_no_payload_makes_an_answer_too_long(payload: Any) -> None:
    answer = bounded({"output": payload})
    assert answer.warnings


def test_a_long_message_of_a_server_is_cut() -> None:
    problem = Problem(Code.SERVER, "x" * 50_000)
    envelope = Envelope(False, "runs.get", error=problem)
    answer = bound(envelope, 50_000)
    assert len(answer.to_json()) <= 5_000
    assert answer.warnings == ("cut at 2500 characters: error.message; max_chars gets more",)


def test_a_warning_names_the_first_paths_of_many() -> None:
    answer = bounded({"items": ["x" * 65] * 12}, max_chars=10)
    (warning,) = answer.warnings
    assert warning.startswith("cut at 10 characters: data.items[0], data.items[1], ")
    assert warning.endswith("data.items[9] and 2 more; max_chars gets more")


@pytest.mark.parametrize(("room", "number"), [(60, 2), (59, 1), (10, 1)])
def test_a_list_has_as_many_items_as_fit_and_at_least_one(room: int, number: int) -> None:
    items = [answers.PageInfo(1, "x" * 8)] * 4  # of 29 bytes, and a comma
    answer = Reply("runs.list", Returns.PAGES, room=room)
    assert not answer.add(items, Page(tuple(items), None))
    assert answer.page is not None
    assert answer.page.count == number == len(answer.envelope().data["items"])


def test_an_answer_that_is_exactly_as_long_as_it_may_be_stays_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    envelope = Envelope(True, "runs.get", data={"output": "x" * 900})
    longest = cutting.size_of(envelope.to_dict())
    for most in (longest, longest - 1):
        monkeypatch.setattr(answers, "LONGEST_ANSWER", most)
        assert (bound(envelope, 2_000) == envelope) is (most == longest)


def test_a_list_of_as_many_items_as_may_be_is_whole() -> None:
    cutter = cutting.Cutter(9, 2)
    data = {"a": [1, 2], "b": [1, 2, 3], "c": {str(n): n for n in range(51)}}
    assert cutter.cut(data, "data") == {"a": [1, 2], "b": [1, 2], "c": {"0": 0, "1": 1}}
    assert cutter.paths == ["data.b (3)", "data.c (51)"]
    (warning,) = cutter.warnings({Rest.NARROWER: "more"})
    assert warning == "cut at 2 items: data.b (3), data.c (51); more"


def test_long_keys_that_begin_the_same_are_kept_apart() -> None:
    keys = [f"{'k' * 100}{last}" for last in range(3)]
    cut = Cutter(64).cut({key: key[-1] for key in keys}, "data")
    assert [*cut.values()] == ["0", "1", "2"]
