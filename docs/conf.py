"""Settings of Sphinx; `scripts/docs` builds the site."""

import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from inngest_rest import __version__

DOCS = Path(__file__).parent

project = "inngest-rest"
author = "The inngest-rest authors"
project_copyright = "the inngest-rest authors, MIT licence"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "deflist", "alert"]
myst_heading_anchors = 4
root_doc = "index"
smartquotes = False  # two hyphens are an option
show_warning_types = True
suppress_warnings = ["ref.python"]  # fields of several classes have one name

# A name in backticks is a link where the reference has it.
default_role = "py:obj"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

html_theme = "furo"
html_search_scorer = str(DOCS / "search.js")
html_title = "inngest-rest"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_domain_indices = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"


def name_files_elsewhere(_: Sphinx, page: str, source: list[str]) -> None:
    """Name the files that a page links to outside docs/: the site has none of them."""

    def name(found: re.Match[str]) -> str:
        path = (DOCS / page).parent.joinpath(found["path"]).resolve()
        is_page = path.is_relative_to(DOCS)
        return (
            found[0]
            if is_page
            else f"{found['text']} (`{path.relative_to(DOCS.parent)}`)"
        )

    source[0] = re.sub(
        r"\[(?P<text>[^\]]+)\]\((?P<path>\.\.[^)#]*)[^)]*\)", name, source[0]
    )


def setup(app: Sphinx) -> None:
    """Register what the pages need beyond Sphinx."""
    app.add_lexer("waterfall", TextLexer)  # of a trace, as a terminal shows it
    app.connect("source-read", name_files_elsewhere)
