"""Every rule is known by name, documented field by field, and read strictly."""

import ast
from pathlib import Path

import msgspec
import pytest

from steady.errors import ConfigError, UnknownNameError
from steady.rules import catalog
from steady.rules.catalog import EXAMPLES, RULES, common_fields, decode, entries
from steady.rules.rule import Finder, Window
from steady.types import UNENFORCED

SOURCE = Path(catalog.__file__).parent


def test_every_rule_class_in_the_room_is_in_the_catalog() -> None:
    tags = set()
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                tags |= {keyword.value.value for keyword in node.keywords if keyword.arg == "tag"}  # type: ignore[attr-defined]

    assert tags == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_every_example_is_a_rule_that_compiles(name: str) -> None:
    rule = decode({"rule": name, **EXAMPLES[name]})

    assert type(rule) is RULES[name]
    assert rule.name == rule.key == name
    assert rule.statement()
    assert rule.on_fail not in UNENFORCED
    check = rule.build()
    assert isinstance(check.streams, Window) <= isinstance(check, Finder)


def test_every_rule_and_field_is_documented() -> None:
    for entry in entries():
        assert entry.doc, entry.name
        for field in entry.fields:
            assert field.doc.endswith("."), (entry.name, field.name)
            assert field.type, (entry.name, field.name)
    assert {field.name for field in common_fields()} >= {"id", "on", "on_fail", "mode", "weight"}
    assert all(field.doc for field in common_fields())


def test_an_entry_says_what_a_reader_needs() -> None:
    entry = next(entry for entry in entries() if entry.name == "no_pii")

    assert entry.default_on == ("answer", "tool_arguments", "reasoning")
    assert entry.can_fix
    assert entry.sensitive
    assert entry.pure
    assert entry.streams == "window"
    assert entry.streams_how.endswith(" characters wide")
    kinds = entry.fields[0]
    assert (kinds.name, kinds.required, kinds.type) == ("kinds", False, "tuple[PiiKind, ...]")
    assert kinds.default.startswith('["email"')


def test_an_unknown_rule_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"No rule 'no_pi'. Did you mean 'no_pii'\?"):
        decode({"rule": "no_pi"})


@pytest.mark.parametrize("data", [{}, {"rule": 3}, {"id": "x"}])
def test_an_item_without_a_rule_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="needs `rule: NAME`"):
        decode(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"rule": "no_pii", "kind": ["email"]}, "unknown field `kind`"),
        ({"rule": "no_pii", "kinds": ["mail"]}, r"kinds\[0\]"),
        ({"rule": "excludes"}, "missing required field `terms`"),
        ({"rule": "length", "words": {"max": -1}}, r"words\.max"),
        ({"rule": "length", "words": {"most": 1}}, "unknown field `most`"),
        ({"rule": "no_pii", "on_fail": "reaks"}, "on_fail"),
        ({"rule": "not_regex", "pattern": ""}, "pattern"),
        ({"rule": "language", "allow": []}, "allow"),
    ],
)
def test_wrong_fields_are_refused_by_name(data: dict[str, object], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        decode(data)


def test_the_catalog_can_not_be_changed() -> None:
    with pytest.raises(TypeError):
        RULES["x"] = RULES["no_pii"]  # type: ignore[index]
