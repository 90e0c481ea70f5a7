"""What a notebook must not show."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inngest_rest.record import Record

AT = datetime(2026, 11, 27, 1, 2, 3, 456_000, tzinfo=UTC)

PYTHON = re.compile(r"datetime|timedelta|\w\(\w+=|&lt;[A-Z]\w+\.|\{&#x27;|\(&#x27;")
"""A call, an enum, a dict or a tuple as Python writes them."""

EVIL = "<script>alert('x')</script>\u202e"


def require_escaped(record: Record) -> None:
    """Require of a record with that text that a notebook shows it as text."""
    shown = record._repr_html_()
    assert "<script" not in shown
    assert "\u202e" not in shown
    assert "&lt;script&gt;alert" in shown or "&amp;lt;script" in shown
