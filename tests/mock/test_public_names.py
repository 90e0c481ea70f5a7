"""The public names of `inngest_rest_mock`, and their public module."""

from __future__ import annotations

import pickle
import types
from typing import Any

import pytest

import inngest_rest_mock as public


def test_all_public_names_are_exported() -> None:
    names = {
        name
        for name, value in vars(public).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert sorted(names) == public.__all__


@pytest.mark.parametrize("name", public.__all__)
def test_public_name_has_the_public_module(name: str) -> None:
    value: Any = getattr(public, name)
    if isinstance(value, type | types.FunctionType):
        assert (value.__module__, value.__name__) == ("inngest_rest_mock", name)


def test_record_survives_pickling() -> None:
    request = public.MockRequest("GET", "/health", "", {}, b"", "get_health", 200)
    assert pickle.loads(pickle.dumps(request)) == request
