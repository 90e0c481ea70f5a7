"""The site for machines: each page as Markdown, one file of all, and two lists of them.

llms.txt has the form of https://llmstxt.org: a title, a summary, and lists of links. sitemap.xml is
for search engines, once the site is published.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scripts.internal.site.templates import filled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from scripts.internal.site.stage import Source

_TOCTREE = r"^```\{toctree\}\n:hidden:\n\n((?:[\w/-]+\n)*)```$\n*"

# What only Sphinx reads: front matter, labels, containers and the ends of entries, options, roles.
# An entry becomes a heading.
_SPHINX = {
    r"\A---\n(?s:.*?)---\n+": "",
    _TOCTREE: "",
    r"^\([\w.-]+\)=\n": "",
    r"^:{6,}\{py:\w+\} (.+)$": r"### `\1`",
    r"^:{5}\{py:\w+\} (.+)$": r"#### `\1`",
    r"^:{3,}.*\n": "",
    r"^:(module|canonical|async|no-contents-entry|type):.*\n": "",
    r"\{(?:annotation|state)\}(?=`)": "",
    r"\n{3,}": "\n\n",
}


def write(source: Source, folder: Path, address: str) -> None:
    """Write the files of all pages of the sidebar, beside the pages themselves.

    `address` is that of the published site, to which links then lead; empty if there is none.
    """
    groups: dict[str, list[tuple[str, str, str]]] = {}
    texts: dict[str, str] = {}
    for group, pages in source.groups.items():
        groups[group or "Start"] = listed = []
        for name in _with_those_below(pages, source.pages):
            texts[name] = plain(source.pages[name])
            listed.append((f"{address}{name}.md", *_head(texts[name])))
    for name, text in texts.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    index = filled("llms.txt", address=address, groups=groups)
    (folder / "llms.txt").write_text(index, encoding="utf-8")
    (folder / "llms-full.txt").write_text("\n".join(texts.values()), encoding="utf-8")
    if address:
        sitemap = filled("sitemap.xml", address=address, names=texts)
        (folder / "sitemap.xml").write_text(sitemap, encoding="utf-8")


def _with_those_below(names: Iterable[str], pages: Mapping[str, str]) -> Iterator[str]:
    for name in names:
        yield name
        place = name.rpartition("/")[0]
        for toctree in re.finditer(_TOCTREE, pages[name], re.MULTILINE):
            yield from (f"{place}/{each}" for each in toctree[1].split())


def _head(text: str) -> tuple[str, str]:
    """Return the title of a page, and the first sentence of it."""
    title = text.partition("\n")[0].removeprefix("# ")
    paragraph = text.partition("\n\n")[2].partition("\n\n")[0]
    sentence = re.split(r"(?<=\w[.:]) ", " ".join(paragraph.split()))[0].rstrip(":")
    return title, sentence if re.match(r"[\w`\[]", sentence) else ""


def plain(text: str) -> str:
    """Return Markdown that needs no Sphinx."""
    for pattern, replacement in _SPHINX.items():
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text.strip() + "\n"
