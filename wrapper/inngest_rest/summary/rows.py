"""The row of the table of calls about the counts, errors and times of many runs."""

from inngest_rest.call_row import CallRow

ROWS = (
    CallRow(
        name="runs.summary",
        formats=("markdown",),
        examples=(
            {"since": "24h"},
            {"by": "error", "app": "shop"},
        ),
    ),
)
