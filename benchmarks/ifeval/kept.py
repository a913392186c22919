"""
Makes the small set of pairs that every test run judges: answers written for it, changed, with the checker's verdicts.

    python -m benchmarks.ifeval.kept

Writes `tests/benchmarks/ifeval_verdicts.json`. To be run again where the compiled rules or the mutations change.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.ifeval.checker import Pair, verdicts
from benchmarks.ifeval.mutate import mutations

KEPT = Path(__file__).resolve().parents[2] / "tests" / "benchmarks" / "ifeval_verdicts.json"
EACH = 22  # texts an instruction

ANSWERS = (
    "Dear neighbour,\n\nThank you for the apples, which were sweet. I baked a cake! Would you like a slice?\n\n"
    "* flour\n* butter\n* [your choice]\n\nP.S. The cake is *warm* now.",
    "<<A walk>>\n\nWe walked along the river, past the mill and the old bridge. It was cold.\n\n***\n\nThen the sun "
    "came out, so we sat down. Dr. Lang told a story about NASA and the U.S. team.",
    'SECTION 1\n"My answer is yes."\n\nSECTION 2\n- one\n- two\n\nIs there anything else I can help with?',
)
TOLD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("keywords:existence", {"keywords": ["cake", "river"]}),
    ("keywords:frequency", {"keyword": "the", "frequency": 3, "relation": "at least"}),
    ("keywords:forbidden_words", {"forbidden_words": ["cake", "mill"]}),
    ("keywords:letter_frequency", {"letter": "e", "let_frequency": 9, "let_relation": "less than"}),
    ("language:response_language", {"language": "de"}),
    ("length_constraints:number_sentences", {"num_sentences": 4, "relation": "at least"}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}),
    ("length_constraints:number_words", {"num_words": 25, "relation": "less than"}),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 3, "nth_paragraph": 2, "first_word": "thank"},
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}),
    ("detectable_format:number_bullet_lists", {"num_bullets": 3}),
    ("detectable_format:constrained_response", {}),
    ("detectable_format:number_highlighted_sections", {"num_highlights": 2}),
    ("detectable_format:multiple_sections", {"section_spliter": "SECTION", "num_sections": 2}),
    ("detectable_format:json_format", {}),
    ("detectable_format:title", {}),
    ("combination:two_responses", {}),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Write to a neighbour about apples."}),
    ("startend:end_checker", {"end_phrase": "Is there anything else I can help with?"}),
    ("change_case:capital_word_frequency", {"capital_frequency": 3, "capital_relation": "less than"}),
    ("change_case:english_capital", {}),
    ("change_case:english_lowercase", {}),
    ("punctuation:no_comma", {}),
    ("startend:quotation", {}),
)


def pairs() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the pairs: for each type what its own edge is, then the general changes, spread over the answers."""
    for at, (name, kwargs) in enumerate(TOLD):
        texts: dict[str, None] = {}
        for turn, answer in enumerate(ANSWERS):
            many = list(mutations(name, kwargs, answer, seed=at * 10 + turn))
            edge = [one.text for one in many if one.name in ("as it is", "at the edge")][turn::3][: EACH // 3]
            rest = [one.text for one in many if one.name not in ("as it is", "at the edge")]
            texts |= dict.fromkeys([*edge, *rest[turn::4][: max(3, EACH // 3 - len(edge) + 1)]])
        yield from ((name, kwargs, text) for text in texts)


def main() -> None:
    """Write the file."""
    many = list(pairs())
    followed = verdicts([Pair("", (name,), (kwargs,), text) for name, kwargs, text in many])
    rows = [
        json.dumps([name, kwargs, text, theirs], ensure_ascii=True)
        for (name, kwargs, text), (theirs,) in zip(many, followed, strict=True)
    ]
    KEPT.write_text("[\n" + ",\n".join(rows) + "\n]\n", "utf-8")


if __name__ == "__main__":
    main()
