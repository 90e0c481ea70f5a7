"""Which tests of this capability run where, with the reason."""

BOTH_CLIENTS = {
    "tests/files/test_export.py::test_events_and_traces_are_added_on_demand": (
        "requests in threads or in tasks"
    ),
    "tests/files/imports": "requests in threads or in tasks, read ahead of",
}
LONG = {
    "tests/files/imports/test_kills.py": "processes killed",
    "tests/files/imports/test_lines.py": "draws lines at random",
    "tests/files/imports/test_damaged_checkpoints.py": "draws damage at random",
    "tests/files/imports/test_sources.py::test_memory_is_bounded_however_long_a_file_is": (
        "long files, with each allocation traced"
    ),
}
