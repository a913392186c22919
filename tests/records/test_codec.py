"""Receipts come back as they went in; decisions have one form."""

import json
from fractions import Fraction
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.records.making import a_decision, a_receipt

from steady.errors import RecordError
from steady.records import codec
from steady.types import Agreement, Decision, Edit, Entry, Request, Sampling, Span, Verdict

SAFE = 2**53 - 1
text = st.text(st.characters(codec="utf-8"), max_size=10)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-SAFE, SAFE), st.floats(allow_nan=False, allow_infinity=False), text
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
)
shares = st.none() | st.fractions(0, 1, max_denominator=64)
verdicts = st.builds(
    Verdict,
    rule=text,
    action=st.just("fix"),
    surface=st.just("answer"),
    path=st.tuples(text, st.integers(0, 9)),
    slot=st.integers(0, 9),
    passed=st.none() | st.booleans(),
    reason=text,
    spans=st.lists(st.builds(Span, st.integers(0, 9), st.integers(0, 9)), max_size=2).map(tuple),
    edits=st.lists(st.builds(Edit, st.integers(0, 9), st.integers(0, 9), text), max_size=2).map(tuple),
)
decisions = st.builds(
    Decision,
    action=st.just("answered"),
    kind=st.just("json"),
    choices=st.lists(values, max_size=3).map(tuple),
    agreement=st.builds(Agreement, share=shares, of=st.integers(0, 9), low=st.none() | text),
    verdicts=st.lists(verdicts, max_size=2).map(tuple),
    scores=st.lists(st.tuples(st.integers(0, 9), st.fractions(0, 1)), max_size=3).map(tuple),
    notes=st.lists(text, max_size=2).map(tuple),
)


def plain(decision: Decision) -> Any:
    """The oracle's input: the same nouns as dicts and lists, Fractions as "n/d"."""
    return msgspec.to_builtins(decision, enc_hook=lambda f: f"{f.numerator}/{f.denominator}")


@settings(deadline=None, max_examples=300)
@given(decisions)
def test_decision_bytes_are_rfc_8785(decision: Decision) -> None:
    assert codec.decision_bytes(decision) == rfc8785.dumps(plain(decision))


@settings(deadline=None)
@given(decisions)
def test_a_decision_read_back_gives_the_same_bytes(decision: Decision) -> None:
    data = codec.decision_bytes(decision)
    again = codec.decode_decision(data)
    assert codec.decision_bytes(again) == data
    assert (again.agreement, again.scores, again.verdicts) == (decision.agreement, decision.scores, decision.verdicts)


def test_the_order_in_which_a_choice_was_put_together_does_not_show() -> None:
    """L1: two computations may build the same object in another order."""
    one = a_decision(choices=({"b": 1, "a": {"y": 2, "x": 3}},))
    two = a_decision(choices=({"a": {"x": 3, "y": 2}, "b": 1},))
    assert codec.decision_bytes(one) == codec.decision_bytes(two)


def test_keys_beyond_ascii_are_ordered_as_the_rfc_orders_them() -> None:
    """Code points and UTF-16 units order these two differently, and the fast way orders by code point."""
    decision = a_decision(choices=({"\uff00": 2, "\U0001f600": 1},))
    assert codec.decision_bytes(decision) == rfc8785.dumps(plain(decision))


@pytest.mark.parametrize("content", ["\ud800", "a\udc00b", '\ud800\n"\\'])
def test_an_answer_with_a_lone_surrogate_is_decided_and_read_back(content: str) -> None:
    data = codec.decision_bytes(a_decision(content))
    assert json.loads(data)["choices"][0]["message"]["content"] == content
    assert codec.decode_decision(data).choices[0]["message"]["content"] == content


def test_a_lone_surrogate_outside_the_choices_does_not_crash_either() -> None:
    assert b"\\ud800" in codec.decision_bytes(a_decision(notes=("dropped \ud800",)))


def test_fractions_are_numerator_and_denominator() -> None:
    data = json.loads(codec.decision_bytes(a_decision(agreement=Agreement(share=Fraction(2, 4), of=4))))
    assert data["agreement"]["share"] == "1/2"


@settings(deadline=None)
@given(st.lists(values, max_size=3), st.dictionaries(text, values, max_size=3))
def test_a_receipt_comes_back_as_it_went_in(replies: list[Any], fields: dict[str, Any]) -> None:
    journal = tuple(Entry(what="reply", slot=slot, value=value) for slot, value in enumerate(replies))
    request = Request(messages=({"role": "user", "content": "x"},), fields=fields, sampling=Sampling(top_p=0.3))
    receipt = a_receipt(request=request, journal=journal)
    assert codec.decode(codec.encode(receipt)) == receipt


def test_big_integers_and_lone_surrogates_of_a_reply_come_back() -> None:
    receipt = a_receipt(journal=(Entry(what="reply", value={"n": 2**80, "text": "\ud800"}),))
    assert codec.decode(codec.encode(receipt)).journal == receipt.journal


def test_the_authorization_header_is_never_kept() -> None:
    receipt = a_receipt(request=Request(messages=(), authorization="Bearer canary-7f3a"))
    data = codec.encode(receipt)
    assert b"canary" not in data
    assert codec.decode(data).request == Request(messages=())


def test_what_is_no_receipt_is_a_record_error() -> None:
    with pytest.raises(RecordError, match="can't be read"):
        codec.decode(b"\x93nonsense")
    with pytest.raises(RecordError, match="decision can't be read"):
        codec.decode_decision(b'{"action":"dance"}')


def secret_everywhere(secret: str) -> Decision:
    """A decision that quotes `secret` wherever a decision can quote an answer."""
    verdict = Verdict(
        rule="r",
        action="fix",
        surface="answer",
        slot=0,
        passed=False,
        reason=f"{secret} is too long",
        edits=(Edit(0, 3, secret),),
        error=f"ValueError: {secret}",
        spans=(Span(0, 3),),
    )
    agreement = Agreement(share=Fraction(1), of=1, fields=((f"/{secret}", Fraction(1)),), low=secret, high=secret)
    return a_decision(secret, agreement=agreement, verdicts=(verdict,), reason=secret, notes=("top_k was dropped",))


def test_under_hashes_no_content_is_left_anywhere_in_the_receipt() -> None:
    secret = "canary-51c2"
    decision = codec.decision_bytes(secret_everywhere(secret))
    bare = codec.without_content(a_receipt(secret, answer=secret, decision=decision, decision_hash="full"))

    assert bare.request is None
    assert bare.journal is None
    assert secret.encode() not in codec.encode(bare)


def test_under_hashes_what_was_done_is_still_there() -> None:
    decision = codec.decision_bytes(secret_everywhere("canary"))
    receipt = a_receipt(decision=decision, decision_hash="full")
    kept = codec.decode_decision(codec.without_content(receipt).decision)

    assert (kept.action, kept.chosen, kept.notes) == ("passed_through", (0,), ("top_k was dropped",))
    assert (kept.verdicts[0].rule, kept.verdicts[0].spans) == ("r", (Span(0, 3),))
    assert kept.agreement.share == 1
    assert codec.without_content(receipt).decision_hash == "full"


def test_under_hashes_equal_content_has_equal_hashes_and_other_content_others() -> None:
    one, same, other = (codec.without_content(a_receipt(answer=text)).decision for text in ("a", "a", "b"))
    assert one == same
    assert one != other
