"""`Span.render`: a waterfall for a terminal."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from tests.support.traces import (
    NOW,
    hostile_trace,
    many_steps,
    recorded_trace,
    span,
    trace_of_many_steps,
)

if TYPE_CHECKING:
    from inngest_rest.models import Span

ALL_KINDS = """\
01M87Z6BGE9RZ0K3CZNY3GYJA7  completed  2026-11-24 23:45:25 UTC
                         0           1 s        2 s         3 s      4 s
✓ Run                    ╼━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  4.04 s
✓   plain        step    ╼                                                 57 ms
✓   flaky        step     ─━━━━━━━━━╸                                     836 ms
✗     Attempt 0           ─╸                                                5 ms
      RetryAfterError: once
✓     Attempt 1            ─────────╼                                       2 ms
✓   sleepy       sleep               ╺╍╍╍╍╍╍╍╍╍╍╍                         999 ms
✓   waity        wait                            ╍╍╍╍╍╍╍╍╍╍╍╸             1.00 s
✓   invoky       invoke                                      ╺╍╍╍╍╍╍╸     591 ms
✓   sendy        step                                               ╶─╸     7 ms"""

RUNNING = """\
Run  running  2026-11-24 12:00:00 UTC
                          0                     5 s                10 s
● Run                     ──━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  9.50 s…
⊘   stopped       step    ╶─━━━━━━━━━━━━━╸                               3.00 s
○   sleep         sleep                     ╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍  6.00 s…
○   turn to come  step                                          ───────  queued
?   odd           new_op                        ╺                          0 ms
-   left out      step"""


def running() -> Span:
    return span(
        "Run",
        0,
        0.5,
        None,
        span("stopped", 0.1, 0.5, 3.5, status="cancelled"),
        span("sleep", 4, 4, None, status="waiting", step_op="sleep"),
        span("turn to come", 8.5, None, None, status="waiting"),
        span("odd", 5, 5, 5, status="bewildered", step_op="new_op"),
        span("left out", None, None, None, status="skipped"),
    )


def test_a_run_is_drawn_with_a_line_per_span() -> None:
    assert recorded_trace("v2-trace-all-kinds").render(width=80) == ALL_KINDS


def test_the_documentation_shows_this_waterfall() -> None:
    page = Path(__file__).parents[2] / "docs/guides/traces.md"
    assert f"```waterfall\n{ALL_KINDS}\n```\n" in page.read_text(encoding="utf-8")


def test_a_run_that_goes_on_is_drawn_to_now() -> None:
    assert running().render(width=80, now=NOW) == RUNNING


@pytest.mark.parametrize("width", [60, 80, 81, 120, 200])
@pytest.mark.parametrize("root", [hostile_trace(), running(), many_steps(20)], ids="hrm")
def test_no_line_is_wider_than_the_terminal_and_columns_are_aligned(root: Span, width: int) -> None:
    _, axis, *lines = root.render(width=width, now=NOW).splitlines()
    assert all(cell_len(line) <= width for line in (axis, *lines))
    ends = {cell_len(line) for line in lines if line.endswith((" s", " ms"))}
    assert len(ends) == 1


@pytest.mark.parametrize("color", [False, True])
def test_nothing_of_the_server_reaches_the_terminal_but_text(color: bool) -> None:
    drawn = hostile_trace().render(width=100, color=color, now=NOW)
    drawn = re.sub("\x1b\\[[0-9;]*m", "", drawn) if color else drawn
    # The mark that keeps a right-to-left name from moving what follows it is ours.
    others = drawn.replace("\n", "").replace("\u200e", "")
    assert not [each for each in others if unicodedata.category(each)[0] == "C"]
    assert r"\x1b[31mred" in drawn
    assert r"\u202egnp.exe" in drawn


@pytest.mark.parametrize(
    ("name", "axis"), [("s" * 4, "0 100 ms 200 ms 300 ms"), ("s" * 5, "0 100 ms 200 ms")]
)
def test_a_tick_that_would_touch_the_one_before_it_is_left_out(name: str, axis: str) -> None:
    drawn = span("Run", 0, 0, 0.31, span(name, 0, 0, 0.31)).render(width=60)
    assert drawn.splitlines()[1].split() == axis.split()


def test_a_name_from_right_to_left_leaves_its_line_from_left_to_right() -> None:
    drawn = span("Run", 0, 0, 1, span("שלום עולם", 0, 0, 0.057)).render(width=80)
    line = drawn.splitlines()[-1]
    assert line.startswith("✓   שלום עולם\u200e  step")
    # Without the mark, the number would belong to the name and stand left of it.
    directions = [unicodedata.bidirectional(each) for each in line[: line.index("57 ms")]]
    assert [each for each in directions if each in ("R", "L")][-1] == "L"
    drawn = span("Run", 0, 0, 1, span("שלום", 0, 0, 0.057, step_op=None)).render(width=80)
    assert "שלום\u200e" in drawn


def test_a_long_name_shows_its_end_in_which_names_differ() -> None:
    steps = [span(f"charge-the-card-of-the-customer-number-{each:06}", 0, 0, 1) for each in (1, 2)]
    _, _, _, first, second = span("Run", 0, 0, 1, *steps).render(width=80).splitlines()
    assert "charge-the-c…number-000001" in first
    assert "charge-the-c…number-000002" in second


def test_colors_are_those_that_every_terminal_has() -> None:
    drawn = recorded_trace("v2-trace-all-kinds").render(width=80, color=True)
    assert re.sub("\x1b\\[[0-9;]*m", "", drawn) == ALL_KINDS
    codes = {code for each in re.findall("\x1b\\[([0-9;]+)m", drawn) for code in each.split(";")}
    assert {"31", "32", "36"} <= codes <= {"0", "1", "2", *map(str, range(31, 37))}


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_the_width_and_the_colors_are_those_of_standard_output(
    environment: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"COLUMNS": "100", "TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    drawn = recorded_trace("v2-trace-all-kinds").render()
    assert ("\x1b[" in drawn) is colored
    plain = re.sub("\x1b\\[[0-9;]*m", "", drawn)
    assert max(map(len, plain.splitlines())) == 100


@pytest.mark.parametrize("width", [80, 200])
def test_402_spans_are_drawn_in_less_than_50_ms(width: int) -> None:
    root = trace_of_many_steps(200)
    drawn = root.render(width=width, color=True, now=NOW)
    assert drawn.count("\n") == 202
    took = []
    for _ in range(3):
        began = time.thread_time()
        root.render(width=width, color=True, now=NOW)
        took.append(time.thread_time() - began)
    assert min(took) < 0.05


def test_only_render_needs_rich_and_names_the_extra_if_that_is_not_installed() -> None:
    program = """
import sys
sys.modules["rich"] = None
from inngest_rest import InngestClient
from inngest_rest.models import Span
with InngestClient(dev=True) as client:
    client.runs
root = Span(id="a", name="Run", status="completed")
try:
    root.render()
except ImportError as error:
    print(error)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=50
    )
    extra = "pip install 'inngest-rest[cli]'"
    assert answer.stdout == f"rich is not installed, which render() needs: {extra}\n"
