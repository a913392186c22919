"""The rules `one_of` and `range`: the answer is one of a few values, or a number within bounds."""

import math
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal, NamedTuple

from steady.rules.json_text import shown
from steady.rules.rule import ANSWER, Constraint, Context, Rule, Streams, Whole, apply_edits
from steady.types import Edit, Finding, Piece, Surface

MAX_VALUES = 1_000
MAX_SNAPPED = 20_000  # characters of an answer in which a value is looked for
MAX_NUMBER = 100  # characters of a number
MAX_EXPONENT = 400

_PREFIX = re.compile(
    r"(?:the\s+)?(?:final\s+|correct\s+|best\s+)?"
    r"(?:label|answer|class|category|classification|sentiment|result|output|verdict|choice|option|response|intent|topic)"
    r"(?:\s+is)?\s*[:=]\s*|(?:the\s+)?(?:label|answer|category|sentiment|classification)\s+is\s+",
    re.IGNORECASE,
)
_WRAPPING = " \t\r\n\"'`*“”‘’„«»()[]<>"
_ENDING = ".!,;:…"
_WORD = re.compile(r"\w+")
_DIGITS = re.compile(r"\d+")
_NEGATION_EN = ("not", "no", "never", "neither", "nor", "none", "cannot", "without")
_NEGATION_OTHER = ("nicht", "kein", "keine", "nie", "non", "pas", "jamais", "ne", "nunca", "ni", "não", "nem", "niet")
_NEGATION_MORE = ("geen", "nooit", "ikke", "ingen", "aldrig", "inte", "nie", "нет", "не", "不", "没", "非")
_NEGATION = frozenset((*_NEGATION_EN, *_NEGATION_OTHER, *_NEGATION_MORE))
_MULTIPLES_EN = (
    "hundred",
    "thousand",
    "million",
    "millions",
    "billion",
    "billions",
    "trillion",
    "dozen",
    "k",
    "m",
    "bn",
)
_MULTIPLES_OTHER = ("hundert", "tausend", "mio", "mrd", "million", "millionen", "milliarden", "mille", "millones")
_PARTS = ("minus", "negative", "half", "third", "quarter", "double", "twice", "halb", "moins", "menos")
_BOUNDS_EN = (
    "less",
    "fewer",
    "more",
    "greater",
    "under",
    "over",
    "above",
    "below",
    "beyond",
    "than",
    "except",
    "until",
)
_BOUNDS_OTHER = ("weniger", "mehr", "unter", "über", "plus", "más")
_ANOTHER_NUMBER = frozenset((*_MULTIPLES_EN, *_MULTIPLES_OTHER, *_PARTS, *_BOUNDS_EN, *_BOUNDS_OTHER))
_SHORT_NOT = re.compile("n['’]t\\b")

