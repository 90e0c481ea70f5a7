"""Settings of Sphinx; `scripts/docs` gives it the pages of this folder and the generated ones."""

from inngest_rest import __version__

project = "inngest-rest"
author = "The inngest-rest authors"
project_copyright = "the inngest-rest authors, MIT licence"
release = version = __version__

extensions = ["myst_parser", "scripts.internal.site.extension"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist", "alert"]
myst_heading_anchors = 4
root_doc = "index"
smartquotes = False  # two hyphens are an option

# A reference to a name of ours that is not there fails the build.
nitpicky = True
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
show_warning_types = True

html_theme = "furo"
html_title = "inngest-rest"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_domain_indices = False
html_last_updated_fmt = None
html_theme_options = {"navigation_with_keys": True}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
