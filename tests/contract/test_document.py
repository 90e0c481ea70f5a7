"""The document follows the rules that the generated client, the mock server and readers rely on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml
from openapi_spec_validator import validate

from .document import PATH, Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import DocumentedOperation

DOCUMENT = Document.load()
SPEC: Any = DOCUMENT.spec
SCHEMAS: Any = SPEC["components"]["schemas"]


def test_is_valid_openapi() -> None:
    validate(SPEC)


def test_has_the_operations_of_three_families() -> None:
    assert {each.tag for each in DOCUMENT.operations} == {"ingest", "v1", "v2"}


def test_lines_are_short() -> None:
    lines = PATH.read_text(encoding="utf-8").splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > 100] == []


def own(operation: DocumentedOperation) -> Any:
    """Return what the document has of an operation, as it is written there."""
    return SPEC["paths"][operation.path][operation.method]


def test_operation_has_one_tag_and_its_parameters_are_described() -> None:
    assert {len(own(each)["tags"]) for each in DOCUMENT.operations} == {1}
    # In the schema, where the generator looks for it.
    undescribed = [
        f"{operation.id}: {parameter['name']}"
        for operation in DOCUMENT.operations
        for parameter in operation.parameters
        if not DOCUMENT.resolved(parameter["schema"]).get("description")
    ]
    assert undescribed == [], "describe these in their schemas"


def test_statuses_are_named_one_by_one() -> None:
    codes = [(each.id, code) for each in DOCUMENT.operations for code in each.responses]
    assert [each for each in codes if not re.fullmatch(r"[1-5]\d\d", each[1])] == []


def test_missing_key_is_documented() -> None:
    text = {"text/plain; charset=utf-8": {"schema": {"type": "string"}}}
    for operation in DOCUMENT.operations:
        if operation.tag == "ingest" or operation.id in {"listOperationsV2", "getMetrics"}:
            assert own(operation)["security"] == [], operation.id
        else:
            # Self-hosted servers send text, Inngest Cloud JSON.
            error = {"v1": "V1Error", "v2": "V2Errors"}[operation.tag]
            json = {"schema": {"$ref": f"#/components/schemas/{error}"}}
            assert operation.content(401) == text | {"application/json": json}, operation.id


def test_v1_reading_may_hide_an_error() -> None:
    for operation in DOCUMENT.operations:
        sends_json = operation.id not in {"getMetrics", "getPrometheusV1"}
        if operation.tag == "v1" and operation.method == "get" and sends_json:
            for media in (operation.content(200) or {}).values():
                # First, so that the parser's error is about the data when the data is wrong.
                first = media["schema"]["oneOf"][0]
                assert first == {"$ref": "#/components/schemas/V1Error"}, operation.id


def test_v2_path_value_may_change_the_path() -> None:
    of_v2 = [each for each in DOCUMENT.operations if each.tag == "v2" and each.names("path")]
    assert [each.id for each in of_v2 if not each.content(404)] == []


def test_path_values_are_not_empty() -> None:
    values = [
        (each["schema"]["type"], each["schema"]["minLength"])
        for operation in DOCUMENT.operations
        for each in operation.parameters
        if each["in"] == "path"
    ]
    assert set(values) == {("string", 1)}


def test_objects_and_enums_have_names() -> None:
    unnamed = [
        where for where, node in walk(SPEC, ()) if is_model(node) and where[:-1] != SCHEMA_NAMES
    ]
    assert unnamed == []


def test_components_are_used() -> None:
    used = {node["$ref"] for _, node in walk(SPEC, ()) if isinstance(node.get("$ref"), str)}
    declared = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "parameters", "responses")
        for name in SPEC["components"][kind]
    }
    assert used == declared


def test_no_parameter_has_a_default() -> None:
    # A `default` would be put into every request by the generated client.
    assert [where for where, node in walk(SPEC, ()) if "default" in node] == []


def test_examples_are_valid() -> None:
    for schema in SCHEMAS.values():
        for example in schema.get("examples", ()):
            assert DOCUMENT.strict_faults(schema, example) == []
    media = SPEC["paths"]["/e/{eventKey}"]["post"]["requestBody"]["content"]["application/json"]
    for example in media["examples"].values():
        assert DOCUMENT.strict_faults(media["schema"], example["value"]) == []


def test_two_spellings_of_a_property_have_names_of_their_own_in_other_languages() -> None:
    options = yaml.safe_load(PATH.with_name("openapi-generator.yaml").read_text(encoding="utf-8"))
    for name, schema in SCHEMAS.items():
        properties = schema.get("properties", {})
        for names in (
            [each.get("x-go-name", property_) for property_, each in properties.items()],
            [options["nameMappings"].get(property_, property_) for property_ in properties],
        ):
            alike = [each.replace("_", "").lower() for each in names]
            assert len(set(alike)) == len(alike), name


SCHEMA_NAMES = ("components", "schemas")


def is_model(node: Any) -> bool:
    """Return whether a class is generated from a schema."""
    return node.get("type") == "object" or "enum" in node


def walk(node: Any, where: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every mapping of the document with its path; examples are data."""
    if isinstance(node, dict):
        yield where, node
        for key, value in node.items():
            if key != "examples":
                yield from walk(value, (*where, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, (*where, str(index)))
