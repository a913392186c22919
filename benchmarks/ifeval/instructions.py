"""
IFEval's 25 types of instruction (Zhou et al. 2023, arXiv:2311.07911) as rules of a Steady policy.

`rules_of` gives the rules of a prompt, as YAML has them, without `on_fail`: that is the policy's to say. What the
official checker counts is kept to, where it is plain: words are runs of letters and digits, sentences end at marks and
not at line breaks, each line that begins with * or - is a bullet. An answer of nothing but white space follows no
instruction.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Rule = dict[str, Any]
Kwargs = Mapping[str, Any]

OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
NOT_EMPTY: Mapping[str, Any] = {"rule": "length", "id": "not_empty", "lines": {"min": 1}}


def rules_of(instruction_ids: Sequence[str], kwargs: Sequence[Kwargs], prompt: str = "") -> list[Rule]:
    """
    Return the rules of one prompt: those of its instructions in their order, each with an id of its own.

    Args:
        instruction_ids: Names such as "punctuation:no_comma".
        kwargs: The arguments of each; None counts as not given.
        prompt: The prompt, which `combination:repeat_prompt` repeats where no other text is given for that.

    Raises:
        ValueError: If an instruction is not known or lacks an argument.
    """
    out: list[Rule] = []
    used: dict[str, int] = {}
    for name, given in zip(instruction_ids, kwargs, strict=True):
        for rule in rules_for(name, given, prompt):
            key = str(rule.get("id", name.partition(":")[2]))
            if key == NOT_EMPTY["id"] and key in used:
                continue
            used[key] = used.get(key, 0) + 1
            numbered = key if used[key] == 1 else f"{key}-{used[key]}"
            out.append({"rule": rule["rule"], "id": numbered, **{k: v for k, v in rule.items() if k not in _HEAD}})
    return out


def rules_for(instruction_id: str, kwargs: Kwargs, prompt: str = "") -> list[Rule]:
    """
    Return the rules of one instruction; an answer follows it if all of them pass.

    Raises:
        ValueError: If the instruction is not known or lacks an argument.
    """
    if instruction_id not in _COMPILED:
        raise ValueError(f"No instruction {instruction_id!r}. Known: {', '.join(INSTRUCTIONS)}.")
    given = {key: value for key, value in kwargs.items() if value}
    if instruction_id == "combination:repeat_prompt":
        given.setdefault("prompt_to_repeat", prompt)
    try:
        rules = _COMPILED[instruction_id](given)
    except KeyError as missing:
        raise ValueError(f"{instruction_id} needs {missing}, and got {sorted(given)}.") from None
    return [*rules, dict(NOT_EMPTY)] if instruction_id in _MET_BY_NOTHING else rules


def _bounds(relation: str, number: int) -> dict[str, int]:
    if relation not in ("less than", "at least"):
        raise ValueError(f"The relation {relation!r} is neither 'less than' nor 'at least'.")
    return {"min": number} if relation == "at least" else {"max": number - 1}


def _exactly(number: int) -> dict[str, int]:
    return {"min": number, "max": number}


def _existence(k: Kwargs) -> list[Rule]:
    return [{"rule": "keyword_frequency", "keyword": word, "count": {"min": 1}} for word in sorted(k["keywords"])]


def _frequency(k: Kwargs) -> list[Rule]:
    count = _bounds(k["relation"], k["frequency"])
    return [{"rule": "keyword_frequency", "keyword": k["keyword"].strip(), "count": count}]


def _forbidden(k: Kwargs) -> list[Rule]:
    words = sorted(set(k["forbidden_words"]))
    return [{"rule": "keyword_frequency", "keyword": word, "count": {"max": 0}, "whole_words": True} for word in words]


def _letters(k: Kwargs) -> list[Rule]:
    count = _bounds(k["let_relation"], k["let_frequency"])
    return [{"rule": "letter_frequency", "letter": k["letter"].strip().lower(), "count": count}]


def _language(k: Kwargs) -> list[Rule]:
    return [{"rule": "language", "allow": [k["language"]], "unsure": "fail"}]


def _sentences(k: Kwargs) -> list[Rule]:
    bounds = _bounds(k["relation"], k["num_sentences"])
    return [{"rule": "length", "sentences": bounds, "sentences_by": "marks"}]


def _words(k: Kwargs) -> list[Rule]:
    return [{"rule": "length", "words": _bounds(k["relation"], k["num_words"]), "words_by": "runs"}]


def _paragraphs(k: Kwargs) -> list[Rule]:
    return [{"rule": "length", "paragraphs": _exactly(k["num_paragraphs"]), "separator": "***"}]


def _first_word(k: Kwargs) -> list[Rule]:
    start = {"number": k["nth_paragraph"], "word": k["first_word"], "separator": "\n\n"}
    return [
        {"rule": "length", "paragraphs": _exactly(k["num_paragraphs"]), "separator": "\n\n"},
        {"rule": "format", "paragraph_starts": start},
    ]


def _sections(k: Kwargs) -> list[Rule]:
    return [{"rule": "format", "sections": {"count": {"min": k["num_sections"]}, "word": k["section_spliter"].strip()}}]


def _end(k: Kwargs) -> list[Rule]:
    phrase = k["end_phrase"].strip()
    return [{"rule": "ends_with", "text": phrase, "case": False, "around": ' \t\r\n"'}]


def _capital_words(k: Kwargs) -> list[Rule]:
    return [{"rule": "case", "capital_words": _bounds(k["capital_relation"], k["capital_frequency"])}]


def _format(field: str, bounds: Callable[[Kwargs], Any]) -> Callable[[Kwargs], list[Rule]]:
    return lambda k: [{"rule": "format", field: bounds(k)}]


def _always(*rules: Rule) -> Callable[[Kwargs], list[Rule]]:
    return lambda k: [dict(rule) for rule in rules]


def _english(letters: str, one_of_them: str) -> Callable[[Kwargs], list[Rule]]:
    return _always(
        {"rule": "case", "letters": letters},
        {"rule": "regex", "id": "some_letter", "pattern": one_of_them},
        {"rule": "language", "allow": ["en"]},
    )


_COMPILED: Mapping[str, Callable[[Kwargs], list[Rule]]] = {
    "keywords:existence": _existence,
    "keywords:frequency": _frequency,
    "keywords:forbidden_words": _forbidden,
    "keywords:letter_frequency": _letters,
    "language:response_language": _language,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:number_words": _words,
    "length_constraints:nth_paragraph_first_word": _first_word,
    "detectable_content:number_placeholders": _format("placeholders", lambda k: {"min": k["num_placeholders"]}),
    "detectable_content:postscript": _format("postscript", lambda k: k["postscript_marker"].strip()),
    "detectable_format:number_bullet_lists": _format(
        "bullets", lambda k: {**_exactly(k["num_bullets"]), "spaced": False}
    ),
    "detectable_format:constrained_response": _always({"rule": "contains", "any": list(OPTIONS), "case": True}),
    "detectable_format:number_highlighted_sections": _format("highlights", lambda k: {"min": k["num_highlights"]}),
    "detectable_format:multiple_sections": _sections,
    "detectable_format:json_format": _always({"rule": "json", "fence": True}),
    "detectable_format:title": _format("title", lambda k: True),
    "combination:two_responses": _format("responses", lambda k: 2),
    "combination:repeat_prompt": lambda k: [
        {"rule": "starts_with", "text": k["prompt_to_repeat"].strip(), "case": False, "around": " \t\r\n"}
    ],
    "startend:end_checker": _end,
    "change_case:capital_word_frequency": _capital_words,
    "change_case:english_capital": _english("upper", r"\p{Lu}"),
    "change_case:english_lowercase": _english("lower", r"\p{Ll}"),
    "punctuation:no_comma": _always({"rule": "punctuation", "without": [","]}),
    "startend:quotation": _always({"rule": "punctuation", "quotation": True}),
}
INSTRUCTIONS = tuple(_COMPILED)
_MET_BY_NOTHING = frozenset(
    {
        "keywords:frequency",
        "keywords:forbidden_words",
        "keywords:letter_frequency",
        "language:response_language",
        "length_constraints:number_sentences",
        "length_constraints:number_words",
        "change_case:capital_word_frequency",
        "punctuation:no_comma",
    }
)
_HEAD = ("rule", "id")
