"""The source of the site: the pages of docs/, the files that they link to, and the generated pages.

The pages stay where they are; Sphinx reads a copy. Its sidebar is docs/index.md: each heading there
that has links to pages is a group, in the order of the links.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from scripts.internal.site.markdown import fenced

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

_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_CODE = re.compile(r"^(`{3,}).*?^\1\s*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)

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
        texts: The same as text.
    """

    pages: dict[str, str] = field(factory=dict)
    groups: dict[str, list[str]] = field(factory=dict)
    files: dict[str, Path] = field(factory=dict)
    texts: dict[str, str] = field(factory=dict)

    @classmethod
    def gather(
        cls,
        generated: Mapping[str, str],
        entries: Mapping[str, list[str]],
        files: Mapping[str, str],
    ) -> Source:
        """Read docs/, follow its links out of it, and add the generated pages."""
        source = cls(texts=dict(files))
        for path in sorted(DOCS.rglob("*.md")):
            name = path.relative_to(DOCS).with_suffix("").as_posix()
            if name not in PROJECT.values():
                source.pages[name] = source._mended(path, name)
        source.groups.update(contents(source.pages["index"]))
        for page in PROJECT:
            source._add(ROOT / page)
        project = source.groups.pop(PROJECT_GROUP, [])
        for group, pages in entries.items():
            source.groups.setdefault(group, []).extend(pages)
        source.groups[PROJECT_GROUP] = [*PROJECT.values(), *project]
        source.pages.update(generated)
        return source

    def write(self, folder: Path) -> None:
        """Write what has changed; remove what is gone."""
        wanted = {f"{name}.md": text for name, text in self.pages.items()} | self.texts
        wanted["index.md"] = self.pages["index"] + self._sidebar()
        kept = {folder / name for name in (*wanted, *self.files)}
        for path in [*folder.rglob("*")] if folder.exists() else []:
            if path.is_file() and path not in kept:
                path.unlink()
        for name, text in wanted.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")
        for name, origin in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.stat().st_mtime < origin.stat().st_mtime:
                shutil.copy2(origin, path)

    def _sidebar(self) -> str:
        repository = URLS.get("Source", "")
        blocks = []
        for caption, pages in self.groups.items():
            head = ["```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else [])]
            links = [f"Source code <{repository}>"] * (
                caption == PROJECT_GROUP and repository != ""
            )
            blocks.append("\n".join([*head, "", *pages, *links, "```"]))
        return "\n\n" + "\n\n".join(blocks) + "\n"

    def _mended(self, path: Path, name: str) -> str:
        """Return the text of a page with its links as they are on the site."""

        def mend(found: re.Match[str]) -> str:
            target = found[2]
            if re.match(r"[a-z]+:", target):
                return found[0]
            there = (path.parent / target).resolve()
            if there.suffix == ".svg":
                self.files[there.relative_to(DOCS).as_posix()] = there
                new = there.relative_to(DOCS).as_posix()
            elif there.is_relative_to(DOCS) and there.suffix == ".md":
                new = there.relative_to(DOCS).as_posix()
            else:
                new = f"{self._add(there)}.md"
            relative = os.path.relpath(new, Path(name).parent).replace(os.sep, "/")
            return f"{found[1]}{relative}{found[3] or ''}{found[4]}"

        text = re.sub(
            r"```\{toctree\}.*?```\n", "", path.read_text(encoding="utf-8"), flags=re.DOTALL
        )
        parts, at = [], 0
        for code in _CODE.finditer(text):
            parts += [_LINK.sub(mend, text[at : code.start()]), code[0]]
            at = code.end()
        # A link whose text is code was cut in two.
        return "".join([*parts, _LINK.sub(mend, text[at:])])

    def _add(self, path: Path) -> str:
        """Add a file of the repository as a page, and return its name."""
        within = path.relative_to(ROOT).as_posix()
        name = PROJECT.get(within) or f"files/{within}"
        if self.pages.get(name):
            return name
        self.pages[name] = "..."  # it may link to itself
        if within in PROJECT:
            self.pages[name] = self._mended(path, name)
        else:
            self.pages[name] = "---\norphan: true\nnosearch: true\n---\n\n" + self._shown(
                path, within
            )
        return name

    def _shown(self, path: Path, within: str) -> str:
        if path.is_dir():
            inner = [
                each
                for each in sorted(path.iterdir())
                if each.suffix in LANGUAGES and each.name[0] not in "._" and each.is_file()
            ]
            lines = [f"- [`{each.name}`]({path.name}/{each.name}.md)" for each in inner]
            for each in inner:
                self._add(each)
            return "\n".join([f"# {within}/", "", *lines, ""])
        language = LANGUAGES.get(path.suffix, "text")
        text = path.read_text(encoding="utf-8")
        return f"# {within}\n\n{fenced(text, language)}\n"


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
