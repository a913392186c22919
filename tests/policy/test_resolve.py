"""Resolved policies: their bytes hold everything, bring everything back, and say how they stream."""

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policy.rules_for_tests import SMALL, Excludes

from steady.errors import ConfigError
from steady.policy.canonical import full, in_order, with_order
from steady.policy.load import Known, load, parse
from steady.policy.presets import BUILT_IN, Preset
from steady.policy.resolve import from_bytes, resolve
from steady.policy.resolved import Resolved, Target
from steady.types import Capabilities, Sampling

TARGET = Target(provider="local", model="m", capabilities=Capabilities(params=("temperature", "top_p")))
OTHER = Target(
    provider="openai", model="gpt", capabilities=Capabilities(params=("temperature",), n=8), prompt_price="1"
)


def resolved(data: dict[str, Any] | None = None, target: Target = TARGET, **more: Any) -> Resolved:
    loaded = parse({"steady": 1, "name": "x", **(data or {})}, SMALL)
    return resolve(loaded, target=target, rules=SMALL, **more)


RICH: dict[str, Any] = {
    "description": "d",
    "model": "local/m",
    "sampling": {"preset": "balanced", "max_tokens": 9, "stop": ["b", "a"], "logit_bias": {"z": 1.0, "a": -2}},
    "candidates": {"min": 2, "max": 4, "deadline": "1.5s"},
    "rules": [
        {"rule": "length", "words": {"max": 3}, "on_fail": "reask"},
        {"rule": "excludes", "terms": ["b", "a"], "on": ["answer", "input"]},
        {"rule": "contains", "all": ["x"], "on": ["input"]},
    ],
    "otherwise": {"do": "model", "model": "openai/gpt"},
    "disclose": {"text": {"en": "made by a model", "de": "von einem Modell"}},
}


def test_a_policy_comes_back_from_its_bytes_alone() -> None:
    """Replay works after the policy's file was edited or deleted."""
    there = resolved(RICH, fallback=OTHER)
    back = from_bytes(there.canonical, SMALL)

    assert back.hash == there.hash
    assert (back.doc, back.target, back.fallback, back.sampling) == (there.doc, TARGET, OTHER, there.sampling)
    assert [bound.rule for bound in back.rules] == [bound.rule for bound in there.rules]
    assert [bound.rule for bound in back.input_rules] == [bound.rule for bound in there.input_rules]
    assert (back.plan, back.deadline) == (there.plan, 1.5)


def test_the_bytes_are_rfc_8785() -> None:
    canonical = resolved(RICH, fallback=OTHER).canonical

    assert rfc8785.dumps(msgspec.json.decode(canonical)) == canonical


def test_the_hash_is_known_to_the_last_bit() -> None:
    """If this fails, what is written of a policy has changed: kept receipts name their policy by this hash."""
    assert resolved().hash == "e3ebd20584c40dbf56eb19001b060c36c4638d5d199503a5b12f0d9d11709880"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "local/other"},
        {"description": "e"},
        {"sampling": {**RICH["sampling"], "temperature": 0.5}},
        {"sampling": {**RICH["sampling"], "stop": ["a", "b"]}},
        {"candidates": {"min": 2, "max": 5, "deadline": "1.5s"}},
        {"rules": RICH["rules"][:2]},
        {"rules": [RICH["rules"][1], RICH["rules"][0], RICH["rules"][2]]},
        {"rules": [{**RICH["rules"][0], "mode": "shadow"}, *RICH["rules"][1:]]},
        {"disclose": {"text": "made by a model"}},
        {"record": "hashes"},
        {"allow": {"sampling": ["seed"]}},
    ],
)
def test_whatever_can_alter_a_decision_alters_the_hash(change: dict[str, Any]) -> None:
    assert resolved({**RICH, **change}, fallback=OTHER).hash != resolved(RICH, fallback=OTHER).hash


def test_target_fallback_and_preset_numbers_alter_the_hash() -> None:
    base = resolved(RICH, fallback=OTHER).hash
    warmer = {**BUILT_IN, "balanced": Preset("balanced", Sampling(temperature=0.71, top_p=0.95), "")}
    cheaper = msgspec.structs.replace(TARGET, prompt_price="0.1")

    assert len({
        base,
        resolved(RICH, OTHER, fallback=OTHER).hash,
        resolved(RICH, cheaper, fallback=OTHER).hash,
        resolved(RICH, fallback=TARGET).hash,
        resolved(RICH, fallback=OTHER, presets=warmer).hash,
    }) == 5  # fmt: skip


def test_how_a_policy_is_spelled_does_not_alter_the_hash() -> None:
    """Defaults written out, the order of its keys, `1` or `1.0`: the meaning is the same."""
    spelled = {
        "disclose": {"text": "standard", "place": "field"},
        "candidates": {"max": 1, "min": 1},
        "choose": {"variability_penalty": 0},
    }

    assert resolved(spelled).hash == resolved({"choose": {"variability_penalty": 0.0}}).hash == resolved().hash


