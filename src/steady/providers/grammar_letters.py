"""
What a form grammar writes with: letters of a script and a case, the marks that end a sentence or stand inside one.

Ranges of code points are curated, not all of Unicode: a sampler looks at every range for every character that it
weighs, so a class of hundreds of ranges would slow each token down. They hold letters only (with the marks that Indic
and other scripts write after them), so that what is made of them is a word to whoever counts.
"""

from typing import Literal, NamedTuple

Ranges = tuple[tuple[int, int], ...]
Case = Literal["", "lower", "upper"]

_LATIN: dict[Case, Ranges] = {
    "": ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x17F), (0x1EA0, 0x1EF9)),
    "lower": ((0x61, 0x7A), (0xDF, 0xF6), (0xF8, 0xFF)),
    "upper": ((0x41, 0x5A), (0xC0, 0xD6), (0xD8, 0xDE)),
}
_GREEK: dict[Case, Ranges] = {
    "": ((0x386, 0x386), (0x388, 0x38A), (0x38C, 0x38C), (0x38E, 0x3A1), (0x3A3, 0x3CE)),
    "lower": ((0x3AC, 0x3CE),),
    "upper": ((0x391, 0x3A1), (0x3A3, 0x3AB)),
}
_CYRILLIC: dict[Case, Ranges] = {
    "": ((0x400, 0x481), (0x490, 0x4BF)),
    "lower": ((0x430, 0x45F),),
    "upper": ((0x400, 0x42F),),
}
_CASED = {"Latin": _LATIN, "Greek": _GREEK, "Cyrillic": _CYRILLIC}
_UNCASED: dict[str, Ranges] = {
    "Arabic": ((0x621, 0x63A), (0x641, 0x64A), (0x671, 0x6B7), (0x6BA, 0x6BE), (0x6C1, 0x6C3), (0x6CC, 0x6CC)),
    "Hebrew": ((0x5D0, 0x5EA),),
    "Devanagari": ((0x901, 0x939), (0x93C, 0x94D), (0x958, 0x961)),
    "Bengali": ((0x981, 0x983), (0x985, 0x98C), (0x98F, 0x990), (0x993, 0x9A8), (0x9AA, 0x9B0), (0x9B2, 0x9B2),
                (0x9B6, 0x9B9), (0x9BE, 0x9C4), (0x9C7, 0x9C8), (0x9CB, 0x9CD), (0x9DC, 0x9DD), (0x9DF, 0x9E1)),
    "Tamil": ((0xB82, 0xB83), (0xB85, 0xB8A), (0xB8E, 0xB90), (0xB92, 0xB95), (0xB99, 0xB9A), (0xB9C, 0xB9C),
              (0xB9E, 0xB9F), (0xBA3, 0xBA4), (0xBA8, 0xBAA), (0xBAE, 0xBB9), (0xBBE, 0xBC2), (0xBC6, 0xBC8),
              (0xBCA, 0xBCD)),
    "Telugu": ((0xC01, 0xC03), (0xC05, 0xC0C), (0xC0E, 0xC10), (0xC12, 0xC28), (0xC2A, 0xC39), (0xC3E, 0xC44),
               (0xC46, 0xC48), (0xC4A, 0xC4D)),
    "Kannada": ((0xC82, 0xC83), (0xC85, 0xC8C), (0xC8E, 0xC90), (0xC92, 0xCA8), (0xCAA, 0xCB3), (0xCB5, 0xCB9),
                (0xCBE, 0xCC4), (0xCC6, 0xCC8), (0xCCA, 0xCCD)),
    "Gujarati": ((0xA81, 0xA83), (0xA85, 0xA8D), (0xA8F, 0xA91), (0xA93, 0xAA8), (0xAAA, 0xAB0), (0xAB2, 0xAB3),
                 (0xAB5, 0xAB9), (0xABE, 0xAC5), (0xAC7, 0xAC9), (0xACB, 0xACD)),
    "Gurmukhi": ((0xA01, 0xA03), (0xA05, 0xA0A), (0xA0F, 0xA10), (0xA13, 0xA28), (0xA2A, 0xA30), (0xA32, 0xA33),
                 (0xA35, 0xA36), (0xA38, 0xA39), (0xA3C, 0xA3C), (0xA3E, 0xA42), (0xA47, 0xA48), (0xA4B, 0xA4D),
                 (0xA59, 0xA5C), (0xA70, 0xA71)),
    "Thai": ((0xE01, 0xE3A), (0xE40, 0xE4E)),
    "Hangul": ((0xAC00, 0xD7A3),),
    "Han": ((0x4E00, 0x9FA5),),
    "Hiragana": ((0x3041, 0x3096), (0x4E00, 0x9FA5), (0x30A1, 0x30FA), (0x30FC, 0x30FC)),
    "Katakana": ((0x30A1, 0x30FA), (0x30FC, 0x30FC), (0x4E00, 0x9FA5), (0x3041, 0x3096)),
}  # fmt: skip
SCRIPTS = tuple(sorted((*_CASED, *_UNCASED)))
DENSE = frozenset({"Han", "Hiragana", "Katakana", "Thai"})
"""Scripts written without blanks between words."""

