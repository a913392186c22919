"""The rule `expression`: a condition that ends soon, and never raises."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.expression import Expression
from steady.rules.rule import Context
from steady.types import Finding, Piece


def judge(expr: str, text: str, **context: Any) -> Finding:
    return Expression(expr=expr).build().judge(Piece("answer", ("message", "content"), text), Context(**context))


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        ("length <= 5 && words == 2", "a bcd"),
        ("length == 2", "é😀"),
        ("answer.startsWith('Dear') && !answer.contains('!')", "Dear Sir."),
        ("answer.matches('^[A-Z]+$')", "ABC"),
        ("json != null && json.total > 0", '{"total": 1.5}'),
        ("has(json.a) ? json.a == 'x' : false", '{"a": "x"}'),
        ("json.items.all(i, i.price > 0.0 && i.n < 10)", '{"items": [{"price": 1.0, "n": 2}]}'),
        ("json.map(x, x * 2).exists(y, y == 4)", "[1, 2]"),
        ("json == null", "not json"),
        ("finish_reason == 'stop'", ""),
        ("tool == '' && arguments == null", "x"),
        ("json.filter(x, x.startsWith('all(')).size() == 1", '["all(", "b"]'),
        ('answer != "json.map(x, y.map(z, z))" // nested.map(a, b.map(c, c))', "x"),
        ("json.n == json.m", '{"n": 1, "m": 1.0}'),
        ("1e3 > 2.0 && 0x1F == 31 && r'a\\d' != answer", "x"),
    ],
)
def test_a_true_condition_passes(expr: str, text: str) -> None:
    assert judge(expr, text) == Finding(passed=True)


@pytest.mark.parametrize(
    ("expr", "text", "says"),
    [
        ("length < 3", "abc", "Not true: length < 3"),
        ("json.a.b > 1", '{"a": {}}', "asks for a key"),
        ("json.a > 1", "plain", "types that do not go together"),
        ("json[5] == 1", "[1]", "beyond the end"),
        ("1 / (length - 3) == 1", "abc", "divides by zero"),
        ("9223372036854775807 + length > 0", "abc", "overflows"),
        ("json.map(x, x)", "[1]", "gives list, not true or false"),
        ("json", '"text"', "gives str, not true or false"),
        ("double(answer) > 1.0", "x", "can't be evaluated"),
        ("answer.contains('x')", "\ud800", "can't be evaluated"),
    ],
)
def test_everything_but_true_fails_with_a_reason(expr: str, text: str, says: str) -> None:
    finding = judge(expr, text)

    assert not finding.passed
    assert says in finding.reason


def test_a_failing_evaluation_quotes_nothing_of_the_answer() -> None:
    assert "s3cret" not in judge("int(answer) > 1", "s3cret").reason
    assert "s3cret" not in judge("json.s3cret == json['x']", '{"s3cret": 1}').reason.replace("json.s3cret", "")


def test_the_policys_own_reason_is_given() -> None:
    rule = Expression(expr="words > 2", reason="Say more than two words.")

    assert rule.build().judge(Piece("answer", (), "no"), Context()).reason == "Say more than two words."
    assert rule.statement() == "Say more than two words."
    assert "words > 2" in Expression(expr="words > 2").statement()


def test_tool_arguments_are_seen_as_such() -> None:
    check = Expression(expr="tool == 'pay' && arguments.amount < 100", on=("tool_arguments",)).build()

    assert check.judge(Piece("tool_arguments", (), '{"amount": 5}', name="pay"), Context()).passed
    assert not check.judge(Piece("tool_arguments", (), '{"amount": 500}', name="pay"), Context()).passed


@pytest.mark.parametrize(
    ("expr", "says"),
    [
        ("length >", "can't be parsed at line 1, column 9"),
        ("length > 1\n&& &&", "can't be parsed at line 2, column 4"),
        ("'", "can't be parsed"),
        ("", "1 to 1,000 characters"),
        ("length > 0 || " * 100 + "true", "1 to 1,000 characters"),
        ("lenght > 1", "'lenght', which is no variable. Did you mean 'length'"),
        ("json.exists(x, y == 1)", "'y', which is no variable"),
        ("answer.startswith('a')", "'startswith', which is no function. Did you mean 'startsWith'"),
        ("max(1, 2) == 2", "'max', which is no function"),
        ("json.all(x, x.all(y, y > 1))", "'all' inside 'all'"),
        ("json.map(x, (json.filter(y, true))).size() > 1", "'filter' inside 'map'"),
        ("json.exists(x, x.matches('a'))", "'matches' inside 'exists'"),
        ("length + 1", "gives int"),
        ("answer", "gives str"),
        ("(" * 300 + "true" + ")" * 300, "can't be parsed"),
    ],
)
def test_what_can_not_work_does_not_compile(expr: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^`expr` ") as refused:
        Expression(expr=expr).build()

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("json.map(x, x).size() > 0", list(range(10_000))),
        ("json.map(x, json).size() > 0", list(range(1_000))),
        ("json.all(x, x in json)", list(range(10_000))),
        ("json.a.all(x, true)", {"a": list(range(10_001))}),
        ("json.all(x, true)", {str(n): n for n in range(10_001)}),
        ("(json + json + json + json).filter(x, true).size() > 0", list(range(900))),
    ],
)
def test_a_value_that_would_take_long_fails_at_once(expr: str, value: Any) -> None:
    """Unbounded, the first of these took 10 seconds and the second 41."""
    finding = judge(expr, json.dumps(value))

    assert not finding.passed
    assert any(word in finding.reason for word in ("too big", "elements", "characters"))


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("json.all(x, x >= 0)", list(range(10_000))),
        ("json.map(x, x).size() > 0", list(range(800))),
        ("json.all(x, x in json)", list(range(1_000))),
        ("json.map(x, json).size() > 0", list(range(100))),
    ],
)
def test_what_is_allowed_ends_soon(expr: str, value: Any) -> None:
    check = Expression(expr=expr).build()
    started = time.process_time()

    assert check.judge(Piece("answer", (), json.dumps(value)), Context()).passed
    assert time.process_time() - started < 2


def test_a_text_over_the_limit_fails() -> None:
    assert "100,000 characters" in judge("length > 0", "x" * 1_000_000).reason


def test_there_is_no_fix() -> None:
    check = Expression(expr="length > 2").build()

    assert check.fix(Piece("answer", (), "a"), Context()) is None
    assert check.fix(Piece("answer", (), "abc"), Context()) == ()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(
    VALUES.map(json.dumps) | st.text(st.characters()),
    st.sampled_from(
        [
            "json.a > 1",
            "json.all(x, x > 0)",
            "json + json == json",
            "-json < 1",
            "string(json) == answer",
            "json[0] == json",
            "json % 2 == 0",
            "int(json) == 1",
            "timestamp(answer) < timestamp('2024-01-01T00:00:00Z')",
            "json.size() > 1",
            "duration(answer) > duration('1s')",
            "answer.matches('^(a+)+$')",
            "uint(json) > 1u",
            "json in json",
            "json / json > 0",
        ]
    ),
)
def test_no_text_raises_and_judging_again_says_the_same(text: str, expr: str) -> None:
    assert judge(expr, text) == judge(expr, text)


def doubled(times: int) -> str:
    """A list whose elements are doubled again and again; the engine copies what it doubles."""
    return "size(json" + ".map(x, [(x), x])" * times + ") > 0"


def test_a_value_that_doubles_with_every_macro_is_too_big() -> None:
    """Thirty times, a list of two would be two thousand million values."""
    finding = Expression(expr=doubled(30)).build().judge(Piece("answer", (), "[1, 2]"), Context())

    assert not finding.passed
    assert "too big for this expression" in finding.reason
    assert Expression(expr=doubled(5)).build().judge(Piece("answer", (), "[1, 2]"), Context()).passed


@pytest.mark.parametrize(
    ("expr", "says"),
    [
        ("answer.matches(answer)", "not written out"),
        ("answer.matches('(' + answer + ')')", "not written out"),
        ("answer.matches('(?=a)b')", "RE2 does not take"),
        ("answer.matches('(((a{9}){9}){9}){9}')", "RE2 does not take"),
        ("answer.matches('x{1,900}y{1,900}')", "at most 1,000 are taken"),
        (" || ".join(["answer.matches('a{90}')"] * 12), "at most 1,000 are taken"),
    ],
)
def test_patterns_that_would_take_seconds_do_not_compile(expr: str, says: str) -> None:
    """The engine compiles a pattern at every call; some of these took over twenty seconds."""
    with pytest.raises(ValueError, match=f"^`expr` .*{says}"):
        Expression(expr=expr).build()


def test_a_long_text_and_a_big_pattern_together_are_too_much() -> None:
    check = Expression(expr="answer.matches('(a|b){1,100}c')").build()

    assert not check.judge(Piece("answer", (), "ab"), Context()).passed
    assert check.judge(Piece("answer", (), "abc"), Context()).passed
    assert "too big" in check.judge(Piece("answer", (), "ab" * 50_000), Context()).reason
