"""
Portkey's configuration: what its checks decide, from its gateway's own code (plugins/default, hooks, config schema).

A guardrail with `deny: true` ends the request where a check fails, which is `exception` here; without it the answer
goes out and only says so (`noop`); with `async: true` nobody waits for it (`mode: shadow`). `retry` on 446 or 246 asks
again.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from steady.migration.draft import Draft
from steady.migration.patterns import ASCII_ONLY, always_matches, knows_ascii_only, of_javascript
from steady.policy.yaml_marks import join, line_of

_OWN = frozenset(
    {"deny", "on_fail", "on_success", "async", "id", "type", "guardrail_version_id", "sequential", "checks", "name"}
    | {"onFail", "onSuccess", "eventType"}
)
_FAILED = frozenset({446, 246})  # Portkey's status where a guardrail denied, and where one failed without denying
_MANY = 99_999  # its default for "no bound"
_SPACE = r"[\t-\r\p{Z}\x{FEFF}]"  # JavaScript's \s
_BLACK = r"[^\t-\r\p{Z}\x{FEFF}]"
_MOST_COUNTED = 100  # repetitions that a pattern can carry
_FENCES = {
    "SQL": "sql", "Python": "py|python|gyp", "TypeScript": "ts|tsx|typescript", "JavaScript": "js|jsx|javascript",
    "Java": "java", "C#": "cs", "C++": "cpp", "C": "c", "Ruby": "rb", "PHP": "php", "Swift": "swift", "Kotlin": "kt",
    "Go": "go", "Rust": "rs", "Scala": "scala", "R": "r", "Perl": "pl", "Shell": "sh", "HTML": "html", "CSS": "css",
    "XML": "xml", "JSON": "json", "YAML": "yml", "Markdown": "md", "Dockerfile": "dockerfile",
}  # fmt: skip
_PII = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "credit_card", "IP_ADDRESS": "ip",
    "SOCIAL_SECURITY_NUMBER": "us_ssn", "SSN": "us_ssn", "IBAN_CODE": "iban", "CRYPTO": "crypto",
}  # fmt: skip
_ELSEWHERE = {
    "modelwhitelist": "which models a key may name is `keys` in steady.yaml (`models`, `policies`)",
    "modelrules": "which models a key may name is `keys` in steady.yaml (`models`, `policies`)",
    "allowedrequesttypes": "only chat completions are served",
    "jwt": "clients are known by `keys` in steady.yaml",
    "requiredmetadatakeys": "metadata is not looked at",
    "requiredmetadatakeyvaluepairs": "metadata is not looked at",
    "log": "every answer has a receipt; nothing is sent elsewhere",
    "addprefix": "prompts are the application's own",
    "injecttools": "tools are the application's own",
    "validurls": "no request is made to a link; `urls_allowed` says which hosts may be linked",
    "webhook": "a rule `webhook` sends another body and reads another answer; change the service, then add the rule",
}
_PLAIN = frozenset(
    {
        "strategy",
        "targets",
        "retry",
        "request_timeout",
        "cache",
        "api_key",
        "virtual_key",
        "provider",
        "override_params",
    }
    | {"input_guardrails", "output_guardrails", "before_request_hooks", "after_request_hooks"}
)


def translate(data: Any, lines: Mapping[str, int], draft: Draft) -> None:
    """Read a configuration into a draft."""
    if not isinstance(data, dict):
        draft.lose(0, "the file", "a Portkey configuration is a JSON object")
        return
    _Portkey(data, lines, draft).read()


class _Portkey:
    def __init__(self, data: dict[str, Any], lines: Mapping[str, int], draft: Draft) -> None:
        self.data, self.lines, self.draft = data, lines, draft
        retry = data.get("retry") if isinstance(data.get("retry"), dict) else {}
        again = isinstance(retry, dict) and bool(_FAILED & set(_list(retry.get("on_status_codes"))))
        self.again = again
        if again and isinstance(retry, dict) and isinstance(retry.get("attempts"), int):
            draft.reasks = min(63, max(1, retry["attempts"]))

    def lose(self, field: str, why: str) -> None:
        self.draft.lose(line_of(self.lines, field), field, why)

    def read(self) -> None:
        self._way()
        for key, surface in (
            ("before_request_hooks", "input"), ("input_guardrails", "input"),
            ("after_request_hooks", "answer"), ("output_guardrails", "answer"),
        ):  # fmt: skip
            if self.data.get(key) is not None and not isinstance(self.data[key], list):
                self.lose(key, "it is a list of guardrails in Portkey's configuration; what stands here is none")
            for i, hook in enumerate(_list(self.data.get(key))):
                self._hook(hook, join(key, i), surface)
        for key in self.data:
            if key not in _PLAIN:
                self.lose(key, "providers, their addresses and headers are in steady.yaml")

    def _way(self) -> None:
        """The model, the fallback, retries and time."""
        data, draft = self.data, self.draft
        if data.get("targets") is not None and not isinstance(data["targets"], list):
            self.lose("targets", "it is a list in Portkey's configuration; what stands here is none")
        targets = [t for t in _list(data.get("targets")) if isinstance(t, dict)]
        mode = (data.get("strategy") or {}).get("mode") if isinstance(data.get("strategy"), dict) else None
        if mode in {"loadbalance", "conditional"}:
            self.lose("strategy", f"`{mode}` is not done by a policy; the first target's model is taken")
        first = targets[0] if targets else data
        if model := _model(first):
            draft.policy["model"] = model
        for i, target in enumerate(targets[1:], 1):
            self._target(target, i, mode)
        for i, target in enumerate([data, *targets]):
            for key in ("api_key", "virtual_key"):
                if key in target:
                    at = key if not i else f"targets[{i - 1}].{key}"
                    self.lose(at, "keys are never carried over; name where it is in steady.yaml (`providers`: `key`)")
        if isinstance(data.get("request_timeout"), int | float) and data["request_timeout"] > 0:
            draft.policy["candidates"] = {"deadline": f"{int(data['request_timeout'])}ms"}
        if "retry" in data and not self.again:
            self.lose("retry", "calls that failed are tried again as the provider's `retries` in steady.yaml says")
        elif self.again:
            draft.note("retry: a failed rule is asked again with its reason, not blindly")
        if "cache" in data:
            self.lose("cache", "answers are not cached in this version")

    def _target(self, target: dict[str, Any], i: int, mode: Any) -> None:
        at, model = f"targets[{i}]", _model(target)
        codes = set(_list((self.data.get("strategy") or {}).get("on_status_codes")))
        if mode == "fallback" and i == 1 and model and (not codes or codes & _FAILED):
            self.draft.policy["otherwise"] = {"do": "model", "model": model}
            self.draft.note("strategy: the other model answers where no candidate may be released; it is asked once")
        else:
            self.lose(
                at, "one other model can be named, for when no candidate may be released (`otherwise: {do: model}`)"
            )

    def _hook(self, hook: Any, at: str, surface: str) -> None:
        if isinstance(hook, str):
            self.lose(at, f"the guardrail {hook!r} is kept at Portkey; export its checks into the configuration")
            return
        if not isinstance(hook, dict):
            self.lose(at, "a guardrail is an object")
            return
        for name in ("on_success", "on_fail", "onSuccess", "onFail"):
            if hook.get(name):
                self.lose(f"{at}.{name}", "feedback is not given by a rule; verdicts are on the receipt and in metrics")
        done = self._done(hook)
        for check, parameters, where in _checks(hook, at):
            self._check(check, parameters, where, {"on": ["input"], **done} if surface == "input" else done, surface)

    def _done(self, hook: dict[str, Any]) -> dict[str, Any]:
        if hook.get("async"):
            return {"on_fail": "exception", "mode": "shadow"}
        if self.again:
            return {"on_fail": "reask"}
        if hook.get("deny") and "otherwise" in self.draft.policy:
            return {"on_fail": "filter"}  # which leads to the other model; an exception ends the request
        return {"on_fail": "exception" if hook.get("deny") else "noop"}

    def _check(self, check: str, parameters: dict[str, Any], at: str, done: dict[str, Any], surface: str) -> None:
        if parameters.get("is_enabled") is False:
            self.lose(at, "it is switched off (`is_enabled: false`)")
            return
        if surface == "input" and done.get("on_fail") in {"reask", "filter"}:
            done = {**done, "on_fail": "exception"}
        kind, _, name = check.partition(".")
        line = line_of(self.lines, at)
        if kind == "portkey":
            self._portkey(name, parameters, at, done)
            return
        if kind != "default":
            self.lose(at, f"{check}: a service of {kind} is asked")
            return
        if name.lower() in _ELSEWHERE:
            self.lose(at, f"{check}: {_ELSEWHERE[name.lower()]}")
            return
        made = _RULES.get(name.lower())
        if made is None:
            self.lose(at, f"{check} is no check that is known here")
            return
        try:
            items = list(made(parameters, self.draft, check))
        except (KeyError, TypeError, ValueError) as error:
            self.lose(at, f"{check}: its parameters are not as its documentation says ({error})")
            return
        for item in items:
            self.draft.add(line, f"{at} ({check})", {**item, **done, **item.get("force", {}), "force": None})

    def _portkey(self, name: str, parameters: dict[str, Any], at: str, done: dict[str, Any]) -> None:
        line = line_of(self.lines, at)
        if name != "pii":
            self.lose(at, f"portkey.{name}: a service of Portkey is asked")
            return
        wanted = [str(kind) for kind in _list(parameters.get("categories"))]
        kinds = [_PII[kind] for kind in wanted if kind in _PII]
        for kind in wanted:
            if kind not in _PII:
                self.lose(at, f"portkey.pii: no rule finds {kind} by its form; `presidio` looks for names and places")
        if kinds:
            self.draft.note(
                "portkey.pii: kinds are found by form and checksum here, not by a service; verdicts can differ"
            )
            action = {"on_fail": "fix"} if parameters.get("redact") else {}
            self.draft.add(line, f"{at} (portkey.pii)", {"rule": "no_pii", "kinds": kinds, **done, **action})


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _model(target: Mapping[str, Any]) -> str | None:
    params = target.get("override_params")
    model = params.get("model") if isinstance(params, dict) else None
    if not isinstance(model, str):
        return None
    provider = str(target.get("provider") or "").lstrip("@")
    return f"{provider}/{model}" if provider and "/" not in model else model.lstrip("@")


def _checks(hook: dict[str, Any], at: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield (id, parameters, where) of the checks of a hook, written out or short."""
    for i, check in enumerate(_list(hook.get("checks"))):
        if isinstance(check, dict):
            own = check.get("parameters")
            given: dict[str, Any] = own if isinstance(own, dict) else {}
            yield _full(str(check.get("id", ""))), {**check, **given}, f"{at}.checks[{i}]"
    for key, given in hook.items():
        if key not in _OWN and isinstance(given, dict):
            yield _full(str(given.get("id", key))), given, join(at, key)


