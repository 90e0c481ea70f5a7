"""The built site: its links lead somewhere, and a browser shows, searches and reads it well."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urljoin

import pytest

from scripts.internal.site.__main__ import Handler
from tests.support.browser import Browser, find_browser
from tests.support.traces import NOW, hostile_trace, recorded_trace

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

in_browser = pytest.mark.skipif(
    find_browser() is None, reason="needs a browser: apt-get install chromium"
)


@pytest.fixture(scope="module")
def site() -> Path:
    """Build the site unless it is current."""
    command = [sys.executable, "-m", "scripts.internal.site", "--if-edited"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
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
                assert whole.startswith(("https://", "data:")), (name, target)
                continue
            path = whole.removeprefix(here).partition("?")[0]
            anchors = read[path].anchors if path in read else {anchor}
            if not (site / path).is_file() or (anchor and anchor not in anchors):
                broken.append(f"{name}: {target}")
    assert broken == []


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
    *("guides/agents.html", "guides/traces.html", "files/examples/failed_runs.py.html"),
    *("reference/index.html", "reference/client/runs.html", "reference/variables.html"),
    *("reference/servers.html", "reference/methods.html", "reference/typing.html"),
    *("reference/api/v2.html", "reference/exchanges/getRunV2.html"),
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


RESULTS = """new Promise((done, fail) => {
  const list = document.getElementById("search-results"), until = Date.now() + 120000;
  const look = () => {
    const found = [...list.querySelectorAll("li a")].map(it => it.getAttribute("href"));
    if (document.querySelector("#search-results .search-summary")?.textContent.match(/found|match/))
      done(found);
    else if (Date.now() > until) fail("the search does not end"); else setTimeout(look, 20);
  };
  look();
})"""

SEARCHES = {
    "cancel all runs": "guides/many-runs.html",
    "429": "troubleshooting.html",
    "pytest": "guides/testing.html",
    "INNGEST_DEV": "guides/production.html",
    "kill -9": "guides/buffer.html",
    "webhook": "guides/apps-and-account.html",
    "idempotency": "concepts.html",
    "Django": "recipes.html",
    "MissingKeyError": "troubleshooting.html",
    "timezone": "troubleshooting.html",
}


@in_browser
@pytest.mark.parametrize("words", SEARCHES)
def test_a_search_finds_the_page_among_the_first_results(
    browser: Browser, url: str, words: str
) -> None:
    browser.look(1400)
    browser.open(f"{url}/search.html?q={words.replace(' ', '+')}")
    found = browser.run(RESULTS)
    assert SEARCHES[words] in [urldefrag(it)[0].partition("?")[0] for it in found[:5]], found[:8]


@in_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_the_page_of_a_waterfall_can_be_read_by_everybody(
    browser: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    browser.look(width, dark=dark)
    browser.errors.clear()
    for trace in (recorded_trace("v2-trace-all-kinds"), hostile_trace()):
        assert browser.measure(trace.to_html(now=NOW), f"return {WIDER}", tmp_path) == []
        assert judge(browser) == []
    assert browser.errors == []
