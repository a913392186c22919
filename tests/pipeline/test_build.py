"""From steady.yaml to live providers: what an entry says is what goes over the wire."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.serving import openai_like, policy, serving, write
from tests.upstream import Upstream

from steady.errors import ConfigError
from steady.pipeline.runtime import Runtime
from steady.policy.library import Library
from steady.providers.capabilities import capabilities
from steady.providers.litellm import load_litellm

MODEL = "claude-sonnet-4-5"
pytestmark = pytest.mark.filterwarnings("ignore:.*`ReadOnly` qualifier.*")  # litellm's own filter, undone by pytest
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": "Paris"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 3},
}


def library(folder: Path, **provider: object) -> Library:
    return Runtime.open(write(folder, {"providers": {"it": provider}}), store=False).library


def test_a_model_behind_litellm_is_fitted_to_what_its_vendor_takes(tmp_path: Path) -> None:
    """The table is asked under the vendor's name; without it top_k and schemas would be dropped for no reason."""
    target = library(tmp_path, kind="litellm", vendor="anthropic").target(f"it/{MODEL}")

    assert target.capabilities == capabilities("litellm", f"anthropic/{MODEL}")
    assert "top_k" in target.capabilities.params
    assert target.capabilities.json_schema


def test_two_models_of_one_provider_are_each_fitted_to_what_they_take(tmp_path: Path) -> None:
    made = library(tmp_path, kind="openai", models=["gpt-4o", "o3"])

    assert "temperature" in made.target("gpt-4o").capabilities.params
    assert "temperature" not in made.target("o3").capabilities.params


def test_an_entrys_own_words_come_before_what_is_known(tmp_path: Path) -> None:
    own = {"params": ["seed"], "json_schema": False, "n": 3}
    target = library(tmp_path, kind="litellm", vendor="anthropic", capabilities=own).target(f"it/{MODEL}")

    assert target.capabilities.params == ("seed",)
    assert (target.capabilities.json_schema, target.capabilities.n) == (False, 3)


@pytest.mark.slow
def test_a_litellm_providers_base_url_key_and_retries_are_used(tmp_path: Path) -> None:
    """Slow: litellm takes seconds to import, which is done before anybody waits for an answer."""
    load_litellm()
    (tmp_path / "key.txt").write_text("canary-key")
    with Upstream() as up:
        up.error(503, "overloaded")
        up.error(503, "overloaded")
        up.raw(json.dumps(MESSAGE), content_type="application/json")
        root = up.url.removesuffix("/v1")
        entry = {
            "kind": "litellm", "vendor": "anthropic", "base_url": root, "key": {"file": "key.txt"}, "retries": 1,
        }  # fmt: skip
        with serving(tmp_path, {"providers": {"claude": entry}}, [policy("calm", model=f"claude/{MODEL}")]) as steady:
            first, second = steady.chat(model="calm", max_tokens=5), steady.chat(model="calm", max_tokens=5)

        assert first.status == 503, "one retry, no more"
        assert second.text == "Paris"
        assert [seen.path for seen in up.requests] == ["/v1/messages"] * 3
        assert {seen.headers["x-api-key"] for seen in up.requests} == {"canary-key"}


def test_a_key_that_can_not_be_read_is_told_at_the_start(tmp_path: Path) -> None:
    with Upstream() as up:
        path = write(tmp_path, {"providers": {"up": openai_like(up, key={"env": "STEADY_TEST_NO_SUCH_KEY"})}})
        with pytest.raises(ConfigError, match="STEADY_TEST_NO_SUCH_KEY is not set"):
            _ = Runtime.open(path, store=False).providers


def test_a_function_that_can_not_be_imported_is_told_at_the_start(tmp_path: Path) -> None:
    for place in ("no_such_module:f", "json:no_such_name", "json:__doc__"):
        (tmp_path / place.partition(":")[2]).mkdir(exist_ok=True)
        path = write(tmp_path / place.partition(":")[2], {"functions": {"soften": place}})
        with pytest.raises(ConfigError, match=r"functions\.soften"):
            Runtime.open(path, store=False)


@pytest.mark.slow
def test_a_validator_of_others_is_loaded_before_the_first_request(tmp_path: Path) -> None:
    """Its import can take longer than a verdict may, and the first caller would get a refusal."""
    code = (
        "import asyncio, sys\n"
        "from steady.pipeline.runtime import Runtime\n"
        "runtime = Runtime.open(sys.argv[1], store=False)\n"
        "before = 'guardrails' in sys.modules\n"
        "asyncio.run(runtime.warm())\n"
        "print(before, 'guardrails' in sys.modules)\n"
    )
    rules = [{"rule": "guardrails", "validator": "guardrails/regex_match", "args": {"regex": "a"}}]
    with Upstream() as up:
        path = write(tmp_path, {"providers": {"up": openai_like(up)}}, [policy("outside", model="up/m", rules=rules)])

    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=120)

    assert done.stdout.split() == ["False", "True"], done.stderr[-2000:]