def _full(name: str) -> str:
    return name if "." in name else f"default.{name}"


Item = Iterator[dict[str, Any]]


def _regex(p: dict[str, Any], draft: Draft, check: str) -> Item:
    pattern = of_javascript(str(p["rule"]))[0]
    if knows_ascii_only(pattern):
        draft.note(f"{check}: {ASCII_ONLY}")
    if always_matches(pattern):
        raise ValueError(f"the pattern {p['rule']!r} matches every text")
    yield {"rule": "not_regex" if p.get("not") else "regex", "pattern": pattern}


def _counted(unit: str, least: int, most: int, no: bool, one: str, draft: Draft, check: str) -> Item:
    """A count that a pattern can say exactly, else the nearest bounds of `length`."""
    bounded = most < _MANY
    if least <= _MOST_COUNTED and (not bounded or most <= _MOST_COUNTED):
        rule: dict[str, Any] = {"rule": "regex", "pattern": one, "full": True}
    else:
        draft.note(f"{check}: counted as `length` counts {unit}, which differs in unusual punctuation")
        rule = {"rule": "length", unit: {"min": least, **({"max": most} if bounded else {})}}
    yield {"rule": "not", "id": unit, "of": rule} if no else {**rule, "id": unit}


def _times(least: int, most: int) -> str:
    return f"{{{least},}}" if most >= _MANY else f"{{{least},{most}}}"


