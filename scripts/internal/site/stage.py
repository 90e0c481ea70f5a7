"""The source of the site: the pages of docs/, the files that they link to, and the generated pages.

The pages stay where they are; Sphinx reads a copy. Its sidebar is docs/index.md: each heading there
that has links to pages is a group, in the order of the links.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from scripts.internal.markdown import fenced

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"

PROJECT_GROUP = "Project"

URLS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "urls"
]
""""Source" is the repository and "Documentation" this site, once they have public addresses."""

PROJECT = {
    "CHANGELOG.md": "changes",
    "SECURITY.md": "security",
    "CONTRIBUTING.md": "contributing",
}
"""Pages at the root of the repository, by what they are called on the site."""

_CODE_OR_LINK = re.compile(
    r"^(`{3,}).*?^\1\s*$|`[^`\n]*`|\]\((?P<target>[^)\s#]+)", re.MULTILINE | re.DOTALL
)

LANGUAGES = {
    ".py": "python",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".toml": "toml",
    ".md": "markdown",
    ".json": "json",
    "": "bash",
    ".jinja": "jinja",
    ".txt": "text",
    ".tsv": "text",
}


@frozen
class Source:
    """The source of the site, in a folder.

    Attributes:
        pages: The Markdown of each page, by its path without an ending.
        groups: The groups of the sidebar with their pages.
        files: Files that pages show or offer, by their place among the pages.
    """

    pages: dict[str, str] = field(factory=dict)
    groups: dict[str, list[str]] = field(factory=dict)
    files: dict[str, str] = field(factory=dict)

    @classmethod
    def gather(
        cls,
        generated: Mapping[str, str],
        sidebar: Mapping[str, list[str]],
        files: Mapping[str, str],
    ) -> Source:
        """Read docs/, follow its links out of it, and add the generated pages."""
        source = cls(files=dict(files))
        for path in sorted(DOCS.rglob("*.md")):
            name = path.relative_to(DOCS).with_suffix("").as_posix()
            source.pages[name] = source._mended(path, name)
        source.groups.update(contents(source.pages["index"]))
        for page in PROJECT:
            source._add(ROOT / page)
        project = source.groups.pop(PROJECT_GROUP, [])
        for group, pages in sidebar.items():
            source.groups.setdefault(group, []).extend(pages)
        source.groups[PROJECT_GROUP] = [*PROJECT.values(), *project]
        source.pages.update(generated)
        return source

    def write(self, folder: Path) -> None:
        """Write what has changed, which Sphinx then reads again; remove what is gone."""
        wanted = self.files | {f"{name}.md": text for name, text in self.pages.items()}
        wanted["index.md"] += self._sidebar()
        for path in folder.rglob("*"):
            if path.is_file() and path.relative_to(folder).as_posix() not in wanted:
                path.unlink()
        for name, text in wanted.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")

    def _sidebar(self) -> str:
        blocks = []
        for caption, pages in self.groups.items():
            lines = ["```{toctree}", ":hidden:"]
            if caption:
                lines.append(f":caption: {caption}")
            lines += ["", *pages]
            if caption == PROJECT_GROUP and "Source" in URLS:
                lines.append(f"Source code <{URLS['Source']}>")
            blocks.append("\n".join([*lines, "```"]))
        return "\n\n" + "\n\n".join(blocks) + "\n"

    def _mended(self, path: Path, name: str) -> str:
        """Return the text of a page with its links as they are on the site."""

        def mend(found: re.Match[str]) -> str:
            target = found["target"]
            if target is None or re.match(r"[a-z]+:", target):
                return found[0]
            there = self._place((path.parent / target).resolve())
            return f"]({os.path.relpath(there, Path(name).parent)}"

        return _CODE_OR_LINK.sub(mend, path.read_text(encoding="utf-8"))

    def _place(self, path: Path) -> str:
        """Return where the site has a file of the repository; add it if it is not in docs/."""
        if not path.is_relative_to(DOCS) or path.suffix not in {".md", ".svg"}:
            return f"{self._add(path)}.md"
        place = path.relative_to(DOCS).as_posix()
        if path.suffix == ".svg":
            self.files[place] = path.read_text(encoding="utf-8")
        return place

    def _add(self, path: Path) -> str:
        """Add a file of the repository as a page, and return its name."""
        within = path.relative_to(ROOT).as_posix()
        name = PROJECT.get(within) or f"files/{within}"
        if name not in self.pages:
            self.pages[name] = ""  # it may link to itself
            if within in PROJECT:
                self.pages[name] = self._mended(path, name)
            else:
                shown = self._list(path) if path.is_dir() else _shown(path)
                self.pages[name] = f"---\norphan: true\nnosearch: true\n---\n\n{shown}\n"
        return name

    def _list(self, folder: Path) -> str:
        """Return a list of the files in a folder, each of which is added."""
        lines = [f"# {folder.relative_to(ROOT).as_posix()}/", ""]
        for path in sorted(folder.iterdir()):
            if path.suffix in LANGUAGES and path.name[0] not in "._" and path.is_file():
                self._add(path)
                lines.append(f"- [`{path.name}`]({folder.name}/{path.name}.md)")
        return "\n".join(lines)


def _shown(path: Path) -> str:
    language = LANGUAGES.get(path.suffix, "text")
    text = path.read_text(encoding="utf-8")
    return f"# {path.relative_to(ROOT).as_posix()}\n\n{fenced(text, language)}"


def contents(index: str) -> dict[str, list[str]]:
    """Return the pages that an index links to, by the heading that they stand under.

    A page that is linked before the first heading as well stands under the heading.
    """
    heading, headings = "", dict[str, str]()
    for line in index.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        for page in re.findall(r"\]\(([^)\s#:]+)\.md(?:#[^)]*)?\)", line):
            is_ours = not page.startswith(("..", "files/")) and page not in PROJECT.values()
            if is_ours and not headings.get(page):
                headings.pop(page, None)
                headings[page] = heading
    groups: dict[str, list[str]] = {}
    for page, heading in headings.items():
        groups.setdefault(heading, []).append(page)
    return groups