_SPACES = "[ \u00a0\u202f\u2009'’_]"
_FORMS = tuple(
    (re.compile(pattern, re.ASCII), group, point)
    for pattern, group, point in (
        (r"\d+", "", "."),
        (r"(?:\d+)?\.\d+", "", "."),  # one point: decimals
        (r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?", ",", "."),  # commas before groups of three: thousands
        (r"\d+,\d+", "", ","),  # one comma before any other number of digits: decimals
        (r"[1-9]\d{0,2}(?:\.\d{3}){2,}(?:,\d+)?|[1-9]\d{0,2}\.\d{3},\d+", ".", ","),
        (rf"[1-9]\d{{0,2}}(?P<s>{_SPACES})\d{{3}}(?:(?P=s)\d{{3}})*(?:\.\d+)?", _SPACES, "."),
        (rf"[1-9]\d{{0,2}}(?P<s>{_SPACES})\d{{3}}(?:(?P=s)\d{{3}})*,\d+", _SPACES, ","),
    )
)
_EXPONENT = re.compile(r"[eE]([+-]?\d{1,4})$", re.ASCII)
_TOKEN = re.compile(
    r"(?:(?<![\w.,)])[+\-−])?"
    r"(?:[1-9]\d{0,2}(?:[ \u00a0\u202f\u2009]\d{3})+(?!\d)(?:[.,]\d+)?|\d[\d.,'’_]*\d|\.?\d)"
    r"(?:[eE][+-]?\d{1,4}(?!\w))?",
    re.ASCII,
)


class Snapped(NamedTuple):
    """The value that a text stands for. `invented`: it was inferred, the text does not simply spell it."""

    value: str
    invented: bool


def plain(text: str, case: bool) -> str:
    """Return a label without quotes, emphasis, a final period, a leading `Answer:`, and with one kind of spaces."""
    text = unicodedata.normalize("NFKC", text).strip(_WRAPPING)
    prefix = _PREFIX.match(text)
    text = text[prefix.end() if prefix else 0 :]
    stripped = text.strip(_WRAPPING).rstrip(_ENDING).strip(_WRAPPING)
    words = re.sub(r"[\s_-]+", " ", stripped or text.strip())
    return words if case else words.casefold()


def snap(text: str, values: tuple[str, ...], case: bool = False) -> Snapped | None:
    """
    Return the one of `values` that `text` stands for, or None where none or more than one may be meant.

    Tried in this order:
    1. The text spells one value, apart from quotes, a final period, `Answer:` before it, case (unless `case`), and
       `_`, `-` and blanks for one another. Not invented.
    2. Exactly one value occurs as whole words, and the text has no word of negation outside it. Invented.
    3. Exactly one value is nearest by edit distance (insert, delete, replace, swap neighbours): at most 1 for values of
       4 to 7 characters, 2 up to 11, 3 beyond; with the same first character and the same digits. Invented.
    """
    if len(text) > MAX_SNAPPED:
        return None
    wanted = plain(text, case)
    spelled = [value for value in values if plain(value, case) == wanted]
    if spelled:
        return Snapped(spelled[0], False) if len(spelled) == 1 else None
    inside = _inside(text, values, case)
    if inside is None:
        return None
    if inside:
        return Snapped(inside[0], True) if len(inside) == 1 else None
    return _nearest(wanted, values, case)


def _words(text: str, case: bool) -> tuple[str, ...]:
    text = unicodedata.normalize("NFKC", text).replace("_", " ")
    return tuple(_WORD.findall(text if case else text.casefold()))


def _inside(text: str, values: tuple[str, ...], case: bool) -> list[str] | None:
    """Return the values that occur in the text, the longest where they overlap; None where a word negates."""
    known: dict[tuple[str, ...], list[str]] = {}
    for value in values:
        known.setdefault(_words(value, case), []).append(value)
    known.pop((), None)
    longest = max(map(len, known), default=0)
    words, at = _words(_SHORT_NOT.sub(" not", text), case), 0
    found: list[str] = []
    while at < len(words):
        size = next((n for n in range(min(longest, len(words) - at), 0, -1) if words[at : at + n] in known), 0)
        if size:
            found += [value for value in known[words[at : at + size]] if value not in found]
        elif words[at].casefold() in _NEGATION:
            return None  # `not spam` is not `spam`
        at += size or 1
    return found


def _nearest(wanted: str, values: tuple[str, ...], case: bool) -> Snapped | None:
    from rapidfuzz.distance import OSA

    near: list[tuple[int, str]] = []
    for value in values:
        name = plain(value, case)
        most = 0 if len(name) < 4 else min((len(name) + 4) // 4 - 1, 3)
        if not most or name[:1] != wanted[:1] or abs(len(name) - len(wanted)) > most:
            continue
        distance = OSA.distance(name, wanted, score_cutoff=most)
        if distance <= most and _DIGITS.findall(name) == _DIGITS.findall(wanted):
            near.append((distance, value))
    best = min((distance for distance, _ in near), default=0)
    nearest = [value for distance, value in near if distance == best]
    return Snapped(nearest[0], True) if len(nearest) == 1 else None


def replaced(text: str, start: int, end: int, value: str, invented: bool) -> tuple[Edit, ...]:
    """Return edits that leave only `value` of `text`, keeping it where it stands at [start, end) as it is."""
    if text[start:end] != value:
        return (Edit(0, len(text), value, invented),)
    around = ((0, start), (end, len(text)))
    return tuple(Edit(a, b, "", invented) for a, b in around if a < b)


class OneOf(Rule, frozen=True, kw_only=True, tag="one_of"):
    """The answer is exactly one of a few values, spelled as given here, and nothing else."""

    example: ClassVar[Mapping[str, Any]] = {"values": ["spam", "ham"]}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    can_fix: ClassVar[bool] = True

    values: tuple[str, ...]
    """The legal answers; none is empty, none is given twice."""
    case: bool = False
    """Whether a fix takes case for a difference: with `true`, `Spam` is not mended to `spam`."""
    repair: Literal["any", "form_only", "none"] = "any"
    """Whether a fix may infer a value (`any`), only mend its spelling, or do nothing."""

    def build(self) -> "OneOfCheck":
        """Return the check. Raises ValueError for no values, too many, an empty or a repeated one."""
        if not 1 <= len(self.values) <= MAX_VALUES:
            raise ValueError(f"`values` must hold 1 to {MAX_VALUES} values, not {len(self.values)}.")
        for n, value in enumerate(self.values):
            if not value.strip() or value != value.strip():
                raise ValueError(f"`values` holds {value!r}: a value must not be empty or begin or end with blanks.")
            if value in self.values[:n]:
                raise ValueError(f"`values` holds {value!r} twice.")
        return OneOfCheck(self)

    def constraint(self) -> Constraint:
        """See Rule."""
        return Constraint(choices=self.values)

    def statement(self) -> str:
        """See Rule."""
        return f"Answer with exactly one of these and nothing else: {', '.join(self.values)}."


class OneOfCheck:
    """See OneOf."""

    def __init__(self, rule: OneOf) -> None:
        self.streams: Streams = Whole("which value it is shows at its end")
        self._rule = rule
        self._values = frozenset(rule.values)
        some = ", ".join(shown(value, 40) for value in rule.values[:10])
        more = f" and {len(rule.values) - 10} more" if len(rule.values) > 10 else ""
        self._reason = f"The answer must be exactly one of: {some}{more}."

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Pass only the exact spelling of one value."""
        if piece.text in self._values:
            return Finding(passed=True)
        return Finding(passed=False, reason=self._reason)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Put the value that is meant in place of the answer; None where that is not clear."""
        text = piece.text
        if text in self._values:
            return ()
        if self._rule.repair == "none":
            return None
        snapped = snap(text, self._rule.values, self._rule.case)
        if snapped is None or (snapped.invented and self._rule.repair == "form_only"):
            return None
        at = text.find(snapped.value)
        return replaced(text, max(at, 0), max(at, 0) + len(snapped.value), snapped.value, snapped.invented)


def parse_number(text: str) -> Decimal | None:
    """
    Return the number that `text` spells in ASCII digits, or None; the same in every locale.

    - A sign (+, -, −) and blanks around are taken; an exponent (`1e3`, at most ±400) too.
    - Several separators, or groups of three after a separator that is no point, are thousands: `1,234`, `1,234.5`,
      `1.234.567`, `1.234,5`, `1 234,5`, `1'234.5`, `1_234`.
    - One point, and one comma that is not before exactly three digits, are decimals: `1.234`, `1,5`, `0,123`.
    - No other form is a number: `½`, `12,34,567`, `0x1F`, `NaN`, `inf`, digits of other scripts, above 100 characters.
    """
    if len(text) > MAX_NUMBER + 50:
        return None
    body = text.strip()
    sign = "-" if body[:1] in ("-", "−") else ""
    body = body[1:] if body[:1] in ("-", "−", "+") else body
    if not body or len(body) > MAX_NUMBER or not body[0].isascii():
        return None
    exponent = _EXPONENT.search(body)
    power = int(exponent.group(1)) if exponent else 0
    if abs(power) > MAX_EXPONENT:
        return None
    mantissa = body[: exponent.start()] if exponent else body
    for form, group, point in _FORMS:
        if form.fullmatch(mantissa):
            digits = re.sub(group if len(group) > 1 else re.escape(group), "", mantissa) if group else mantissa
            return Decimal(f"{sign}{digits.replace(point, '.')}E{power}")
    return None


class Range(Rule, frozen=True, kw_only=True, tag="range"):
    """
    The answer is one number within bounds. A number outside is never moved to the nearest bound.

    A fix takes the only number out of its sentence, but for sentences that say another one: `not 5`, `minus 5`,
    `5 million`, `less than 5`.
    """

    example: ClassVar[Mapping[str, Any]] = {"min": 0, "max": 10}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    can_fix: ClassVar[bool] = True

    min: float | None = None
    """The least legal number."""
    max: float | None = None
    """The greatest legal number."""
    exclusive_min: bool = False
    """Whether `min` itself is illegal."""
    exclusive_max: bool = False
    """Whether `max` itself is illegal."""
    integer: bool = False
    """Whether it must be a whole number (`3.0` is one)."""
    unit: str = ""
    """What may stand before or after the number: `%`, `EUR`, `kg`."""

    def build(self) -> "RangeCheck":
        """Return the check. Raises ValueError for bounds that no number meets."""
        for name, bound in (("min", self.min), ("max", self.max)):
            if bound is not None and not math.isfinite(bound):
                raise ValueError(f"`{name}` must be a finite number, not {bound}.")
        if self.min is not None and self.max is not None:
            empty = self.min == self.max and (self.exclusive_min or self.exclusive_max)
            if self.min > self.max or empty:
                raise ValueError(f"`min` {self.min:g} and `max` {self.max:g} leave no number.")
        if any(char.isdigit() for char in self.unit):
            raise ValueError(f"`unit` {self.unit!r} must not hold digits.")
        return RangeCheck(self)

    def bounds(self) -> str:
        """Return what is asked of the number, in words."""
        low = "above" if self.exclusive_min else "at least"
        high = "below" if self.exclusive_max else "at most"
        parts = [f"{low} {_spelled(self.min)}"] if self.min is not None else []
        parts += [f"{high} {_spelled(self.max)}"] if self.max is not None else []
        kind = "a whole number" if self.integer else "a number"
        return f"{kind} {' and '.join(parts)}" if parts else kind

    def statement(self) -> str:
        """See Rule."""
        unit = f" in {self.unit}" if self.unit else ""
        return f"Answer with {self.bounds()}{unit} and nothing else."


def _spelled(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) and abs(bound) < 1e15 else repr(bound)


class RangeCheck:
    """See Range."""

    def __init__(self, rule: Range) -> None:
        self.streams: Streams = Whole("a number is known at its end")
        self._rule = rule
        self._min = None if rule.min is None else Decimal(repr(rule.min))
        self._max = None if rule.max is None else Decimal(repr(rule.max))

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Fail a text that is no number, or one out of bounds."""
        number = parse_number(self._bare(piece.text))
        if number is None:
            return Finding(passed=False, reason=f"The answer must be {self._rule.bounds()} and nothing else.")
        if not self._within(number):
            return Finding(passed=False, reason=f"The answer is {number:.20g}; it must be {self._rule.bounds()}.")
        return Finding(passed=True)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Take the number out of its sentence where it is the only one, and legal."""
        text = piece.text
        if self.judge(piece, context).passed:
            return ()
        if len(text) > MAX_SNAPPED or any(char.isnumeric() and not char.isascii() for char in text):
            return None
        tokens = list(_TOKEN.finditer(text))
        if len(tokens) != 1 or self._attached(text, tokens[0].start(), tokens[0].end()):
            return None
        start, end = tokens[0].span()
        beside = _words(_SHORT_NOT.sub(" not", f"{text[:start]} {text[end:]}"), False)
        if not (_NEGATION | _ANOTHER_NUMBER).isdisjoint(beside):
            return None
        edits = replaced(text, start, end, text[start:end], False)
        mended = piece._replace(text=apply_edits(text, edits))
        return edits if self.judge(mended, context).passed else None

    def _bare(self, text: str) -> str:
        text, unit = text.strip(), self._rule.unit
        if unit and len(text) < MAX_NUMBER + 50 + len(unit):
            text = text.removesuffix(unit) if text.endswith(unit) else text.removeprefix(unit)
        return text

    def _attached(self, text: str, start: int, end: int) -> bool:
        """Say whether the number is part of a word (`GPT-4`, `2nd`); its unit is none."""
        before, behind = text[:start], text[end:]
        unit = self._rule.unit
        if unit:
            before, behind = before.removesuffix(unit), behind.removeprefix(unit)
        joined = re.search(r"\w[-–/:.]?$", before[-2:]) if before == text[:start] else None
        return joined is not None or bool(re.match(r"\w|[-–/:]\w", behind))

    def _within(self, number: Decimal) -> bool:
        rule = self._rule
        low = self._min is None or number > self._min or (number == self._min and not rule.exclusive_min)
        high = self._max is None or number < self._max or (number == self._max and not rule.exclusive_max)
        return low and high and (not rule.integer or number == number.to_integral_value())
