"""The pytest plugin, in suites of users: run in processes of their own."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from steady.errors import ConfigError, ReceiptNotFound
from steady.testing import SteadyFixture

LABEL = {
    "output": {"kind": "label", "labels": ["yes", "no"]},
    "candidates": {"min": 4, "max": 4},
    "sampling": {"preset": "balanced"},
}


def suite(folder: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a user's test file in a folder of its own."""
    (folder / "test_theirs.py").write_text(textwrap.dedent(source), "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:asyncio",
        *arguments,
        ".",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_a_users_suite_has_the_fixture_without_importing_anything(tmp_path: Path) -> None:
    run = suite(
        tmp_path,
        """
        def test_answers(steady, tmp_path):
            steady.says("yes", "yes", "no", "yes")
            policy = {"output": {"kind": "label", "labels": ["yes", "no"]}, "candidates": {"min": 4, "max": 4},
                      "sampling": {"preset": "balanced"}}

            outcome = steady.run("Is it?", policy)

            assert outcome.text == "yes"
            assert len(steady.provider.calls) == 4
            assert steady.replay(outcome).equal
            assert list(tmp_path.glob("steady-receipts.db*"))
        """,
        "-W",
        "error",
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["test_theirs.py"]


def test_a_failure_reads_like_an_assertion_of_the_users_own(tmp_path: Path) -> None:
    run = suite(
        tmp_path,
        """
        import itertools
        from steady.testing import assert_steady

        turns = itertools.cycle("ab")

        def test_it():
            assert_steady(lambda _: next(turns), ["Is it?"], runs=20)
        """,
    )

    assert run.returncode == 1
    assert "Not steady: 10 of 20 runs" in run.stdout
    assert "95% interval [0.272, 0.728]" in run.stdout
    assert "raise AssertionError" not in run.stdout, "the helper's own frame must not be shown"


def test_two_tests_do_not_share_a_store_or_a_script(tmp_path: Path) -> None:
    run = suite(
        tmp_path,
        """
        import pytest
        stores = []

        @pytest.mark.parametrize("n", [1, 2])
        def test_it(steady, n):
            assert steady.provider.calls == []
            assert steady.run("Hello?").decision.action == "error"
            steady.says("Hello.")
            assert steady.run("Hello?").text == "Hello."
            steady.store.flush()
            assert steady.store.stored == 2
            stores.append(steady.store.path)
            assert len(set(stores)) == n
        """,
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_the_fixture_keeps_the_users_policies_and_contacts_none_of_their_providers(tmp_path: Path) -> None:
    """The key that this provider needs is not set: a live one could not be made."""
    (tmp_path / "steady.yaml").write_text(
        "providers:\n  far: {kind: openai, base_url: 'http://192.0.2.1/v1', key: {env: NOT_SET_ANYWHERE}}\n"
        "policies: mine\ndefault_policy: polite\nstore: {path: theirs.db}\n"
    )
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "polite.yaml").write_text(
        "steady: 1\nname: polite\nmodel: far/gpt-x\nrules:\n"
        "  - {rule: excludes, terms: [damn], replace: well, on_fail: fix}\n"
    )
    run = suite(
        tmp_path,
        """
        def test_it(steady):
            steady.says("Well, damn it.")
            outcome = steady.run("Hello?")
            assert outcome.policy == "polite"
            assert "damn" not in outcome.text
            assert steady.provider.calls[0].model == "gpt-x"
        """,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert list(tmp_path.glob("theirs.db*")) == []


def test_loading_the_plugin_costs_a_suite_next_to_nothing(tmp_path: Path) -> None:
    """It is loaded in every run of every suite of whoever installed Steady."""
    source = """
        import sys, time
        import pytest, typing
        began = time.process_time()
        import steady.testing
        took = time.process_time() - began
        heavy = {"msgspec", "asyncio", "litellm", "guardrails", "sqlalchemy", "ruamel", "steady.types", "steady.errors"}
        before = set(sys.argv[1:])
        print(sorted((heavy - before) & set(sys.modules) - {"asyncio"}), took)
    """
    took = []
    for _ in range(3):
        out = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=True, cwd=tmp_path
        ).stdout
        loaded, _, seconds = out.rpartition(" ")
        assert loaded == "[]"
        took.append(float(seconds))

    assert min(took) < 0.02


def test_importing_it_does_not_import_pytest() -> None:
    code = "import sys, steady.testing; print('pytest' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


# The fixture itself, here


def test_a_script_starts_again_and_may_be_a_function(steady: SteadyFixture) -> None:
    steady.says("One.", "Two.")
    assert [steady.run("?").text for _ in range(3)] == ["One.", "Two.", "One."]

    steady.says(lambda call: f"You said {call.body['messages'][-1]['content']}.")
    assert steady.run("hello").text == "You said hello."


def test_without_a_script_the_error_says_what_to_do(steady: SteadyFixture) -> None:
    outcome = steady.run("Hello?")

    assert outcome.decision.action == "error"
    assert "steady.says" in outcome.decision.reason


def test_policies_come_by_name_path_dict_and_object(steady: SteadyFixture, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("steady: 1\nname: mine\n")
    steady.says("Hello.")

    assert steady.run("?", "pass-through").policy == "pass-through"
    assert steady.run("?", path).policy == "mine"
    assert steady.run("?", str(path)).policy == "mine"
    assert steady.run("?", {"name": "other"}).policy == "other"
    assert steady.run("?", steady.runtime.library.get("pass-through").policy).policy == "pass-through"
    with pytest.raises(ConfigError):
        steady.run("?", {"nme": "x"})


def test_messages_and_further_fields_reach_the_model(steady: SteadyFixture) -> None:
    steady.says("Hello.")
    steady.run([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], user="u1")

    (call,) = steady.provider.calls
    assert [m["role"] for m in call.body["messages"]] == ["system", "user"]
    assert call.body["user"] == "u1"


def test_receipts_are_read_back_from_the_fixtures_own_store(steady: SteadyFixture, tmp_path: Path) -> None:
    steady.says("yes")
    outcome = steady.run("Is it?", LABEL)

    receipt = steady.receipt(outcome)
    assert receipt.id == outcome.receipt
    assert receipt.tenant == "local"
    assert steady.replay(outcome).equal
    assert steady.store.path.parent == tmp_path


def test_a_decorated_function_can_be_bound_to_the_fixtures_store(steady: SteadyFixture) -> None:
    from steady.decorator.door import steady as decorate

    @decorate(LABEL)
    def fn(prompt: str, seed: int | None = None) -> str:
        return "yes"

    bound = steady.bind(fn)
    outcome = bound.detailed("Is it?")

    assert bound("Is it?") == "yes"
    assert steady.receipt(outcome).id == outcome.receipt
    assert fn.detailed("Is it?").receipt is None, "the function itself must stay as it was"
    with pytest.raises(ReceiptNotFound, match="no receipt"):
        steady.receipt(fn.detailed("Is it?"))
    with pytest.raises(TypeError, match="decorated by @steady"):
        steady.bind(len)


async def test_the_fixture_works_inside_a_loop(steady: SteadyFixture) -> None:
    steady.says("Hello.")

    assert steady.run("Hi?").text == "Hello."
