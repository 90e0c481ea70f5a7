"""The rows of the table of calls about files of runs and events."""

from inngest_rest.call_row import CallRow

ROWS = (
    CallRow(
        name="events.export",
        is_rare=True,
        uses_files=True,
        examples=({"path": "events.ndjson", "since": "24h"},),
    ),
    CallRow(
        name="runs.export",
        is_rare=True,
        uses_files=True,
        examples=(
            {"path": "runs.csv", "app": "shop", "since": "24h"},
            {
                "path": "failed.csv",
                "status": ["failed"],
                "columns": ["id=run", "error.message=error"],
            },
        ),
    ),
)