def test_no_default_is_left_out_of_the_bytes() -> None:
    """A default that a later version changes must not change what a kept policy means."""
    data = msgspec.json.decode(resolved({"rules": [{"rule": "excludes", "terms": ["a"]}]}).canonical)

    assert data["document"]["candidates"]["fan_out_up_to"] == 8000
    assert data["rules"][0]["replace"] == "[...]"
    assert data["rules"][0]["rule"] == "excludes"
    assert data["rules"][0]["weight"] == 0.1
    assert data["target"]["capabilities"]["stream_usage"] is True


def test_a_schemas_order_survives() -> None:
    """Properties are generated in the order in which the author wrote them; sorted ones give other answers."""
    schema = {"type": "object", "properties": {"why": {"type": "string"}, "answer": {"type": "string"}, "a/b~c": {}}}
    document = {"document": {"schema": schema}, "list": [{"b": 1, "a": 2}]}
    back = in_order(with_order(document))

    assert back == document
    assert list(back["document"]["schema"]["properties"]) == ["why", "answer", "a/b~c"]
    assert list(back["document"]["schema"]) == ["type", "properties"]
    assert list(back["list"][0]) == ["b", "a"]


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=4)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-1e15, 1e15) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


def ordered(value: Any) -> Any:
    """Return `value` with objects as lists of pairs, so that equality sees their order."""
    if isinstance(value, dict):
        return [(key, ordered(item)) for key, item in value.items()]
    return [ordered(item) for item in value] if isinstance(value, list) else value


@given(DATA)
@settings(deadline=None, max_examples=200)
def test_order_and_content_survive_the_bytes(data: Any) -> None:
    once = with_order({"document": data})
    back = in_order(once)

    assert ordered(back) == ordered({"document": data})
    assert with_order(back) == once


def test_the_order_of_keys_is_part_of_the_hash() -> None:
    assert with_order({"d": {"b": 1, "a": 2}}) != with_order({"d": {"a": 2, "b": 1}})


def test_a_number_of_a_fallback_value_means_the_same_live_and_replayed() -> None:
    """1.0 is written as 1 in canonical JSON; a run and its replay must release the same."""
    data = {"output": {"kind": "number"}, "otherwise": {"do": "value", "value": 1.0}}
    live = resolve(parse({"steady": 1, "name": "x", **data}), target=TARGET)

    assert repr(live.doc.otherwise.value) == repr(from_bytes(live.canonical).doc.otherwise.value)


def test_what_can_not_be_written_is_the_programmers_error() -> None:
    with pytest.raises(TypeError, match="set has no place"):
        full({"a": {1}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 9}, "of format 9; this version reads 1"),
        ({"rules": [{"rule": "gone"}]}, "No rule 'gone'"),
        ({"rules": [{"rule": "excludes", "terms": [], "weight": 0.1}]}, "does not compile: `terms` is empty"),
        ({"rules": [{"rule": "excludes", "terms": ["a"], "newer": 1}]}, "can't be read by this version"),
        ({"target": 3}, "can't be read by this version"),
    ],
)
def test_bytes_that_this_version_can_not_run_are_refused(change: dict[str, Any], words: str) -> None:
    data = msgspec.json.decode(resolved().canonical)

    with pytest.raises(ConfigError, match=words):
        from_bytes(msgspec.json.encode({**data, **change}), SMALL)


@pytest.mark.parametrize("kept", [b"", b"[]", b"{}", b"\xff", b'{"format":1}'])
def test_bytes_that_are_no_policy_are_refused(kept: bytes) -> None:
    with pytest.raises(ConfigError):
        from_bytes(kept, SMALL)


def test_the_presets_numbers_are_expanded() -> None:
    assert resolved(RICH, fallback=OTHER).sampling == Sampling(
        temperature=0.7, top_p=0.95, max_tokens=9, stop=("b", "a"), logit_bias={"z": 1.0, "a": -2.0}
    )
    assert resolved().sampling == Sampling()


def test_a_users_preset_is_inlined() -> None:
    presets = {**BUILT_IN, "ours": Preset("ours", Sampling(temperature=0.2), "")}
    loaded = parse({"steady": 1, "name": "x", "sampling": {"preset": "ours"}}, Known(SMALL, presets))
    there = resolve(loaded, target=TARGET, presets=presets, rules=SMALL)

    assert from_bytes(there.canonical, SMALL).sampling == Sampling(temperature=0.2)
    with pytest.raises(ConfigError, match="No preset 'ours'"):
        resolve(loaded, target=TARGET, rules=SMALL)


def test_rules_are_sorted_by_what_they_judge() -> None:
    there = resolved(RICH, fallback=OTHER)

    assert [bound.rule.name for bound in there.rules] == ["length", "excludes"]
    assert [bound.rule.name for bound in there.input_rules] == ["excludes", "contains"]
    assert there.rules[1].check.streams == there.input_rules[0].check.streams


