"""The schemas for editors take what loads and refuse what a type refuses."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.policy.rules_for_tests import SMALL

from steady.policy.editor import json_schema
from steady.policy.load import catalog
from steady.policy.yaml_marks import read_yaml

POLICIES = sorted((Path(__file__).parents[2] / "policies").glob("*.yaml"))
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def errors(data: Any) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors({"steady": 1, "name": "x", **data})]


@pytest.mark.parametrize("what", ["policy", "config"])
def test_the_schema_is_a_schema(what: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(what))


def test_there_are_two() -> None:
    with pytest.raises(ValueError, match="none of 'presets'"):
        json_schema("presets")


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_policy_that_ships_fits(path: Path) -> None:
    data = read_yaml(path.read_bytes(), path.name).data

    assert list(VALIDATOR.iter_errors(data)) == []


@pytest.mark.parametrize(
    "data",
    [
        {"nmae": "y"},
        {"rules": [{"rule": "lenght"}]},
        {"rules": [{"rule": "excludes", "terms": ["a"], "termz": 1}]},
        {"rules": [{"rule": "excludes", "terms": ["a"], "on_fail": "reaks"}]},
        {"rules": [{"use": "a", "mode": "shadow"}]},
        {"rules": [{"use": "../a"}]},
        {"output": {"kind": "poem"}},
        {"candidates": {"max": 65}},
        {"sampling": {"preset": 3}},
        {"pin": {"for": "24h"}},
    ],
)
def test_what_no_type_takes_is_refused(data: dict[str, Any]) -> None:
    assert errors(data)


@pytest.mark.parametrize(
    "data",
    [
        {"rules": [{"rule": "excludes", "terms": ["a"]}, {"use": "house-style"}]},
        {"sampling": {"preset": "ours"}},
        {"output": {"kind": "json", "schema": {"type": "object"}}},
    ],
)
def test_what_loads_fits(data: dict[str, Any]) -> None:
    assert errors(data) == []


def test_every_rule_of_the_catalogue_is_there_by_its_word() -> None:
    items = SCHEMA["$defs"]["Policy"]["properties"]["rules"]["items"]["oneOf"]
    words = {
        SCHEMA["$defs"][item["$ref"].rsplit("/", 1)[1]]["properties"]["rule"]["enum"][0]
        for item in items
        if "$ref" in item
    }

    assert words == set(catalog())
    assert len(items) == len(catalog()) + 1


def test_fields_say_what_they_are_for() -> None:
    defs = SCHEMA["$defs"]

    assert defs["Excludes"]["properties"]["terms"]["description"] == (
        "What is excluded; where `terms_file` is given it may be left out."
    )
    assert defs["Excludes"]["properties"]["on_fail"]["description"] == "What happens to a candidate that fails."
    assert defs["Candidates"]["properties"]["min"]["description"] == "The first wave, drawn in parallel."
    assert SCHEMA["$defs"]["SamplingSpec"]["properties"]["preset"]["anyOf"][0]["enum"][0] == "deterministic"


def test_a_catalogue_of_ones_own_can_be_told() -> None:
    assert len(json_schema("policy", SMALL)["$defs"]["Policy"]["properties"]["rules"]["items"]["oneOf"]) == 7


def test_the_configuration_s_schema_refuses_what_does_not_load() -> None:
    validator = jsonschema.Draft202012Validator(json_schema("config"))

    assert list(validator.iter_errors({"providers": {"up": {"kind": "vllm", "base_url": "http://127.0.0.1/v1"}}})) == []
    assert list(validator.iter_errors({"providers": {"up": {"kind": "vlm"}}}))
    assert list(validator.iter_errors({"provider": {}}))
