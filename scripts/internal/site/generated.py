"""The generated pages, and where the sidebar has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._table import GROUPS
from scripts.internal.site import reference
from scripts.internal.site.names import PAGES

if TYPE_CHECKING:
    from collections.abc import Iterable


def all_pages() -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the Markdown of each page by its path, and the pages of each group of the sidebar."""
    pages = reference.pages()
    pages["reference/client"] += below(f"client/{name}" for name in GROUPS)
    return pages, {"Reference": [f"reference/{page.path}" for page in PAGES]}


def below(pages: Iterable[str]) -> str:
    """Return what makes pages the ones below another in the sidebar."""
    return "\n".join(["", "```{toctree}", ":hidden:", "", *pages, "```", ""])
