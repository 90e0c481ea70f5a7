"""Settings of Sphinx; `scripts/docs` gives it the pages of this folder and the generated ones."""

from inngest_rest import __version__
from scripts.internal.site.stage import DOCS, URLS

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
# Variables of types, and types that are nobody's to call.
nitpick_ignore_regex = [
    ("py:.*", r"D|G|P|P\.args|P\.kwargs|T|GeneratedOperation|Inputs"),
    ("py:.*", "ClientTime|Finish|Outcome|Request|Sender"),
]
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"
show_warning_types = True

# What somebody may type into the search whose answer is a page, or a section of it, that does not
# have these words or not often: it comes first. They are in the index of names, too.
search_words = {
    "guides/testing": "unit test, unit tests, unittest, fake, stub, test double",
    "guides/production#retries": "retry, retries, backoff",
    "guides/production#proxies-and-certificates": "proxy, proxies, certificate, TLS, SSL",
    "guides/production#keys-and-permissions": "api key, signing key, event key, rotate keys",
    "guides/runs#summarize-many-runs": "p50, p95, p99, percentile, latency, failure rate",
    "guides/crons": "cron, cron job, schedule, missed cron",
    "guides/many-runs": "bulk, bulk cancel, bulk replay, cancel all runs",
    "guides/buffer": "queue, outbox, background thread, kill -9",
    "guides/command-line": "cli, terminal, shell, completion, exit code, exit status",
    "guides/agents": "mcp, llm, claude, codex, cursor",
    "guides/reports": "pandas, polars, duckdb, dataframe, parquet, csv export",
    "guides/traces": "waterfall, timeline, span",
    "guides/checks": "monitoring, alert, alerting, nagios, health check, stuck, queue depth",
    "guides/files": "import, ndjson, json lines, backfill",
    "guides/typed-events": "pydantic, dataclass, typeddict, schema",
    "guides/sending#many-events": "throttle, rate limit",
    "concepts#ids-and-idempotency": "idempotency, idempotency key, duplicate, exactly once",
    "concepts#whose-clock": "timezone, time zone, clock skew",
    "installation": "install, pip, uv, pipx, uvx, extras, licence",
    "start": "quickstart, getting started, tutorial, async, asyncio",
    "recipes": "Django, FastAPI, SQLAlchemy, example, examples",
    "troubleshooting#transporterror": "CERTIFICATE_VERIFY_FAILED, connection refused, DNS",
    "troubleshooting#badrequesterror": "400, 422",
    "troubleshooting#authenticationerror": "401, 407, unauthorized",
    "troubleshooting#permissiondeniederror": "403, forbidden, insufficient_scope",
    "troubleshooting#notfounderror": "404, not found",
    "troubleshooting#routenotfounderror": "405, 501, not implemented",
    "troubleshooting#conflicterror": "409, conflict",
    "troubleshooting#ratelimiterror": "429, too many requests",
    "troubleshooting#servererror": "500, 502, 503, 504, outage",
    "troubleshooting#requesttimeouterror": "timeout, timed out, read timeout",
}

html_theme = "furo"
html_baseurl = URLS.get("Documentation", "")
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
html_last_updated_fmt = None
html_theme_options = {"navigation_with_keys": True}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
