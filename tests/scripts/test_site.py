"""The pages that the site adds to docs/: what is public is in the reference, and rendered right."""

from __future__ import annotations

import re
import runpy
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from inngest_rest.calls import ROWS
from scripts.internal.site import docstrings, machines, programs, reference, servers, stage
from scripts.internal.site.machines import plain
from scripts.internal.site.names import public
from scripts.internal.site.reference import Entries
from scripts.internal.site.stage import Source, contents
from tests.contract.recordings import read_all

if TYPE_CHECKING:
    from pathlib import Path


ENTRIES = Entries()


@pytest.fixture(scope="module", autouse=True)
def texts() -> dict[str, str]:
    """Return the pages of the reference, whose names are then in `ENTRIES`."""
    return reference.texts(ENTRIES)


def test_every_public_name_has_an_entry_in_the_reference_and_nothing_else_has() -> None:
    assert set(ENTRIES.written) == public().keys()


def test_no_name_has_two_entries() -> None:
    assert len(ENTRIES.written) == len(set(ENTRIES.written))


DOC = """\
Cancel a run; see <b> and *this*.

More of it, with `code_*`.

Args:
    id: The run's id,
        a ULID.
    limit, cursor: See `Paginator`.

Raises:
    NotFoundError: No such run.

HTTP: `GET /v2/runs`, else
`GET /v1/runs`."""


def test_a_docstring_is_taken_apart_into_text_and_fields() -> None:
    doc = docstrings.parse(DOC)
    assert doc.summary == r"Cancel a run; see \<b\> and \*this\*."
    assert doc.text.endswith("\n\nMore of it, with `code_*`.")
    assert doc.entries == {
        "Args": {"id": "The run's id, a ULID.", "limit, cursor": "See `Paginator`."},
        "Raises": {"NotFoundError": "No such run."},
    }
    assert doc.passages == {"HTTP": "`GET /v2/runs`, else `GET /v1/runs`."}


INDEX = """\
# Title

[Start](start.md) and [Runs](guides/runs.md)

## Guides

| [Runs](guides/runs.md#list-runs) | [elsewhere](https://example.com/a.md) |
- [Concepts](concepts.md), [Runs](guides/runs.md)
"""


def test_the_sidebar_has_the_pages_of_the_index_under_its_headings() -> None:
    assert contents(INDEX) == {"": ["start"], "Guides": ["guides/runs", "concepts"]}


def test_a_published_site_has_absolute_links_and_a_sitemap(tmp_path: Path) -> None:
    source = Source({"index": "# inngest-rest\n", "guides/runs": "# Runs\n\nFind runs.\n"})
    source.groups["Guides"] = ["guides/runs"]
    machines.write(source, tmp_path / "here", "")
    machines.write(source, tmp_path / "there", "https://site.invalid/")
    assert "- [Runs](guides/runs.md): Find runs." in (tmp_path / "here/llms.txt").read_text("utf-8")
    assert not (tmp_path / "here/sitemap.xml").exists()
    text = (tmp_path / "there/llms.txt").read_text("utf-8")
    assert "- [Runs](https://site.invalid/guides/runs.md): Find runs." in text
    urls = [each.text for each in ET.parse(tmp_path / "there/sitemap.xml").iter() if each.text]
    assert [each for each in urls if each.strip()] == [
        "https://site.invalid/",
        "https://site.invalid/guides/runs.html",
    ]


def test_the_addresses_of_the_package_are_those_of_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = str(stage.DOCS / "conf.py")
    assert runpy.run_path(conf)["html_baseurl"] == stage.URLS.get("Documentation", "")
    monkeypatch.setitem(stage.URLS, "Documentation", "https://site.invalid/")
    monkeypatch.setitem(stage.URLS, "Source", "https://forge.invalid/repository")
    assert runpy.run_path(conf)["html_baseurl"] == "https://site.invalid/"
    source = Source({"index": "# inngest-rest\n"}, {stage.PROJECT_GROUP: ["changes"]})
    source.write(tmp_path)
    assert (
        "\nSource code <https://forge.invalid/repository>\n" in (tmp_path / "index.md").read_text()
    )


def test_every_variable_that_the_code_reads_is_described() -> None:
    assert [name for name, said in programs.variables().items() if not said] == []
    assert len(programs.variables()) > 10


def test_each_operation_has_a_word_for_each_server() -> None:
    words = {each.cell(server).state for each in servers.known() for server in servers.servers()}
    assert words <= servers.STATES.keys()
    assert {"seen", "error", "absent", "since", "read"} <= words


def test_a_word_of_the_table_is_that_of_the_recordings_and_the_document() -> None:
    known = {each.operation.id: each for each in servers.known()}

    def word(operation: str, release: str, kind: str = "dev") -> str:
        return known[operation].cell(servers.Server(release, kind)).state

    assert word("listRunsV2", "1.43") == "seen"
    assert word("listRunsV1", "1.17") == "absent"  # recorded: 404 of an unknown route
    assert word("cancelRunV1", "1.33", "start") == "error"  # recorded with a wrong key alone
    assert word("createScoresV2", "1.25", "start") == "since"
    assert word("getDevInfo", "1.45") == "read"
    assert known["createEnvV2"].cloud.state == "docs"


def test_each_recording_is_on_a_page_and_each_method_in_the_table_of_requests() -> None:
    pages = servers.pages()
    text = "\n".join(pages.values())
    missing = [each.name for each in read_all() if f"(recording-{each.name})=" not in text]
    assert missing == []
    table = pages["reference/methods"]
    assert [row.name for row in ROWS if f"\n| `client.{row.name}` |" not in table] == []


def test_a_default_that_is_made_anew_is_shown_as_three_dots(texts: dict[str, str]) -> None:
    text = "\n".join(texts.values())
    assert "Event(name: str, data: Mapping[str, Any] | None = None, *, id: str = ...," in text
    assert "clock: Callable[[], int] = time_ns" in text


def test_a_page_for_machines_has_nothing_of_sphinx(texts: dict[str, str]) -> None:
    for text in texts.values():
        found = re.search(r"^:::|^\(.*\)=$|\{(annotation|py:\w+)\}", plain(text), re.MULTILINE)
        assert found is None
