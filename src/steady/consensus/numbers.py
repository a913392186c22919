"""The one number in a text, exactly, and numbers as decimal text."""

import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

LONGEST = 2_000  # characters of a text that is looked at for its number
DIGITS = 400  # digits, and the greatest power of ten

_GAP = " \u00a0\u2009\u202f'’"
_CORE = re.compile(
    rf"(?:\d{{1,3}}(?:[{_GAP}]\d{{3}})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*|(?<![\d.])\.\d+)"
    r"(?P<power>[eE][-+−]?\d{1,4}(?!\d)|\s?[×x*·]\s?10\s?\^\s?[-+−]?\d{1,4})?"
)
_FRONT = re.compile(
    r"(?P<outer>(?<![\w.,)])[-−+])?(?:(?P<coin>[$€£¥₹]|\b(?:usd|eur|gbp|jpy|inr|chf|pln)\b)\s?)?(?P<inner>(?<![\w.,)])[-−+])?$",
    re.IGNORECASE,
)
_COMMAS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})|\d{1,3}(?:,\d{2,3})+,\d{3}")
_DOTS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}")
_WORD = re.compile(r"\s?([%‰$€£¥₹]|°?[^\W\d_]+[²³]?(?:/[^\W\d_]+)?)")

# "billion" is 10^9 or 10^12, by language; it is read as English.
_SCALE_ROWS = """
3 thousand tausend mille mil mila duizend
6 million millions mio millionen millones milione milioni milhão milhões miljoen
9 billion billions bn milliard milliards milliarde milliarden mrd miliardi miljard
12 trillion trillions
"""
_SCALES = {word: int(row.split()[0]) for row in _SCALE_ROWS.strip().splitlines() for word in row.split()[1:]}
_UNIT_ROWS = """
% percent pct prozent pourcent procent porcento
usd $ dollar dollars
eur € euro euros
gbp £ pound pounds
jpy ¥ yen
inr ₹ rupee rupees
s sec second seconds sekunde sekunden seconde secondes segundo segundos
min minute minutes minuten minutos minuti
h hour hours hr hrs stunde stunden heure heures hora horas uur uren
d day days tag tage tagen jour jours día días giorno giorni dia dias dag dagen
week weeks woche wochen semaine semaines semana semanas settimana settimane weken
month months monat monate monaten mois mes meses mese mesi maand maanden
year years jahr jahre jahren ans años anni anos jaar
km kilometer kilometers kilometre kilometres kilomètres kilómetros
m meter meters metre metres mètres metros metri
cm centimeter centimeters
mm millimeter millimeters
mile miles mi
kg kilogram kilograms kilo kilos
g gram grams gramm
lb lbs
l liter liters litre litres
°c celsius
°f fahrenheit
"""
_UNITS = {word: row.split()[0] for row in _UNIT_ROWS.strip().splitlines() for word in row.split()}


class Numeral(NamedTuple):
    """The one number of a text. `start`, `end`: where its figures stand, without sign and scale word."""

    value: Fraction
    unit: str  # canonical: "%", "eur", "d"; "" where none is named
    start: int
    end: int
    scale: int = 0  # the power of ten that a word after it adds: 6 for "million"


def parse_number(text: str) -> Numeral | None:
    """
    Return the one number in a text with its unit, or None where there is no number, or more than one.

    Read are: a sign; thousands grouped by comma, dot, space or apostrophe; a decimal point or comma ("1,234" is a
    thousand, "1.234" and "1,23" are not); exponents (1e5, 1.5×10^3); words of scale (5 million); a currency, percent or
    unit word, known ones anywhere, others where nothing but the unit follows. Numbers of more than 400 digits or beyond
    10^400, and texts of more than 2,000 characters, are not read. NaN and infinities are no numbers.
    """
    if len(text) > LONGEST:
        return None
    plain = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)
    found = _CORE.search(plain)
    if found is None:
        return None
    before, after = plain[: found.start()], plain[found.end() :]
    if before[-1:].isalpha() or before.endswith("_") or _has_figures(before) or _has_figures(after):
        return None
    figures = found[0][: -len(found["power"])] if found["power"] else found[0]
    digits = _digits(figures)
    if digits is None or len(digits) > DIGITS:
        return None
    power = (
        int(re.sub(r"^(?:[eE]|\s?[×x*·]\s?10\s?\^\s?)", "", found["power"]).replace("−", "-")) if found["power"] else 0
    )
    negative, unit = _in_front(before)
    scale, behind = _behind(after)
    if abs(power) > DIGITS:
        return None
    value = Fraction(Decimal(digits)) * Fraction(10) ** (power + scale)
    return Numeral(-value if negative else value, unit or behind, found.start(), found.end(), scale)


