"""
The rule `guardrails`: any validator written for Guardrails AI.

Its package takes seconds to import, so that happens on the first question (or `warm()`), in a thread. What it would
send or fetch is switched off before a validator exists: the metrics that go to its makers' collector by default
(`settings.rc`, `HubTelemetry`), remote inference, and the tokenizer data that `docs_utils` downloads at import where
nltk is installed. `~/.guardrailsrc` is read by the import, but nothing in it counts. Its hub of installed validators is
never asked to install one. What a validator's own code does is its author's.
"""

import importlib
import importlib.util
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from msgspec import field

from steady.errors import RuleError
from steady.rules.aside import aside
from steady.rules.json_text import shown
from steady.rules.rule import ANSWER, Context, RecordedRule, Streams, Whole
from steady.types import Outside, Piece, Surface

_HUB = re.compile(r"(?:hub://)?([a-z0-9_-]+)/([a-z0-9_-]+)")
_PATH = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")
_WORDS = ("reask", "fix", "filter", "refrain", "noop", "exception", "fix_reask")
_importing = threading.Lock()
_ENVIRONMENT = {  # some validators import litellm, which reads `.env` and fetches its price table unless told not to
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
}


class Guardrails(RecordedRule, frozen=True, kw_only=True, tag="guardrails"):
    """
    A validator of Guardrails AI passes. Its `on_fail` words are Steady's own, so they stand in `on_fail` as ever; one
    among `args` becomes the rule's, where the rule gives none.

    The fix is what the validator proposes; some make one up (`regex_match` gives a random text that matches), so such a
    rule is better served by `reask` or `filter`.
    """

    example: ClassVar[Mapping[str, Any]] = {"validator": "guardrails/regex_match", "args": {"regex": "^[A-Z]"}}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    can_fix: ClassVar[bool] = True

    validator: str
    """Its name in the hub (`guardrails/regex_match`, package `guardrails-ai-regex-match`) or `package.module:Class`."""
    args: dict[str, Any] = field(default_factory=dict)
    """What the validator is made with, by keyword."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """What it is given with every text."""

    @classmethod
    def adopted(cls, item: dict[str, Any]) -> dict[str, Any]:
        """Let an `on_fail` among `args`, as Guardrails AI writes it, be the rule's. Raises ValueError."""
        args = item.get("args")
        if not isinstance(args, dict) or "on_fail" not in args:
            return item
        word = args["on_fail"]
        if word not in _WORDS:
            legal = ", ".join(_WORDS)
            hint = "; name a function: `on_fail: custom` and `function`, beside `args`" if word == "custom" else ""
            raise ValueError(
                f"`args` has an on_fail {str(word)[:60]!r} that can't be taken over{hint}. Legal: {legal}."
            )
        if item.get("on_fail", word) != word:
            raise ValueError(
                f"`args` says on_fail {word!r}, and the rule says {item['on_fail']!r}; remove the one in `args`."
            )
        return {**item, "on_fail": word, "args": {key: value for key, value in args.items() if key != "on_fail"}}

    def build(self) -> "GuardrailsCheck":
        """Return the check. Raises ValueError for a name that can't be one, or a package that is not installed."""
        hub, path = _HUB.fullmatch(self.validator), _PATH.fullmatch(self.validator)
        if hub:
            module = f"guardrails_ai.{hub[2].replace('-', '_')}"
            if importlib.util.find_spec("guardrails_ai") is None or importlib.util.find_spec(module) is None:
                name = f"guardrails-ai-{hub[2].replace('_', '-')}"
                raise ValueError(f"`validator` {self.validator!r} is not installed; run: pip install {name}")
            return GuardrailsCheck(self, module, "")
        if path:
            if importlib.util.find_spec(path[1].partition(".")[0]) is None:
                raise ValueError(
                    f"`validator` {self.validator!r}: no package {path[1].partition('.')[0]!r} is installed."
                )
            return GuardrailsCheck(self, path[1], path[2])
        raise ValueError(
            f"`validator` {shown(self.validator)!r} is neither 'guardrails/name' nor 'package.module:Class'."
        )

    def statement(self) -> str:
        """See Rule."""
        given = ", ".join(f"{name}: {shown(str(value))}" for name, value in self.args.items())
        return f"The answer must pass the check {self.validator.rpartition('/')[2]}{f' ({given})' if given else ''}."


