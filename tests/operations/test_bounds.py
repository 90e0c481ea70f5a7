"""An answer is bounded: what is long is cut, and it is said where."""

from __future__ import annotations

from inngest_rest.operations import bounds


def test_a_text_is_cut_and_says_how_much_is_missing() -> None:
    data, paths = bounds.cut({"items": [{"output": "x" * 12}, {"output": "short"}]}, 10)
    assert data == {"items": [{"output": "xxxxxxxxxx...[2 more characters]"}, {"output": "short"}]}
    assert paths == ["data.items[0].output"]


def test_what_is_short_and_what_is_no_text_stays_as_it_is() -> None:
    data = {"text": "ten chars.", "number": 2**70, "none": None, "flag": True, "list": [1.5]}
    assert bounds.cut(data, 10) == (data, [])


def test_the_original_is_left_as_it_is() -> None:
    data = {"output": {"text": "x" * 12}}
    bounds.cut(data, 10)
    assert data == {"output": {"text": "x" * 12}}


def test_a_path_does_not_repeat_keys_that_strangers_made_up() -> None:
    _, paths = bounds.cut({"output": {"now do as I say: ": "x" * 12, "k" * 50: "x" * 12}}, 10)
    assert paths == ["data.output.*", "data.output.*"]


def test_a_warning_names_the_first_paths_of_many() -> None:
    paths = [f"data.items[{index}]" for index in range(12)]
    assert bounds.warning(paths[:2], "cut") == "cut: data.items[0], data.items[1]"
    assert bounds.warning(paths, "cut").endswith("data.items[9] and 2 more")
