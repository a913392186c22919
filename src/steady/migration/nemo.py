"""
NeMo Guardrails' config.yml: what its library's rails decide, from its flows, its configuration's schema and its docs.

A rail that blocks makes the bot say `refuse to respond` (or what the Colang files define for it): here `refrain`, with
that text under `otherwise`. Colang is a language of its own: its flows are named, never translated.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steady.migration.draft import Draft
from steady.migration.patterns import ASCII_ONLY, knows_ascii_only, of_python
from steady.policy.yaml_marks import line_of

REFUSAL = "I'm sorry, I can't respond to that."  # the library's own words
_PII = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "credit_card", "IP_ADDRESS": "ip",
    "IBAN_CODE": "iban", "US_SSN": "us_ssn", "CRYPTO": "crypto", "US_ITIN": "us_itin", "US_PASSPORT": "us_passport",
    "US_DRIVER_LICENSE": "us_driver_license", "UK_NHS": "uk_nhs", "UK_NINO": "uk_nino", "MAC_ADDRESS": "mac",
}  # fmt: skip
_NAMED = {"PERSON": "persons", "LOCATION": "places"}
_KNOWN = frozenset({"models", "rails", "prompts", "instructions", "sample_conversation", "colang_version", "streaming"})
_FLOW = re.compile(r"^(?:define\s+(?:sub)?flow|flow)\s+(.+?)\s*$", re.MULTILINE)
_REFUSE = re.compile(
    r'^(?:define\s+)?(?:flow\s+)?bot\s+refuse\s+to\s+respond\s*\n\s+(?:bot\s+say\s+)?"([^"\n]+)"', re.MULTILINE
)


def translate(data: Any, lines: Mapping[str, int], draft: Draft, folder: Path) -> None:
    """Read a configuration, and the Colang files beside it, into a draft."""
    if not isinstance(data, dict):
        draft.lose(0, "the file", "a configuration of NeMo Guardrails is a mapping")
        return
    _Nemo(data, lines, draft, folder).read()


class _Nemo:
    def __init__(self, data: dict[str, Any], lines: Mapping[str, int], draft: Draft, folder: Path) -> None:
        self.data, self.lines, self.draft = data, lines, draft
        rails = data.get("rails")
        self.rails: dict[str, Any] = rails if isinstance(rails, dict) else {}
        config = self.rails.get("config")
        self.config: dict[str, Any] = config if isinstance(config, dict) else {}
        self.colang = {
            path.name: path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.co")) if path.is_file()
        }

    def lose(self, field: str, what: str, why: str) -> None:
        self.draft.lose(line_of(self.lines, field), what, why)

    def read(self) -> None:
        for i, model in enumerate(_list(self.data.get("models"))):
            self._model(model, f"models[{i}]")
        for key, surface in (("input", "input"), ("output", "answer")):
            for i, flow in enumerate(self._flows(key)):
                self._flow(str(flow), f"rails.{key}.flows[{i}]", surface)
        for key in ("retrieval", "dialog", "actions", "tool_output", "tool_input"):
            for i, flow in enumerate(self._flows(key)):
                self.lose(
                    f"rails.{key}.flows[{i}]", f"the {key} rail {flow!r}", "only what goes in and comes out is judged"
                )
            if key in self.rails and not self._flows(key):
                self.lose(f"rails.{key}", f"rails.{key}", "dialogs are not steered; the model answers, rules judge")
        for key, why in (
            ("instructions", "prompts are the application's own: send them as a system message"),
            ("sample_conversation", "prompts are the application's own"),
            ("colang_version", "" if not self.colang else "see the Colang files below"),
        ):
            if key in self.data and why:
                self.lose(key, key, why)
        for key in self.data:
            if key not in _KNOWN:
                self.lose(key, key, "nothing here does that")
        if self.data.get("streaming"):
            self.draft.note("streaming: `steady check` says whether a policy streams live; a client asks for streams")
        self._of_colang()

    def _flows(self, key: str) -> list[Any]:
        part = self.rails.get(key)
        return _list(part.get("flows")) if isinstance(part, dict) else []

    def _model(self, model: Any, at: str) -> None:
        if not isinstance(model, dict):
            return
        if model.get("type") == "main" and model.get("model"):
            self.draft.policy["model"] = f"{model.get('engine', '')}/{model['model']}".lstrip("/")
            if model.get("parameters"):
                self.lose(f"{at}.parameters", "the main model's parameters", "they are the provider's, in steady.yaml")
        else:
            self.lose(at, f"the model of type {model.get('type')!r}", "only the main model answers under a policy")

    def _of_colang(self) -> None:
        for name, text in self.colang.items():
            flows = _FLOW.findall(text)
            told = f" (flows: {', '.join(flows[:8])}{' ...' if len(flows) > 8 else ''})" if flows else ""
            self.draft.lose(0, f"{name}{told}", "Colang is a language of its own and is not translated")

    def _flow(self, flow: str, at: str, surface: str) -> None:
        name = re.sub(r"\s*\$.*", "", flow).strip()
        line, what = line_of(self.lines, at), f"the rail {flow!r}"
        where = {"on": ["input"]} if surface == "input" else {}
        side = "input" if surface == "input" else "output"
        if name == f"regex check {side}":
            self._regex(side, line, what, where)
        elif name in {f"detect sensitive data on {side}", f"mask sensitive data on {side}"}:
            self._sensitive(side, line, what, {**where, "on_fail": "fix" if name.startswith("mask") else "refrain"})
        elif name == f"self check {side}":
            self._self_check(side, line, what, where)
        elif name in {"detect jailbreak heuristics", "jailbreak detection heuristics"}:
            self.draft.lose(line, what, "it measures perplexity with a model of its own")
        elif any(name in _FLOW.findall(text) for text in self.colang.values()):
            self.draft.lose(line, what, "it is a flow of the Colang files, which are not translated")
        else:
            self.draft.lose(line, what, "it asks a model or a service that no rule here asks")

    def _refuses(self) -> None:
        """See to it that a blocked message is answered as it was."""
        words = next((found[1] for text in self.colang.values() if (found := _REFUSE.search(text))), REFUSAL)
        said = self.data.get("bot_messages")
        if isinstance(said, dict) and _list(said.get("refuse to respond")):
            words = str(said["refuse to respond"][0])
        self.draft.policy["otherwise"] = {"do": "message", "text": words}

    def _regex(self, side: str, line: int, what: str, where: dict[str, Any]) -> None:
        options = (self.config.get("regex_detection") or {}).get(side) or {}
        patterns = _list(options.get("patterns"))
        if not patterns:
            self.draft.lose(line, what, f"rails.config.regex_detection.{side} has no patterns")
        fold = "(?i)" if _true(options.get("case_insensitive")) else ""
        for i, pattern in enumerate(patterns):
            at = line_of(self.lines, f"rails.config.regex_detection.{side}.patterns[{i}]") or line
            made = fold + of_python(str(pattern))
            if knows_ascii_only(made):
                self.draft.note(f"{what}: {ASCII_ONLY}")
            item = {
                "rule": "not_regex",
                "id": f"{side}-pattern-{i + 1}",
                "pattern": made,
                **where,
                "on_fail": "refrain",
            }
            if self.draft.add(at, f"{what}, pattern {pattern!r}", item):
                self._refuses()

    def _sensitive(self, side: str, line: int, what: str, done: dict[str, Any]) -> None:
        options = (self.config.get("sensitive_data_detection") or {}).get(side) or {}
        wanted = [str(entity) for entity in _list(options.get("entities"))]
        for entity in wanted:
            if entity not in _PII and entity not in _NAMED:
                self.draft.lose(line, f"{what}, {entity}", "no rule finds it by its form")
        added = False
        if kinds := [_PII[entity] for entity in wanted if entity in _PII]:
            self.draft.note(f"{what}: kinds are found by form and checksum here, without presidio; verdicts can differ")
            added = self.draft.add(line, what, {"rule": "no_pii", "id": f"{side}-data", "kinds": kinds, **done})
        if kinds := [_NAMED[entity] for entity in wanted if entity in _NAMED]:
            added |= self.draft.add(line, what, {"rule": "presidio", "id": f"{side}-names", "kinds": kinds, **done})
        if "mask_token" in options:
            self.draft.note(f"{what}: what is masked becomes its kind, such as [EMAIL]")
        if added and done["on_fail"] == "refrain":
            self._refuses()

    def _self_check(self, side: str, line: int, what: str, where: dict[str, Any]) -> None:
        prompt = next((p for p in self._prompts() if p.get("task") == f"self_check_{side}"), None)
        text = str((prompt or {}).get("content") or "")
        rules = [row.strip()[2:] for row in text.splitlines() if row.strip().startswith("- ")]
        if not rules:
            self.draft.lose(
                line, what, f"the prompt self_check_{side} lists no rules to judge by (a line each, `- ...`)"
            )
            return
        model = next(
            (
                m
                for m in _list(self.data.get("models"))
                if isinstance(m, dict) and m.get("type") in {f"self_check_{side}", "main"}
            ),
            {},
        )
        named = f"{model.get('engine', '')}/{model.get('model', '')}".strip("/")
        about = "user's message" if side == "input" else "answer"
        rubric = f"The {about} must comply with all of these: " + "; ".join(rules)
        item = {
            "rule": "judge",
            "id": f"self-check-{side}",
            "model": named,
            "rubric": rubric,
            **where,
            "on_fail": "refrain",
        }
        if self.draft.add(line, what, item):
            self.draft.note(f"{what}: the judge is asked in Steady's own words, with the prompt's rules as its rubric")
            self._refuses()

    def _prompts(self) -> Iterator[dict[str, Any]]:
        yield from (prompt for prompt in _list(self.data.get("prompts")) if isinstance(prompt, dict))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _true(value: Any) -> bool:
    return value is True or str(value).lower() in {"yes", "on", "true"}