_ENDERS = {"Devanagari": "।.!?", "Bengali": "।.!?", "Gurmukhi": "।.!?", "Arabic": ".!؟", "Han": "。！？",
           "Hiragana": "。！？", "Katakana": "。！？"}  # fmt: skip
_COMMAS = {"Arabic": "،؛", "Han": "，、；", "Hiragana": "、", "Katakana": "、"}
_OTHERS = ("Greek", "Cyrillic", "Arabic", "Hebrew", "Hangul", "Devanagari", "Bengali", "Tamil", "Telugu", "Gujarati")
_MARKLESS = 5  # of them: letters alone, so that whoever counts runs of letters counts words


class Alphabet(NamedTuple):
    """The characters that a text may be made of."""

    letters: Ranges
    lower: Ranges  # the letters that begin no capital word
    digits: Ranges
    enders: str  # what ends a sentence
    commas: str  # what stands after a word inside a sentence
    joins: str  # what joins two halves of a word
    without: frozenset[str]
    dense: bool

    def may(self, text: str) -> bool:
        """Whether no character of `text` is excluded."""
        return not self.without & set(text)


def alphabet(case: Case = "", script: str = "Latin", without: str = "", *, counted: bool = False) -> Alphabet:
    """
    Return what may be written with.

    Args:
        case: The one case that letters may have; "" for both.
        script: A name of `SCRIPTS`; "" for the commonest others than Latin that put blanks between words.
        without: Characters that may not occur.
        counted: Whether words are counted against a maximum: with "", leaves out scripts with marks after letters.

    Raises:
        ValueError: If the script is not known, or no letter or no mark that ends a sentence is left.
    """
    if script and script not in SCRIPTS:
        raise ValueError(f"the script {script!r} is none of {', '.join(SCRIPTS)}")
    gone = frozenset(without)
    letters = minus(_letters(case, script, counted), gone)
    enders = _kept(_ENDERS.get(script, ".!?"), gone)
    if not letters or not enders:
        raise ValueError(f"without {without!r} there is no {'letter' if not letters else 'end of a sentence'} left")
    return Alphabet(
        letters=letters,
        lower=minus(_letters("lower", script, counted), gone),
        digits=minus(((0x30, 0x39),), gone),
        enders=enders,
        commas=_kept(_COMMAS.get(script, ",;"), gone),
        joins=_kept("'’-", gone),
        without=gone,
        dense=script in DENSE,
    )


def minus(ranges: Ranges, characters: frozenset[str]) -> Ranges:
    """Return `ranges` without these characters."""
    out = list(ranges)
    for code in sorted(map(ord, characters)):
        split: list[tuple[int, int]] = []
        for low, high in out:
            if low <= code <= high:
                split += [(a, b) for a, b in ((low, code - 1), (code + 1, high)) if a <= b]
            else:
                split.append((low, high))
        out = split
    return tuple(out)


def holds(ranges: Ranges, character: str) -> bool:
    """Whether a character is in one of the ranges."""
    return any(low <= ord(character) <= high for low, high in ranges)


def char_class(ranges: Ranges, more: str = "") -> str:
    """Return a GBNF character class of ranges and single characters."""
    body = "".join(_escaped(a) if a == b else f"{_escaped(a)}-{_escaped(b)}" for a, b in ranges)
    return "[" + body + "".join(_escaped(ord(c)) for c in dict.fromkeys(more)) + "]"


def _letters(case: Case, script: str, counted: bool) -> Ranges:
    names: tuple[str, ...] = (script,)
    if not script:
        names = tuple(_CASED)[1:] if case else _OTHERS[:_MARKLESS] if counted else _OTHERS
    return tuple(r for name in names for r in (_CASED[name][case] if name in _CASED else _UNCASED[name]))


def _kept(characters: str, gone: frozenset[str]) -> str:
    return "".join(c for c in characters if c not in gone)


def _escaped(code: int) -> str:
    if chr(code).isascii() and chr(code).isalnum():
        return chr(code)
    return f"\\x{code:02X}" if code < 0x80 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
