"""Why Steady's verdict on a text may differ from the checker's, type by type, as far as it can be shown."""

import json
import re
from collections.abc import Mapping
from typing import Any

UNEXPLAINED = "not explained"
LANGUAGE = "language: told by another model; the checker's guesses a language for few words, and follows none"
SENTENCES = "sentences: other abbreviations and initials are known to the checker's data"
FENCE = "JSON: the checker takes away one mark of a fence, whether or not the other is there; the rule wants both"
STRICT = "JSON: the rule `json` refuses what readers take differently (NaN, a repeated key)"
CAPITALS = "capital words: after a curly apostrophe or a mark within a word the checker's tokenizer begins a word"
HIDDEN = "invisible or look-alike characters: `contains` looks through them"

_INNER = re.compile(r"\w[^\w\s][A-Z]+\b")  # "There\u2019S", "AND/OR"
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
    if instruction_id == "change_case:capital_word_frequency" and _INNER.search(text):
        return CAPITALS
    if instruction_id == "detectable_format:constrained_response" and not text.isascii():
        return HIDDEN
    return f"{UNEXPLAINED} ({instruction_id})"


def _json(text: str) -> str:
    try:
        json.loads(text)
    except ValueError:
        return f"{UNEXPLAINED} (JSON)"
    return STRICT
