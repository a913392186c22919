"""Portkey's checks as rules: each decides as the gateway's own code does, which is said again here in Python."""

import asyncio
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from steady.cli.imports import import_file
from steady.errors import ConfigError
from steady.migration.draft import Translated
from steady.migration.translate import translate
from steady.pipeline.outside import CLOSED
from steady.pipeline.world import Live, SystemClock
from steady.policy.load import parse
from steady.policy.presets import BUILT_IN
from steady.policy.resolved import Resolved
from steady.policy.yaml_marks import read_yaml
from steady.studies.checking import check
from steady.studies.golden import over_anything
from steady.types import Request


def made(tmp_path: Path, config: dict[str, Any]) -> Translated:
    file = tmp_path / "pk.json"
    file.write_text(json.dumps(config, indent=1))
    return translate("portkey", file)


def one(tmp_path: Path, name: str, **parameters: Any) -> Translated:
    return made(tmp_path, {"output_guardrails": [{f"default.{name}": parameters, "deny": True}]})


@lru_cache
def ready(text: str) -> Resolved:
    """Return a policy from the very text that is written."""
    return over_anything(parse(read_yaml(text, "made").data), BUILT_IN)


def passes(translated: Translated, text: str, *, surface: str = "answer") -> bool:
    """Whether the imported policy lets a text through."""
    policy = over_anything(parse(translated.policy), BUILT_IN)
    content = text if surface == "input" else "x"
    choice = (
        {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"} if surface == "answer" else None
    )
    request = Request(messages=({"role": "user", "content": content},))
    world = Live({}, SystemClock(), outside=CLOSED)
    return asyncio.run(check(request, choice, policy, world, judge_input=surface == "input")).passed


TEXTS = st.text(st.sampled_from("aB c.!?\n\t\u00a0Ünd-3"), min_size=1, max_size=30).filter(str.strip)
# name, parameters, the gateway's code in Python; JavaScript's \s holds the Unicode spaces, as Python's does
CHECKS: list[tuple[str, dict[str, Any], Any]] = [
    ("sentenceCount", {"minSentences": 1, "maxSentences": 3}, lambda t: 1 <= len(re.split("[.!?]", t)) - 1 <= 3),
    ("sentenceCount", {"minSentences": 2, "maxSentences": 99999}, lambda t: len(re.split("[.!?]", t)) - 1 >= 2),
    ("sentenceCount", {"maxSentences": 1, "not": True}, lambda t: len(re.split("[.!?]", t)) - 1 > 1),
    ("wordCount", {"minWords": 2, "maxWords": 4}, lambda t: 2 <= len(re.split(r"\s+", t.strip())) <= 4),
    ("wordCount", {"minWords": 3}, lambda t: len(re.split(r"\s+", t.strip())) >= 3),
    ("wordCount", {"minWords": 2, "maxWords": 4, "not": True}, lambda t: not 2 <= len(t.split()) <= 4),
    ("characterCount", {"minCharacters": 3, "maxCharacters": 12}, lambda t: 3 <= len(t) <= 12),
    ("characterCount", {"maxCharacters": 12, "not": True}, lambda t: len(t) > 12),
    ("contains", {"words": ["a", "B"], "operator": "all"}, lambda t: "a" in t and "B" in t),
    ("contains", {"words": ["a", "B"], "operator": "any"}, lambda t: "a" in t or "B" in t),
    ("contains", {"words": ["a", "B"], "operator": "none"}, lambda t: "a" not in t and "B" not in t),
    ("endsWith", {"suffix": "d"}, lambda t: t.endswith(("d", "d."))),
    ("endsWith", {"suffix": "d", "not": True}, lambda t: not t.endswith(("d", "d."))),
    ("alluppercase", {}, lambda t: not re.search("[a-z]", t)),
    ("alllowercase", {}, lambda t: not re.search("[A-Z]", t)),
    ("alllowercase", {"not": True}, lambda t: bool(re.search("[A-Z]", t))),
    ("notNull", {}, lambda t: bool(t.strip())),
    ("regexMatch", {"rule": "a.?c|3$"}, lambda t: bool(re.search(r"a[^\n]?c|3\Z", t))),
    ("regexMatch", {"rule": "[.!?]{2}", "not": True}, lambda t: not re.search("[.!?]{2}", t)),
]


@pytest.mark.parametrize(("name", "parameters", "theirs"), CHECKS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_check_decides_as_the_gateway_does(
    name: str, parameters: dict[str, Any], theirs: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    translated = one(tmp_path_factory.mktemp("pk"), name, **parameters)
    assert not translated.lost and len(translated.policy["rules"]) == 1

    @settings(max_examples=25, deadline=None)
    @given(TEXTS)
    @example("a b c. d! nd?")
    @example("Und")
    def holds(text: str) -> None:
        assert passes(translated, text) is theirs(text), text

    holds()


@pytest.mark.parametrize(
    ("text", "theirs"),
    [("```sql\nSELECT 1\n```", True), ("```SQL\nx\n```", True), ("```py\nx\n```", False), ("SELECT 1", False)],
)
def test_code_is_found_in_fences_of_its_language(tmp_path: Path, text: str, theirs: bool) -> None:
    assert passes(one(tmp_path, "containsCode", format="SQL"), text) is theirs
    assert passes(one(tmp_path, "containsCode", format="SQL", **{"not": True}), text) is not theirs


def test_json_checks_become_schemas_and_say_where_they_are_stricter(tmp_path: Path) -> None:
    keys = one(tmp_path, "jsonKeys", keys=["a", "b"], operator="any")
    schema = one(tmp_path, "jsonSchema", schema={"type": "object", "required": ["a"]})

    for translated in (keys, schema):
        assert passes(translated, '{"a": 1}') and not passes(translated, '{"c": 1}')
        assert "the whole answer must be the JSON" in translated.notes[0]
    none = one(tmp_path, "jsonKeys", keys=["a"], operator="none")
    assert passes(none, '{"b": 1}') and not passes(none, '{"a": 1}')


def test_a_replacement_becomes_a_fix(tmp_path: Path) -> None:
    rules = one(tmp_path, "regexReplace", rule="/secret-\\d+/gi", redactText="[X]").policy["rules"]

    assert rules == [
        {"rule": "not_regex", "id": "replaced", "pattern": "(?i)secret-\\d+", "replace": "[X]", "on_fail": "fix"}
    ]


@pytest.mark.parametrize(
    ("hook", "more", "rule"),
    [
        ({"deny": True}, {}, {"on_fail": "exception"}),
        ({"deny": False}, {}, {"on_fail": "noop"}),
        ({}, {}, {"on_fail": "noop"}),
        ({"deny": True, "async": True}, {}, {"on_fail": "exception", "mode": "shadow"}),
        ({"deny": True}, {"retry": {"attempts": 4, "on_status_codes": [446]}}, {"on_fail": "reask"}),
        ({"deny": True}, {"retry": {"attempts": 4, "on_status_codes": [500]}}, {"on_fail": "exception"}),
    ],
)
def test_what_is_done_follows_deny_async_and_retry(
    tmp_path: Path, hook: dict[str, Any], more: dict[str, Any], rule: dict[str, Any]
) -> None:
    config = {"output_guardrails": [{"default.contains": {"words": ["a"], "operator": "any"}, **hook}], **more}
    policy = made(tmp_path, config).policy

    assert {key: policy["rules"][0].get(key) for key in ("on_fail", "mode")} == {"mode": None, **rule}
    assert policy.get("candidates", {}).get("max") == (5 if rule["on_fail"] == "reask" else None)


def test_both_spellings_of_hooks_and_checks_are_read(tmp_path: Path) -> None:
    check_ = {"id": "default.contains", "parameters": {"words": ["hack"], "operator": "none"}}
    hook = {"type": "guardrail", "id": "g", "deny": True, "checks": [check_]}
    long = made(tmp_path, {"before_request_hooks": [hook]})
    short = made(tmp_path, {"input_guardrails": [{"contains": check_["parameters"], "deny": True}]})

    assert long.policy["rules"] == short.policy["rules"] and long.policy["rules"][0]["on"] == ["input"]
    assert passes(long, "please help", surface="input") and not passes(long, "please hack", surface="input")


def test_targets_become_the_model_and_the_one_that_answers_otherwise(tmp_path: Path) -> None:
    targets = [
        {"provider": "openai", "api_key": "sk-canary", "override_params": {"model": "gpt-4o"}},
        {"provider": "anthropic", "override_params": {"model": "claude"}},
        {"provider": "groq", "override_params": {"model": "llama"}},
    ]
    config = {
        "strategy": {"mode": "fallback", "on_status_codes": [446]},
        "targets": targets,
        "request_timeout": 1500,
        "output_guardrails": [{"contains": {"words": ["a"], "operator": "any"}, "deny": True}],
    }
    translated = made(tmp_path, config)

    assert translated.policy["model"] == "openai/gpt-4o"
    assert translated.policy["otherwise"] == {"do": "model", "model": "anthropic/claude"}
    assert translated.policy["rules"][0]["on_fail"] == "filter", "an exception would end it before the other model"
    assert translated.policy["candidates"] == {"deadline": "1500ms"}
    assert {lost.what for lost in translated.lost} == {"targets[0].api_key", "targets[2]"}
    assert "canary" not in translated.text + str(translated)


def test_what_has_no_rule_is_named_with_its_line(tmp_path: Path) -> None:
    config = {
        "cache": {"mode": "simple"},
        "output_guardrails": [
            "pg-1",
            {"default.regexMatch": {"rule": "(?=a)b"}},
            {"default.regexMatch": {"rule": "a*"}},
            {"default.validUrls": {}},
            {"default.webhook": {"webhookURL": "https://x"}},
            {"default.nosuch": {}},
            {"default.contains": {}},
            {"default.contains": {"words": ["a"], "operator": "any", "is_enabled": False}},
            {"patronus.phi": {}},
            {"portkey.pii": {"categories": ["EMAIL_ADDRESS", "NAME"]}, "on_fail": {"feedback": {"value": 1}}},
        ],
        "custom_host": "https://x",
    }
    translated = made(tmp_path, config)
    lines = json.dumps(config, indent=1).splitlines()

    assert len(translated.lost) == 13
    assert [rule["rule"] for rule in translated.policy["rules"]] == ["no_pii"]
    for word in ("validUrls", "nosuch", "patronus"):
        lost = next(item for item in translated.lost if word in str(item))
        assert word in lines[lost.line - 1]


def test_what_is_no_configuration_is_told(tmp_path: Path) -> None:
    file = tmp_path / "pk.json"
    file.write_text("[1]")

    assert translate("portkey", file).lost[0].why == "a Portkey configuration is a JSON object"


@pytest.mark.parametrize("key", ["input_guardrails", "output_guardrails", "before_request_hooks", "targets"])
@pytest.mark.parametrize("value", ["pii-check", 5, {"a": 1}])
def test_a_part_of_a_wrong_type_is_named_and_not_dropped_in_silence(tmp_path: Path, key: str, value: Any) -> None:
    assert [lost.what for lost in made(tmp_path, {key: value}).lost] == [key]


@pytest.mark.parametrize(
    ("peer", "name", "source"),
    [
        ("portkey", "c.json", "[]"),
        ("nemo", "config.yml", "null"),
        ("guardrails", "g.json", "5"),
        ("guardrails", "g.py", "def ("),
        ("guardrails", "r.rail", "<rail><output>"),
    ],
)
def test_a_file_that_can_not_be_read_gives_exit_2_and_no_empty_policy(
    tmp_path: Path, peer: str, name: str, source: str
) -> None:
    """A policy without rules lets everything through: nobody should get one out of a broken file."""
    (tmp_path / name).write_text(source, "utf-8")
    out = tmp_path / "out.yaml"

    with pytest.raises(ConfigError, match="No policy was made"):
        import_file(peer, str(tmp_path / name), out=str(out), name="", force=False)
    assert not out.exists()
