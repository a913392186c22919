"""`steady schema`: what an editor completes is what loads."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML
from tests.cli.terminal import process, steady

ROOT = Path(__file__).resolve().parents[2]
POLICIES = sorted((ROOT / "policies").glob("*.yaml"))


def _read(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text())


@pytest.fixture(scope="module")
def policy_schema(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the command prints."""
    return json.loads(steady(tmp_path_factory.mktemp("schema"), "schema").out)


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_policy_that_ships_is_valid_under_it(path: Path, policy_schema: Any) -> None:
    jsonschema_rs.validate(policy_schema, _read(path))


@pytest.mark.parametrize(
    "change",
    [
        {"modle": "s/m"},
        {"output": {"kind": "labl"}},
        {"rules": [{"rule": "lenth"}]},
        {"rules": [{"rule": "length", "wrods": {"max": 1}}]},
        {"candidates": {"min": 0}},
        {"steady": 2},
    ],
    ids=str,
)
def test_what_does_not_load_is_not_valid_under_it(change: dict[str, Any], policy_schema: Any) -> None:
    base = {"steady": 1, "name": "calm"}

    assert jsonschema_rs.is_valid(policy_schema, base)
    assert not jsonschema_rs.is_valid(policy_schema, {**base, **change})


def test_the_schema_of_the_configuration_takes_the_one_that_is_deployed(tmp_path: Path) -> None:
    said = process(tmp_path, "schema", "config")
    schema = json.loads(said.out)

    assert said.code == 0 and said.err == ""
    jsonschema_rs.validate(schema, _read(ROOT / "deploy" / "steady.yaml"))
    assert not jsonschema_rs.is_valid(schema, {"steady": 1, "sotre": {}})


def test_its_keys_carry_what_they_mean(policy_schema: Any) -> None:
    """An editor shows these while one types."""
    fields = policy_schema["$defs"]["Candidates"]["properties"]

    assert fields["max"]["description"] == "All first draws and reasks together."
