"""
Form grammars: whatever one can write is judged by the very rules that asked for it.

Texts are drawn at random from the grammar by a reader of our own (`gbnf.py`); that llama.cpp reads it alike, and what a
real model writes under it, is shown by the slow test at the end.
"""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.providers.gbnf import Grammar

from steady.policy.load import catalog
from steady.providers.embedded import EmbeddedProvider
from steady.providers.grammar_form import Written, form_grammar
from steady.providers.grammar_letters import SCRIPTS, alphabet, char_class
from steady.providers.grammar_settle import Form
from steady.rules.constraints import merge
from steady.rules.rule import Constraint, Context, Rule
from steady.types import Call, Piece

WISHES: dict[str, dict[str, Any]] = {
    "lower": {"rule": "case", "letters": "lower"},
    "upper": {"rule": "case", "letters": "upper"},
    "some capitals": {"rule": "case", "capital_words": {"min": 3, "max": 9}},
    "few capitals": {"rule": "case", "capital_words": {"max": 3}},
    "no comma": {"rule": "punctuation", "without": [","]},
    "quoted": {"rule": "punctuation", "quotation": True},
    "a point at the end": {"rule": "punctuation", "ends": ["."]},
    "100 words": {"rule": "length", "words": {"min": 100, "max": 130}},
    "300 words": {"rule": "length", "words": {"min": 300}},
    "60 words": {"rule": "length", "words": {"max": 60}},
    "600 runs": {"rule": "length", "words": {"max": 600}, "words_by": "runs"},
    "runs": {"rule": "length", "words": {"min": 20, "max": 80}, "words_by": "runs"},
    "5 sentences": {"rule": "length", "sentences": {"min": 5, "max": 7}},
    "40 sentences": {"rule": "length", "sentences": {"min": 40}},
    "few sentences": {"rule": "length", "sentences": {"max": 4}},
    "by marks": {"rule": "length", "sentences": {"min": 5, "max": 8}, "sentences_by": "marks"},
    "3 parts": {"rule": "length", "paragraphs": {"min": 3, "max": 3}, "separator": "***"},
    "2 paragraphs": {"rule": "length", "paragraphs": {"min": 2, "max": 2}},
    "bullets": {"rule": "format", "bullets": {"min": 3, "max": 3}},
    "numbered": {"rule": "format", "numbered": {"min": 2, "max": 4}},
    "highlights": {"rule": "format", "highlights": {"min": 3}},
    "placeholders": {"rule": "format", "placeholders": {"min": 4}},
    "sections": {"rule": "format", "sections": {"word": "SECTION", "count": {"min": 2}}},
    "title": {"rule": "format", "title": True},
    "postscript": {"rule": "format", "postscript": "P.P.S"},
    "two answers": {"rule": "format", "responses": 2},
    "first word": {"rule": "format", "paragraph_starts": {"number": 2, "word": "weekend"}},
    "starts": {"rule": "starts_with", "text": "Write an ad."},
    "ends": {"rule": "ends_with", "text": "Is that all?"},
    "keyword": {"rule": "keyword_frequency", "keyword": "forest", "count": {"min": 3}},
    "no keyword": {"rule": "keyword_frequency", "keyword": "ana", "count": {"max": 0}},
    "no words": {"rule": "excludes", "terms": ["cat", "kitten", "on"]},
    "exclamation": {"rule": "letter_frequency", "letter": "!", "count": {"min": 4}},
    "hash": {"rule": "letter_frequency", "letter": "#", "count": {"min": 3}},
    "letter": {"rule": "letter_frequency", "letter": "j", "count": {"min": 5}},
    "no letter": {"rule": "letter_frequency", "letter": "c", "count": {"max": 0}},
}
EXACT = {"starts", "ends"}  # texts whose case is the rule's own
AGAINST = ({"lower", "upper", "quoted"}, EXACT)  # no text keeps one of the first and one of the second


def rule(wish: str) -> Rule:
    data = WISHES[wish]
    made: Rule = msgspec.convert(data, catalog()[data["rule"]])
    return made


def written(*wishes: str, tokens: int = 512) -> tuple[Written | None, tuple[str, ...], tuple[str, ...]]:
    """Return the grammar of what these rules ask for, and which of them it promises to keep."""
    asked = [(wish, constraint) for wish in wishes if (constraint := rule(wish).constraint())]
    merged = merge(asked)
    form = Form(**{name: getattr(merged.constraint, name) for name in Form.__struct_fields__})
    made = form_grammar(form, tokens)
    if made is None or not made.grammar:
        return made, (), merged.notes
    left = [note.split(" of ")[1].split(" not ")[0] for note in merged.notes]
    kept = [w for w, c in asked if w not in left and fields(c) - {"separator"} <= set(made.used)]
    return made, tuple(kept), merged.notes


def fields(constraint: Constraint) -> set[str]:
    return {f.name for f in structs.fields(Constraint) if getattr(constraint, f.name) != f.default}


def broken(text: str, wishes: tuple[str, ...]) -> list[str]:
    """Return why the real rules refuse a text."""
    piece = Piece("answer", ("message", "content"), text)
    findings = {wish: rule(wish).build().judge(piece, Context()) for wish in wishes}  # type: ignore[union-attr]
    return [f"{wish}: {found.reason} {text!r}" for wish, found in findings.items() if not found.passed]


