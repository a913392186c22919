"""Rules made of rules: what they say, how they are nested, what a fix of them is."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.catalog import decode
from steady.rules.compose import MAX_DEPTH, MAX_RULES, outer_only
from steady.rules.rule import Context, Finder, Whole, Window, apply_edits
from steady.types import Piece

A, B = {"rule": "contains", "any": ["alpha"]}, {"rule": "contains", "any": ["beta"]}
MAIL = {"rule": "no_pii", "kinds": ["email"]}
LAVA = {"rule": "excludes", "terms": ["lava"], "replace": "***"}
ENDS, STARTS = {"rule": "ends_with", "text": "!"}, {"rule": "starts_with", "text": "Well: "}
CONTEXT = Context(messages=({"role": "user", "content": "What about my refund?"},))


def judged(item: dict[str, Any], text: str, context: Context = CONTEXT, surface: Any = "answer") -> Any:
    check: Any = decode(item).build()
    return check.judge(Piece(surface, (), text), context)


def fixed(item: dict[str, Any], text: str) -> str | None:
    check: Any = decode(item).build()
    edits = check.fix(Piece("answer", (), text), CONTEXT)
    return None if edits is None else apply_edits(text, edits)


def several(word: str, *of: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rule": word, "of": list(of), **more}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["", "alpha", "beta", "alpha beta", "gamma"]), st.booleans())
def test_composition_is_logic(text: str, nested: bool) -> None:
    """And so are De Morgan's laws, whatever is nested in what."""
    one, two = (several("all", A), several("any", B)) if nested else (A, B)
    a, b = ("alpha" in text), ("beta" in text)

    assert judged(several("all", one, two), text).passed == (a and b)
    assert judged(several("any", one, two), text).passed == (a or b)
    assert judged({"rule": "not", "of": one}, text).passed == (not a)
    assert judged({"rule": "when", "if": one, "then": two}, text).passed == (not a or b)
    assert judged({"rule": "when", "if": one, "then": two, "else": {"rule": "not", "of": two}}, text).passed == (a == b)
    neither = {"rule": "not", "of": several("any", one, two)}
    both_not = several("all", {"rule": "not", "of": one}, {"rule": "not", "of": two})
    assert judged(neither, text).passed == judged(both_not, text).passed == (not a and not b)


def test_reasons_and_spans_of_the_rules_that_decided_are_carried() -> None:
    text = "lava, and ann@example.com"
    both = judged(several("all", LAVA, MAIL, A), text)

    assert [text[s.start : s.end] for s in both.spans] == ["lava", "ann@example.com"]
    assert "email" in both.label and "alpha" in both.reason
    neither = judged(several("any", A, B), text)
    assert neither.reason.startswith("None of 2 holds: ") and "alpha" in neither.reason and "beta" in neither.reason
    assert "must not be so" in judged({"rule": "not", "of": LAVA}, "cold rock").reason


def test_a_condition_that_does_not_hold_asks_for_nothing_and_says_so() -> None:
    item = {"rule": "when", "if": A, "then": B}

    assert judged(item, "gamma").passed
    assert "the condition does not hold" in judged(item, "gamma").reason


@pytest.mark.parametrize(("asked", "passed"), [("What about my refund?", False), ("Where are you?", True)])
def test_a_condition_may_look_at_what_was_asked(asked: str, passed: bool) -> None:
    item = {"rule": "when", "if": {"rule": "contains", "any": ["refund"]}, "if_on": "input", "then": A}
    messages = (
        {"role": "system", "content": "refund"},
        {"role": "user", "content": "refund"},
        {"role": "assistant", "content": "refund"},
        {"role": "user", "content": [{"type": "text", "text": asked}]},
    )

    assert judged(item, "gamma", Context(messages=messages)).passed == passed


def test_a_fix_of_all_does_what_every_failing_rule_would_do() -> None:
    assert fixed(several("all", LAVA, ENDS), "hot lava") == "hot ***!"
    assert fixed(several("all", ENDS, STARTS), "no") == "Well: no!"
    assert fixed(several("all", LAVA, ENDS), "calm!") == "calm!"
    assert fixed(several("all", ENDS, {"rule": "contains", "any": ["x"]}), "no") is None


def test_a_fix_of_any_is_the_first_that_helps() -> None:
    assert fixed(several("any", A, ENDS, STARTS), "no") == "no!"
    assert fixed(several("any", A, B), "no") is None


def test_a_fix_of_when_is_that_of_the_branch_that_holds() -> None:
    item = {"rule": "when", "if": A, "then": ENDS, "else": STARTS}

    assert fixed(item, "alpha") == "alpha!"
    assert fixed(item, "beta") == "Well: beta"
    assert fixed({"rule": "not", "of": A}, "alpha") is None


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="lav a!@.exmpl\n", max_size=40))
def test_fixes_are_idempotent_and_make_the_text_pass(text: str) -> None:
    for item in (
        several("all", LAVA, ENDS, STARTS),
        several("any", A, ENDS),
        {"rule": "when", "if": LAVA, "then": ENDS},
    ):
        after = fixed(item, text)
        assert after is not None and judged(item, after).passed
        assert fixed(item, after) == after


