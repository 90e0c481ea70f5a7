"""The documentation is correct: programs run, tables are complete, and references resolve."""

from __future__ import annotations

import inspect
import logging
import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import field, frozen

import inngest_rest
from inngest_rest import InngestClient
from inngest_rest_mock import MockServer, completes, fails, invokes, sleeps, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest_mock import Behaviour, MockEvent

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCUMENTS = [
    *PAGES,
    *(ROOT / name for name in ("SECURITY.md", "CONTRIBUTING.md", "MAINTAINING.md", "CHANGELOG.md")),
    ROOT / "openapi/templates/README.md",
    ROOT / "scripts/internal/benchmark/README.md",
]
TEXTS = {page: page.read_text(encoding="utf-8") for page in DOCUMENTS}
COLUMN = 88  # characters of code that a page of the site shows without scrolling
README, SECURITY = (TEXTS[ROOT / name] for name in ("README.md", "SECURITY.md"))


@frozen
class Program:
    """A block of Python, and its output according to the text block after it."""

    name: str
    code: str = field(repr=False)
    prints: str | None = field(repr=False)


def programs() -> Iterator[Program]:
    pattern = re.compile(
        r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL
    )
    for page in PAGES:
        for found in pattern.finditer(TEXTS[page]):
            line = TEXTS[page].count("\n", 0, found.start()) + 1
            yield Program(f"{name_of(page)}:{line}", found[1], found[2])


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


PROGRAMS = list(programs())


def charge(event: MockEvent) -> Behaviour:
    total = event.data.get("total", 0)
    return fails("card declined") if total > 100 else completes({"charged": total})


@pytest.fixture
def mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    """Serve the shop of the pages; the environment names it.

    One of its runs has failed, and one event came before the function that it triggers.
    """
    mock = MockServer()
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send({"name": "app/order.paid", "data": {"total": 5}})
    mock.function("shop", "charge", trigger="app/order.created", run=charge)
    mock.function("shop", "ship", trigger="app/order.created", run=sleeps(timedelta(days=1)))
    mock.function("shop", "receipt", trigger="app/order.paid", run=completes({"mailed": True}))
    mails = iter([fails("mailbox full", name="SMTPError")])
    deliver = steps(("charge", completes()), ("mail", lambda _: next(mails, "mailed")))
    mock.function("shop", "deliver", trigger="parcel/packed", run=deliver)
    mock.function("shop", "bundle", trigger="app/cart.closed", run=invokes("shop", "receipt"))
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send({"name": "app/order.created", "data": {"total": 900}})
    with mock.serve() as url:
        monkeypatch.setenv("INNGEST_DEV", url)
        yield mock


@pytest.fixture
def _undone() -> Iterator[None]:
    """Undo the changes that a program may make to its process."""
    handler, logger = signal.getsignal(signal.SIGTERM), logging.getLogger("inngest_rest")
    level = logger.level
    yield
    signal.signal(signal.SIGTERM, handler)
    logger.setLevel(level)


