"""The built site: its links lead somewhere, and a browser shows, searches and reads it well."""

from __future__ import annotations

import json
import subprocess
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest

from tests.support.browser import Browser, find_browser

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

in_browser = pytest.mark.skipif(
    find_browser() is None, reason="needs a browser: apt-get install chromium"
)


class Handler(SimpleHTTPRequestHandler):
    """Files, without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Path:
    """Build the site; a warning is an error."""
    built = subprocess.run(["scripts/docs"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return ROOT / ".site" / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, str]:
    """Return each page of the site by its path."""
    return {
        path.relative_to(site).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(site.rglob("*.html"))
    }


class Links(HTMLParser):
    """The anchors of a page, and what it refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        there = dict(attrs)
        self.anchors.add(there.get("id") or "")
        target = there.get("src") or (there.get("href") if tag in {"a", "link"} else None)
        if target:
            self.targets.append(target)


def test_each_link_and_anchor_of_the_site_leads_somewhere(
    site: Path, pages: dict[str, str]
) -> None:
    read = {name: Links(text) for name, text in pages.items()}
    assert len(read) > 50
    broken, here = [], "https://site.invalid/"
    for name, links in read.items():
        for target in links.targets:
            whole, anchor = urldefrag(unquote(urljoin(here + name, target)))
            if not whole.startswith(here):
                assert whole.startswith(("http", "data:")), (name, target)
                continue
            path = whole.removeprefix(here).partition("?")[0]
            anchors = read[path].anchors if path in read else {anchor}
            if not (site / path).is_file() or (anchor and anchor not in anchors):
                broken.append(f"{name}: {target}")
    assert broken == []


def test_the_reference_has_every_name_of_the_package(pages: dict[str, str]) -> None:
    reference = [text for name, text in pages.items() if name.startswith("reference/python/")]
    anchors = {anchor for text in reference for anchor in Links(text).anchors}
    named = {anchor.rpartition(".")[2] for anchor in anchors}
    missing = set(import_module("inngest_rest").__all__) - named - {"__version__"}
    assert {name for name in missing if not name.startswith("Async")} == set()


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")

JUDGE = """axe.run({options}).then(found => found.violations
  .filter(it => ["serious", "critical"].includes(it.impact))
  .map(it => it.id + ": " + it.nodes.slice(0, 3).map(node => node.html.slice(0, 150)).join(" ")))"""

# What sticks out where the page scrolls sideways, or all of its text does.
WIDER = """[document.documentElement, ...document.querySelectorAll(".content")]
  .filter(it => it.scrollWidth > it.clientWidth)
  .flatMap(it => [...it.querySelectorAll("*")].filter(
    inner => inner.getBoundingClientRect().right > it.getBoundingClientRect().right))
  .slice(0, 3).map(it => it.getBoundingClientRect().right + ": " + it.outerHTML.slice(0, 150))"""

# axe takes a minute for a page of thousands of elements; the first of each list are judged.
SHORTER = """document.querySelectorAll(":is(section, dl, tbody, ul) > :nth-child(n+9)")
  .forEach(it => it.remove())"""


def judge(browser: Browser, **options: Any) -> list[str]:
    """Return what axe-core finds that is serious or worse."""
    browser.run(f"void (window.axe || (() => {{ {AXE} }})())")
    found: list[str] = browser.run(JUDGE.replace("{options}", json.dumps(options)))
    return found


# Sphinx writes each argument of a long signature as an item without a term.
ALL = {"rules": {"definition-list": {"enabled": False}}}
CONTRAST = {"runOnly": ["color-contrast"]}

# Pages of one kind have the same parts.
OF_EACH_KIND = {
    *("index.html", "start.html", "concepts.html", "recipes.html", "search.html"),
    *("guides/agents.html", "guides/traces.html", "reference/every-call.html"),
    "reference/python.html",
    "reference/python/inngest_rest.client.runs.html",
}

LOOKS = [(1400, False), (1400, True), (390, True), (390, False)]


@in_browser
def test_each_page_fits_its_window_and_can_be_read_by_everybody(
    browser: Browser, url: str, pages: dict[str, str]
) -> None:
    """On a phone and on a desk, light and dark, with no error and no request outside."""
    assert pages.keys() >= OF_EACH_KIND
    wrong = []
    for name in pages:
        browser.errors.clear()
        browser.requests.clear()
        browser.open(f"{url}/{name}")
        found = []
        for width, dark in LOOKS:
            browser.look(width, dark=dark)
            found += browser.run(WIDER)
        for width, dark in LOOKS if name in OF_EACH_KIND else ():
            browser.run(SHORTER)
            browser.look(width, dark=dark)
            found += judge(browser, **(CONTRAST if dark else ALL))
        assert f"{url}/{name}" in browser.requests
        found += browser.errors
        found += [it for it in browser.requests if not it.startswith((url, "data:"))]
        wrong += [f"{name}: {it}" for it in found]
    assert wrong == []


COMMANDS = """[...document.querySelectorAll(".highlight-console pre, .highlight-bash pre")].flatMap(
  block => [...block.querySelectorAll("span:not(.go)")]
    .filter(it => it.getBoundingClientRect().right > block.getBoundingClientRect().right + 1)
    .map(it => it.textContent.trim()).filter(it => it))"""


@in_browser
@pytest.mark.parametrize("width", [390, 1400])
def test_no_part_of_a_command_is_off_screen(browser: Browser, url: str, width: int) -> None:
    browser.look(width)
    for page in ("start", "guides/command-line", "guides/status", "guides/testing"):
        browser.open(f"{url}/{page}.html")
        assert browser.run(COMMANDS) == [], page
