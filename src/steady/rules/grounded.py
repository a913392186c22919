"""The rule `grounded`: each sentence of the answer is made of what the context holds. Lexical; it knows no meaning."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from steady.rules.prose import sentences
from steady.rules.rule import ANSWER, Context, Rule, Streams, Whole
from steady.rules.sources import texts_of
from steady.types import Edit, Finding, Piece, Surface

MAX_READ = 400_000  # characters of an answer that is judged; a longer one fails
_WORD = re.compile(r"\d+(?:[.,]\d+)*%?|[^\W\d_]+(?:['’-][^\W\d_]+)*|\w+")
_CITED = re.compile(r"\[\^?[^\[\]\n]{1,80}\]|【[^【】\n]{1,80}】|`{3}[^\n]*")
_LISTED = re.compile(r"^\s*(?:\d{1,3}[.)]|[-*+])\s+")
_STOP_WORDS = (
    "a an the and or but if then than that this these those there here it its is are was were be been being "
    "am do does did has have had will would can could may might must shall should not no nor of in on at to "
    "for from by with as about into over under between through during before after above below up down out "
    "off again also only just very more most less least many much some any each every all both few other such "
    "same so too i you he she we they me him her us them my your his our their mine yours who whom whose "
    "which what when where why how however therefore thus because while although though since until per via "
    "according says said say states stated mentions mentioned context document documents source sources text "
    "based provided given information following der die das den dem des ein eine einer eines einem einen und "
    "oder aber wenn dann als dass ist sind war waren sein wird werden wurde wurden hat haben hatte nicht kein "
    "keine von im auf zu zum zur für mit bei nach aus über unter auch nur sehr wie er sie es wir ihr ich du "
    "man sich le la les un une de et ou mais si que qui est sont était étaient être ont avait ne pas dans sur "
    "à au aux pour par avec ce cette ces il elle ils elles nous vous je tu se en y plus el los las uno unos "
    "unas o pero son era eran ser ha han del al con por para su sus lo como más "
)
_STOP = frozenset(_STOP_WORDS.split())


def _word(text: str) -> str:
    """A word in the form in which words are compared: folded, without a plural or verb ending of English."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").removesuffix("'s")
    for ending in ("ies", "ing", "ed", "es", "s", "e", "y"):
        if len(folded) - len(ending) >= 4 and folded.endswith(ending):
            return folded[: -len(ending)]
    return folded


def _number(text: str) -> str:
    """A number without its thousands and its final zeros: 1,200 is 1200, 3.50 is 3.5."""
    bare = text.rstrip("%")
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", bare):
        bare = bare.replace(",", "")
    if re.fullmatch(r"\d+[.,]\d+", bare):
        bare = bare.replace(",", ".").rstrip("0").rstrip(".")
    return bare.lstrip("0") or "0"


class Grounded(Rule, frozen=True, kw_only=True, tag="grounded"):
    """
    Each sentence of the answer is made of what the context holds: its words, its numbers, its names.

    A sentence is supported where at least `share` of its content words stand somewhere in the context (folded, without
    English endings; words such as `the`, `und` or `que` do not count), and, as asked, each of its numbers and each of
    its names (a word with a capital that does not begin the sentence) does. This is lexical and judges no entailment:
    a sentence that turns the context's words around (`A bought B`, `B bought A`; a `not` more) passes, and a true
    paraphrase in other words fails. Sentences of fewer than `min_words` content words and questions are not judged,
    nor are the languages without blanks between words. The spans are the sentences without support. An
    answer of more than 400,000 characters fails.
    """

    example: ClassVar[Mapping[str, Any]] = {"share": 0.6, "on_fail": "reask"}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    cost: ClassVar[Literal["medium"]] = "medium"

    from_roles: tuple[str, ...] = ("tool", "user", "system", "developer")
    """The roles of the messages that are the context."""
    context: tuple[str, ...] = ()
    """Texts that are context too."""
    share: Annotated[float, Meta(ge=0, le=1)] = 0.6
    """The share of a sentence's content words, from 0 to 1, that the context must hold."""
    numbers: bool = True
    """Whether each number must stand in the context."""
    names: bool = True
    """Whether each name must stand in the context."""
    min_words: Annotated[int, Meta(ge=1, le=100)] = 4
    """Sentences of fewer content words are judged by their numbers and names only."""
    unsupported: Annotated[float, Meta(ge=0, le=1)] = 0
    """The share of sentences, from 0 to 1, that may lack support."""

    def build(self) -> "_Grounded":
        """See Rule."""
        if not self.from_roles and not self.context:
            raise ValueError("`from_roles` is empty, and so is `context`: there is nothing to rely on.")
        if not (self.share or self.numbers or self.names):
            raise ValueError("`share` is 0 and `numbers` and `names` are false: nothing is asked.")
        return _Grounded(self)

    def statement(self) -> str:
        """See Rule."""
        return "Say only what the given context says, with its own words, numbers and names."


class _Grounded:
    streams: Streams = Whole("sentences are judged when all are there")

    def __init__(self, rule: Grounded) -> None:
        self._rule = rule
        self._share, self._most = Fraction(str(rule.share)), Fraction(str(rule.unsupported))
        self._own = _known(rule.context)

    def judge(self, piece: Piece, context: Context) -> Finding:
        if len(piece.text) > MAX_READ:
            return Finding(passed=False, reason=f"The answer has more than {MAX_READ:,} characters, which is not read.")
        known = self._own | _known(text for _, text in texts_of(context.messages, self._rule.from_roles))
        spans = sentences(piece.text)
        wrong = [(span, why) for span in spans if (why := self._wrong(piece.text[span.start : span.end], known))]
        if not wrong or Fraction(len(wrong), len(spans)) <= self._most:
            return Finding(passed=True)
        reasons = sorted({why for _, why in wrong})
        reason = f"{len(wrong)} of {len(spans)} sentences are not supported by the context: {'; '.join(reasons)}."
        return Finding(passed=False, reason=reason, spans=tuple(span for span, _ in wrong))

    def _wrong(self, sentence: str, known: set[str]) -> str:
        if sentence.rstrip("\"'”’)*_ ").endswith(("?", "？")):
            return ""
        bare = _CITED.sub(" ", _LISTED.sub("", sentence))
        tokens = _WORD.findall(bare)
        if self._rule.numbers and any(t[0].isdigit() and t[0].isascii() and _number(t) not in known for t in tokens):
            return "a number that the context does not hold"
        if self._rule.names and any(_word(t) not in known for t in _names(tokens)):
            return "a name that the context does not hold"
        content = [_word(t) for t in tokens if not t[0].isdigit() and t.casefold() not in _STOP and len(t) > 1]
        if len(content) < self._rule.min_words:
            return ""
        held = sum(1 for word in content if word in known)
        return "" if Fraction(held, len(content)) >= self._share else "words that the context does not hold"

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """There is none: what is not supported can't be made so."""
        return () if self.judge(piece, context).passed else None


def _names(tokens: list[str]) -> Iterator[str]:
    for token in tokens[1:]:
        if token[0].isupper() and token.casefold() not in _STOP and (len(token) > 1):
            yield token


def _known(texts: Any) -> set[str]:
    out: set[str] = set()
    for text in texts:
        for token in set(_WORD.findall(text)):
            out.add(_number(token) if token[0].isdigit() and token[0].isascii() else _word(token))
            for part in re.split(r"['’-]", token) if not token[0].isdigit() else ():
                out.add(_word(part))
    return out