def _range(p: dict[str, Any], low: str, high: str, default: int) -> tuple[int, int]:
    return max(0, int(p.get(low, 0))), int(p.get(high, default))


def _sentences(p: dict[str, Any], draft: Draft, check: str) -> Item:
    least, most = _range(p, "minSentences", "maxSentences", _MANY)
    one = rf"[^.!?]*(?:[.!?][^.!?]*){_times(least, most)}"
    return _counted("sentences", least, most, bool(p.get("not")), one, draft, check)


def _words(p: dict[str, Any], draft: Draft, check: str) -> Item:
    least, most = _range(p, "minWords", "maxWords", _MANY)
    more = _times(max(0, least - 1), most if most >= _MANY else max(0, most - 1))
    one = rf"{_SPACE}*{_BLACK}+(?:{_SPACE}+{_BLACK}+){more}{_SPACE}*"
    return _counted("words", least, most, bool(p.get("not")), one, draft, check)


def _characters(p: dict[str, Any], draft: Draft, check: str) -> Item:
    least, most = _range(p, "minCharacters", "maxCharacters", 9_999_999)
    draft.note(f"{check}: a character beyond the basic plane (an emoji) counts as one here, as two there")
    rule = {"rule": "length", "characters": {"min": least, "max": most}}
    yield {"rule": "not", "id": "characters", "of": rule} if p.get("not") else rule


