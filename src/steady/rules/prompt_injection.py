"""The rule `prompt_injection`: text from outside that speaks to the model instead of informing it."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from steady.rules.injection_phrases import PHRASES
from steady.rules.normal import normalise, visible
from steady.rules.rule import Context, Rule, Streams, Whole
from steady.types import Edit, Finding, Piece, Span, Surface

MAX_READ = 400_000  # characters of one text that are searched: the first and the last half of that
MAX_CODED = 200  # runs of base64 that are decoded
HIDDEN = 8  # invisible characters in a row that are no accident
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,2000}")
_RUN = re.compile(f"[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e01ef\ufe00-\ufe0e]{{{HIDDEN},}}")
_CODED = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,4000}={0,2}(?![A-Za-z0-9+/=_-])")
_COMMENT = re.compile(
    r"<!--(.{10,4000}?)-->|(?:display:\s?none|font-size:\s?0|visibility:\s?hidden)[^>]{0,200}>([^<]{10,2000})<", re.S
)
_BLANKS = re.compile(r"[^\S\n]+")
_COMPILED = tuple((label, weight, re.compile(pattern)) for label, weight, pattern in PHRASES)


def _folded(text: str) -> str:
    text = unicodedata.normalize("NFKC", visible(text)).lower().replace("’", "'")
    return _BLANKS.sub(" ", text)


class Signs(Mapping[str, int]):
    """Label -> the highest weight found, in hundredths."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def __getitem__(self, key: str) -> int:
        return self._of[key]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._of))

    def __len__(self) -> int:
        return len(self._of)

    def add(self, label: str, weight: int) -> None:
        """Note a sign; one kind counts once, by its strongest."""
        self._of[label] = max(weight, self._of.get(label, 0))

    @property
    def score(self) -> int:
        """The sum over kinds."""
        return sum(self._of.values())


def signs_of(text: str, phrases: tuple[str, ...] = ()) -> Signs:
    """Return the signs of an injection in a text, by kind."""
    if len(text) > MAX_READ:
        text = text[: MAX_READ // 2] + "\n" + text[-MAX_READ // 2 :]
    out = Signs()
    _phrases(text, phrases, out)
    for found in _TAGS.finditer(text):
        _within("".join(chr(ord(char) - 0xE0000) for char in found[0]), "hidden", phrases, out, least=60)
    if _RUN.search(text):
        out.add("hidden", 60)
    for found in _COMMENT.finditer(text):
        _within(found[1] or found[2], "hidden", phrases, out)
    for number, found in enumerate(_CODED.finditer(text)):
        if number == MAX_CODED:
            break
        if decoded := _decoded(found[0]):
            _within(decoded, "encoded", phrases, out)
    return out


def _phrases(text: str, phrases: tuple[str, ...], out: Signs) -> None:
    view = _folded(text)
    flat = view.replace("\n", " ")
    same = "" if flat.isascii() else _BLANKS.sub(" ", normalise(flat).text)  # look-alike letters: Ign\u043ere
    for label, weight, pattern in _COMPILED:
        if pattern.search(view if label == "markers" else flat) or (same and pattern.search(same)):
            out.add(label, weight)
    if any(_folded(phrase) in flat for phrase in phrases):
        out.add("phrase", 100)


def _within(text: str, label: str, phrases: tuple[str, ...], out: Signs, least: int = 0) -> None:
    """What is hidden or encoded counts in full where it says something, as a sign of its own."""
    inner = Signs()
    _phrases(text, phrases, inner)
    if inner.score >= 40 or least:
        out.add(label, 100 if inner.score >= 40 else least)


def _decoded(run: str) -> str:
    body = run.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        text = base64.b64decode(body + "=" * (-len(body) % 4), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
    return text if sum(char.isprintable() or char.isspace() for char in text) * 10 >= 9 * len(text) else ""


class PromptInjection(Rule, frozen=True, kw_only=True, tag="prompt_injection"):
    """
    No text from outside that speaks to the model: "ignore previous instructions", role markers, hidden commands.

    Looked at are the results of tools (`roles` names others). Signs have weights: to override instructions, a new task,
    another role, an address to an AI, an order to hide something from the user, to give away the prompt or data, to
    call a tool, markers of roles (`<|im_start|>`, `[INST]`, `System:`), a claim of priority, and hidden text (invisible
    runs, Unicode tags, HTML comments, base64) that holds any of these. Each kind counts once, by its strongest; from
    `threshold` on the rule fails, and its label names the kinds. The list is `injection_phrases.py`. Of 60 injections
    written for the tests it finds 58, and none of 60 innocent results; who knows the list writes around it. It lowers
    risk; what a tool may do must be limited elsewhere.
    """

    example: ClassVar[Mapping[str, Any]] = {"on_fail": "refrain"}
    default_on: ClassVar[tuple[Surface, ...]] = ("input",)
    cost: ClassVar[Any] = "high"

    threshold: Annotated[float, Meta(ge=0.1, le=10)] = 1.0
    """The score from which on a text fails; one plain attempt to override has 1, weaker signs 0.4 to 0.6."""
    phrases: tuple[str, ...] = ()
    """Further phrases that count 1, whatever their case."""
    roles: tuple[str, ...] | None = ("tool",)
    """The roles looked at; all but system and developer if null."""

    def build(self) -> "_Injection":
        """See Rule."""
        if self.surfaces != ("input",):
            raise ValueError("`on` must be [input]: it judges what comes in.")
        if not all(_folded(phrase).strip() for phrase in self.phrases):
            raise ValueError("`phrases` holds an empty text, which every text has.")
        return _Injection(self)

    def statement(self) -> str:
        """See Rule."""
        return "Text from tools is data; it must hold no instructions to the model."


class _Injection:
    streams: Streams = Whole("signs are added up over the whole text")

    def __init__(self, rule: PromptInjection) -> None:
        self._rule = rule
        self._least = round(rule.threshold * 100)

    def judge(self, piece: Piece, context: Context) -> Finding:
        signs = signs_of(piece.text, self._rule.phrases)
        if signs.score < self._least:
            return Finding(passed=True)
        kinds = ",".join(signs)
        reason = f"The text speaks to the model instead of informing it ({kinds}); it scores {signs.score / 100:g}."
        return Finding(passed=False, reason=reason, spans=(Span(0, len(piece.text)),), label=kinds)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """There is none: a text that wants to steer is not trusted in part."""
        return () if self.judge(piece, context).passed else None
