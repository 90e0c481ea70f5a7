"""The generated pages, and where the sidebar has them."""

from __future__ import annotations

from scripts.internal.site import document, programs, reference, servers

SIDEBAR = {
    "Reference": [
        *(f"reference/{name}" for name in reference.PAGES),
        *("reference/command", "reference/tools", "reference/variables"),
    ],
    "Servers": ["reference/servers", "reference/methods", "reference/api"],
}
"""The groups of the sidebar that the generated pages make, or add to."""


def pages() -> dict[str, str]:
    """Return the Markdown of each page by its path."""
    texts = reference.texts(reference.Entries())
    return texts | programs.pages() | document.pages() | servers.pages()


def files() -> dict[str, str]:
    """Return the files that the pages link to, by their place among them."""
    return programs.files() | document.files()
