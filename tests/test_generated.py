"""The generated client matches the document, and avoids known defects of the generator."""

from __future__ import annotations

import asyncio
import copy
import difflib
import importlib
import json
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import openapi_python_client
import pytest

import inngest_rest_api
from inngest_rest_api import AuthenticatedClient, Client, models
from inngest_rest_api.api import OPERATIONS, ingest, v1, v2
from inngest_rest_api.errors import UnexpectedStatus
from inngest_rest_api.types import UNSET, read_json
from scripts.internal.regeneration import api_client
from tests.contract.document import Document
from tests.support.server import body_of

ROOT = Path(__file__).parent.parent
DOCUMENT: Any = Document.load().spec
OVERRIDES = ROOT / "openapi" / "templates"
STOCK = Path(openapi_python_client.__file__).parent / "templates"
DIFFS = Path(__file__).parent / "templates"
METHODS = ("get", "put", "post", "delete", "patch")


def client(answer: httpx.Response, **kwargs: Any) -> Client:
    made = Client(base_url="http://a.b", **kwargs)
    transport = httpx.MockTransport(lambda _: answer)
    made.set_httpx_client(httpx.Client(base_url="http://a.b", transport=transport))
    return made


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def test_the_table_of_operations_is_that_of_the_document() -> None:
    documented = {
        (
            own["tags"][0],
            method.upper(),
            re.sub(r"\{(\w+)\}", lambda it: f"{{{snake(it[1])}}}", path),
            own.get("x-since"),
            own.get("x-until"),
            own.get("x-permission"),
            own.get("x-cloud-only", False),
            tuple(own.get("x-call", {}).items()),
        )
        for path, item in DOCUMENT["paths"].items()
        for method, own in item.items()
        if method in METHODS
    }
    assert {
        (it.tag, it.method, it.path, it.since, it.until, it.permission, it.cloud_only, it.calls)
        for it in OPERATIONS
    } == documented
    assert list(OPERATIONS) == sorted(OPERATIONS, key=lambda it: (it.tag, it.name))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.name)
def test_each_operation_is_a_module_of_two_pure_functions_and_their_use(operation: Any) -> None:
    module = importlib.import_module(f"inngest_rest_api.api.{operation.tag}.{operation.name}")
    assert getattr({"ingest": ingest, "v1": v1, "v2": v2}[operation.tag], operation.name) is module
    for name in ("get_kwargs", "parse_response", "sync_detailed", "asyncio_detailed"):
        assert callable(getattr(module, name))
    assert operation == module.OPERATION
    names = {getattr(it, "__name__", "") for it in module.result_types()}
    assert not names & {"V1Error", "V2Errors"}


def modules() -> list[tuple[str, str]]:
    package = Path(inngest_rest_api.__file__).parent
    return [(str(it.relative_to(package)), it.read_text("utf-8")) for it in package.rglob("*.py")]


def test_every_argument_in_a_docstring_has_a_description() -> None:
    arguments = [
        (name, line)
        for name, text in modules()
        for section in re.findall(r"^ +Args:\n(.*?)\n\n", text, re.DOTALL | re.MULTILINE)
        for line in re.findall(r"^ {8}\w+ \(.+", section, re.MULTILINE)
    ]
    assert len(arguments) > 200
    assert [each for each in arguments if re.fullmatch(r" +\w+ \([^)]*\):", each[1])] == []


def test_no_union_names_a_member_twice() -> None:
    unions = [
        (name, union)
        for name, text in modules()
        for union in re.findall(r"\w+(?:\[\w+\])?(?: \| \w+(?:\[\w+\])?)+", text)
    ]
    assert len(unions) > 200
    assert [it for it in unions if len(set(it[1].split(" | "))) < it[1].count(" | ") + 1] == []


def test_nothing_is_imported_while_a_model_is_read_or_written() -> None:
    assert [
        name for name, text in modules() if re.search(r"^ {8,}(from|import) ", text, re.MULTILINE)
    ] == []


