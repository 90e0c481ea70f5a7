"""Which tests run where. Each entry is a folder, a module or a test, with the reason for it.

`scripts/test` runs all on the newest Python, and on the others all but `ONCE` and `LONG`;
`scripts/test --quick` leaves out `LONG` and `SLOW`, `scripts/test --all` nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Clients = Literal["one", "differing", "both"]

_TESTS = Path(__file__).resolve().parent.parent


def _of_capabilities(table: str) -> dict[str, str]:
    """Return what the `selected.py` in the tests of each capability have in a table."""
    found: dict[str, str] = {}
    for path in sorted(_TESTS.glob("*/selected.py")):
        module = import_module(f"tests.{path.parent.name}.selected")
        found |= getattr(module, table, {})
    return found


BOTH_CLIENTS = {
    "tests/accounting": "every event is accounted for, however threads or tasks interleave",
    "tests/calls/test_base_urls.py": "each client has a transport of its own",
    "tests/calls/test_listings.py": "each client has a paginator of its own",
    "tests/concurrency": "threads and tasks",
    "tests/drivers": "each client has a driver of its own",
    "tests/faults": "each driver has its own ways to fail",
    "tests/resources/test_watch.py": "a watch is an iterator of its own in each client",
    "tests/secrets": "a key must not get out of either",
    "tests/sending/test_way_of_an_event.py": "each client has files of its own",
    "tests/sending/test_send_many_ends.py": "requests in threads or in tasks, and their end",
    **_of_capabilities("BOTH_CLIENTS"),
}
"""What may differ between the clients. Elsewhere one is enough: the blocking client is generated
from the other, and each of its methods is one line."""

ONCE = {
    "tests/contract/test_document.py": "reads the document",
    "tests/contract/test_unrecorded.py": "responses as the document states them",
    "tests/contract/test_live_routes.py": "reads the document",
    "tests/contract/test_recordings.py": "recordings against the document",
    "tests/contract/test_sources.py": "sources of the document",
    "tests/contract/test_wrapper_on_recordings.py": "recordings, read by the generated code",
    "tests/contract/test_parsers.py": "recordings, read by the generated code",
    "tests/scripts": "the programs of this repository run on one Python",
    "tests/skill": "texts and the command's output",
    "tests/test_docs.py": "texts, and programs whose parts are tested elsewhere",
    "tests/test_public_interface.py": "reads the sources and docstrings",
    "tests/test_examples.py": "programs whose parts are tested elsewhere",
    "tests/test_generated.py": "reads the generated sources",
    "tests/test_maps.py": "reads the sources and CONTRIBUTING.md",
    "tests/test_packaging.py": "one wheel serves every Python",
    "tests/test_references.py": "texts",
    "tests/site": "the pages of the documentation, in a browser",
    "tests/waterfall": "draws text",
}
"""What depends on neither the Python nor the versions of dependencies."""

LONG = {
    "tests/accounting": "thousands of steps of a state machine",
    "tests/cli/test_contract.py": "a process asks a server some hundred times",
    "tests/cli/test_process.py": "starts processes, one after the other",
    "tests/concurrency/test_processes.py": "starts processes",
    "tests/contract/test_fuzz.py": "draws responses at random",
    "tests/contract/test_tolerance.py": "each recording with each of its keys changed",
    "tests/drivers/test_connection_pool.py": "thousands of requests, cancelled",
    "tests/faults": "each fault with each operation",
    "tests/hostile": "draws responses, calls and texts at random",
    "tests/mcp_server/test_mistakes.py::test_no_argument_is_so_odd_that_there_is_no_answer": (
        "each parameter of each tool with each odd value"
    ),
    "tests/resources/test_clocks_apart.py::test_a_watch_misses_no_run_for_dates_that_are_off": (
        "a watch for each way in which dates are off"
    ),
    "tests/resources/test_slow_server.py": "thousands of requests in virtual time",
    "tests/scripts/test_api_changes.py": "generates the client of an earlier document",
    "tests/scripts/test_live.py": "starts processes",
    "tests/scripts/test_record.py": "asks many servers a hundred questions each",
    "tests/scripts/test_release_diff.py": "asks many servers a hundred questions each",
    "tests/scripts/test_regenerate.py": "generates the client anew several times",
    "tests/scripts/test_soak.py": "soaks",
    "tests/scripts/test_verdict.py": "runs pytest in processes",
    "tests/secrets/test_no_key_is_left.py": "each call before each of many ends",
    "tests/mcp_server/test_stdio.py": "starts processes",
    "tests/sending/test_send_many.py::test_memory_is_bounded_for_any_number_of_events": (
        "20,000 events, with each allocation traced"
    ),
    "tests/site": "each page in a browser, in four looks",
    "tests/skill/test_evaluation.py": "does each job of an operator in each way",
    "tests/skill/test_installed_command.py": "installs the command",
    "tests/test_docs.py::test_a_program_runs_and_prints_what_the_page_shows": (
        "runs whole programs, some of which wait"
    ),
    "tests/test_docs.py::test_every_program_passes_mypy_strict": "runs mypy",
    "tests/test_examples.py": "runs whole programs",
    "tests/test_generated.py::test_the_templates_support_constructs_that_our_document_lacks": (
        "generates a client"
    ),
    "tests/test_packaging.py": "builds the distributions",
    "tests/mock/test_client_time.py": "many threads and tasks wait together",
    "tests/mock/test_pytest_plugin.py::test_a_server_is_started_for_the_tests_and_ended": (
        "starts a server"
    ),
    **_of_capabilities("LONG"),
}
"""What takes long, and fails on each Python for the same reason."""

SLOW = {
    "tests/calls/test_page_sizes.py": "each listing with each size",
    "tests/concurrency": "many threads and tasks at once",
    "tests/contract/test_sources.py::test_a_wrong_source_is_detected": (
        "the document, copied and changed"
    ),
    "tests/mock/test_pytest_plugin.py::test_what_needs_the_mock_is_skipped_on_a_real_server": (
        "runs pytest in a process"
    ),
    "tests/mock/test_pytest_plugin.py::test_an_absent_server_is_looked_for_once": (
        "runs pytest in a process"
    ),
    "tests/resources/test_records.py::test_a_value_becomes_what_its_base_class_becomes": (
        "draws values at random, for each class of records"
    ),
    "tests/core/test_rows.py::test_damaged_pages_are_read_alike": "draws damage at random",
    "tests/core/test_rows.py::test_rows_of_any_values_are_read_alike": ("draws values at random"),
}
"""What takes a second or more, and may fail on one Python alone: `--quick` leaves it out."""

TABLES = {"once": ONCE, "long": LONG, "slow": SLOW}


def is_in(node: str, table: Iterable[str]) -> bool:
    """Tell whether a folder, module or test belongs to an entry of a table."""
    return any(
        node == entry or (node.startswith(entry) and node[len(entry)] in "/:[") for entry in table
    )


def clients_for(node: str, chosen: Clients) -> list[str]:
    """Return the names of the clients with which a test runs."""
    both: Mapping[Clients, bool] = {
        "one": False,
        "differing": is_in(node, BOTH_CLIENTS),
        "both": True,
    }
    return ["blocking", "async"] if both[chosen] else ["blocking"]
