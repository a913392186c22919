"""Where policies are looked up, and what a function's runtime is."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from steady import Policy, steady
from steady.decorator.resolving import Settings, opened
from steady.errors import ConfigError, UnknownNameError


def folder(path: Path, name: str, store: bool = False) -> Path:
    """Make a folder with a steady.yaml and one policy, whose term is its name."""
    (path / "mine").mkdir(parents=True)
    (path / "mine" / "house.yaml").write_text(
        f"steady: 1\nname: house\nrules: [{{rule: excludes, terms: [{name}], on_fail: filter}}]\n"
    )
    kept = "store: {path: kept.db}\n" if store else ""
    (path / "steady.yaml").write_text(f"policies: mine\n{kept}")
    return path / "steady.yaml"


def terms(fn: Any) -> list[str]:
    """Return which words the function's policy forbids."""
    return [word for word in ("argument", "environment", "nearest") if fn.detailed(word).decision.action == "error"]


def echo(**arguments: Any) -> Any:
    @steady("house", **arguments)
    def fn(prompt: str) -> str:
        return prompt

    return fn


def test_names_are_looked_up_in_the_argument_the_environment_then_the_nearest_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = folder(tmp_path / "a", "argument")
    named = folder(tmp_path / "b", "environment")
    near = folder(tmp_path / "c", "nearest")
    below = near.parent / "deep" / "down"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    assert terms(echo()) == ["nearest"]
    monkeypatch.setenv("STEADY_CONFIG", str(named))
    assert terms(echo()) == ["environment"]
    assert terms(echo(config=given)) == ["argument"]


def test_without_any_file_the_policies_that_ship_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEADY_CONFIG", raising=False)

    @steady("classify-ticket", candidates=1)
    def fn(prompt: str) -> str:
        return "billing"

    assert fn("?") == "billing"
    with pytest.raises(UnknownNameError, match=r"No policy 'house'\. .*classify-ticket"):
        echo()("?")
    with pytest.raises(UnknownNameError, match=r"Did you mean 'classify-ticket'\?"):
        steady("clasify-ticket")(lambda prompt: prompt)("?")


def test_a_policy_is_a_name_a_path_a_dict_or_an_object(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("steady: 1\nname: own\nrules: [{rule: excludes, terms: [lava], on_fail: filter}]\n")
    rules = ({"rule": "excludes", "terms": ["lava"], "on_fail": "filter"},)
    forms: list[Any] = [path, str(path), {"rules": list(rules)}, Policy(steady=1, name="own", rules=rules)]

    for form in forms:
        fn = steady(form, default=None)(lambda prompt: prompt)
        assert (fn("water"), fn("lava")) == ("water", None), form


def test_a_broken_policy_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("steady: 1\nname: own\nrulez: []\n")

    with pytest.raises(ConfigError, match=r"own\.yaml:3: rulez: .*rules"):
        steady(path)(lambda prompt: prompt)("?")


def test_another_model_than_the_function_is_refused_with_what_works() -> None:
    policy = {"otherwise": {"do": "model", "model": "local/smollm2-135m"}}

    with pytest.raises(ConfigError, match=r"otherwise: \{do: model\}.*Use message, value, best or error, or default="):
        steady(policy)(lambda prompt: prompt)("?")


def test_functions_under_one_configuration_share_its_one_store(tmp_path: Path) -> None:
    config = folder(tmp_path / "a", "argument", store=True)
    first, second = echo(config=config), echo(config=config)

    receipts = {first.detailed("x").receipt, second.detailed("x").receipt}

    assert len(receipts) == 2
    assert None not in receipts
    assert opened(config) is opened(str(config))
    opened(config).close()


def test_no_store_is_made_that_no_file_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decorator in a program must not leave a database in whatever folder that program runs in."""
    monkeypatch.chdir(tmp_path)
    fn = steady()(lambda prompt: prompt)

    assert fn.detailed("x").receipt is None
    assert list(tmp_path.iterdir()) == []


def test_receipts_are_written_before_the_interpreter_exits(tmp_path: Path) -> None:
    config = folder(tmp_path, "argument", store=True)
    code = f"""
        import os
        from steady import steady
        fn = steady("house", config={str(config)!r})(lambda prompt: prompt)
        fn("parent")
        if os.fork() == 0:
            fn("child")
            raise SystemExit
        os.wait()
        print([fn.detailed("x").receipt for _ in range(50)][-1])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, timeout=60
    )
    shown = subprocess.run(
        [sys.executable, "-m", "steady.cli", "replay", done.stdout.strip(), "--config", str(config)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONWARNINGS": ""},
    )  # fmt: skip

    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_what_was_worked_out_is_kept_until_a_fork() -> None:
    def fn(prompt: str) -> int:
        return 1

    settings = Settings(policy="pass-through", candidates=None, config=None, disclose=False)

    assert settings.prepared(fn) is settings.prepared(fn)
    assert settings.prepared(fn).policy.target.model.endswith(
        "test_what_was_worked_out_is_kept_until_a_fork.<locals>.fn"
    )
    assert [b.rule.key for b in settings.prepared(fn).policy.rules] == ["output", "integer"]