def test_a_fallback_model_is_needed_where_it_is_named_and_only_kept_there() -> None:
    with pytest.raises(ConfigError, match="needs a model to fall back to"):
        resolved(RICH)

    assert resolved({}, fallback=OTHER).fallback is None


def test_a_policy_that_says_and_does_nothing_passes_through_and_a_sampling_value_ends_that() -> None:
    silent = {"disclose": {"place": "none"}}
    assert resolved(silent).passes_through
    assert resolved({"disclose": {"when": "never"}}).passes_through
    assert resolved().passes_through is False  # it discloses in the field
    assert resolved({"rules": [{"rule": "length"}], **silent}).passes_through is False
    assert resolved({"rules": [{"rule": "length", "on": ["input"]}], **silent}).passes_through is False
    assert resolved({"sampling": {"temperature": 0.1}, **silent}).passes_through is False
    assert resolved({"sampling": {"preset": "balanced"}, **silent}).passes_through is False
    assert resolved({"disclose": {"place": "append"}}).passes_through is False
    assert resolved({"candidates": {"max": 2}, **silent}).passes_through is False


FIX = {"rule": "excludes", "terms": ["a"], "on_fail": "fix"}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"disclose": {"place": "append"}},
        {"disclose": {"place": "prefix", "when": "never"}},
        {"rules": [FIX]},
        {"rules": [{**FIX, "on_fail": "exception"}]},
        {"rules": [{"rule": "length", "characters": {"max": 9}, "on_fail": "exception"}]},
        {"rules": [{"rule": "length", "words": {"max": 9}, "mode": "shadow"}]},
        {"rules": [{"rule": "length", "words": {"max": 9}, "on_fail": "penalize"}]},
        {"rules": [{"rule": "length", "words": {"max": 9}, "on_fail": "noop"}]},
        {"rules": [{"rule": "length", "words": {"max": 9}, "on": ["input"]}]},
    ],
)
def test_what_can_act_on_a_part_streams_live(data: dict[str, Any]) -> None:
    plan = resolved(data).plan

    assert plan.live
    assert plan.why == ()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"candidates": {"max": 3}}, "up to 3 candidates are made, and the choice among them comes first"),
        ({"disclose": {"place": "prefix"}}, "the disclosure goes before the text"),
        ({"rules": [{**FIX, "on_fail": "filter"}]}, "rule 'excludes' has on_fail `filter`, which acts on a whole"),
        (
            {"rules": [{"rule": "length", "id": "short", "words": {"max": 3}, "on_fail": "exception"}]},
            "rule 'short' (length) can judge only the whole text: a length is known at the end",
        ),
        (
            {"rules": [{"rule": "length", "id": "short", "characters": {"max": 3}, "on_fail": "filter"}]},
            "rule 'short' has on_fail `filter`",
        ),
        (
            {"rules": [{"rule": "starts_with", "text": "A", "on_fail": "fix"}]},
            "rule 'starts_with' (starts_with) can end a stream (`exception`), but not fix what was released",
        ),
        ({"rules": [{"rule": "blind", "on_fail": "exception"}]}, "rule 'blind' (blind) does not say where"),
    ],
)
def test_what_can_not_stream_live_says_why(data: dict[str, Any], why: str) -> None:
    plan = resolved(data).plan

    assert not plan.live
    assert plan.why[0].startswith(why)


def test_every_reason_is_told() -> None:
    plan = resolved({
        "candidates": {"max": 3},
        "sampling": {"preset": "balanced"},
        "choose": {"min_agreement": 0.5},
        "disclose": {"place": "prefix"},
        "rules": [{"rule": "contains", "all": ["z"]}, FIX, {**FIX, "id": "b", "on_fail": "reask"}],
    }).plan  # fmt: skip

    assert len(plan.why) == 5


@pytest.mark.parametrize("surfaces", list(itertools.permutations(["answer", "reasoning", "input"], 2)))
def test_only_a_rule_on_what_comes_out_can_hold_a_stream_up(surfaces: tuple[str, str]) -> None:
    """At least one of any two of these comes out."""
    assert not resolved({"rules": [{"rule": "contains", "all": ["a"], "on": list(surfaces)}]}).plan.live


def test_a_policy_outlives_its_files(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "house.yaml").write_text("- {rule: excludes, terms: [a]}")
    (tmp_path / "x.yaml").write_text("steady: 1\nname: x\nrules: [{use: house}]\n")
    there = resolve(load(tmp_path / "x.yaml", SMALL), target=TARGET, rules=SMALL)
    (tmp_path / "rules" / "house.yaml").unlink()
    (tmp_path / "x.yaml").unlink()

    assert from_bytes(there.canonical, SMALL).rules[0].rule == Excludes(terms=("a",))
