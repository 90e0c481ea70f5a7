"""The rows of the table of calls about files of runs and events, written and sent."""

from inngest_rest.call_row import CallRow, Effect

_FILE = {"path": "events.ndjson"}
_CSV = {
    "path": "orders.csv",
    "event": "shop/order.created",
    "columns": {"total": "data.total:float"},
}

ROWS = (
    CallRow(
        name="send_file",
        sends_events=True,
        is_rare=True,
        effect=Effect.CREATE,
        uses_files=True,
        examples=(
            _FILE,
            {**_FILE, "resume": True},
            _CSV,
        ),
    ),
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
                "columns": {"run": "id", "error": "error.message"},
            },
        ),
    ),
)
