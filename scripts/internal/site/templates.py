"""Pages out of the templates of docs/_templates."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scripts.internal.markdown import cell, fenced, table
from scripts.internal.site import docstrings
from scripts.internal.site.stage import DOCS


def filled(template: str, **values: Any) -> str:
    """Return a page from its template."""
    return TEMPLATES.get_template(f"{template}.jinja", globals=PARTS).render(values)


TEMPLATES = Environment(
    loader=FileSystemLoader(DOCS / "_templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - it is Markdown
)
PARTS = {
    "cell": cell,
    "docstring": docstrings.parse,
    "fenced": fenced,
    "markdown": docstrings.markdown,
    "table": table,
}
