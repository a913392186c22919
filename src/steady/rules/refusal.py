"""The rule `no_refusal`: the answer does not begin by declining."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from steady.rules.normal import visible
from steady.rules.refusal_phrases import PHRASES
from steady.rules.rule import ANSWER, Context, Prefix, Rule, Streams
from steady.types import Edit, Finding, Piece, Span, Surface

RefusalLanguage = Literal["en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "zh", "ja", "ko"]
WIDEST = 260  # characters that one pattern may cover
_APOSTROPHES = str.maketrans("’‘ʼ＇´`", "''''''")
_BLANKS = re.compile(r"\s+")


def _folded(text: str) -> str:
    """Return text in which phrases are looked for: small letters, plain apostrophes, single blanks."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", visible(text).translate(_APOSTROPHES)).lower())
    return _BLANKS.sub(" ", text.translate(_APOSTROPHES))


class _NoRefusal:
    def __init__(self, rule: "NoRefusal") -> None:
        self._patterns = tuple(
            (language, re.compile(pattern)) for language in rule.languages for pattern in PHRASES[language]
        )
        self._phrases = tuple(_folded(phrase) for phrase in rule.phrases)
        self._within = rule.within
        self.streams: Streams = Prefix(rule.within)

    def judge(self, piece: Piece, context: Context) -> Finding:
        head = piece.text[: self._within]
        view = _folded(head)
        label = next((language for language, pattern in self._patterns if pattern.search(view)), "")
        if not label and not any(phrase in view for phrase in self._phrases):
            return Finding(passed=True)
        reason = "The answer declines instead of answering; it is to answer what was asked."
        return Finding(passed=False, reason=reason, spans=(Span(0, len(head)),), label=label)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None


class NoRefusal(Rule, frozen=True, kw_only=True, tag="no_refusal"):
    """
    The answer does not begin by declining ("I'm sorry, but I can't help", "As an AI language model, I cannot").

    Looked for are phrases (the list is `refusal_phrases.py`) near the beginning, in small letters, with plain
    apostrophes. Each wants the declining and what is declined, so that "I can't recommend it enough" passes. It knows
    phrases, not meaning: a refusal in other words passes, and an answer that quotes one in its first lines fails. On
    144 refusals and look-alikes written for the tests it errs on none; that says little of other texts.
    A `refusal` that the provider marks as such is none of this rule's: it is no answer.
    """

    example: ClassVar[Mapping[str, Any]] = {"on_fail": "reask"}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER

    languages: tuple[RefusalLanguage, ...] = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "zh", "ja", "ko")
    """The languages whose phrases count."""
    phrases: tuple[str, ...] = ()
    """Further phrases that count, whatever their case."""
    within: Annotated[int, Meta(ge=20, le=2000)] = 300
    """How many characters from the beginning are looked at."""

    def build(self) -> _NoRefusal:
        """See Rule."""
        if not self.languages and not self.phrases:
            raise ValueError("`languages` is empty, and so is `phrases`: there is nothing to look for.")
        for phrase in self.phrases:
            if not _folded(phrase).strip() or len(phrase) > self.within:
                raise ValueError(f"`phrases` holds {phrase[:60]!r}, which is blank or longer than `within`.")
        return _NoRefusal(self)

    def statement(self) -> str:
        """See Rule."""
        return "Answer what was asked; do not begin by declining or by saying what you can't do."
