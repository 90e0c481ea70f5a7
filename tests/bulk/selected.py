"""Which tests of this capability run where, with the reason."""

BOTH_CLIENTS = {
    "tests/bulk": "many requests at once, in threads or in tasks",
}
LONG = {
    "tests/bulk/by_command/test_processes.py": "starts processes, one after the other",
}
