"""Which tests of this capability run where, with the reason."""

BOTH_CLIENTS = {
    "tests/explain/test_wait_for_runs.py": "a wait is a loop of its own in each client",
}
