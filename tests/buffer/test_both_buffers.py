"""The buffers of the two clients, which are written by hand, are twins."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from inngest_rest import AsyncEventBuffer, EventBuffer
from tests.support.interface import documented, own_functions, require_help


@pytest.mark.parametrize("kind", [EventBuffer, AsyncEventBuffer], ids=lambda it: it.__name__)
def test_help_names_each_argument_with_its_type_and_describes_it(kind: Any) -> None:
    require_help(kind)


def of_buffers(kind: type) -> dict[str, Any]:
    renamed = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}
    return {
        renamed.get(name, name): function
        for name, function in own_functions(kind).items()
        if not name.startswith("_") or name.startswith("__")
    }


BUFFERS = (of_buffers(EventBuffer), of_buffers(AsyncEventBuffer))


def test_both_buffers_have_the_same_methods_in_the_same_order() -> None:
    assert list(BUFFERS[0]) == list(BUFFERS[1])


@pytest.mark.parametrize("name", BUFFERS[0])
def test_both_buffers_have_the_same_signatures(name: str) -> None:
    ours, theirs = (
        [
            (each.name, each.kind, each.default, each.annotation.replace("Async", ""))
            for each in signature.parameters.values()
            if each.name not in ("self", "exit_timeout", "exit_on_sigterm")
        ]
        + [signature.return_annotation]
        for signature in (inspect.signature(buffer[name]) for buffer in BUFFERS)
    )
    assert ours == theirs


def test_each_buffer_documents_its_arguments_or_names_the_method_that_does() -> None:
    for name, function in BUFFERS[0].items():
        if name.startswith(("_", "at_", "after_")):
            continue
        blocking = function.__doc__ or ""
        assert set(inspect.signature(function).parameters) - {"self"} <= documented(blocking)
        assert f"`EventBuffer.{name}" in (BUFFERS[1][name].__doc__ or "")
    arguments = set(inspect.signature(EventBuffer).parameters)
    assert arguments == documented(EventBuffer.__doc__ or "") & arguments
    assert "those of `EventBuffer`" in (AsyncEventBuffer.__doc__ or "")
