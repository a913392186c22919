"""
Guards of Guardrails AI: what their validators decide, from the validators' own code and documentation.

`on_fail` has the same words. A validator that has no rule of its own here is taken as it is, by the rule `guardrails`,
where its package is installed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from steady.migration.draft import Draft
from steady.migration.patterns import ASCII_ONLY, knows_ascii_only, of_python

ACTIONS = frozenset({"reask", "fix", "filter", "refrain", "noop", "exception", "fix_reask"})


class Use(NamedTuple):
    """One validator on one place."""

    line: int
    name: str  # "regex_match", without its author; a class's name in CamelCase is one too
    author: str  # "guardrails"
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    on_fail: str  # a word of theirs, or "custom: NAME"
    on: str  # "$" or "output": the answer; "messages": the input; "$.a.b": a field

    @property
    def what(self) -> str:
        """How it is named to the reader."""
        return f"{self.author}/{self.name}"


def hub_name(identity: str) -> tuple[str, str]:
    """Return author and name: of `hub://guardrails/regex_match`, `regex-match`, `RegexMatch`."""
    author, _, name = identity.removeprefix("hub://").rpartition("/")
    if re.fullmatch(r"(?:[A-Z][A-Za-z0-9]*)", name):
        name = _CLASSES.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return author or "guardrails", name.replace("-", "_")


_CLASSES = {"DetectPII": "detect_pii", "NSFWText": "nsfw_text", "ValidJson": "valid_json", "ValidURL": "valid_url"}
_LEGACY = {"length": "valid_length", "one_line": "one_line", "lower_case": "lowercase", "upper_case": "uppercase"}


def add(use: Use, draft: Draft) -> None:
    """Add what one validator decides, or name it."""
    if use.on not in {"$", "output", "messages", "prompt", "instructions", "msg_history"}:
        draft.lose(use.line, f"{use.what} on {use.on}", "rules judge whole texts; say it in the schema of `output`")
        return
    on = ["input"] if use.on not in {"$", "output"} else None
    name = _LEGACY.get(use.name, use.name)
    action = use.on_fail
    if action not in ACTIONS:
        draft.lose(
            use.line, f"{use.what}, on_fail {action}", "a function of your own: name it in steady.yaml (`functions`)"
        )
        action = "filter"
    if on and action in {"reask", "fix_reask", "filter"}:
        draft.note(f"{use.what} on the input: what `{action}` would do is `refrain` here, which refuses the request")
        action = "refrain"
    made = _RULES.get(name)
    given = {**dict(zip(_ARGS.get(name, ()), use.args, strict=False)), **use.kwargs}
    try:
        items = list(made(given, draft, use.what)) if made else []
    except (KeyError, TypeError, ValueError) as error:
        draft.lose(use.line, use.what, f"its arguments are not as its documentation says ({error!r})")
        return
    if not items:
        items = [
            {"rule": "guardrails", "id": name.replace("_", "-"), "validator": f"{use.author}/{name}", "args": given}
        ]
        if use.args and name not in _ARGS:
            draft.lose(use.line, use.what, "its arguments have no names; write them as NAME=VALUE")
            return
    for item in items:
        draft.add(use.line, use.what, {**item, "on": on, "on_fail": action})


Item = Iterator[dict[str, Any]]


def _regex(p: dict[str, Any], draft: Draft, what: str) -> Item:
    whole = p.get("match_type") in (None, "fullmatch")
    pattern = of_python(str(p["regex"]), whole=whole)
    if knows_ascii_only(pattern):
        draft.note(f"{what}: {ASCII_ONLY}")
    yield {"rule": "regex", "id": "regex-match", "pattern": pattern, "full": whole or None}


def _number(value: Any) -> Any:
    return None if value in (None, "None") else int(value)


def _bounds(p: dict[str, Any], low: str = "min", high: str = "max") -> dict[str, int]:
    out = {key: _number(p.get(name)) for key, name in (("min", low), ("max", high))}
    return {key: value for key, value in out.items() if value is not None}


def _length(p: dict[str, Any], draft: Draft, what: str) -> Item:
    yield {"rule": "length", "id": "valid-length", "characters": _bounds(p)}


def _range(p: dict[str, Any], draft: Draft, what: str) -> Item:
    bounds = {key: float(p[key]) for key in ("min", "max") if p.get(key) not in (None, "None")}
    yield {"rule": "range", "id": "valid-range", **bounds}


def _choices(p: dict[str, Any], draft: Draft, what: str) -> Item:
    yield {"rule": "one_of", "id": "valid-choices", "values": [str(value) for value in p["choices"]]}


def _ends(p: dict[str, Any], draft: Draft, what: str) -> Item:
    yield {"rule": "ends_with", "text": str(p["end"])}


def _starts(p: dict[str, Any], draft: Draft, what: str) -> Item:
    yield {"rule": "starts_with", "text": str(p["start"])}


def _contains(p: dict[str, Any], draft: Draft, what: str) -> Item:
    yield {"rule": "contains", "all": [str(p["substring"])], "case": True}


def _case(letters: str) -> Any:
    def made(p: dict[str, Any], draft: Draft, what: str) -> Item:
        yield {"rule": "case", "id": f"{letters}-case", "letters": letters}

    return made


def _one_line(p: dict[str, Any], draft: Draft, what: str) -> Item:
    yield {"rule": "length", "id": "one-line", "lines": {"max": 1}}


def _two_words(p: dict[str, Any], draft: Draft, what: str) -> Item:
    yield {"rule": "regex", "id": "two-words", "pattern": r"\s*\S+\s+\S+\s*", "full": True}


_PII = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "credit_card", "IP_ADDRESS": "ip",
    "IBAN_CODE": "iban", "US_SSN": "us_ssn", "CRYPTO": "crypto", "US_ITIN": "us_itin", "US_PASSPORT": "us_passport",
    "US_DRIVER_LICENSE": "us_driver_license", "UK_NHS": "uk_nhs", "MAC_ADDRESS": "mac",
}  # fmt: skip
_NAMED = {"PERSON": "persons", "LOCATION": "places"}
_GROUPS = {
    "pii": ("EMAIL_ADDRESS", "PHONE_NUMBER", "DOMAIN_NAME", "IP_ADDRESS", "DATE_TIME", "LOCATION", "PERSON", "URL"),
    "spi": ("CREDIT_CARD", "CRYPTO", "IBAN_CODE", "NRP", "MEDICAL_LICENSE", "US_BANK_NUMBER", "US_DRIVER_LICENSE",
            "US_ITIN", "US_PASSPORT", "US_SSN"),
}  # fmt: skip


def _pii(p: dict[str, Any], draft: Draft, what: str) -> Item:
    given = p.get("pii_entities", "pii")
    wanted: Sequence[str] = _GROUPS[given] if isinstance(given, str) else [str(entity) for entity in given]
    draft.note(f"{what}: kinds are found by form and checksum here, without presidio; verdicts can differ")
    for entity in wanted:
        if entity not in _PII and entity not in _NAMED:
            draft.lose(0, f"{what}, {entity}", "no rule finds it by its form")
    if kinds := [_PII[entity] for entity in wanted if entity in _PII]:
        yield {"rule": "no_pii", "kinds": kinds}
    if kinds := [_NAMED[entity] for entity in wanted if entity in _NAMED]:
        yield {"rule": "presidio", "kinds": kinds}


def _secrets(p: dict[str, Any], draft: Draft, what: str) -> Item:
    draft.note(f"{what}: keys are found by form and entropy here, without detect-secrets; verdicts can differ")
    yield {"rule": "no_secrets"}


def _banned(p: dict[str, Any], draft: Draft, what: str) -> Item:
    if int(p.get("max_l_dist") or 0):
        draft.note(f"{what}: words that are nearly a banned one (max_l_dist) are not found; look-alike letters are")
    yield {
        "rule": "excludes",
        "id": "ban-list",
        "terms": [str(w) for w in p["banned_words"]],
        "words": False,
        "replace": "",
    }


def _competitors(p: dict[str, Any], draft: Draft, what: str) -> Item:
    draft.note(f"{what}: names are found as they are written, without a model that knows entities")
    yield {"rule": "competitors", "names": {str(name): [] for name in p["competitors"]}}


def _profanity(p: dict[str, Any], draft: Draft, what: str) -> Item:
    draft.note(f"{what}: words are found from lists, without a model; verdicts can differ")
    yield {"rule": "no_profanity"}


def _json(p: dict[str, Any], draft: Draft, what: str) -> Item:
    yield {"rule": "json", "type": "any"}


_ARGS: Mapping[str, tuple[str, ...]] = {
    "regex_match": ("regex", "match_type"),
    "valid_length": ("min", "max"),
    "valid_range": ("min", "max"),
    "valid_choices": ("choices",),
    "ends_with": ("end",),
    "starts_with": ("start",),
    "contains_string": ("substring",),
    "detect_pii": ("pii_entities",),
    "ban_list": ("banned_words", "max_l_dist"),
    "competitor_check": ("competitors",),
}
_RULES: Mapping[str, Any] = {
    "regex_match": _regex,
    "valid_length": _length,
    "valid_range": _range,
    "valid_choices": _choices,
    "ends_with": _ends,
    "starts_with": _starts,
    "contains_string": _contains,
    "lowercase": _case("lower"),
    "uppercase": _case("upper"),
    "one_line": _one_line,
    "two_words": _two_words,
    "detect_pii": _pii,
    "secrets_present": _secrets,
    "ban_list": _banned,
    "competitor_check": _competitors,
    "profanity_free": _profanity,
    "valid_json": _json,
}
