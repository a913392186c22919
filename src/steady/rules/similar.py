"""The rules `similar_to` and `different_from`: how like some references a text is, letter by letter or word by word."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from msgspec import Meta

from steady.rules.json_text import shown
from steady.rules.rule import ANSWER, Context, Rule, Streams, Whole
from steady.types import Edit, Finding, Piece, Surface

Measure = Literal["words", "characters", "vocabulary"]
From = Literal["policy", "input", "context"]
MAX_REFERENCES = 1_000
MAX_REFERENCE = 20_000  # characters of one reference
MAX_TEXT = 400_000  # characters of a text that are compared
_WORD = re.compile(r"\w+")


class _Form(NamedTuple):
    text: str
    words: tuple[str, ...]
    counts: Counter[str]


def _form(text: str) -> _Form:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    words = tuple(_WORD.findall(folded))
    return _Form(folded, words, Counter(words))


def similarity(one: _Form, other: _Form, measure: Measure) -> Fraction:
    """
    Return how alike two texts are, from 0 to 1.

    - words, characters: twice the longest common subsequence over the sum of lengths (the normalised indel similarity).
    - vocabulary: words in common over words in either, each as often as it occurs (the multiset Jaccard index).
    """
    if measure == "vocabulary":
        common = sum((one.counts & other.counts).values())
        either = sum((one.counts | other.counts).values())
        return Fraction(common, either) if either else Fraction(1)
    from rapidfuzz.distance import Indel

    left, right = (one.words, other.words) if measure == "words" else (one.text, other.text)
    both = len(left) + len(right)
    return 1 - Fraction(Indel.distance(left, right), both) if both else Fraction(1)


class _Likeness(Rule, frozen=True, kw_only=True):
    """What the two rules have in common."""

    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    cost: ClassVar[Literal["medium"]] = "medium"

    references: tuple[str, ...] = ()
    """The texts that it is compared with."""
    of: From = "policy"
    """Where references are: in the policy (`references`), or also the user's last message (`input`), or also the
    last ten messages that are not the assistant's (`context`)."""
    measure: Measure = "words"
    """What is compared: the order of `words` or of `characters`, or the `vocabulary` whatever its order."""
    threshold: Annotated[float, Meta(ge=0.1, le=1)] = 0.8
    """The similarity, from 0.1 to 1, from which on two texts are alike."""

    def _checked(self) -> "tuple[_Form, ...]":
        if self.of == "policy" and not self.references:
            raise ValueError("`references` is empty: give at least one text, or say `of: input`.")
        if len(self.references) > MAX_REFERENCES:
            raise ValueError(f"`references` holds {len(self.references)} texts; at most {MAX_REFERENCES} may be given.")
        for text in self.references:
            if not text.strip() or len(text) > MAX_REFERENCE:
                raise ValueError(f"`references` holds a text that is blank or over {MAX_REFERENCE:,} characters long.")
        return tuple(map(_form, self.references))


class _Alike:
    def __init__(self, rule: _Likeness, forms: tuple[_Form, ...], *, wanted: bool) -> None:
        self.streams: Streams = Whole("it is compared as a whole")
        self._rule, self._forms, self._wanted = rule, forms, wanted
        self._least = Fraction(str(rule.threshold))
        self.searches = not wanted

    def judge(self, piece: Piece, context: Context) -> Finding:
        mine = _form(piece.text[:MAX_TEXT])
        forms = [*self._forms, *map(_form, _given(context, self._rule.of))]
        best, which = Fraction(-1), 0
        for number, form in enumerate(forms):
            if self._possible(mine, form):
                score = similarity(mine, form, self._rule.measure)
                best, which = max((best, which), (score, -number))
        alike = best >= self._least
        if alike is self._wanted or not forms:
            return Finding(passed=True)
        if self._wanted:
            told = f"at most {float(best):.2f}" if best >= 0 else f"below {self._rule.threshold}"
            reason = f"The text is like none of {len(forms)} references: {told}, and {self._rule.threshold} is wanted."
        else:
            name = shown(repr(forms[-which].text), 60)
            reason = f"The text is too like the reference {name}: {float(best):.2f}, {self._rule.threshold} or more."
        return Finding(passed=False, reason=reason)

    def _possible(self, one: _Form, other: _Form) -> bool:
        """Whether texts of these lengths can be as alike as the threshold: a longer one is not compared in vain."""
        measure = self._rule.measure
        a, b = (len(one.text), len(other.text)) if measure == "characters" else (len(one.words), len(other.words))
        most = Fraction(2 * min(a, b), a + b) if a + b else Fraction(1)
        return most >= self._least

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None


def _given(context: Context, of: From) -> list[str]:
    from steady.rules.sources import texts_of

    if of == "policy":
        return []
    roles = ("user",) if of == "input" else ("user", "tool", "system", "developer", "function")
    texts = [text for _, text in texts_of(context.messages, roles)]
    return [text[:MAX_REFERENCE] for text in (texts[-1:] if of == "input" else texts[-10:]) if text.strip()]


class SimilarTo(_Likeness, frozen=True, kw_only=True, tag="similar_to"):
    """
    The answer is like at least one reference.

    Compared in small letters, with one kind of blanks. `words` and `characters` compare the order (twice the longest
    common subsequence over both lengths), `vocabulary` which words there are. It compares letters and words and knows
    no meaning: a paraphrase is not similar. There is no fix.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "references": ["You can return the goods within 30 days."],
        "threshold": 0.6,
    }

    def build(self) -> _Alike:
        """See Rule."""
        return _Alike(self, self._checked(), wanted=True)

    def statement(self) -> str:
        """See Rule."""
        some = " or ".join(repr(shown(text, 200)) for text in self.references[:3])
        return f"Keep close to the wording of {some or 'what was asked'}."


class DifferentFrom(_Likeness, frozen=True, kw_only=True, tag="different_from"):
    """
    The answer is like none of the references: not one of the texts that must not be given, no echo of the question.

    Compared as `similar_to` compares. There is no fix.
    """

    example: ClassVar[Mapping[str, Any]] = {"of": "input", "threshold": 0.9}

    def build(self) -> _Alike:
        """See Rule."""
        return _Alike(self, self._checked(), wanted=False)

    def statement(self) -> str:
        """See Rule."""
        return "Use your own words; do not repeat what was asked or a text that was given."