@pytest.mark.parametrize("wish", list(WISHES))
def test_every_text_of_a_grammar_keeps_the_rule_that_asked_for_it(wish: str) -> None:
    made, kept, _ = written(wish)
    assert made is not None and kept == (wish,) and made.dropped == ()
    grammar, rng = Grammar(made.grammar), random.Random(wish)

    assert [why for _ in range(2) for why in broken(grammar.draw(rng), kept)] == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(list(WISHES)), min_size=2, max_size=4, unique=True), st.sampled_from((128, 512, 1500)))
def test_whatever_rules_come_together_a_text_keeps_all_that_were_not_dropped_by_name(
    wishes: list[str], tokens: int
) -> None:
    if all(set(wishes) & group for group in AGAINST):
        return
    made, kept, notes = written(*wishes, tokens=tokens)
    assert made is not None
    assert kept or made.dropped or notes
    if made.grammar:
        text = Grammar(made.grammar).draw(random.Random(str(wishes)))
        assert broken(text, kept) == []


def test_what_goes_together_is_not_dropped() -> None:
    """A grammar that drops whatever is hard would pass the test above."""
    for wishes in (
        ("lower", "no comma", "keyword", "title"),
        ("3 parts", "highlights", "no letter"),
        ("300 words", "bullets", "postscript", "placeholders"),
        ("5 sentences", "no words", "some capitals"),
        ("two answers", "no comma", "no keyword"),
        ("sections", "40 sentences", "quoted"),
    ):
        made, kept, _ = written(*wishes)
        assert made is not None and made.dropped == () and kept == wishes, wishes


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (Form(without=",", ends="yes, sir"), "ends"),
        (Form(without="*", highlights=2), "highlights"),
        (Form(without="[", placeholders=2), "placeholders"),
        (Form(words=(50, 10)), "words"),
        (Form(letters="lower", capitals=(2, None)), "capitals"),
        (Form(script="Linear A"), "script"),
        (Form(paragraphs=(2, 2), separator="\n\n", ends="a\n\nb"), "paragraphs"),
        (Form(sentences=(0, 2), bullets=(5, 5)), "sentences"),
        (Form(contains=(("a", 100),)), "contains"),
        (Form(avoids=("refund policy",)), "avoids"),
        (Form(without=".!?"), "without"),
        (Form(starts="a\ud800"), "starts"),
    ],
)
def test_what_has_no_text_is_left_out_by_name(form: Form, name: str) -> None:
    made = form_grammar(form)

    assert made is not None
    assert name in dict(made.dropped)
    assert name not in made.used


def test_nothing_asked_is_no_grammar() -> None:
    assert form_grammar(Form()) is None


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_written_in_its_own_letters(script: str) -> None:
    import unicodedata

    made = form_grammar(Form(script=script))
    assert made is not None and made.used == ("script",)
    text = Grammar(made.grammar).draw(random.Random(script))
    letters = [c for c in text if c.isalpha()]
    names = {"Han": "CJK", "Hiragana": ("HIRAGANA", "KATAKANA", "CJK"), "Katakana": ("HIRAGANA", "KATAKANA", "CJK")}

    assert letters
    assert all(unicodedata.name(c).startswith(names.get(script, script.upper())) for c in letters)


def test_a_grammar_asks_for_more_tokens_where_a_minimum_needs_them() -> None:
    short, long = form_grammar(Form(words=(10, None)), 300), form_grammar(Form(words=(900, None)), 300)
    assert short is not None and long is not None

    assert short.tokens < 400 < 1200 < long.tokens


def test_equal_forms_give_equal_grammars() -> None:
    form = Form(avoids=("b", "a", "cat"), contains=(("x", 2),), highlights=2)

    assert form_grammar(form) == form_grammar(form)


def test_an_alphabet_holds_no_excluded_character() -> None:
    it = alphabet(without="ae'.,(")

    assert not set("ae") & set(char_class(it.letters)[1:-1].replace("-", ""))
    assert (it.enders, it.commas, it.joins) == ("!?", ";", "’-")


REAL = (
    ("3 parts",), ("bullets", "lower"), ("no comma", "ends"), ("quoted",), ("keyword", "title"), ("5 sentences",),
    ("60 words", "some capitals"), ("placeholders", "no words"), ("highlights", "postscript"), ("first word",),
)  # fmt: skip


@pytest.mark.slow
async def test_the_real_model_can_write_nothing_else() -> None:
    """llama.cpp takes the grammars, and its smallest model keeps every rule in every answer that was not cut off."""
    provider, cut = EmbeddedProvider(slots=2, context_per_slot=1200), []
    try:
        for wishes in REAL:
            made, kept, _ = written(*wishes, tokens=160)
            assert made is not None and kept == wishes
            asked = "Write about a fox in a forest. " + " ".join(rule(wish).statement() for wish in wishes)
            body = {
                "messages": [{"role": "user", "content": asked}],
                "grammar": made.grammar,
                "max_tokens": made.tokens * 2,
                "seed": 3,
            }
            choice = (await provider.complete(Call(provider="local", model="", body=body, timeout=300))).body["choices"]
            if choice[0]["finish_reason"] == "length":  # long words in place of many: a bound in words is an estimate
                cut.append(wishes)
                continue
            assert broken(choice[0]["message"]["content"], kept) == []
        assert len(cut) <= 2, cut
    finally:
        await provider.aclose()
