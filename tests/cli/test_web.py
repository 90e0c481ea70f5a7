"""`--web`: the page of a run, an event or a function is printed, and on a terminal opened."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.command import Run

RUN = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"


@pytest.mark.parametrize(
    ("words", "page"),
    [
        (["runs", "get", RUN], f"run?runID={RUN}"),
        (["events", "get", RUN], f"event?eventID={RUN}"),
        (["functions", "get", "shop", "charge"], "functions/config?slug=shop-charge"),
    ],
)
def test_a_page_is_printed_and_a_terminal_opens_it(
    words: list[str], page: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_page(url: str) -> bool:
        opened.append(url)
        return False

    monkeypatch.setattr(webbrowser, "open", open_page)
    ran = run(*words, "--web")
    assert (ran.status, ran.out, ran.err) == (0, f"http://127.0.0.1:8288/{page}\n", "")
    assert not opened
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    ran = run(*words, "--web", "-o", "json")
    assert (ran.out, opened) == (f"http://127.0.0.1:8288/{page}\n", [ran.out.strip()])
    assert "No browser could be started" in ran.err
    assert not run.server.requests