def test_all_of_searches_is_a_search_and_finds_what_each_finds() -> None:
    check: Any = decode(several("all", LAVA, MAIL)).build()
    lone = [decode(item).build() for item in (LAVA, MAIL)]

    assert isinstance(check, Finder) and isinstance(check.streams, Window)
    assert check.streams.width == max(c.streams.width for c in lone)  # type: ignore[union-attr]
    text = "lava@example.com and lava"
    assert sorted(check.find(text)) == sorted(m for c in lone for m in c.find(text))  # type: ignore[union-attr]
    assert check.open(text) == min(c.open(text) for c in lone)  # type: ignore[union-attr]
    assert fixed(several("all", LAVA, MAIL), "hot lava to ann@b.org") == "hot *** to [EMAIL]"


@pytest.mark.parametrize(
    "item",
    [several("all", LAVA, ENDS), several("any", LAVA, MAIL), {"rule": "not", "of": LAVA},
     {"rule": "when", "if": LAVA, "then": MAIL}],
)  # fmt: skip
def test_everything_else_needs_the_whole_text(item: dict[str, Any]) -> None:
    assert isinstance(decode(item).build().streams, Whole)


def test_what_a_rule_of_rules_is_follows_from_what_is_inside() -> None:
    sensitive, plain = decode(several("any", A, MAIL)), decode(several("any", A, B))
    asks = decode({"rule": "not", "of": several("all", A, {"rule": "python", "function": "f"})})

    assert (sensitive.sensitive, plain.sensitive) == (True, False)
    assert (plain.is_pure(), asks.is_pure(), asks.cost) == (True, False, "outside")
    assert decode(several("all", ENDS, STARTS)).can_fix and not decode(several("all", ENDS, A)).can_fix
    assert decode(several("any", ENDS, A)).can_fix and not decode({"rule": "not", "of": ENDS}).can_fix
    assert plain.surfaces == ("answer",)
    assert sensitive.surfaces == ("answer", "tool_arguments", "reasoning")
    assert decode(several("any", A, MAIL, on=["input"])).surfaces == ("input",)
    assert decode(several("all", {"rule": "tool_call_schema", "required": True}, A)).requires_text


def test_a_rule_is_left_out_where_it_does_not_look_by_default() -> None:
    """An answer must hold alpha, reasoning need not; addresses may stand in neither."""
    item = several("all", A, MAIL, ENDS)

    assert not judged(item, "beta!").passed
    assert judged(item, "beta", surface="reasoning").passed
    assert not judged(item, "ann@example.com", surface="reasoning").passed
    assert not judged({**item, "on": ["reasoning"]}, "beta!", surface="reasoning").passed


def test_a_statement_is_put_together() -> None:
    assert decode(several("any", A, B)).statement().startswith("At least one of these must hold: ")
    assert decode({"rule": "not", "of": A}).statement().startswith("This must not be so: ")
    both = decode({"rule": "when", "if": A, "then": B, "else": ENDS, "if_on": "input"}).statement()
    assert both.startswith("Where what was asked meets this: ") and "Otherwise: " in both


def test_all_asks_generation_for_what_no_two_of_its_rules_ask_for() -> None:
    limits = {"rule": "length", "words": {"max": 5}}
    one, two = decode(several("all", STARTS, ENDS)).constraint(), decode(several("all", STARTS, STARTS)).constraint()

    alone = decode(STARTS).constraint()
    assert (one is None) == (alone is None and decode(ENDS).constraint() is None)
    if alone is not None:
        assert one is not None and one.starts == alone.starts
        assert two is None
    assert decode(several("any", limits, ENDS)).constraint() is None


def nest(depth: int) -> dict[str, Any]:
    item: dict[str, Any] = A
    for _ in range(depth):
        item = {"rule": "not", "of": item}
    return item


def test_depth_and_size_are_bounded() -> None:
    decode(nest(MAX_DEPTH)).build()
    decode(several("any", *[A] * MAX_RULES)).build()
    with pytest.raises(ValueError, match="nests rules 9 deep"):
        decode(nest(MAX_DEPTH + 1)).build()
    with pytest.raises(ValueError, match="holds 101 rules"):
        decode(several("any", *[A] * (MAX_RULES + 1))).build()
    with pytest.raises(ValueError, match="`of` is empty"):
        decode(several("any")).build()


@pytest.mark.parametrize("key", sorted(outer_only(type(decode(A)))))
def test_what_happens_to_the_whole_is_said_once(key: str) -> None:
    with pytest.raises(ValueError, match="said once"):
        decode(several("any", {**A, key: "x"})).build()


def test_a_rule_of_its_own_words_keeps_them_inside_another() -> None:
    """`function` is a key of every rule, and the one key of `python`."""
    assert "function" not in outer_only(type(decode({"rule": "python", "function": "f"})))
    assert not decode(several("any", {"rule": "python", "function": "f"})).is_pure()
