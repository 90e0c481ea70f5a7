"""`Span.to_html`: the same waterfall as a page, as text and as a browser shows it."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest._core.resources import trace
from inngest_rest._waterfall.layout import lay_out
from tests.support.browser import Browser, find_browser
from tests.support.traces import NOW, hostile_trace, many_steps, recorded_trace, span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inngest_rest import Span

in_browser = pytest.mark.skipif(
    find_browser() is None, reason="needs a browser: apt-get install chromium"
)

TRACES = {
    "all kinds": recorded_trace("v2-trace-all-kinds"),
    "hostile": hostile_trace(),
    "running": span(
        "Run",
        0,
        0.5,
        None,
        span("sleep", 4, 4, None, status="waiting", step_op="sleep"),
        span("turn to come", 8.5, None, None, status="waiting"),
        span("instant", 10, 10, 10),
    ),
}


class Parsed(HTMLParser):
    """The elements and attributes of a page, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_hostile_texts_are_shown_and_make_no_element_attribute_or_class() -> None:
    page = Parsed(hostile_trace().to_html(now=NOW))
    harmless = Parsed(recorded_trace("v2-trace-step-fails").to_html())
    tags = {tag for tag, _ in page.elements}
    assert tags <= {tag for tag, _ in harmless.elements}
    assert not tags & {"script", "img", "link", "iframe", "object"}
    names = {name for _, attributes in page.elements for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    classes = {each for _, found in page.elements for each in (found.get("class") or "").split()}
    assert all(re.fullmatch(r"[a-z-]+", each) for each in classes)
    assert any("<script>top.hit = 1</script>" in text for text in page.texts)
    assert any(r"\x1b[31mred" in text for text in page.texts)
    assert any(r"\u202egnp.exe" in text for text in page.texts)


def test_a_run_of_which_no_time_is_known_has_only_a_status_above_its_chart() -> None:
    root = span("Run", None, None, None, status="skipped")
    page = root.to_html(now=NOW)
    (summary,) = re.findall(r"<p>(.*?)</p>", page)
    assert re.sub("<[^>]*>", "", summary).split() == ["-", "skipped"]


@pytest.mark.parametrize("name", TRACES)
def test_a_page_loads_nothing_and_can_be_written_as_utf_8(name: str) -> None:
    text = TRACES[name].to_html(now=NOW)
    text.encode()
    assert text.startswith("<!doctype html>\n")
    page = Parsed(text)
    policy = next(each["content"] for _, each in page.elements if "http-equiv" in each)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    for _, attributes in page.elements:
        assert not attributes.keys() & {"src", "srcset", "data", "action", "href"}
    assert "url(" not in text
    assert "@import" not in text


def test_402_spans_become_a_page_in_less_than_50_ms() -> None:
    root = trace.readable(many_steps(200))
    assert root.to_html(now=NOW).count("<tr") == 202
    took = []
    for _ in range(3):
        began = time.thread_time()
        root.to_html(now=NOW)
        took.append(time.thread_time() - began)
    assert min(took) < 0.05


ROWS = """
const rows = [...page.querySelectorAll("tbody tr:not(.error)")].map((row) => {
  const chart = row.querySelector(".chart"), bar = row.querySelector(".bar");
  return {
    row: box(row),
    text: row.querySelector("bdi").textContent,
    name: box(row.querySelector(".name")),
    kind: box(row.querySelector(".kind")),
    chart: box(chart),
    bar: bar && box(bar),
    queue: row.querySelector(".queue") && box(row.querySelector(".queue")),
    duration: box(row.querySelector(".duration")),
    took: row.querySelector(".duration").textContent,
  };
});
const times = [...page.querySelectorAll("thead span")]
  .filter((it) => style(it).display !== "none").map(box);
const texts = "h1, p, b, thead th, bdi, .mark, .kind, .duration, footer span";
return {
  rows, times,
  header: box(page.querySelector("thead .chart")),
  colors: [...page.querySelectorAll(texts)].map((it) => style(it).color),
  paper: style(page.body).backgroundColor,
  overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth,
  scripts: page.scripts.length + page.images.length,
  loaded: performance.getEntriesByType("resource").length,
  hit: "hit" in window,
};
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@in_browser
@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (1280, True), (640, False)], ids=["wide", "dark", "narrow"]
)
@pytest.mark.parametrize("name", TRACES)
def test_a_browser_shows_the_waterfall(
    browser: Browser, name: str, width: int, dark: bool, tmp_path: Path
) -> None:
    root = TRACES[name]
    browser.look(width, dark=dark)
    seen = browser.measure(root.to_html(now=NOW), ROWS, tmp_path)
    assert (seen["scripts"], seen["loaded"], seen["hit"]) == (0, 0, False)
    assert seen["overflow"] == 0
    assert_rows_are_as_laid_out(root, seen["rows"])
    assert_columns_are_apart(seen["rows"], is_narrow=width < 760)
    assert_times_are_legible(seen["times"], seen["header"])
    assert luminance(seen["paper"]) < 0.05 if dark else luminance(seen["paper"]) > 0.9
    for color in set(seen["colors"]):
        assert contrast(color, seen["paper"]) >= 4.5, color


def assert_rows_are_as_laid_out(root: Span, seen: list[dict[str, Any]]) -> None:
    waterfall = lay_out(root, NOW)
    assert len(seen) == len(waterfall.rows)
    for row, shown in zip(waterfall.rows, seen, strict=True):
        assert shown["text"] == row.name
        left, width = shown["chart"]["left"], shown["chart"]["width"]
        assert width > 100
        if row.duration is None:
            assert shown["bar"] is None
            continue
        start = left + row.offset / waterfall.total * width
        assert shown["bar"]["left"] == pytest.approx(start, abs=1)
        wide = max(3, row.duration / waterfall.total * width)
        assert shown["bar"]["width"] == pytest.approx(wide, abs=1)
        if row.waited:
            queued = left + row.queued / waterfall.total * width
            assert shown["queue"]["left"] == pytest.approx(queued, abs=1)
            assert shown["queue"]["right"] == pytest.approx(start, abs=1)
        assert shown["row"]["top"] <= shown["bar"]["top"]
        assert shown["bar"]["bottom"] <= shown["row"]["bottom"]


def assert_columns_are_apart(seen: list[dict[str, Any]], *, is_narrow: bool) -> None:
    for above, row in zip([None, *seen], seen, strict=False):
        assert row["row"]["height"] == pytest.approx(28, abs=1)
        assert above is None or above["row"]["bottom"] <= row["row"]["top"] + 1
        if not is_narrow:
            assert row["name"]["right"] <= row["kind"]["left"] + 1
        assert row["name"]["right"] <= row["chart"]["left"]
        end = (row["bar"] or row["chart"])["right"]
        assert end <= row["duration"]["left"] + 4
    for column in ("chart", "duration"):
        assert len({round(row[column]["right"]) for row in seen}) == 1


def assert_times_are_legible(times: list[dict[str, float]], chart: dict[str, float]) -> None:
    assert len(times) >= 2
    for before, time_ in pairwise(times):
        assert before["right"] + 4 <= time_["left"]
    assert chart["left"] <= times[0]["left"]
    assert times[-1]["right"] <= chart["right"] + 1


def channels(color: str) -> list[float]:
    """Return the red, green and blue of a color that covers what is below it."""
    found = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", color)
    assert found, color
    return [int(each) / 255 for each in found.groups()]


def luminance(color: str) -> float:
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4
        for each in channels(color)
    ]
    return sum(part * each for part, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Return the ratio of contrast that WCAG defines, of which it asks 4.5 for text."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
