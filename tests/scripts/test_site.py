"""The pages that the site adds to docs/: what is public is in the reference, and rendered right."""

from __future__ import annotations

from scripts.internal.site import docstrings
from scripts.internal.site.names import pages, placed, public
from scripts.internal.site.stage import contents


def test_every_public_name_is_in_a_group_of_the_reference_and_nothing_else_is() -> None:
    assert placed(pages()).keys() == public().keys()


def test_no_name_is_in_two_groups() -> None:
    names = [(part.module, name) for page in pages() for part in page.parts for name in part.names]
    assert len(names) == len(set(names))


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
    assert doc.details == "More of it, with `code_*`."
    assert doc.entries == {
        "Args": {"id": "The run's id, a ULID.", "limit, cursor": "See `Paginator`."},
        "Raises": {"NotFoundError": "No such run."},
    }
    assert doc.passages == {"HTTP": "`GET /v2/runs`, else `GET /v1/runs`."}


INDEX = """\
# Title

[Start](start.md)

## Guides

| [Runs](guides/runs.md#list-runs) | [elsewhere](https://example.com/a.md) |
- [Concepts](concepts.md), [Start](start.md)
"""


def test_the_sidebar_has_the_pages_of_the_index_under_its_headings() -> None:
    assert contents(INDEX) == {"": ["start"], "Guides": ["guides/runs", "concepts"]}
