"""A small document, edits to it, and the changes that each edit is reported as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC: dict[str, Any] = yaml.safe_load("""
security: [{bearer: []}]
paths:
  /runs/{runId}:
    parameters:
      - {name: runId, in: path, required: true, schema: {type: string}}
    put:
      operationId: changeRun
      x-call: {runs.change: 1}
      tags: [v1]
      x-permission: runs:write
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 40}}
        - {name: status, in: query, schema: {$ref: "#/components/schemas/Filter"}}
      requestBody:
        content: {application/json: {schema: {$ref: "#/components/schemas/Body"}}}
      responses:
        "200":
          content:
            application/json:
              schema:
                oneOf:
                  - {$ref: "#/components/schemas/Error"}
                  - {$ref: "#/components/schemas/Run"}
        "400":
          content: {application/json: {schema: {$ref: "#/components/schemas/Error"}}}
        "404":
          content: {application/json: {schema: {$ref: "#/components/schemas/Error"}}}
  /runs/{runId}/name:
    put:
      operationId: nameRun
      tags: [v1]
      x-call: {runs.name: 2}
      x-price: lags
      responses: {}
components:
  schemas:
    Filter: {type: string, enum: [RUNNING, ENDED]}
    Body:
      type: object
      required: [name]
      properties:
        name: {type: string, minLength: 1}
        note: {type: [string, "null"]}
        shared: {$ref: "#/components/schemas/Shared"}
    Run:
      type: object
      required: [id]
      properties:
        id: {type: string}
        at: {type: string}
        state: {$ref: "#/components/schemas/State"}
        steps: {type: array, items: {type: string}}
        labels: {type: object, additionalProperties: {type: string}}
        shared: {$ref: "#/components/schemas/Shared"}
    State: {type: string, enum: [RUNNING, ENDED]}
    Shared: {type: object, properties: {a: {type: string}}}
    Error: {type: object, properties: {error: {type: string}}}
