"""Loading: what is refused, in which words, on which line; and what shared files become."""

from pathlib import Path
from typing import Any, get_args

import pytest
from tests.policy.rules_for_tests import SMALL, Excludes, Length

from steady.errors import ConfigError
from steady.policy.load import Known, Loaded, check_file, load, parse
from steady.types import Kind

HEAD = "steady: 1\nname: x\n"


def refused(tmp_path: Path, text: str, known: Any = SMALL) -> str:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, known)
    return str(caught.value).replace(f"{tmp_path}/", "")


def told(data: dict[str, Any], known: Any = SMALL) -> str:
    with pytest.raises(ConfigError) as caught:
        parse({"steady": 1, "name": "x", **data}, known)
    return str(caught.value)


def fine(data: dict[str, Any], known: Any = SMALL) -> Loaded:
    return parse({"steady": 1, "name": "x", **data}, known)


def test_a_policy_is_read_with_its_rules_in_order(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(HEAD + "rules:\n- {rule: length, words: {max: 9}}\n- {rule: excludes, id: no, terms: [a]}\n")
    loaded = load(path, SMALL)

    assert loaded.policy.name == "x"
    assert [rule.key for rule in loaded.rules] == ["length", "no"]
    assert loaded.rules[1] == Excludes(id="no", terms=("a",))
    assert loaded.file == str(path)


def test_a_misspelt_key_is_refused_by_file_line_field_and_nearest_word(tmp_path: Path) -> None:
    """A policy that silently loses a rule is worse than one that does not load."""
    message = refused(tmp_path, HEAD + "rules:\n  - rule: excludes\n    termz: [a]\n")

    assert "x.yaml:5: rules[0].termz: no field 'termz'. Did you mean 'terms'? Known: " in message


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = """steady: 1
name: X y
outptu: {kind: text}
candidates: {min: 0, max: many}
pin: {for: 24h}
rules:
  - {rule: lenght}
  - {rule: excludes, terms: []}
  - {use: absent}
  - {limit: 3}
  - {rule: length, words: {mx: 3}, on_fail: reaks}
"""
    lines = refused(tmp_path, text).splitlines()

    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in lines] == [
        "x.yaml:2 name", "x.yaml:3 outptu", "x.yaml:4 candidates.min", "x.yaml:4 candidates.max", "x.yaml:5 pin",
        "x.yaml:7 rules[0].rule", "x.yaml:8 rules[1].terms", "x.yaml:9 rules[2].use", "x.yaml:10 rules[3]",
        "x.yaml:11 rules[4].words.mx", "x.yaml:11 rules[4].on_fail",
    ]  # fmt: skip
    assert "no rule 'lenght'. Did you mean 'length'?" in lines[5]
    assert "pins are not built yet in this version; remove the key." in lines[4]
    assert "'reaks' is no legal word here. Did you mean 'reask'?" in lines[10]


@pytest.mark.parametrize("key", ["pin", "experiment", "escalate", "tools", "error"])
def test_a_key_whose_feature_is_not_built_is_refused_by_name(key: str) -> None:
    assert f"<dict>: {key}: " in told({key: {}})
    assert "not built yet in this version; remove the key" in told({key: {}})


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_of_the_design_loads(kind: str) -> None:
    labels = {"labels": ["a", "b"]} if kind == "label" else {}

    made = parse({"steady": 1, "name": "x", "output": {"kind": kind, **labels}})

    assert made.policy.output.kind == kind


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"kind": "flag", "labels": ["yes", "no", "perhaps"]}, "a flag has two, the one that raises it first"),
        ({"kind": "text", "costs": {"missed": 5}}, "`costs` is for kind flag, but kind is 'text'"),
        ({"kind": "ranking", "keep": "f1"}, "`keep` is for kind items, but kind is 'ranking'"),
        ({"kind": "items", "threshold": 0.5}, "is for `keep: threshold`, but `keep` is f1"),
        ({"kind": "items", "labels": ["a", "a"]}, "the label 'a' is there twice"),
        ({"kind": "flag", "costs": {"missed": 0}}, "output.costs.missed"),
    ],
)
def test_what_does_not_fit_a_kind_is_told(output: dict[str, Any], message: str) -> None:
    assert message in told({"output": output})


def test_a_kind_that_never_was_gets_the_nearest() -> None:
    assert "Did you mean 'number'?" in told({"output": {"kind": "nubmer"}})


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_what_is_no_mapping_is_no_policy(tmp_path: Path, data: object) -> None:
    assert "x.yaml" in refused(tmp_path, "" if data is None else str(data))


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert str(check_file(tmp_path / "absent.yaml", SMALL)[0]).endswith(
        "absent.yaml: can't be read: No such file or directory."
    )


