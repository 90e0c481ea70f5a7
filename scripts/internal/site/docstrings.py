"""Docstrings as Markdown: paragraphs, and sections as fields.

They are written for an editor: plain text with code in backticks, and Google's sections.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises):\n((?:[ ]+.*\n?|\n)*)")
_NAME = r"\*{0,2}\w[\w.]*"
_ENTRY = re.compile(
    rf"^[ ]{{4}}(?P<names>{_NAME}(?:, {_NAME})*): (?P<text>.*(?:\n(?:[ ]{{5}}.*)?)*)", re.MULTILINE
)


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
        if block.startswith("HTTP: "):
            passages["HTTP"] = _line(block.removeprefix("HTTP: "))
            continue
        text = block
        if found := _SECTION.match(block):
            heading, section = found.groups()
            text = block[found.end() :]
            if heading in {"Returns", "Yields"}:
                passages[heading] = _line(section)
            else:
                entries.setdefault(heading, {}).update(_entries(section))
        if text:
            texts.append(markdown(text))
    return Docstring("\n\n".join(texts), entries, passages)


def _entries(section: str) -> Iterator[tuple[str, str]]:
    for found in _ENTRY.finditer(section):
        yield found["names"], _line(found["text"])


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
