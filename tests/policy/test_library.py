"""Policies by name and models by theirs: what is found, and the nearest of what is not."""

from pathlib import Path

import pytest

from steady.errors import ConfigError, UnknownNameError
from steady.policy import library as module
from steady.policy.config import find
from steady.policy.library import Library

PROVIDERS = """
providers:
  local: {kind: embedded, models: [smollm2-135m]}
  up: {kind: openai, models: [gpt-4o-mini, o3]}
  near: {kind: vllm, base_url: "http://127.0.0.1:1/v1"}
"""


def library(tmp_path: Path, config: str = "", **policies: str) -> Library:
    (tmp_path / "steady.yaml").write_text(config)
    if policies:
        (tmp_path / "policies").mkdir(exist_ok=True)
    for name, text in policies.items():
        (tmp_path / "policies" / f"{name}.yaml").write_text(text)
    return Library(find(tmp_path / "steady.yaml"))


def test_policies_of_the_folder_come_before_those_that_ship(tmp_path: Path) -> None:
    assert "support-answer" in library(tmp_path).names()
    assert library(tmp_path, x="steady: 1\nname: mine\n").names() == ("mine", "pass-through")


def test_the_default_policy_may_be_ones_own(tmp_path: Path) -> None:
    names = library(tmp_path, "default_policy: mine", x="steady: 1\nname: mine\n").names()

    assert names == ("mine",)


def test_a_folder_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.yaml").write_text("steady: 1\nname: a\n")

    assert "a" in library(tmp_path, "policies: other").names()
    with pytest.raises(ConfigError, match="policies: 'absent' is no folder"):
        library(tmp_path, "policies: absent")


def test_an_unknown_policy_gets_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"No policy 'suport-answer'\. Did you mean 'support-answer'\?"):
        library(tmp_path).get("suport-answer")


def test_every_problem_of_every_policy_is_told_at_the_start(tmp_path: Path) -> None:
    """A broken policy must not be found by its first user."""
    with pytest.raises(ConfigError) as caught:
        library(tmp_path, a="steady: 1\nname: a\nrulez: []\n", b="steady: 1\nname: b\noutput: {kind: label}\n")

    assert "a.yaml:3: rulez: no field 'rulez'. Did you mean 'rules'?" in str(caught.value)
    assert "b.yaml:3: output: " in str(caught.value)


def test_two_files_with_one_policy_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="policy 'a' is also in"):
        library(tmp_path, a="steady: 1\nname: a\n", b="steady: 1\nname: a\n")


@pytest.mark.parametrize(
    "config",
    [
        "default_policy: absent",
        "routes: {gpt-4o: absent}",
        f"keys: [{{sha256: {'a' * 64}, tenant: t, policies: [absent]}}]",
    ],
)
def test_a_policy_that_the_configuration_names_must_exist(tmp_path: Path, config: str) -> None:
    with pytest.raises(UnknownNameError, match="No policy 'absent'"):
        library(tmp_path, config)


def test_presets_and_functions_of_ones_own_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "terse.yaml").write_text("name: terse\nsampling: {preset: precise, max_tokens: 9}\n")
    policy = "steady: 1\nname: x\nsampling: {preset: terse}\n"
    policy += "rules: [{rule: no_urls, on_fail: custom, function: soften}]\n"
    mine = library(tmp_path, "presets: presets\nfunctions: {soften: m:f}\n", x=policy)

    assert mine.resolved("x", None).sampling.max_tokens == 9
    with pytest.raises(ConfigError, match=r"no function 'soften' in steady\.yaml"):
        library(tmp_path, "presets: presets\n")


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("local/smollm2-135m", "local", "smollm2-135m"),
        ("smollm2-135m", "local", "smollm2-135m"),
        ("o3", "up", "o3"),
        ("near/meta/llama-3", "near", "meta/llama-3"),
        ("up/gpt-4.1", "up", "gpt-4.1"),
    ],
)
def test_a_model_is_found_by_its_provider_or_by_its_bare_name(
    tmp_path: Path, model: str, provider: str, name: str
) -> None:
    target = library(tmp_path, PROVIDERS).target(model)

    assert (target.provider, target.model) == (provider, name)


def test_an_unlisted_name_goes_to_the_default_provider_or_nowhere(tmp_path: Path) -> None:
    assert library(tmp_path, PROVIDERS + "default_provider: near\n").target("llama").provider == "near"

    with pytest.raises(UnknownNameError, match=r"No model 'gpt-4o-mni'\. Did you mean 'up/gpt-4o-mini'\?"):
        library(tmp_path, PROVIDERS).target("gpt-4o-mni")
    with pytest.raises(UnknownNameError, match="No model 'gpt-4o'"):
        library(tmp_path, "").target("gpt-4o")


def test_the_embedded_model_is_only_what_the_configuration_lists(tmp_path: Path) -> None:
    """A model name is a file's path there; a client must not choose files."""
    with pytest.raises(UnknownNameError):
        library(tmp_path, PROVIDERS).target("local//etc/passwd")


def test_no_model_at_all_is_told(tmp_path: Path) -> None:
    mine = library(tmp_path, PROVIDERS, x="steady: 1\nname: x\n")

    with pytest.raises(ConfigError, match="No model is named"):
        mine.resolved("x", None)
    assert mine.resolved("x", "o3").target.provider == "up"


def test_a_target_knows_what_its_provider_takes_and_costs(tmp_path: Path) -> None:
    target = library(tmp_path, PROVIDERS).target("o3")

    assert "temperature" not in target.capabilities.params
    assert target.capabilities.max_tokens_name == "max_completion_tokens"
    assert float(target.prompt_price) > 0


def test_a_policy_over_a_model_is_resolved_once(tmp_path: Path) -> None:
    mine = library(tmp_path)

    assert mine.resolved("support-answer", None) is mine.resolved("support-answer", None)
    assert mine.resolved("pass-through", "local/smollm2-135m").hash == mine.resolved("pass-through", None).hash


def test_names_from_clients_do_not_fill_memory(tmp_path: Path) -> None:
    mine = library(tmp_path, PROVIDERS + "default_provider: near\n")
    for i in range(module.MOST_RESOLVED + 20):
        mine.resolved("pass-through", f"m{i}")

    assert len(mine._resolved) <= module.MOST_RESOLVED


def test_a_fallback_model_is_resolved_with_its_policy(tmp_path: Path) -> None:
    text = "steady: 1\nname: x\nmodel: o3\notherwise: {do: model, model: local/smollm2-135m}\n"
    fallback = library(tmp_path, PROVIDERS, x=text).resolved("x", None).fallback

    assert fallback is not None
    assert fallback.provider == "local"