@pytest.mark.usefixtures("mock", "_undone", "visibility_delay")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda it: it.name)
def test_a_program_runs_and_prints_what_the_page_shows(
    program: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {}
    exec(compile(program.code, program.name, "exec", dont_inherit=True), namespace)
    for name, test in namespace.items():
        if name.startswith("test_"):
            mock = MockServer()
            with InngestClient(dev=True, transport=mock.transport) as client:
                test(mock_inngest=mock, inngest_client=client)
    if program.prints is not None:
        assert without_ids(capsys.readouterr().out) == without_ids(program.prints)


def test_every_program_passes_mypy_strict(tmp_path: Path) -> None:
    files = {f"program_{number}.py": program for number, program in enumerate(PROGRAMS)}
    for name, program in files.items():
        (tmp_path / name).write_text(program.code, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    command += ["--strict", "--cache-dir", str(ROOT / ".mypy_cache")]
    ran = subprocess.run(
        [*command, *(str(tmp_path / name) for name in files)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    told = re.sub(r"\S*?(program_\d+\.py)", lambda it: files[it[1]].name, ran.stdout)
    assert ran.returncode == 0, told


def without_ids(text: str) -> str:
    return re.sub(r"\b01[0-9A-Z]{24}\b", "ULID", text)


def test_a_row_of_a_table_is_a_line() -> None:
    crowded = [
        f"{name_of(page)}:{number}"
        for page in DOCUMENTS
        for number, line in enumerate(TEXTS[page].splitlines(), 1)
        if re.search(r"\|\s*:?-{2,}:?\s*\|", line) and not re.fullmatch(r"[|:\s-]+", line)
    ]
    assert crowded == [], "the delimiter row of a table stands on another's line"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_line_of_code_is_wider_than_the_column_of_a_page(page: Path) -> None:
    """What a program or a command prints, or a file shows, is as wide as it is."""
    written = re.sub(r"^ *```text$.*?^ *```$", "", TEXTS[page], flags=re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", written, re.MULTILINE | re.DOTALL)
    lines = [
        line
        for language, block in blocks
        for line in typed(block, is_terminal=language == "console")
    ]
    assert [line for line in lines if len(line) > COLUMN] == []


def typed(block: str, *, is_terminal: bool) -> list[str]:
    """Return the lines of a block, of a terminal only those of commands."""
    if not is_terminal:
        return block.splitlines()
    commands = re.findall(r"^\$ (?:.*[\\|]\n)*.*$", block, re.MULTILINE)
    return [line for command in commands for line in command.splitlines()]


def test_every_text_block_belongs_to_a_program() -> None:
    shown = sum(TEXTS[page].count("```text\n") for page in PAGES)
    assert shown == sum(each.prints is not None for each in PROGRAMS)


def test_the_first_program_sends_one_event_and_the_second_changes_nothing(mock: MockServer) -> None:
    first, second = (each for each in PROGRAMS[:2] if each.name.startswith("README"))
    exec(compile(first.code, first.name, "exec"), {})
    assert [each.data for each in mock.events[2:]] == [{"order_id": "ord_123", "total": 49.99}]
    asked = len(mock.requests)
    exec(compile(second.code, second.name, "exec"), {})
    assert {each.method for each in mock.requests[asked:]} == {"GET"}


def section(page: str, title: str) -> str:
    return TEXTS[ROOT / page].partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_configuration_table_names_every_argument_and_variable_and_no_other() -> None:
    table = section("docs/guides/configuration.md", "Arguments and variables")
    rows = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert rows == list(inspect.signature(InngestClient).parameters)
    assert set(re.findall(r"INNGEST_\w+", table)) == set(
        re.findall(r"INNGEST_\w+", InngestClient.__doc__ or "")
    )


TROUBLE = TEXTS[ROOT / "docs/troubleshooting.md"]


def test_the_page_on_errors_has_each_of_them_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+Error)` \|", TROUBLE, re.MULTILINE)
    public = {name for name in vars(inngest_rest)["__all__"] if name.endswith("Error")}
    assert sorted(rows) == sorted(public - {"InngestError", "RunError"})


def test_the_reference_names_what_is_imported_from_the_package_itself() -> None:
    page = TEXTS[ROOT / "docs/reference/python.md"]
    names = {name for name in vars(inngest_rest)["__all__"] if name != "__version__"}
    errors = {name for name in names if name.endswith("Error")} - {"RunError"}
    assert set(re.findall(r"`([A-Z]\w+)`", page)) == names - errors


def test_methods_that_are_named_exist() -> None:
    with InngestClient(dev=True, transport=MockServer().transport) as client:
        for page in PAGES:
            for path, methods in re.findall(r"`client\.(\w+)(?:\.([\w/]+))?", TEXTS[page]):
                found = getattr(client, path)
                names = methods.split("/") if methods else []
                assert all(callable(getattr(found, name)) for name in names), (page, path)


def test_the_readme_is_short() -> None:
    assert README.count("\n") <= 160


def test_the_readme_leads_to_all_guides_in_at_most_nine_rows() -> None:
    rows = section("README.md", "What it does").split("|---|---|\n")[1].split("\n\n")[0]
    assert rows.count("\n") < 9
    assert "docs/index.md" in links(rows)


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(TEXTS[page]):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", without_code(text))


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_a_table_has_a_delimiter_row_of_its_own_below_its_heading(page: Path) -> None:
    tables = re.findall(r"^\|.*\n((?:\|.*\n?)*)", without_code(TEXTS[page]), re.MULTILINE)
    for below_heading in tables:
        delimiters, *rows = below_heading.split("\n")
        assert re.fullmatch(r"\|(:?-+:?\|)+", delimiters), below_heading
        assert not [row for row in rows if "|---" in row]


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_a_row_of_a_table_has_no_more_cells_than_its_heading(page: Path) -> None:
    heading = 0
    for line in without_code(TEXTS[page]).splitlines():
        if not line.startswith("|"):
            heading = 0
            continue
        cells = len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line))) - 1
        heading = heading or cells
        assert cells <= heading, line


@pytest.mark.parametrize("page", DOCUMENTS, ids=name_of)
def test_files_that_are_named_exist(page: Path) -> None:
    folders = r"(?:docs|generated|openapi|scripts|tests|tools|wrapper|\.ci)/[\w./*-]*"
    files = r"[A-Z]{2,}\.md|pyproject\.toml"
    for named in re.findall(rf"(?<![\w/.-])(?:{folders}|{files})", TEXTS[page]):
        assert list(ROOT.glob(named.rstrip("./"))), named


GUIDES = [*sorted((ROOT / "docs/guides").glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_a_page_begins_with_its_purpose_in_two_lines_and_a_program(page: Path) -> None:
    top = TEXTS[page].partition("\n## ")[0]
    rule = r"# [^\n]+\n\n(?:[^\n]+\n){1,2}\n.*?^```(?:python|console)\n.*"
    assert re.fullmatch(rule, f"{top}\n", re.MULTILINE | re.DOTALL), top


def test_every_page_is_in_the_index() -> None:
    start = ROOT / "docs/index.md"
    names = [name_of(page) for page in PAGES[1:] if page != start]
    assert set(names) - {f"docs/{target}" for target in links(TEXTS[start])} == set()


def test_each_promise_of_security_names_a_test() -> None:
    promises = SECURITY.partition("## Promises")[2].partition("\n## ")[0].split("\n**")[1:]
    assert len(promises) >= 10
    assert [each.partition("**")[0] for each in promises if "- `tests/" not in each] == []


def test_security_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", SECURITY)
    assert len(named) >= 10
    for path, name in named:
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), name
