"""The rows of the table of calls about what answers at the base URL."""

from inngest_rest.call_row import CallRow

ROWS = (CallRow(name="diagnose", command="doctor", formats=(), judges_keys=True),)
