"""Consensus on programs: what counts as the same program, and what must never."""

from fractions import Fraction

import pytest

from steady.consensus.code import code_consensus, program, token_key
from steady.consensus.python_tree import python_key
from steady.types import Consensus, Vote

SAME = [
    ("def f(a):\n '''Doc.'''\n x=a+1\n return x", "def f(a):\n    total = a + 1  # sum\n    return total"),
    ("g = lambda u: u + 1", "g = lambda v: v + 1"),
    ("[x for x in y]", "[z for z in y]"),
    ("def f():\n for i in range(3):\n  print(i)", "def f():\n for j in range(3):\n  print(j)"),
    ("def f():\n try: pass\n except E as e: print(e)", "def f():\n try: pass\n except E as q: print(q)"),
    ("def f():\n def g(): return 1\n return g", "def f():\n def h(): return 1\n return h"),
    ("def f():\n x=1\n class A:\n  y=x\n return A", "def f():\n z=1\n class A:\n  y=z\n return A"),
    ("x = (1)", "x = 1"),
]
DIFFERENT = [
    ("def f(a): return a", "def f(b): return b"),  # callers may pass it by name
    ("x = 1", "y = 1"),
    ("def f():\n g = lambda y: y\n return y", "def f():\n g = lambda z: z\n return z"),  # another global is read
    ("def f():\n global x\n x = 1", "def f():\n global y\n y = 1"),
    ("def f():\n import a\n a.b", "def f():\n import c\n c.b"),
    ("def f():\n x=1\n def g(): return x\n return g", "def f():\n x=1\n def g(): return y\n return g"),
    ("def f():\n x=1\n def g():\n  nonlocal x\n  x=2\n return x", "def f():\n x=1\n def g():\n  x=2\n return x"),
    ("def f():\n x=1\n class A:\n  y=x\n return A", "def f():\n z=1\n class A:\n  y=x\n return A"),
    ("[x for x in x]", "[y for y in z]"),
    ("a = 1", "a = 1.0"),
    ("class A:\n def m(self): return self.x", "class A:\n def m(self): return self.y"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_and_notes_that_nobody_sees_make_no_difference(one: str, other: str) -> None:
    assert python_key(one) == python_key(other) is not None


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_programs_that_may_do_something_else_are_never_one(one: str, other: str) -> None:
    assert python_key(one) != python_key(other)


@pytest.mark.parametrize("text", ["def (", "(" * 5_000, "x = 1\0", "  " * 500 + "pass", "\ud800", "-" * 100_000 + "1"])
def test_what_is_no_python_or_too_deep_has_no_tree(text: str) -> None:
    assert python_key(text) is None


def decided(*texts: str, language: str = "python") -> Consensus:
    return code_consensus(language, Fraction(0))([Vote(i, text, True) for i, text in enumerate(texts)])


def test_the_biggest_cluster_wins_whatever_its_names() -> None:
    made = decided(*SAME[0], "def f(a):\n return a - 1")
    assert made.agreement.share == Fraction(2, 3)
    assert made.winner in (0, 1)
    assert not made.blended


def test_a_fence_and_words_around_it_make_no_difference() -> None:
    assert decided("```python\nx = 1\n```", "Here it is:\n```\nx = 1  # one\n```\nEnjoy!", "x=1").leader == 3
    assert program("a\n```\none\n```\nb\n~~~\ntwo\n~~~") == "one\n\ntwo\n"


def test_other_languages_go_by_tokens_without_comments() -> None:
    assert decided("SELECT 1 -- one", "SELECT  1", "SELECT 2", language="sql").leader == 2
    assert token_key('a("//x")  // y\n+ b', "javascript") == 'a("//x") + b'
    assert token_key("a: 1\n  b: 2", "yaml") != token_key("a: 1\nb: 2", "yaml")
    assert token_key("-- x\nSELECT '--'", "sql") == "SELECT '--'"


def test_what_does_not_parse_counts_by_its_tokens() -> None:
    assert decided("def f(:\n  pass", "def f(:\n    pass").leader == 2