def test_check_file_lists_nothing_for_a_good_policy(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(HEAD)

    assert check_file(tmp_path / "x.yaml", SMALL) == []


def test_a_dict_is_checked_like_a_file() -> None:
    assert "<dict>: rules[0].rule: no rule 'x'." in told({"rules": [{"rule": "x"}]})
    assert "<dict>: description: bytes is no JSON value" in told({"description": b"x"})


def test_the_callers_dict_is_left_as_it_was() -> None:
    data = {"steady": 1, "name": "x", "pin": {}, "output": {"kind": "flag"}}
    with pytest.raises(ConfigError):
        parse(data, SMALL)

    assert data == {"steady": 1, "name": "x", "pin": {}, "output": {"kind": "flag"}}


def write_lists(tmp_path: Path, **lists: str) -> None:
    (tmp_path / "rules").mkdir()
    for name, text in lists.items():
        (tmp_path / "rules" / f"{name}.yaml").write_text(text)


def test_rules_are_inlined_where_they_are_used(tmp_path: Path) -> None:
    write_lists(tmp_path, house="- {rule: excludes, terms: [a]}\n- {use: more}\n", more="- {rule: ends_with, text: .}")
    (tmp_path / "x.yaml").write_text(HEAD + "rules: [{rule: contains, all: [b]}, {use: house}, {rule: length}]")

    assert [rule.name for rule in load(tmp_path / "x.yaml", SMALL).rules] == [
        "contains", "excludes", "ends_with", "length",
    ]  # fmt: skip


def test_a_problem_is_told_in_the_shared_file(tmp_path: Path) -> None:
    write_lists(tmp_path, house="- rule: excludes\n  terms: [a]\n  repalce: x\n")
    message = refused(tmp_path, HEAD + "rules: [{use: house}]")

    assert "rules/house.yaml:3: [0].repalce: no field 'repalce'. Did you mean 'replace'?" in message


def test_circles_are_refused(tmp_path: Path) -> None:
    write_lists(tmp_path, a="- {use: b}", b="- {use: a}")

    assert "the lists of rules go in a circle: a -> b -> a" in refused(tmp_path, HEAD + "rules: [{use: a}]")


def test_a_name_is_no_path(tmp_path: Path) -> None:
    assert "rules[0].use: '../x' does not fit" in refused(tmp_path, HEAD + "rules: [{use: ../x}]")


def test_an_unknown_list_gets_the_nearest(tmp_path: Path) -> None:
    write_lists(tmp_path, house="[]")

    assert "Did you mean 'house'?" in refused(tmp_path, HEAD + "rules: [{use: hosue}]")


def test_nothing_stands_beside_use(tmp_path: Path) -> None:
    write_lists(tmp_path, house="[]")

    assert "mode can't stand beside `use`" in refused(tmp_path, HEAD + "rules: [{use: house, mode: shadow}]")


def test_a_shared_file_is_a_list(tmp_path: Path) -> None:
    write_lists(tmp_path, a="rules: []", b="- 3")

    assert "a shared file is a list of rules" in refused(tmp_path, HEAD + "rules: [{use: a}]")
    assert "[0]: must be a mapping" in refused(tmp_path, HEAD + "rules: [{use: b}]")


def test_one_list_used_twice_gives_two_rules_one_id(tmp_path: Path) -> None:
    write_lists(tmp_path, a="- {rule: length}")

    assert "two rules have the id 'length'" in refused(tmp_path, HEAD + "rules: [{use: a}, {use: a}]")


def test_a_schema_file_is_inlined(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"type": "object"}')
    (tmp_path / "x.yaml").write_text(HEAD + "output: {kind: json, schema: s.json}")

    assert load(tmp_path / "x.yaml", SMALL).policy.output.schema == {"type": "object"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("s.json", None, "can't be read: No such file"),
        ("s.json", "[1]", "must be an object"),
        ("s.json", '{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ("s.txt", "{}", "is no schema file"),
    ],
)
def test_a_schema_that_can_not_be_used_is_told(tmp_path: Path, name: str, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    message = refused(tmp_path, HEAD + f"output: {{kind: json, schema: {name}}}")

    assert "x.yaml:3: output.schema: " in message
    assert words in message


def test_a_rule_that_does_not_compile_is_told_at_its_field(tmp_path: Path) -> None:
    message = refused(tmp_path, HEAD + "rules:\n- rule: excludes\n  terms: []\n")

    assert "x.yaml:5: rules[0].terms: `terms` is empty." in message


def test_fix_needs_a_fix() -> None:
    message = told({"rules": [{"rule": "contains", "all": ["a"], "on_fail": "fix"}]})

    assert "rule 'contains' has no fix, so 'fix' can't be done. Legal here: reask, filter, refrain" in message
    assert fine({"rules": [{"rule": "excludes", "terms": ["a"], "on_fail": "fix"}]})
    assert "'fix' needs `replace`" in told(
        {"rules": [{"rule": "excludes", "terms": ["a"], "on_fail": "fix", "replace": None}]}
    )


def test_custom_needs_a_function_that_the_operator_allows() -> None:
    rule = {"rule": "length", "on_fail": "custom", "function": "soften"}

    assert "`custom` needs `function`" in told({"rules": [{**rule, "function": ""}]})
    assert "`function` is for `on_fail: custom`" in told({"rules": [{**rule, "on_fail": "filter"}]})
    assert fine({"rules": [rule]})
    assert fine({"rules": [rule]}, Known(SMALL, functions=["soften"]))
    assert "Did you mean 'softer'?" in told({"rules": [rule]}, Known(SMALL, functions=["softer"]))


def test_two_rules_with_one_id_are_told(tmp_path: Path) -> None:
    text = (
        HEAD + "rules:\n- {rule: length}\n- {rule: excludes, terms: [a]}\n- {rule: excludes, id: length, terms: [b]}\n"
    )

    assert "x.yaml:6: rules[2].id: two rules have the id 'length': this one and rules[0]" in refused(tmp_path, text)


def test_an_id_is_a_word() -> None:
    assert "rules[0].id: 'a b' does not fit" in told({"rules": [{"rule": "length", "id": "a b"}]})


def test_a_rule_that_looks_nowhere_is_told() -> None:
    assert "names no surface" in told({"rules": [{"rule": "length", "on": []}]})
    assert "`roles` is for `on: [input]`" in told({"rules": [{"rule": "length", "roles": ["user"]}]})
    assert fine({"rules": [{"rule": "length", "on": ["input"], "roles": ["user"]}]})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"candidates": {"min": 3, "max": 2}}, "candidates.min: min 3 is over max 2."),
        ({"candidates": {"deadline": "0s"}}, "candidates.deadline: nothing can be made in no time"),
        ({"choose": {"min_agreement": 0.5}}, "choose.min_agreement: agreement is measured between candidates"),
        ({"disclose": {"when": "low_agreement"}}, "disclose.when: `low_agreement` needs an agreement"),
        ({"sampling": {"preset": "balancd"}}, "sampling.preset: no preset 'balancd'. Did you mean 'balanced'?"),
        (
            {
                "sampling": {"preset": "deterministic"},
                "candidates": {"max": 4},
                "choose": {"min_agreement": 0.5},
            },
            "choose.min_agreement: at temperature 0 one candidate is asked",
        ),
        ({"output": {"kind": "text", "labels": ["a"]}}, "output.labels: `labels` is for kind label"),
        ({"output": {"schema": {}}}, "output.schema: `schema` is for kind json"),
        ({"output": {"kind": "json", "estimate": "median"}}, "output.estimate: `estimate` is for kind number"),
        ({"otherwise": {"do": "message"}}, "otherwise: `do: message` needs `text`"),
        ({"otherwise": {"do": "model"}}, "otherwise: `do: model` needs `model`"),
        ({"otherwise": {"do": "value"}}, "otherwise: `do: value` needs `value`"),
        ({"otherwise": {"text": "x"}}, "otherwise.text: `text` is for `do: message`, but do is 'error'."),
        ({"otherwise": {"do": "value", "value": 3}}, "otherwise.value: must be text"),
        ({"disclose": {"locale": "Deutsch!"}}, "disclose.locale: 'Deutsch!' is neither"),
        ({"disclose": {"text": {}}}, "disclose.text: is empty"),
        ({"disclose": {"text": " "}}, "disclose.text: is empty"),
        ({"disclose": {"text": {"e n": "x"}}}, 'disclose.text["e n"]: \'e n\' is no language tag'),
        ({"disclose": {"text": "{agred} of"}}, "disclose.text: no placeholder {agred}. Did you mean 'agreed'?"),
        ({"disclose": {"text": "{agreed:>3}"}}, "disclose.text: {agreed} takes no format"),
        ({"disclose": {"text": "{agreed"}}, "disclose.text: the braces do not pair"),
        ({"allow": {"sampling": ["temprature"]}}, "allow.sampling[0]: 'temprature' is no sampling parameter. Did you"),
        ({"rules": [{"rule": "length", "on_fail": "reask"}]}, "rules[0].on_fail: `reask` asks again"),
        ({"rules": [{"rule": "length", "words": {"min": 5, "max": 2}}]}, "rules[0].words: min 5 is over max 2."),
        (
            {"rules": [{"rule": "excludes", "terms": ["Refund"]}, {"rule": "contains", "all": ["our refund"]}]},
            "rules[0]: excludes what rule 'contains' requires ('our refund')",
        ),
        (
            {"rules": [{"rule": "excludes", "terms": ["a", "b"]}, {"rule": "contains", "any": ["xa", "yb"]}]},
            "rules[0]: excludes what rule 'contains' requires ('xa')",
        ),
        (
            {"rules": [{"rule": "contains", "none": ["a"], "all": ["q"]}, {"rule": "starts_with", "text": "a"}]},
            "rules[0]: excludes what rule 'starts_with' requires ('a')",
        ),
        (
            {"rules": [{"rule": "ends_with", "text": "Bye."}, {"rule": "excludes", "terms": ["bye"]}]},
            "rules[1]: excludes what rule 'ends_with' requires",
        ),
        (
            {"rules": [{"rule": "ends_with", "text": "."}], "disclose": {"place": "append"}},
            "disclose.place: `append` would put text where rule 'ends_with' wants the answer's own; use `field`.",
        ),
        (
            {"rules": [{"rule": "starts_with", "text": "A"}], "disclose": {"place": "prefix"}},
            "disclose.place: `prefix` would put text where rule 'starts_with'",
        ),
        (
            {
                "rules": [{"rule": "length", "characters": {"max": 10}}],
                "disclose": {"place": "append", "text": "made by a model"},
            },
            "disclose.place: `append` adds 15 characters or more, and rule 'length' allows 10 in all",
        ),
        (
            {"rules": [{"rule": "length", "characters": {"max": 30}}], "disclose": {"place": "append"}},
            "disclose.place: `append` adds 40 characters or more",
        ),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_told(data: dict[str, Any], message: str) -> None:
    assert f"<dict>: {message}" in told(data)


