"""The rule `guardrails`: validators of Guardrails AI answer as Steady's rules, and nothing phones home."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steady.errors import RuleError
from steady.pipeline.outside import CLOSED
from steady.rules.guardrails import Guardrails, GuardrailsCheck, silenced
from steady.rules.rule import Context, Rule
from steady.types import Piece

REGEX = Guardrails(validator="guardrails/regex_match", args={"regex": "^[a-z]+$"})
LENGTH = Guardrails(validator="hub://guardrails/valid_length", args={"min": 1, "max": 3})
BY_PATH = Guardrails(validator="guardrails_ai.valid_length:ValidLength", args={"max": 3})

OWN = '''
from guardrails.validator_base import FailResult, PassResult, Validator, register_validator

@register_validator(name="own/odd", data_type="string")
class Odd(Validator):
    """Uses the traced path of inference, raises on demand, and sees its metadata."""

    def _inference_local(self, model_input):
        return len(model_input) % 2 == 1

    def validate(self, value, metadata):
        if value == "raise":
            raise KeyError("s3cret")
        if value == "nothing":
            return None
        if value == "meta":
            return FailResult(error_message=str(metadata), fix_value=3)
        return PassResult() if self._inference(value) else FailResult(error_message="e" * 1000 + value)

class NoValidator:
    pass
'''

SCRIPT = """
import asyncio, json, sys, threading

seen = []

def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        seen.append(event)
        raise OSError("no network in this test")  # so that not even a failing test sends anything

sys.addaudithook(hook)
silent = sys.argv[1] == "silent"
from steady.pipeline.outside import CLOSED
from steady.rules.guardrails import Guardrails
from steady.rules.rule import Context
from steady.types import Piece

late = "guardrails" not in sys.modules
rules = [
    Guardrails(validator="guardrails/regex_match", args={"regex": "^[a-z]+$"}),
    Guardrails(validator="guardrails/valid_length", args={"max": 3}),
    Guardrails(validator="own_validators:Odd"),
]
checks = [rule.build() for rule in rules]
late = late and "guardrails" not in sys.modules
if not silent:
    import guardrails.validator_base
    import steady.rules.guardrails as ours
    ours.silenced = lambda: guardrails.validator_base.Validator
texts = [Piece("answer", (), text) for text in ("abc", "ABCD")]
answers = [asyncio.run(check.ask(text, Context(), CLOSED)) for check in checks for text in texts]
if not silent:
    from guardrails.utils.hub_telemetry_utils import HubTelemetry
    HubTelemetry()._tracer_provider.force_flush(2000)
threads = [t.name for t in threading.enumerate()]
threads = [name for name in threads if not name.startswith(("MainThread", "asyncio", "steady-rule"))]
print(json.dumps([late, [a["passed"] for a in answers], sorted(set(seen)), threads]))
sys.stdout.flush()
import os
os._exit(0)
"""


NLTK = """
class data:
    @staticmethod
    def find(name):
        raise LookupError(name)

def download(name):
    open("downloaded", "w").close()
"""


def ask(rule: Guardrails, text: str) -> dict[str, Any]:
    return asyncio.run(run(rule.build(), text))


async def run(check: GuardrailsCheck, text: str) -> dict[str, Any]:
    return await check.ask(Piece("answer", ("message", "content"), text), Context(), CLOSED)


def watch(tmp_path: Path, mode: str) -> list[Any]:
    """Run the script in a fresh process with an empty home and return what it saw."""
    (tmp_path / "own_validators.py").write_text(OWN)
    (tmp_path / "nltk.py").write_text(NLTK)  # where it is installed, guardrails downloads its data at import
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, mode],
        env={
            "HOME": str(tmp_path / "home"),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        },
        cwd=tmp_path / "home",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    saw: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return saw


@pytest.fixture
def own(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A module with validators of one's own, importable while the test runs."""
    name = f"own_{abs(hash(request.node.nodeid)) % 10**9}"
    (tmp_path / f"{name}.py").write_text(OWN.replace("own/odd", f"own/{name}"))
    sys.path.insert(0, str(tmp_path))
    request.addfinalizer(lambda: sys.path.remove(str(tmp_path)))
    return name


def test_two_validators_of_the_hub_judge_and_propose_fixes() -> None:
    assert ask(REGEX, "abc") == {"passed": True, "reason": "", "fix": None}
    assert ask(LENGTH, "abc")["passed"]

    failed = ask(REGEX, "ABC")
    assert not failed["passed"]
    assert failed["reason"] == "Result must match ^[a-z]+$"
    assert ask(BY_PATH, "abcdef") == {
        "passed": False,
        "reason": "Value has length greater than 3. Please return a shorter output, that is shorter than 3 characters.",
        "fix": "abc",
    }


