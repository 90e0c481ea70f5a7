"""A headless Chromium that opens a page and measures it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The page lies in a frame, which the program around it looks into: it needs no script itself.
AROUND = """<!doctype html><meta charset="utf-8">
<iframe id="page" style="width:{width}px;height:900px;border:0"></iframe>
<pre id="measured"></pre>
<script>
const frame = document.getElementById("page");
frame.onload = () => {{
  const page = frame.contentDocument, window_ = frame.contentWindow;
  const box = (it) => {{
    const {{ left, right, top, bottom, width, height }} = it.getBoundingClientRect();
    return {{ left, right, top, bottom, width, height }};
  }};
  const style = (it) => window_.getComputedStyle(it);
  const measured = (() => {{ {measure} }})();
  document.getElementById("measured").textContent = JSON.stringify(measured);
}};
frame.srcdoc = {page};
</script>
"""


def find_browser() -> str | None:
    """Return the path of a Chromium, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def measure_page(
    page: str, measure: str, folder: Path, *, width: int = 1280, dark: bool = False
) -> Any:
    """Open a page in a browser and return what a function body in JavaScript returns about it.

    The body may use `page`, the document, `box(element)` and `style(element)`.
    """
    browser = find_browser()
    assert browser is not None
    text = json.dumps(page).replace("</", "<\\/").replace("<!--", "<\\!--")
    around = folder / "around.html"
    around.write_text(AROUND.format(width=width, measure=measure, page=text), encoding="utf-8")
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--proxy-server=127.0.0.1:9",
        f"--user-data-dir={folder / 'profile'}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        "--virtual-time-budget=5000",
        "--dump-dom",
        around.as_uri(),
    ]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=120)
    found = re.search('<pre id="measured">(.+?)</pre>', answer.stdout.decode(), re.DOTALL)
    assert found, "the page did not load"
    return json.loads(html.unescape(found[1]))