@pytest.mark.parametrize("first", ["v2_span", "v2_trace", "v2_run", "event_meta"])
def test_any_model_can_be_imported_first(first: str) -> None:
    script = f"""
import sys, inngest_rest_api.models.{first}, inngest_rest_api.models as models
assert "inngest_rest_api.models.v2_app" not in sys.modules
leaf = {{"id": "b", "queuedAt": "2026-01-01T00:00:00Z"}}
span = models.V2Span.from_dict({{**leaf, "children": [{{**leaf, "children": [leaf]}}]}})
assert type(span.children[0].children[0]) is models.V2Span
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"[18446744073709551615, -9223372036854775808]", [2**64 - 1, -(2**63)]),
        (b"[-9223372036854775809]", [-(2**63) - 1]),
        (b'{"n": 123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
        (b"[1e999, -1.5]", [float("inf"), -1.5]),
        (b'["\\ud800"]', ["\ud800"]),
        (b"\xef\xbb\xbf[1]", [1]),
        ("[1]".encode("utf-16"), [1]),
    ],
)
def test_json_is_read_as_the_standard_library_does(content: bytes, value: Any) -> None:
    assert read_json(content) == value == json.loads(content)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[1", b'["\xff"]', b"[" * 100_000 + b"]" * 100_000]
)
def test_what_is_not_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_json(content)


def test_an_unset_value_is_itself_in_every_copy() -> None:
    run = models.V2Run.from_dict(body_of("v2-run-ok")["data"])
    for each in (pickle.loads(pickle.dumps(run)), copy.deepcopy(run)):
        assert each.output is UNSET
        assert each.to_dict() == run.to_dict()
    assert repr(UNSET) == "UNSET"


def test_every_value_of_every_enum_is_a_member() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    enums = {name: set(schema["enum"]) for name, schema in schemas.items() if "enum" in schema}
    assert enums
    for name, values in enums.items():
        assert {each.value for each in getattr(models, name)} == values


def test_a_value_that_the_document_does_not_know_survives() -> None:
    status = models.V2RunStatus("ARCHIVED")
    for each in (status, pickle.loads(pickle.dumps(status))):
        assert (each, each.value, str(each)) == ("ARCHIVED", "ARCHIVED", "ARCHIVED")
        assert isinstance(each, models.V2RunStatus)
    assert status not in list(models.V2RunStatus)
    run = {**body_of("v2-run-ok")["data"], "status": "ARCHIVED"}
    assert models.V2Run.from_dict(run).to_dict()["status"] == "ARCHIVED"
    with pytest.raises(ValueError, match="5"):
        models.V2RunStatus(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [499, 520, 599])
def test_an_unregistered_status_code_does_not_raise(status: int) -> None:
    answer = httpx.Response(status, text="odd")
    response = ingest.get_health.sync_detailed(client=client(answer))
    assert (response.status_code, response.parsed) == (status, None)
    with pytest.raises(UnexpectedStatus):
        ingest.get_health.sync_detailed(client=client(answer, raise_on_unexpected_status=True))


def test_a_client_has_a_timeout_by_default() -> None:
    assert Client(base_url="http://a.b").get_httpx_client().timeout == httpx.Timeout(30.0)
    authenticated = AuthenticatedClient(base_url="http://a.b", token="t")
    assert authenticated.get_async_httpx_client().timeout == httpx.Timeout(30.0)


def test_no_token_is_in_a_repr_even_after_a_request() -> None:
    hidden = ("very-secret", "also-secret")
    made = AuthenticatedClient(
        base_url="http://a.b",
        token=hidden[0],
        headers={"x-key": hidden[1]},
        cookies={"key": hidden[1]},
        httpx_args={
            "transport": httpx.MockTransport(lambda _: httpx.Response(404, text=hidden[0]))
        },
    )
    before = repr(made)
    v1.list_events_v1.sync_detailed(client=made)
    v2.list_runs_v2.sync_detailed(client=made)
    assert not [each for each in hidden if each in before + repr(made)]


def refusing(answer: Any) -> AuthenticatedClient:
    arguments = {"transport": httpx.MockTransport(answer)}
    return AuthenticatedClient(base_url="http://a.b", token="secret", httpx_args=arguments)


def test_a_token_is_not_sent_to_the_host_of_events() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError

    made: Any = refusing(answer)
    with pytest.raises(TypeError, match="takes no token"):
        ingest.get_health.sync_detailed(client=made)
    with pytest.raises(TypeError, match="takes no token"):
        asyncio.run(ingest.send_events.asyncio_detailed("key", client=made, body=[]))


def test_a_token_is_sent_where_it_is_asked_for() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(404, json=body_of("v2-run-unknown"))

    response = v2.get_run_v2.sync_detailed("01", client=refusing(answer))
    assert seen == ["Bearer secret"]
    assert isinstance(response.parsed, models.V2Errors)


def test_null_reads_as_absent_where_the_document_shows_none() -> None:
    data = body_of("v2-run-ok")["data"]
    trigger: dict[str, Any] = {"eventIds": [], "batchId": None}
    run = models.V2Run.from_dict({**data, "endedAt": None, "trigger": trigger})
    assert (run.ended_at, run.trigger.batch_id) == (UNSET, UNSET)
    page = models.V2RunListEnvelope.from_dict(
        {"data": None, "page": {"cursor": None}, "metadata": {"fetchedAt": "2026-01-01T00:00:00Z"}}
    )
    assert (page.data, page.page.cursor) == (UNSET, UNSET)


def test_null_stays_null_where_it_means_something() -> None:
    run = body_of("v1-run-ok")["data"]
    assert models.V1Run.from_dict({**run, "output": None}).output is None
    assert models.V1Run.from_dict({k: v for k, v in run.items() if k != "output"}).output is UNSET
    assert models.V1Run.from_dict({**run, "ended_at": None}).ended_at is None


def test_fields_that_a_server_adds_survive() -> None:
    run = models.V1Run.from_dict({**body_of("v1-run-ok")["data"], "new": [1]})
    assert run["new"] == [1]
    assert run.to_dict()["new"] == [1]


def test_json_sent_as_text_is_read_and_true_text_stays_text() -> None:
    stored = httpx.Response(200, text='{"ids": ["01"], "status": 200}')
    found = ingest.send_events.sync("k", client=client(stored), body=[])
    assert isinstance(found, models.SendResult)
    absent: Any = client(httpx.Response(404, text="404 page not found\n"))
    assert v1.list_runs_v1.sync(client=absent) == "404 page not found\n"


def test_a_hidden_error_is_read_as_one() -> None:
    answer: Any = client(httpx.Response(200, json=body_of("v1-run-unknown")))
    assert isinstance(v1.get_run_v1.sync("01", client=answer), models.V1Error)


def test_models_and_operations_are_loaded_when_they_are_used() -> None:
    script = """
