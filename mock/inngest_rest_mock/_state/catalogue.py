"""The apps of the mock and their functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from inngest_rest_mock._state.ids import stable_uuid

if TYPE_CHECKING:
    from inngest_rest_mock._state.behaviours import Runner
    from inngest_rest_mock._state.flow import Flow


@attrs.frozen
class Function:
    """A function of an app."""

    app_id: str
    id: str
    name: str
    triggers: tuple[str, ...]
    crons: tuple[str, ...]
    runner: Runner
    created_ns: int
    batch_size: int | None
    batch_timeout_ns: int
    flow: Flow

    @property
    def internal_id(self) -> str:
        """Its UUID."""
        return stable_uuid(self.slug)

    @property
    def slug(self) -> str:
        """The full slug, `APP-ID`."""
        return f"{self.app_id}-{self.id}"


@attrs.frozen
class App:
    """An app, with its functions by id in order of registration."""

    id: str
    internal_id: str
    created_ns: int
    functions: dict[str, Function] = attrs.field(factory=dict[str, Function])


class Catalogue:
    """Finds functions by app, by slug and by trigger."""

    def __init__(self) -> None:
        self.apps: dict[str, App] = {}
        self._by_slug: dict[str, Function] = {}
        self._by_event: dict[str, list[Function]] = {}
        self._by_prefix: list[tuple[str, Function]] = []

    def register(self, function: Function) -> None:
        """Add a function, and its app if new; raise ValueError if the function exists."""
        if function.slug in self._by_slug:
            raise ValueError(
                f"function {function.id!r} of app {function.app_id!r} already exists: "
                "a function is registered once, with all its triggers"
            )
        new = App(function.app_id, stable_uuid(function.app_id), function.created_ns)
        app = self.apps.setdefault(function.app_id, new)
        app.functions[function.id] = function
        self._by_slug[function.slug] = function
        for trigger in function.triggers:
            if trigger.endswith("*"):
                self._by_prefix.append((trigger[:-1], function))
            else:
                self._by_event.setdefault(trigger, []).append(function)

    def triggered_by(self, event_name: str) -> list[Function]:
        """Return the functions triggered by an event name; `app/*` matches a prefix."""
        functions = self._by_event.get(event_name, [])
        if self._by_prefix:
            wild = [
                it for prefix, it in self._by_prefix if event_name.startswith(prefix)
            ]
            return [*functions, *(it for it in wild if it not in functions)]
        return functions

    def by_slug(self, slug: str) -> Function | None:
        """Return the function with this full slug, or None."""
        return self._by_slug.get(slug)

    def find(self, app_id: str, function_id: str) -> Function | None:
        """Return a function of an app by bare id or full slug: v2 accepts both."""
        app = self.apps.get(app_id)
        if app is None:
            return None
        return app.functions.get(function_id) or app.functions.get(
            function_id.removeprefix(f"{app_id}-")
        )