def _has_figures(text: str) -> bool:
    return any(char.isdecimal() or (unicodedata.category(char) == "No" and char not in "²³") for char in text)


def _digits(figures: str) -> str | None:
    """Return plain digits with a decimal point, or None where the grouping makes no number (a date, a version)."""
    figures = re.sub(rf"[{_GAP}]", "", figures)
    comma, dot = figures.rfind(","), figures.rfind(".")
    if comma >= 0 and dot >= 0:
        mark, group = (",", ".") if comma > dot else (".", ",")
        whole, _, rest = figures.rpartition(mark)
        grouped = re.fullmatch(rf"\d{{1,3}}(?:\{group}\d{{2,3}})*\{group}\d{{3}}", whole)
        return f"{whole.replace(group, '')}.{rest}" if grouped else None
    if comma >= 0:
        if _COMMAS.fullmatch(figures):
            return figures.replace(",", "")
        return figures.replace(",", ".") if figures.count(",") == 1 else None
    if figures.count(".") > 1:
        return figures.replace(".", "") if _DOTS.fullmatch(figures) else None
    return figures


def _in_front(before: str) -> tuple[bool, str]:
    """Return whether a minus stands before the figures, and the currency there ("-$", "EUR -")."""
    match = _FRONT.search(before)
    if match is None:  # can't be: each part is optional
        return False, ""
    coin = (match["coin"] or "").casefold()
    return (match["outer"] or match["inner"] or "") in ("-", "−"), _UNITS.get(coin, coin)


def _behind(after: str) -> tuple[int, str]:
    """Return the power of ten and the unit that the words after a number name."""
    scale = 0
    word = _WORD.match(after)
    if word and word[1].casefold() in _SCALES:
        scale, after = _SCALES[word[1].casefold()], after[word.end() :]
        word = _WORD.match(after)
    if not word or word[1].casefold() in ("st", "nd", "rd", "th"):
        return scale, ""
    known = _UNITS.get(word[1].casefold())
    if known:
        return scale, known
    rest = after.strip(" .!;,\t\r\n*)\"'").casefold()
    return scale, rest.rstrip("s") if 0 < len(rest.split()) <= 2 else ""


def plain(value: Fraction) -> str:
    """
    Return the value as decimal text, exactly, without an exponent: "-0.25", "1200".

    Raises:
        ValueError: If it has no finite decimal expansion.
    """
    return _placed((value * 10 ** (count := places(value))).numerator, count)


def places(value: Fraction) -> int:
    """
    Return how many decimal places a finite decimal has: 2 for 0.25, 0 for whole numbers.

    Raises:
        ValueError: If it has no finite decimal expansion.
    """
    rest, powers = value.denominator, [0, 0]
    for index, prime in enumerate((2, 5)):
        while rest % prime == 0:
            rest, powers[index] = rest // prime, powers[index] + 1
    if rest != 1:
        raise ValueError(f"{value} is no finite decimal number.")
    return max(powers)


def rounded(value: Fraction, count: int) -> str:
    """Return the value rounded half to even to `count` decimal places, trailing zeros dropped."""
    return _placed(round(value * 10**count), count)


def _placed(number: int, count: int) -> str:
    digits = str(abs(number)).rjust(count + 1, "0")
    whole, rest = (digits[:-count], digits[-count:].rstrip("0")) if count else (digits, "")
    text = f"{whole}.{rest}" if rest else whole
    return f"-{text}" if number < 0 else text