def _contains(p: dict[str, Any], draft: Draft, check: str) -> Item:
    words = [str(word) for word in p["words"]]
    operator = str(p.get("operator", "any"))
    if operator not in {"any", "all", "none"}:
        raise ValueError(f"operator {operator!r}")
    yield {"rule": "contains", operator: words, "case": True}


_WHOLE_JSON = (
    "{}: the whole answer must be the JSON here (fences and prose around it are taken off); there any part may be"
)


def _schema(p: dict[str, Any], draft: Draft, check: str) -> Item:
    schema = p["schema"]
    if not isinstance(schema, dict):
        raise TypeError("schema is no object")
    draft.note(_WHOLE_JSON.format(check))
    if p.get("not"):
        yield {"rule": "not", "id": "no-such-json", "of": {"rule": "json_schema", "schema": schema}}
        return
    yield {"rule": "json_schema", "schema": schema, "repair": "form_only", "force": {"on_fail": "fix"}}


def _keys(p: dict[str, Any], draft: Draft, check: str) -> Item:
    keys, operator = [str(key) for key in p["keys"]], str(p.get("operator", "any"))
    draft.note(_WHOLE_JSON.format(check))
    has = [{"required": [key]} for key in keys]
    forms: dict[str, dict[str, Any]] = {
        "all": {"required": keys},
        "any": {"anyOf": has},
        "none": {"not": {"anyOf": has}},
    }
    schema = {"type": "object", **forms[operator]}
    yield {
        "rule": "json_schema",
        "id": "json-keys",
        "schema": schema,
        "repair": "form_only",
        "force": {"on_fail": "fix"},
    }


def _code(p: dict[str, Any], draft: Draft, check: str) -> Item:
    pattern = rf"(?is)```(?:{_FENCES[str(p['format'])]})\n.*?\n```"
    yield {"rule": "not_regex" if p.get("not") else "regex", "id": "code", "pattern": pattern}


def _letters(wrong: str) -> Any:
    def made(p: dict[str, Any], draft: Draft, check: str) -> Item:
        yield {"rule": "regex" if p.get("not") else "not_regex", "id": check.partition(".")[2], "pattern": wrong}

    return made


def _ends(p: dict[str, Any], draft: Draft, check: str) -> Item:
    suffix = str(p["suffix"])
    rule = {"rule": "ends_with", "any": [suffix, f"{suffix}."], "case": True}
    yield {"rule": "not", "id": "not-ending", "of": rule} if p.get("not") else rule


def _not_null(p: dict[str, Any], draft: Draft, check: str) -> Item:
    yield {"rule": "not_regex" if p.get("not") else "regex", "id": "not-null", "pattern": _BLACK}


def _replace(p: dict[str, Any], draft: Draft, check: str) -> Item:
    pattern, flags = of_javascript(str(p["rule"]), slashes=True)
    text = str(p.get("redactText") or "[REDACTED]")
    if "$" in text:
        raise ValueError("a replacement that refers to what was matched")
    if "g" not in flags:
        draft.note(f"{check}: every match is replaced here, there only the first (the pattern has no flag g)")
    action = {} if p.get("failOnDetection") else {"force": {"on_fail": "fix", "mode": None}}
    yield {"rule": "not_regex", "id": "replaced", "pattern": pattern, "replace": text, **action}


_RULES: Mapping[str, Any] = {
    "regexmatch": _regex,
    "sentencecount": _sentences,
    "wordcount": _words,
    "charactercount": _characters,
    "contains": _contains,
    "jsonschema": _schema,
    "jsonkeys": _keys,
    "containscode": _code,
    "alluppercase": _letters("[a-z]"),
    "alllowercase": _letters("[A-Z]"),
    "endswith": _ends,
    "notnull": _not_null,
    "regexreplace": _replace,
}
