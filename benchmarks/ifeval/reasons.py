"""Why Steady's verdict on a text may differ from the checker's, type by type, as far as it can be shown."""

import json
from collections.abc import Mapping
from typing import Any

UNEXPLAINED = "not explained"
LANGUAGE = "language: told by another model; the checker's guesses a language for few words, and follows none"
SENTENCES = "sentences: other abbreviations and initials are known to the checker's data"
FENCE = "JSON: the checker looks past a code fence, the rule `json` wants JSON alone (its fix takes the fence away)"
STRICT = "JSON: the rule `json` refuses what readers take differently (NaN, a repeated key)"
START = "white space before the beginning: the checker looks past it, `starts_with` does not"
END = "white space or quotation marks after the end: the checker looks past any, the rule past one"
HIDDEN = "invisible or look-alike characters: `contains` looks through them"

_LANGUAGES = ("language:response_language", "change_case:english_capital", "change_case:english_lowercase")


def reason(instruction_id: str, kwargs: Mapping[str, Any], text: str) -> str:
    """Return why the two sides part on a text, or that it is not explained."""
    bare = text.strip()
    if instruction_id in _LANGUAGES:
        return LANGUAGE
    if instruction_id == "length_constraints:number_sentences":
        return SENTENCES
    if instruction_id == "detectable_format:json_format":
        return FENCE if bare.startswith("```") or bare.endswith("```") else _json(bare)
    if instruction_id == "combination:repeat_prompt" and text != text.lstrip():
        return START
    if instruction_id == "startend:end_checker" and (text != text.rstrip() or bare.endswith('"')):
        return END
    if instruction_id == "detectable_format:constrained_response" and not text.isascii():
        return HIDDEN
    return f"{UNEXPLAINED} ({instruction_id})"


def _json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError:
        return f"{UNEXPLAINED} (JSON)"
    return STRICT
