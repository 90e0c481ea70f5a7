"""A mistake in setting up a mock raises at once, and says what is possible."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from inngest_rest_mock import MockServer, answers, sleeps, waits_for

if TYPE_CHECKING:
    from collections.abc import Callable

MISTAKES: dict[str, tuple[Callable[[MockServer], object], type[Exception], str]] = {
    "a release that is not one": (
        lambda _: MockServer(release="latest"),
        ValueError,
        r'"[\d.]+" .* is \'latest\'',
    ),
    "a release as a number": (lambda _: MockServer(release=1.38), ValueError, "is 1.38"),  # type: ignore[arg-type]
    "a release that is too old": (
        lambda _: MockServer(release="1.29.9"),
        ValueError,
        r"must be 1\.30 or newer, and is '1\.29\.9'",
    ),
    "a function registered twice": (
        lambda mock: [mock.function("a", id) for id in ("f", "f")],  # type: ignore[func-returns-value]
        ValueError,
        "'f' of app 'a' already exists",
    ),
    "no app": (lambda mock: mock.function("", "f"), ValueError, "app must not be empty"),
    "no id": (lambda mock: mock.function("a", ""), ValueError, "id must not be empty"),
    "an id of another type": (
        lambda mock: mock.function("a", 7),  # type: ignore[arg-type]
        TypeError,
        "id must be a str, and is 7",
    ),
    "a trigger of another type": (
        lambda mock: mock.function("a", "f", trigger={"event": "x"}),  # type: ignore[arg-type]
        TypeError,
        "trigger must be the name of an event",
    ),
    "an empty trigger": (
        lambda mock: mock.function("a", "f", trigger=["x", ""]),
        ValueError,
        "trigger must not be empty",
    ),
    "an output instead of a behaviour": (
        lambda mock: mock.function("a", "f", run={"paid": True}),  # type: ignore[arg-type]
        TypeError,
        r"run must be completes\(\.\.\.\).* completes\(\{'paid': True\}\)",
    ),
    "a number instead of a duration": (
        lambda _: sleeps(5),  # type: ignore[arg-type]
        TypeError,
        r"duration must be a timedelta, not 5: for seconds, timedelta\(seconds=5\)",
    ),
    "a negative duration": (
        lambda _: sleeps(timedelta(seconds=-1)),
        ValueError,
        "duration must not be negative",
    ),
    "nothing to follow a pause": (
        lambda _: sleeps(timedelta(1), then="done"),  # type: ignore[arg-type]
        TypeError,
        r"then must be .* completes\('done'\)",
    ),
    "an empty signal": (lambda _: waits_for(""), ValueError, "signal must not be empty"),
    "a status instead of an effect": (
        lambda mock: mock.fault(503),  # type: ignore[arg-type]
        TypeError,
        r"effect must be answers\(\.\.\.\).* and is 503",
    ),
    "a status that HTTP lacks": (lambda _: answers(20), ValueError, "status must be"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused(mistake: str) -> None:
    make, error, message = MISTAKES[mistake]
    with pytest.raises(error, match=message):
        make(MockServer())