""")


def schemas(spec: Any) -> Any:
    return spec["components"]["schemas"]


def operation(spec: Any) -> Any:
    return spec["paths"]["/runs/{runId}"]["put"]


CASES: dict[str, tuple[Callable[[Any], object], list[str]]] = {
    "an operation that goes breaks": (
        lambda it: it["paths"].pop("/runs/{runId}/name"),
        ["BREAKING  nameRun: operation removed"],
    ),
    "an operation that comes does not": (
        lambda it: it["paths"].update(
            {"/new": {"get": {"operationId": "getNew", "responses": {}}}}
        ),
        ["          getNew: operation added"],
    ),
    "another method for an operation breaks": (
        lambda it: it["paths"]["/runs/{runId}"].update(
            post=it["paths"]["/runs/{runId}"].pop("put")
        ),
        ["BREAKING  changeRun: at PUT /runs/{runId} became POST /runs/{runId}"],
    ),
    "another tag moves the generated module": (
        lambda it: operation(it).update(tags=["v2"]),
        ["BREAKING  changeRun: tags ['v1'] became ['v2']"],
    ),
    "a key that is no longer asked for does not break": (
        lambda it: operation(it).update(security=[]),
        ["          changeRun: security [{'bearer': []}] became []"],
    ),
    "an optional parameter that comes does not break": (
        lambda it: operation(it)["parameters"].append(
            {"name": "order", "in": "query", "schema": {"type": "string"}}
        ),
        ["          changeRun query parameter order: added"],
    ),
    "a required parameter that comes breaks": (
        lambda it: operation(it)["parameters"].append(
            {"name": "order", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        ["BREAKING  changeRun query parameter order: added, required"],
    ),
    "a parameter that goes breaks": (
        lambda it: operation(it)["parameters"].pop(0),
        ["BREAKING  changeRun query parameter limit: removed"],
    ),
    "a parameter that becomes required breaks": (
        lambda it: operation(it)["parameters"][0].update(required=True),
        ["BREAKING  changeRun query parameter limit: became required"],
    ),
    "another type of a parameter breaks": (
        lambda it: operation(it)["parameters"][0]["schema"].update(type="string"),
        ["BREAKING  changeRun query parameter limit: type integer became string"],
    ),
    "a wider type of a parameter does not": (
        lambda it: operation(it)["parameters"][0]["schema"].update(type="number"),
        ["          changeRun query parameter limit: type integer became number"],
    ),
    "another type of a parameter of the whole path breaks": (
        lambda it: it["paths"]["/runs/{runId}"]["parameters"][0]["schema"].update(type="integer"),
        ["BREAKING  changeRun path parameter runId: type string became integer"],
    ),
    "a stricter bound of a parameter breaks": (
        lambda it: operation(it)["parameters"][0]["schema"].update(maximum=20),
        ["BREAKING  changeRun query parameter limit: maximum 40 became 20"],
    ),
    "a looser bound does not": (
        lambda it: operation(it)["parameters"][0]["schema"].update(maximum=100),
        ["          changeRun query parameter limit: maximum 40 became 100"],
    ),
    "a body that becomes required breaks": (
        lambda it: operation(it)["requestBody"].update(required=True),
        ["BREAKING  changeRun body: became required"],
    ),
    "a body that goes breaks": (
        lambda it: operation(it).pop("requestBody"),
        ["BREAKING  changeRun body: removed"],
    ),
    "a required field that comes into a request breaks": (
        lambda it: (
            schemas(it)["Body"]["properties"].update(extra={"type": "string"}),
            schemas(it)["Body"]["required"].append("extra"),
        ),
        ["BREAKING  Body.extra: added, required"],
    ),
    "an optional field that comes into a request does not": (
        lambda it: schemas(it)["Body"]["properties"].update(extra={"type": "string"}),
        ["          Body.extra: added"],
    ),
    "a field that goes from a request breaks": (
        lambda it: schemas(it)["Body"]["properties"].pop("note"),
        ["BREAKING  Body.note: removed"],
    ),
    "a field of a request that becomes required breaks": (
        lambda it: schemas(it)["Body"]["required"].append("note"),
        ["BREAKING  Body.note: became required"],
    ),
    "a field of a request that becomes optional does not": (
        lambda it: schemas(it)["Body"]["required"].remove("name"),
        ["          Body.name: became optional"],
    ),
    "a null that a request may no longer hold breaks": (
        lambda it: schemas(it)["Body"]["properties"]["note"].update(type="string"),
        ["BREAKING  Body.note: type string | null became string"],
    ),
    "a value that comes into an enum of a request does not break": (
        lambda it: schemas(it)["Filter"]["enum"].append("PAUSED"),
        ["          Filter: value PAUSED added"],
    ),
    "a value that goes from an enum of a request breaks": (
        lambda it: schemas(it)["Filter"]["enum"].remove("ENDED"),
        ["BREAKING  Filter: value ENDED removed"],
    ),
    "a field of a request that takes only some values breaks": (
        lambda it: schemas(it)["Body"]["properties"]["name"].update(enum=["a", "b"]),
        ["BREAKING  Body.name: only takes a, b"],
    ),
    "a field that comes into an answer does not break": (
        lambda it: (
            schemas(it)["Run"]["properties"].update(extra={"type": "string"}),
            schemas(it)["Run"]["required"].append("extra"),
        ),
        ["          Run.extra: added, required"],
    ),
    "a field that goes from an answer breaks": (
        lambda it: schemas(it)["Run"]["properties"].pop("at"),
        ["BREAKING  Run.at: removed"],
    ),
    "a field of an answer that becomes optional breaks": (
        lambda it: schemas(it)["Run"]["required"].remove("id"),
        ["BREAKING  Run.id: became optional"],
    ),
    "a field of an answer that becomes required does not": (
        lambda it: schemas(it)["Run"]["required"].append("at"),
        ["          Run.at: became required"],
    ),
    "a null that an answer may hold breaks": (
        lambda it: schemas(it)["Run"]["properties"]["at"].update(type=["string", "null"]),
        ["BREAKING  Run.at: type string became string | null"],
    ),
    "a format that makes another Python type breaks": (
        lambda it: schemas(it)["Run"]["properties"]["at"].update(format="date-time"),
        ["BREAKING  Run.at: type string became string(date-time)"],
    ),
    "another type of a list's items breaks": (
        lambda it: schemas(it)["Run"]["properties"]["steps"]["items"].update(type="integer"),
        ["BREAKING  Run.steps items: type string became integer"],
    ),
    "another type of free properties breaks": (
        lambda it: schemas(it)["Run"]["properties"]["labels"].update(additionalProperties=True),
        ["BREAKING  Run.labels: additionalProperties {'type': 'string'} became True"],
    ),
    "another type of named free properties breaks": (
        lambda it: schemas(it)["Run"]["properties"]["labels"]["additionalProperties"].update(
            type="integer"
        ),
        ["BREAKING  Run.labels.*: type string became integer"],
    ),
    "a bound of an answer does not break": (
        lambda it: schemas(it)["Run"]["properties"]["id"].update(minLength=26),
        ["          Run.id: minLength none became 26"],
    ),
    "a value that comes into an enum of an answer does not break, as readers are tolerant": (
        lambda it: schemas(it)["State"]["enum"].append("PAUSED"),
        ["          State: value PAUSED added"],
    ),
    "an enum that is none any more takes its class along": (
        lambda it: schemas(it)["State"].pop("enum"),
        ["BREAKING  State: no longer lists its values"],
    ),
    "a value that goes from an enum of an answer takes its member along": (
        lambda it: schemas(it)["State"]["enum"].remove("ENDED"),
        ["BREAKING  State: value ENDED removed"],
    ),
    "an answer of a schema of another name breaks": (
        lambda it: (
            schemas(it).update(Task=schemas(it).pop("Run")),
            operation(it)["responses"]["200"]["content"]["application/json"]["schema"]["oneOf"][
                1
            ].update({"$ref": "#/components/schemas/Task"}),
        ),
        [
            "BREAKING  Run: schema removed",
            "          Task: schema added",
            "BREAKING  changeRun 200: type Error | Run became Error | Task",
        ],
    ),
    "what travels both ways must suit both": (
        lambda it: schemas(it)["Shared"].update(required=["a"]),
        ["BREAKING  Shared.a: became required"],
    ),
    "an error that comes does not break": (
        lambda it: operation(it)["responses"].update(
            {"409": operation(it)["responses"]["404"], "422": operation(it)["responses"]["404"]}
        ),
        ["          changeRun 409: added", "          changeRun 422: added"],
    ),
    "an error that is caught by another class breaks": (
        lambda it: operation(it)["responses"].update(
            {"409": operation(it)["responses"].pop("404")}
        ),
        ["BREAKING  changeRun 404: removed", "          changeRun 409: added"],
    ),
    "an error that is caught by the same class does not": (
        lambda it: operation(it)["responses"].update(
            {"422": operation(it)["responses"].pop("400")}
        ),
        ["          changeRun 400: removed", "          changeRun 422: added"],
    ),
    "another permission breaks": (
        lambda it: operation(it).update({"x-permission": "runs:read"}),
        ["BREAKING  changeRun: x-permission runs:write became runs:read"],
    ),
    "a permission that was not known does not": (
        lambda it: operation(it).pop("x-permission"),
        ["          changeRun: x-permission runs:write became None"],
    ),
    "an answer that goes breaks": (
        lambda it: operation(it)["responses"].pop("200"),
        ["BREAKING  changeRun 200: removed"],
    ),
    "another content type of an answer breaks": (
        lambda it: operation(it)["responses"]["200"]["content"].update(
            {"text/plain": operation(it)["responses"]["200"]["content"].pop("application/json")}
        ),
        [
            "BREAKING  changeRun 200: content type application/json removed",
            "          changeRun 200: content type text/plain added",
        ],
    ),
    "an unknown keyword is treated as breaking": (
        lambda it: schemas(it)["Run"].update(allOf=[{}]),
        ["BREAKING  Run: allOf none became [{}]"],
    ),
    "words and extensions change nothing": (
        lambda it: (
            operation(it).update({"summary": "x", "description": "y", "x-since": "1.0"}),
            operation(it)["responses"]["200"].update({"x-source": ["documented"]}),
            schemas(it)["Run"].update({"description": "z", "examples": [{}], "x-source": []}),
        ),
        [],
    ),
    "an operation is gone from a release on, and its call has no other route": (
        lambda it: operation(it).update({"x-until": "2.0"}),
        ["BREAKING  changeRun: gone from release 2.0 on; runs.change has no other route"],
    ),
    "an operation is gone from a release on, and its call asks another one": (
        lambda it: operation(it).update({"x-until": "2.0", "x-call": {"runs.name": 1}}),
        ["          changeRun: gone from release 2.0 on; runs.name asks nameRun there, which lags"],
    ),
}
