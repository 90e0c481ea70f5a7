"""The generated pages, and where the sidebar has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._table import GROUPS
from scripts.internal.site import document, programs, reference, servers
from scripts.internal.site.names import PAGES

if TYPE_CHECKING:
    from collections.abc import Iterable

BELOW = {
    "reference/client": [f"client/{name}" for name in GROUPS],
    "reference/command": [f"command/{name}" for name in programs.command_groups()],
    "reference/api": [
        *(f"api/{family}" for family in document.FAMILIES),
        *(f"api/schemas-{family}" for family in document.FAMILIES),
    ],
}
"""Pages that the sidebar has below another."""

SIDEBAR = {
    "Reference": [
        *(f"reference/{page.path}" for page in PAGES),
        *("reference/command", "reference/tools", "reference/variables"),
    ],
    "Servers": ["reference/servers", "reference/methods", "reference/api"],
}
"""The groups of the sidebar that the generated pages make, or add to."""


def all_pages() -> dict[str, str]:
    """Return the Markdown of each page by its path."""
    pages = reference.texts() | programs.pages() | document.pages() | servers.pages()
    for name, several in BELOW.items():
        pages[name] = f"{pages[name].rstrip()}\n\n{below(several)}"
    return pages


def files() -> dict[str, str]:
    """Return the files that the pages link to, by their place among them."""
    return programs.files() | document.files()


def below(pages: Iterable[str]) -> str:
    """Return what makes pages the ones below another in the sidebar."""
    return "\n".join(["```{toctree}", ":hidden:", "", *pages, "```", ""])
