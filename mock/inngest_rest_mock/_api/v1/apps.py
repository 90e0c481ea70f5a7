"""v1: apps and their functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api.responses import json_response
from inngest_rest_mock._api.v1.shapes import v1_data, v1_function

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call
    from inngest_rest_mock._carriers.exchange import Response


def list_apps_v1(call: Call) -> Response:
    """List the apps. No known server has this route."""
    apps = call.store.catalogue.apps.values()
    return v1_data([{"id": app.id, "name": app.id} for app in apps], call.now)


def list_functions_v1(call: Call) -> Response:
    """List an app's functions as a bare array; with an empty app name, those of all apps."""
    (name,) = call.params
    functions = [
        v1_function(function)
        for app in call.store.catalogue.apps.values()
        if name in ("", app.id)
        for function in app.functions.values()
    ]
    return json_response(200, functions)