def test_importing_judging_and_inferring_contacts_nobody_and_writes_nothing(tmp_path: Path) -> None:
    late, passed, sockets, threads = watch(tmp_path, "silent")

    assert late, "guardrails was imported before the first question"
    assert passed == [True, False, True, False, True, False]
    assert sockets == []
    assert threads == []
    assert list((tmp_path / "home").rglob("*")) == []


@pytest.mark.slow
def test_the_watch_would_see_the_telemetry_that_is_on_by_default(tmp_path: Path) -> None:
    """Without this, the test above would pass with a hook that hears nothing."""
    _, _, sockets, threads = watch(tmp_path, "default")

    assert sockets
    assert threads


def test_a_users_guardrailsrc_switches_nothing_on(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".guardrailsrc").write_text("enable_metrics=true\nuse_remote_inferencing=true\ntoken=t\n")
    code = (
        "from steady.rules.guardrails import silenced; silenced()\n"
        "from guardrails.settings import settings\n"
        "print(settings.rc.enable_metrics, settings.rc.use_remote_inferencing, settings.rc.token)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout.split() == ["False", "False", "None"]


def test_a_validator_of_ones_own_works_by_its_path(own: str) -> None:
    rule = Guardrails(validator=f"{own}:Odd", metadata={"k": 1})

    assert ask(rule, "abc")["passed"]
    assert len(ask(rule, "ab")["reason"]) == 300
    assert ask(rule, "meta") == {"passed": False, "reason": "{'k': 1}", "fix": None}


def test_what_a_validator_raises_or_gives_wrongly_is_a_rule_error(own: str) -> None:
    """The candidate then counts as failed; the error names the validator, never the text."""
    with pytest.raises(RuleError, match="raised KeyError") as raised:
        ask(Guardrails(validator=f"{own}:Odd"), "raise")
    with pytest.raises(RuleError, match="neither pass nor fail"):
        ask(Guardrails(validator=f"{own}:Odd"), "nothing")

    assert "s3cret" not in str(raised.value)


def test_a_validator_that_can_not_be_made_is_a_rule_error(own: str) -> None:
    for rule in (
        Guardrails(validator="guardrails/regex_match", args={"regexp": "a"}),
        Guardrails(validator=f"{own}:NoValidator"),
        Guardrails(validator=f"{own}:Absent"),
        Guardrails(validator="json.absent:Thing"),
    ):
        with pytest.raises(RuleError, match="can't be made"):
            rule.build().warm()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("guardrails/not_there", "pip install guardrails-ai-not-there"),
        ("no_such_package.mod:Cls", "no package 'no_such_package'"),
        ("regex_match", "neither 'guardrails/name' nor"),
        ("../x:y", "neither 'guardrails/name' nor"),
        ("", "neither 'guardrails/name' nor"),
    ],
)
def test_a_validator_that_is_not_installed_does_not_compile(name: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^`validator` ") as refused:
        Guardrails(validator=name).build()

    assert says in str(refused.value)


def test_its_words_for_failure_are_ours() -> None:
    silenced()  # imports it as Steady does, its warnings about its own parts kept quiet
    from guardrails import OnFailAction

    for action in OnFailAction:
        rule = msgspec.convert(
            {"rule": "guardrails", "validator": "guardrails/regex_match", "on_fail": action.value}, Guardrails
        )

        assert rule.on_fail == action.value


def test_its_logger_keeps_no_text() -> None:
    """Left as it is, it keeps a record of every text that it judges, in memory, for ever."""
    ask(LENGTH, "canary")
    logger = logging.getLogger("guardrails-ai")

    assert not logger.isEnabledFor(logging.INFO)
    assert logger.handlers == []


def test_many_texts_at_once_share_one_validator() -> None:
    check = REGEX.build()

    async def all_() -> list[dict[str, Any]]:
        return await asyncio.gather(*(run(check, "abc" if n % 2 else "ABC") for n in range(40)))

    assert [answer["passed"] for answer in asyncio.run(all_())] == [bool(n % 2) for n in range(40)]


def test_it_says_that_it_is_recorded_and_what_it_asks_for() -> None:
    assert not Guardrails.pure
    assert isinstance(REGEX, Rule)
    assert REGEX.statement() == "The answer must pass the check regex_match (regex: ^[a-z]+$)."


def test_a_validator_that_imports_litellm_finds_its_switches_off() -> None:
    """The provider sets the same ones, but a validator may come first."""
    from steady.providers import litellm as provider
    from steady.rules import guardrails as rule

    rule.silenced()

    assert rule._ENVIRONMENT == provider._ENVIRONMENT
    assert {name: os.environ.get(name) for name in rule._ENVIRONMENT} == rule._ENVIRONMENT