class GuardrailsCheck:
    """See Guardrails. One validator serves all texts, one at a time, since few are made for threads."""

    def __init__(self, rule: Guardrails, module: str, name: str) -> None:
        self.streams: Streams = Whole("a validator written by others sees the whole text")
        self._rule, self._module, self._name = rule, module, name
        self._validate: Callable[[str, dict[str, Any]], Any] | None = None
        self._one_at_a_time = threading.Lock()

    def ask(self, piece: Piece, context: Context, outside: Outside) -> Awaitable[dict[str, Any]]:
        """Ask the validator in a thread. Raises RuleError where it can't be made, or raises itself."""
        return aside(self._ask, piece.text)

    def warm(self) -> None:
        """Import and make the validator now, so that no request waits for it. Raises RuleError."""
        with self._one_at_a_time:
            if self._validate is None:
                self._validate = self._made()

    def _ask(self, text: str) -> dict[str, Any]:
        self.warm()
        with self._one_at_a_time:
            assert self._validate is not None
            try:
                result = self._validate(text, dict(self._rule.metadata))
            except Exception as error:  # a validator may raise anything
                raise RuleError(f"the validator {self._rule.validator!r} raised {type(error).__name__}") from error
        return _answer(result, self._rule.validator)

    def _made(self) -> Callable[[str, dict[str, Any]], Any]:
        try:
            base = silenced()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = importlib.import_module(self._module)
                found = getattr(module, self._name) if self._name else _exported(module, base)
                if not (isinstance(found, type) and issubclass(found, base)):
                    raise TypeError("it is no validator of guardrails-ai")
                made: Any = found(**self._rule.args)
        except Exception as error:  # foreign code may raise anything
            raise RuleError(
                f"the validator {self._rule.validator!r} can't be made: {shown(str(error), 200)}"
            ) from error
        validate: Callable[[str, dict[str, Any]], Any] = made.validate
        return validate


def _exported(module: Any, base: type) -> Any:
    """Return the one validator that a hub package exports."""
    names = getattr(module, "__all__", None) or dir(module)
    found = [getattr(module, name) for name in names]
    validators = [item for item in found if isinstance(item, type) and issubclass(item, base) and item is not base]
    if len(validators) != 1:
        raise TypeError(f"it exports {len(validators)} validators; name one as 'package.module:Class'")
    return validators[0]


def _answer(result: Any, validator: str) -> dict[str, Any]:
    """Return a PassResult or FailResult as what Steady records."""
    outcome = getattr(result, "outcome", None)
    if outcome == "pass":
        return {"passed": True, "reason": "", "fix": None}
    if outcome != "fail":
        raise RuleError(f"the validator {validator!r} gave {type(result).__name__}, neither pass nor fail")
    fix = getattr(result, "fix_value", None)
    reason = shown(str(getattr(result, "error_message", "") or "It did not pass."), 300)
    return {"passed": False, "reason": reason, "fix": fix if isinstance(fix, str) else None}


def silenced() -> type:
    """
    Import guardrails-ai with its telemetry and downloads off, once, and return its class of validators.

    It takes seconds the first time; later calls only see to it that nothing was switched on again.
    """
    with _importing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.update(_ENVIRONMENT)
        hide = "nltk" not in sys.modules and "guardrails" not in sys.modules
        if hide:
            sys.modules["nltk"] = None  # type: ignore[assignment]
        try:
            from guardrails.classes.rc import RC
            from guardrails.settings import settings
            from guardrails.utils.hub_telemetry_utils import HubTelemetry
            from guardrails.validator_base import Validator
        finally:
            if hide:
                del sys.modules["nltk"]
        settings.rc = RC(enable_metrics=False, use_remote_inferencing=False)
        settings.disable_tracing = True
        if HubTelemetry._instance is None:  # made the usual way, it starts a thread and an exporter
            HubTelemetry._instance = object.__new__(HubTelemetry)
        HubTelemetry._instance._enabled = False
        HubTelemetry._instance._tracer = None
        logger = logging.getLogger("guardrails-ai")
        logger.setLevel(logging.WARNING)  # its debug lines hold the texts,
        logger.handlers.clear()  # and its one handler keeps every line in memory for ever
        base: type = Validator
        return base