@pytest.mark.parametrize(
    "data",
    [
        {"candidates": {"min": 2, "max": 2}},
        {"candidates": {"max": 4}, "choose": {"min_agreement": 0.5}, "disclose": {"when": "low_agreement"}},
        {"sampling": {"preset": "balanced"}, "candidates": {"max": 4}, "choose": {"min_agreement": 0.5}},
        {
            "sampling": {"preset": "deterministic", "temperature": 0.5},
            "candidates": {"max": 4},
            "choose": {"min_agreement": 0.5},
        },
        {"otherwise": {"do": "value", "value": "x"}},
        {"disclose": {"text": {"en": "{agreed} of {of} {{x}}", "pt-BR": "{of}"}, "locale": "de"}},
        {"allow": {"sampling": ["temperature", "seed"]}},
        {"candidates": {"max": 2}, "rules": [{"rule": "length", "on_fail": "reask"}]},
        {"rules": [{"rule": "length", "on_fail": "reask", "mode": "shadow"}]},
        {"rules": [{"rule": "excludes", "terms": ["refund"]}, {"rule": "contains", "all": ["bill"]}]},
        {"rules": [{"rule": "excludes", "terms": ["a"]}, {"rule": "contains", "any": ["xa", "y"]}]},
        {"rules": [{"rule": "excludes", "terms": ["a"], "mode": "shadow"}, {"rule": "contains", "all": ["a"]}]},
        {"rules": [{"rule": "ends_with", "text": "."}], "disclose": {"place": "append", "when": "never"}},
        {"rules": [{"rule": "ends_with", "text": "."}], "disclose": {"place": "prefix"}},
        {"rules": [{"rule": "length", "characters": {"max": 10}}], "disclose": {"place": "append", "text": "AI"}},
    ],
)  # fmt: skip
def test_what_only_looks_like_a_contradiction_loads(data: dict[str, Any]) -> None:
    assert fine(data)


def test_a_contradiction_in_a_shared_list_is_told_there(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "house.yaml").write_text("# ours\n- rule: length\n  words: {min: 3, max: 1}\n")
    message = refused(tmp_path, HEAD + "rules: [{use: house}]")

    assert "rules/house.yaml:3: [0].words: min 3 is over max 1." in message


def test_a_rules_own_fields_are_decoded(tmp_path: Path) -> None:
    rule = fine({"rules": [{"rule": "length", "characters": {"max": 3}}]}).rules[0]

    assert isinstance(rule, Length)
    assert rule.characters is not None
    assert rule.characters.max == 3