import sys, inngest_rest_api.models as models, inngest_rest_api.api.v2 as v2
loaded = lambda: {name for name in sys.modules if name.startswith("inngest_rest_api.models.v2_run")}
assert not loaded(), loaded()
models.V2Run
assert "inngest_rest_api.models.v2_run" in loaded()
assert "inngest_rest_api.api.v2.get_app_v2" not in sys.modules
v2.get_app_v2
assert set(models.__all__) <= set(dir(models))
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = models.Nonsense
    with pytest.raises(AttributeError, match="nonsense"):
        _ = v2.nonsense


# Constructs that our document does not have but the templates must support.
SAMPLE = """
openapi: 3.1.1
info: {title: Sample, version: "1"}
paths:
  /parents/{id}:
    get:
      operationId: getParent
      tags: [v1]
      summary: Get a parent
      description: One with children.
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        "200":
          description: One.
          content: {application/json: {schema: {$ref: "#/components/schemas/Parent"}}}
components:
  schemas:
    Parent:
      type: object
      required: [kind]
      properties:
        kind: {const: parent}
        size: {type: [string, integer]}
        names: {type: array, items: {type: string}}
        times: {type: array, items: {type: string, format: date-time}}
        child: {$ref: "#/components/schemas/Child"}
      additionalProperties: {$ref: "#/components/schemas/Child"}
    Child:
      type: object
      properties:
        note: {const: n}
        parent: {$ref: "#/components/schemas/Parent"}
      additionalProperties: false
"""


def test_the_templates_support_constructs_that_our_document_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(OVERRIDES.parent, tmp_path / "openapi")
    (tmp_path / api_client.DOCUMENT).write_text(SAMPLE, encoding="utf-8")
    api_client.write(tmp_path, tmp_path / "sample_api")
    monkeypatch.syspath_prepend(tmp_path)
    sample: Any = importlib.import_module("sample_api.models.child")
    parent = importlib.import_module("sample_api.models").Parent
    unset = importlib.import_module("sample_api.types").UNSET
    time = "2026-01-01T00:00:00+00:00"
    whole = {
        "kind": "parent",
        "size": 3,
        "names": ["a"],
        "times": [time],
        "child": {"note": "n", "parent": {"kind": "parent", "size": "s"}},
        "other": {"note": "n"},
    }
    found = parent.from_dict(whole)
    assert found.to_dict() == whole
    assert type(found["other"]) is type(found.child) is sample.Child
    for absent in ({}, {"size": None, "names": None, "times": None, "child": None}):
        bare = parent.from_dict({"kind": "parent", **absent})
        assert {bare.size, bare.names, bare.times, bare.child} == {unset}
    assert sample.Child.from_dict({"note": None, "unknown": 1}).to_dict() == {}
    with pytest.raises(ValueError, match="must match const"):
        parent.from_dict({"kind": "child"})


def test_the_package_says_that_it_is_generated_and_typed() -> None:
    package = Path(inngest_rest_api.__file__).parent
    assert (package / "py.typed").exists()
    for module in package.rglob("*.py"):
        assert module.read_text(encoding="utf-8").startswith("# Generated by scripts/regenerate")


def difference(name: str) -> str:
    """Return how an override differs from the stock template."""
    stock = (STOCK / name).read_text(encoding="utf-8").splitlines()
    ours = (OVERRIDES / name).read_text(encoding="utf-8").splitlines()
    lines = difflib.unified_diff(stock, ours, "stock", "override", lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith("@@")) + "\n"


def overrides() -> list[str]:
    return sorted(str(each.relative_to(OVERRIDES)) for each in OVERRIDES.rglob("*.jinja"))


def recorded(name: str) -> Path:
    """Return the file that records how an override differs."""
    return DIFFS / f"{name}.diff"


@pytest.mark.parametrize("name", overrides())
def test_an_override_differs_from_the_stock_template_as_recorded(name: str) -> None:
    """A newer generator fails here, and the failure shows what to carry over.

    To record an intended change: python -m tests.test_generated
    """
    assert difference(name) == recorded(name).read_text(encoding="utf-8")


def test_every_recorded_difference_belongs_to_an_override() -> None:
    assert set(DIFFS.rglob("*.diff")) == {recorded(each) for each in overrides()}


if __name__ == "__main__":
    for override in overrides():
        recorded(override).parent.mkdir(exist_ok=True)
        recorded(override).write_text(difference(override), encoding="utf-8")
