"""The site for machines: each page as Markdown, one file of all, and two lists of them.

llms.txt has the form of https://llmstxt.org: a title, a summary, and lists of links. sitemap.xml is
for search engines, once the site is published.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scripts.internal.site.stage import Source

_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"

_SUMMARY = (
    "Unofficial typed Python client for Inngest's HTTP API, blocking and asynchronous, with a "
    "command, tools for agents over MCP and a mock server for tests."
)


def write(source: Source, below: dict[str, list[str]], folder: Path, address: str) -> None:
    """Write the files of all pages of the sidebar, beside the pages themselves.

    `address` is that of the published site, to which links then lead; empty if there is none.
    """
    index = ["# inngest-rest", f"> {_SUMMARY}", f"[All pages in one file]({address}llms-full.txt)"]
    urls = [address]
    whole = []
    for group, pages in source.groups.items():
        lines = []
        for name in _with_those_below(pages, below):
            text = plain(source.pages[name])
            title, about = _head(text)
            lines.append(f"- [{title}]({address}{name}.md)" + (f": {about}" if about else ""))
            urls.append(f"{address}{name}.html")
            whole.append(text)
            path = folder / f"{name}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        index.append(f"## {group or 'Start'}\n\n" + "\n".join(lines))
    (folder / "llms.txt").write_text("\n\n".join(index) + "\n", encoding="utf-8")
    (folder / "llms-full.txt").write_text("\n".join(whole), encoding="utf-8")
    if address:
        located = "".join(f"  <url><loc>{each}</loc></url>\n" for each in urls)
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{_SITEMAP}">\n{located}'
        (folder / "sitemap.xml").write_text(f"{text}</urlset>\n", encoding="utf-8")


def _with_those_below(pages: list[str], below: dict[str, list[str]]) -> Iterator[str]:
    for name in pages:
        yield name
        place = name.rpartition("/")[0]
        yield from (f"{place}/{each}" for each in below.get(name, ()))


def _head(text: str) -> tuple[str, str]:
    """Return the title of a page, and the first sentence of it."""
    title = text.partition("\n")[0].removeprefix("# ")
    paragraph = text.partition("\n\n")[2].partition("\n\n")[0]
    sentence = re.split(r"(?<=\w[.:]) ", " ".join(paragraph.split()))[0].rstrip(":")
    return title, sentence if re.match(r"[\w`\[]", sentence) else ""


def plain(text: str) -> str:
    """Return Markdown that needs no Sphinx: entries become headings, roles and labels go."""
    text = re.sub(r"\A---\n.*?---\n+", "", text, flags=re.DOTALL)
    text = re.sub(r"^```\{toctree\}.*?^```$\n*", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^\([\w.-]+\)=\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(:{6,})\{py:\w+\} (.+)$", r"### `\2`", text, flags=re.MULTILINE)
    text = re.sub(r"^(:{5})\{py:\w+\} (.+)$", r"#### `\2`", text, flags=re.MULTILINE)
    text = re.sub(r"^:{3,}.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(
        r"^:(module|canonical|async|no-contents-entry|type):.*\n", "", text, flags=re.MULTILINE
    )
    text = re.sub(r"\{(?:annotation|state)\}(?=`)", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
