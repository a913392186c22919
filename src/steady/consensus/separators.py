"""
Hard separators: texts that differ in these never share a cluster, however alike they are otherwise.

Two answers of ten equal words and one "not" say opposite things, so similarity alone must not merge them. Texts are
kept apart when they differ in numbers (in figures or words), dates and units of time, signs of currency and percent,
the count of negations and words of refusal, a word and its opposite (available, unavailable), a leading yes or no, or
names. Names are approximated: words with a capital
inside a sentence, words in capitals, and ids. That keeps apart more than it must (German nouns count as names; so does
a shift in tone by one "not"), which lowers agreement but never claims one that is not there.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from steady.consensus.lexicon import CALENDAR, NEGATION_STEMS, NEGATIONS, NO, NOT_NAMES, NUMBERS, PREFIXES, YES
from steady.consensus.similarity import WORD

_NUMBER = re.compile(r"(?<![\w.,])[-−]?\d(?:[\d.,:/-]*\d)?")
_THOUSANDS = re.compile(r"[-−]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_MEASURED = re.compile(r"\d+[^\W\d_]{1,3}")  # "5kg": a number and its unit, no id
_SIGNS = frozenset("%‰$€£¥₹")
_ENDS = re.compile(r"[.!?:;•…—–#*\n]|(?:^|\s)-\s")  # what may stand between two sentences or items


class Signature(NamedTuple):
    """What must be equal for two texts to say the same. `leading`: 1 yes, -1 no, 0 neither."""

    numbers: frozenset[str]
    calendar: frozenset[str]
    signs: frozenset[str]
    negations: int
    names: frozenset[str]
    leading: int
    openers: frozenset[str]  # words that begin a sentence and may be names or not
    words: frozenset[str]
    prefixed: tuple[tuple[str, str], ...]  # words that a prefix may have turned around, and the rest of each


def signature(text: str) -> Signature:
    """Return what separates a text from others that are worded much like it."""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'")
    shouted = plain == plain.upper()
    tokens: list[str] = []
    names, openers = set(), set()
    end = 0
    for match in WORD.finditer(plain):
        token, word = match[0], match[0].casefold()
        opens = end == 0 or _ENDS.search(plain, end, match.start()) is not None
        tokens.append(word)
        end = match.end()
        if _is_id(token):
            names.add(word)
        elif shouted or token == word or word in NOT_NAMES or word in CALENDAR or word in NUMBERS:
            continue
        elif opens and not (len(token) > 1 and token.isupper()):
            openers.add(word)
        elif not _negative(word):
            names.add(word)
    leading = _leading(plain, tokens)
    return Signature(
        numbers=frozenset(_numbers(plain)) | {NUMBERS[word] for word in tokens if word in NUMBERS},
        calendar=frozenset(CALENDAR[word] for word in tokens if word in CALENDAR),
        signs=_SIGNS.intersection(plain),
        negations=sum(map(_negative, tokens[1:] if leading else tokens)),
        names=frozenset(names),
        leading=leading,
        openers=frozenset(openers),
        words=frozenset(tokens),
        prefixed=_prefixed(tokens),
    )


def opposed(one: Signature, other: Signature) -> bool:
    """
    Return whether two texts must not share a cluster. Symmetric.

    A leading yes is opposed to a leading no only. Words that begin a sentence separate where each text has one that the
    other lacks altogether ("Alice approved it." and "Bob approved it.").
    """
    if one[:5] != other[:5] or one.leading * other.leading < 0:
        return True
    if one.openers - other.words and other.openers - one.words:
        return True
    return _turned(one, other) or _turned(other, one)


def _prefixed(tokens: list[str]) -> tuple[tuple[str, str], ...]:
    long = sorted({token for token in tokens if len(token) >= 6 and token.startswith(PREFIXES)})
    return tuple((word, word[len(prefix) :]) for word in long for prefix in PREFIXES if word.startswith(prefix))


def _turned(one: Signature, other: Signature) -> bool:
    """Return whether `one` says `unavailable` where `other` says `available`."""
    return any(rest in other.words and word not in other.words and rest not in one.words for word, rest in one.prefixed)


@lru_cache(maxsize=20_000)
def _negative(word: str) -> bool:
    return word in NEGATIONS or word.endswith("n't") or word.startswith(NEGATION_STEMS)


def _is_id(token: str) -> bool:
    if token.isalpha():
        return False
    has_digit = any(char.isdigit() for char in token)
    return has_digit and not token.isdigit() and not _MEASURED.fullmatch(token)


def _leading(plain: str, tokens: list[str]) -> int:
    """Return 1 or -1 for a text that begins with yes or no as a sentence of its own, not as in `no refunds`."""
    if not tokens or tokens[0] not in YES | NO:
        return 0
    match = WORD.search(plain)
    after = plain[match.end() :].lstrip("\"'*_`»”) ") if match else ""
    if after and after[0].isalnum():
        return 0
    return 1 if tokens[0] in YES else -1


def _numbers(plain: str) -> list[str]:
    """Return the numbers of a text, spelled alike where they are surely equal: 1,000 and 1000, 5.0 and 5, 05 and 5."""
    out = []
    for match in _NUMBER.finditer(plain):
        number = match[0].replace("−", "-")
        if _THOUSANDS.fullmatch(number):
            number = number.replace(",", "")
        sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
        whole, dot, rest = digits.partition(".")
        if whole.isdecimal() and (not dot or rest.isdecimal()):
            rest = "".join(str(unicodedata.decimal(char)) for char in rest).rstrip("0")
            whole = "".join(str(unicodedata.decimal(char)) for char in whole).lstrip("0") or "0"
            digits = f"{whole}.{rest}" if rest else whole
        out.append(sign + digits)
    return out
