"""The apps of the mock and their functions."""

from collections.abc import Iterable

import attrs

from ._behaviours import Run
from ._ids import stable_uuid


@attrs.frozen
class Function:
    """A function: `slug` is `APP-ID`, the server's full name for it."""

    app_id: str
    id: str
    name: str
    triggers: tuple[str, ...]
    run: Run
    internal_id: str
    created_ns: int

    @property
    def slug(self) -> str:
        """The full slug."""
        return f"{self.app_id}-{self.id}"


@attrs.frozen
class App:
    """An app; its functions by their id, in order of registration."""

    id: str
    internal_id: str
    created_ns: int
    functions: dict[str, Function]


class Catalogue:
    """Finds functions by app, by slug and by the event that triggers them."""

    def __init__(self) -> None:
        self.apps: dict[str, App] = {}
        self._by_slug: dict[str, Function] = {}
        self._by_event: dict[str, list[Function]] = {}
        self._by_prefix: list[tuple[str, Function]] = []

    def register(
        self,
        app_id: str,
        function_id: str,
        *,
        name: str,
        triggers: Iterable[str],
        run: Run,
        at: int,
    ) -> Function:
        """Add a function, and its app when new; raise ValueError when it exists."""
        if not app_id or not function_id:
            raise ValueError("an app and a function need a name")
        app = self.apps.get(app_id)
        if app is None:
            app = App(app_id, stable_uuid(app_id), at, {})
            self.apps[app_id] = app
        slug = f"{app_id}-{function_id}"
        if slug in self._by_slug:
            raise ValueError(f"function {slug!r} exists already")
        function = Function(app_id, function_id, name, tuple(triggers), run, stable_uuid(slug), at)
        app.functions[function_id] = function
        self._by_slug[slug] = function
        for trigger in function.triggers:
            if trigger.endswith("*"):
                self._by_prefix.append((trigger[:-1], function))
            else:
                self._by_event.setdefault(trigger, []).append(function)
        return function

    def triggered_by(self, event_name: str) -> list[Function]:
        """Return the functions that an event of this name starts; `app/*` matches a prefix."""
        functions = self._by_event.get(event_name, [])
        if self._by_prefix:
            wild = [it for prefix, it in self._by_prefix if event_name.startswith(prefix)]
            return [*functions, *(it for it in wild if it not in functions)]
        return functions

    def by_slug(self, slug: str) -> Function | None:
        """Return the function of a full slug."""
        return self._by_slug.get(slug)

    def find(self, app_id: str, function_id: str) -> Function | None:
        """Return a function of an app by its bare id or its full slug, as v2 takes both."""
        app = self.apps.get(app_id)
        if app is None:
            return None
        return app.functions.get(function_id) or app.functions.get(
            function_id.removeprefix(f"{app_id}-")
        )
