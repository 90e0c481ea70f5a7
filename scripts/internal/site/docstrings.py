"""Docstrings as Markdown: paragraphs, and sections as fields.

They are written for an editor: plain text with code in backticks, and Google's sections.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HEADING = re.compile(r"(Args|Attributes|Returns|Yields|Raises):")
_ENTRY = re.compile(r"    (\*{0,2}\w[\w.]*(?:, \*{0,2}\w[\w.]*)*): (.*)")


@frozen
class Docstring:
    """A docstring by its parts.

    Attributes:
        text: The paragraphs before, between and after the sections, as Markdown.
        entries: Of Args, Attributes and Raises: what is said of each name, or of several.
        passages: What Returns, Yields and HTTP say.
    """

    text: str
    entries: Mapping[str, Mapping[str, str]] = field(factory=dict)
    passages: Mapping[str, str] = field(factory=dict)

    @property
    def summary(self) -> str:
        """The first sentence that stands on a line of its own."""
        return self.text.partition("\n\n")[0]


def read(it: Any) -> Docstring:
    """Return the docstring of a class, a function or a property, itself and not inherited."""
    doc = it if isinstance(it, str) else getattr(it, "__doc__", None)
    return parse(inspect.cleandoc(doc or ""))


def parse(doc: str) -> Docstring:
    """Take a docstring apart."""
    texts: list[str] = []
    entries: dict[str, dict[str, str]] = {}
    passages: dict[str, str] = {}
    for block in re.split(r"\n\n+(?=\S)", doc):
        first, _, rest = block.partition("\n")
        if found := _HEADING.fullmatch(first):
            heading, after = found[1], _unindented_tail(rest)
            section = rest.removesuffix(after)
            if heading in {"Returns", "Yields"}:
                passages[heading] = _line(section)
            else:
                entries.setdefault(heading, {}).update(_entries(section))
            if after:
                texts.append(markdown(after))
        elif first.startswith("HTTP: "):
            passages["HTTP"] = _line(block.removeprefix("HTTP: "))
        else:
            texts.append(markdown(block))
    return Docstring("\n\n".join(texts), entries, passages)


def _unindented_tail(section: str) -> str:
    found = re.search(r"^(?=[^\s])", section, re.MULTILINE)
    return section[found.start() :] if found else ""


def _entries(section: str) -> Iterable[tuple[str, str]]:
    name, words = "", list[str]()
    for line in section.splitlines():
        if found := _ENTRY.fullmatch(line):
            if name:
                yield name, _line(" ".join(words))
            name, words = found[1], [found[2]]
        else:
            words.append(line)
    if name:
        yield name, _line(" ".join(words))


def markdown(text: str) -> str:
    """Return plain text with code in backticks as Markdown; what is indented is shown as it is."""
    if "```" in text:
        return text
    paragraphs = []
    for paragraph in re.split(r"\n\n+", text):
        if paragraph.startswith("    "):
            paragraphs.append(f"```text\n{inspect.cleandoc(paragraph)}\n```")
        else:
            paragraphs.append(_line(paragraph))
    return "\n\n".join(paragraphs)


def _line(text: str) -> str:
    """Return a paragraph on one line, in which Markdown sees nothing but code."""
    parts = re.split(r"(``.+?``|`[^`]*`)", " ".join(text.split()))
    return "".join(
        part if at % 2 else re.sub(r"([\\*_<>\[\]{}|])", r"\\\1", part)
        for at, part in enumerate(parts)
    )
