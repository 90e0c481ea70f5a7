"""What a handler is given, and what it returns."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from ._http import Request, Response
from ._keys import Keys
from ._store import Store


@attrs.frozen
class Call:
    """One request to one operation: `params` are the path's, in order; `now` is in nanoseconds."""

    request: Request
    params: tuple[str, ...]
    store: Store
    keys: Keys
    now: int


Handler: TypeAlias = Callable[[Call], Response]
Handlers: TypeAlias = Mapping[str, Handler]
"""Handlers by `METHOD /path`, each parameter of the path written `{}`."""
