"""The rule `no_profanity`: profane words, as they are written and as they are disguised."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, ClassVar, Literal

from steady.rules.profanity_words import WORDS
from steady.rules.rule import EVERYWHERE, Rule
from steady.rules.wrapped import TermSearch
from steady.types import Surface

ProfanityLanguage = Literal["en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "tr"]
Severity = Literal["mild", "strong", "slur"]
LEVELS: tuple[Severity, ...] = ("mild", "strong", "slur")
MAX_FORMS = 128  # spellings of one word with digits and signs; more letters than that are not replaced at once

_SIGNS = {"a": "@", "i": "!", "s": "$", "c": "(", "l": "|"}
_DIGITS = {"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7", "l": "1", "g": "9", "b": "8"}


def spellings(word: str) -> Iterator[str]:
    """
    Yield the word and its spellings with signs and digits for letters (`sh1t`, `$hit`, `a$$hole`).

    At most half of the letters are digits, and no word of three letters has one: `a55` is a road. The first spellings
    by the order of the letters are given, at most `MAX_FORMS`.
    """
    choices = [(char, *(table[char] for table in (_SIGNS, _DIGITS) if char in table)) for char in word]
    count = 0
    for form in product(*choices):
        digits = sum(char.isdigit() for char in form)
        if digits and (len(word) < 4 or 2 * digits > len(word)):
            continue
        made = "".join(form)
        if not (made[0].isalnum() or made[0] in "$@") or not any(map(str.isalpha, made)):
            continue
        yield made
        count += 1
        if count == MAX_FORMS:
            return


class NoProfanity(Rule, frozen=True, kw_only=True, tag="no_profanity"):
    """
    No profane words, from a short list of its own (`profanity_words.py`), in ten languages.

    Found as whole words, whatever their case, width, look-alike letters and invisible characters, and with signs and
    digits for letters (`sh1t`, `$hit`): `Scunthorpe`, `classic` and `assess` hold none. Words that are ordinary in
    another sense are not in the list, nor are words that were masked already (`f**k`), stretched or spaced out. It is
    a list and knows no meaning: it finds quotations too, and no insult made of polite words. A fix masks.
    """

    example: ClassVar[Mapping[str, Any]] = {"languages": ["en", "de"], "on_fail": "fix"}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    can_fix: ClassVar[bool] = True

    languages: tuple[ProfanityLanguage, ...] = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "tr")
    """The languages whose words count."""
    least: Severity = "strong"
    """The mildest that counts: `mild` (damn), `strong`, or `slur` (words that demean a group of people)."""
    extra: tuple[str, ...] = ()
    """Further words that count."""
    allow: tuple[str, ...] = ()
    """Words of the list that do not count."""
    replace: str | None = "****"
    """What a fix puts in the place of a word; null: there is no fix."""

    def build(self) -> TermSearch:
        """See Rule."""
        allowed = {word.casefold() for word in self.allow}
        labels: dict[str, str] = {}
        for word, level in self._words():
            if word.casefold() not in allowed:
                for form in spellings(word):
                    labels.setdefault(form, level)
        if not labels:
            raise ValueError("`languages` and `extra` are empty, or `allow` holds all of them: nothing is left.")
        return TermSearch(labels, self.replace, "The text holds a profane word; say it politely.")

    def _words(self) -> Iterator[tuple[str, str]]:
        for word in self.extra:
            if not any(char.isalnum() for char in word):
                raise ValueError(f"`extra` holds {word!r}, which has no letter or digit.")
            yield word.casefold(), "extra"
        for language in self.languages:
            for number in range(LEVELS.index(self.least) + 1, len(LEVELS) + 1):
                for word in WORDS[language].get(number, "").split():
                    yield word.replace("-", " "), LEVELS[number - 1]

    def statement(self) -> str:
        """See Rule."""
        return "Do not use profane or vulgar words."
