"""
Words, sentences and passages as GBNF rules: the small parts that a form grammar is put together from.

Two styles. Strict text is made of words that everyone counts alike (letters of a script, joined by an apostrophe or a
hyphen; numbers), with its marks apart from them; loose text is any run of visible characters. Strict is used where
something is counted or a case or script is asked for: a model that is merely kept from capitals and left all else
drifts into emoji, one that is given words writes sentences.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from steady.providers.grammar import literal
from steady.providers.grammar_avoid import LONGEST, avoiding
from steady.providers.grammar_letters import Alphabet, Ranges, char_class, holds, minus

_ABBREVIATIONS = (
    "dr mr mrs ms prof sr jr st mt ft gen col lt sgt capt rev hon messrs mme mlle hr fr vs cf al approx dept est inc "
    "ltd bzw ca vgl no nr nos fig figs pp vol art sec ch eq tab op num"
)
NO_ENDS = tuple(_ABBREVIATIONS.split())
"""Words after which a point may end no sentence."""
_BLANKS = " \t\n\r\x0b\x0c\x85\xa0\u2028\u2029\u3000\u200b\u200e\u200f\ufeff"


class Style(NamedTuple):
    """How the running text is written."""

    alphabet: Alphabet
    strict: bool = True
    joins: bool = True  # words may be joined by apostrophes and hyphens, numbers have decimals
    avoid: tuple[str, ...] = ()  # whole words that don't occur, in any case
    exclude: tuple[str, ...] = ()  # letters that don't occur in a row, in any case
    shouts: bool = True  # words all in capitals may occur
    highlights: bool = False  # *highlighted* words are asked for
    placeholders: bool = False  # [placeholders] are asked for
    marked: bool = True  # and may occur more often than asked for
    barred: str = ""  # characters that the layout needs for itself
    breaks: tuple[str, ...] = ("\n", "\n\n")  # what may stand between lines of one passage
    lists: bool = False  # lines may begin with list marks


class Rules:
    """The rules of one grammar, by name; the first is the root."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {"root": ""}

    def add(self, name: str, body: str) -> str:
        """Add a rule and return its name. A name that is taken must have the same body."""
        if self._bodies.setdefault(name, body) != body:
            raise ValueError(f"the rule {name!r} is written twice")
        return name

    def word(
        self, name: str, first: Ranges, rest: Ranges, least: int, words: Sequence[str], texts: Sequence[str]
    ) -> str:
        """Add a rule for words that avoid others, see `avoiding`, and return its name."""
        if name not in self._bodies:
            self._bodies[name] = avoiding(self._bodies, name, first, rest, least, words, texts)
        return name

    def text(self, root: str) -> str:
        """Return the grammar."""
        return "".join(f"{name} ::= {body}\n" for name, body in {**self._bodies, "root": root}.items())


def times(name: str, low: int, high: int) -> str:
    """Return `name` repeated from `low` to `high` times; "" for none."""
    if high <= 0:
        return ""
    return name if low == high == 1 else f"{name}{{{low}}}" if low == high else f"{name}{{{low},{high}}}"


def choice(texts: Iterable[str]) -> str:
    """Return a choice between literals."""
    return " | ".join(literal(text) for text in dict.fromkeys(texts))


def write_words(rules: Rules, style: Style) -> None:
    """
    Write the rules of running text.

    `t` is a word or number with its brackets, `g` what stands between two of them in a passage, `v` a word and the
    blank after it inside a sentence, `z` the last word of a sentence with its mark, `f` that of a passage.
    """
    if style.strict:
        _strict(rules, style)
    else:
        _loose(rules, style)
    if style.highlights:
        rules.add("hl", '"*" w (" " w){0,4} "*"')
    if style.placeholders:
        rules.add("ph", '"[" w (" " w){0,4} "]"')


def capital(rules: Rules, style: Style) -> str:
    """Return the name of a rule for a word all in capitals."""
    upper = minus(((0x41, 0x5A),), style.alphabet.without)
    return rules.word("cw", upper, upper, 2, style.avoid, style.exclude)


def with_letter(rules: Rules, style: Style, letter: str) -> str:
    """Return the name of a rule for a word that holds a letter, or is preceded by a mark such as `#`."""
    name = f"l{ord(letter):x}"
    letters = style.alphabet.letters
    if not letter.isalpha():
        return rules.add(name, f"w {literal(letter)}" if letter in style.alphabet.enders else f"{literal(letter)} w")
    both = [c for c in dict.fromkeys((letter, letter.lower(), letter.upper())) if len(c) == 1 and holds(letters, c)]
    any_ = char_class(letters)
    return rules.add(name, f"{any_}{{0,9}} {char_class((), ''.join(both or [letter]))} {any_}{{0,9}}")


def _strict(rules: Rules, style: Style) -> None:
    it = style.alphabet
    first, rest = it.letters, it.letters if style.shouts else it.lower
    least = 1 if style.shouts else 2
    rules.word("k", first, rest, least, style.avoid, style.exclude)
    single = char_class(minus(it.lower, _singles(style))) if not style.shouts and it.lower else ""
    part = f"(k | {single})" if single else "k"
    word = part
    if style.joins and it.joins:
        word += f" ({char_class((), it.joins)} {part})?"
    rules.add("w", word)
    rules.add("x", " | ".join([_bracketed(style), *_asked(style)]))
    rules.add("t", _with_number(rules, style))
    rules.add("e", char_class((), it.enders))
    blank = '""' if it.dense else '" "'
    rules.add("b", f"{char_class((), it.commas)}? {blank}" if it.commas else blank)
    end = f"e {blank}"
    if style.breaks:
        rules.add("nl", choice(style.breaks) + _list_marks(style))
        end = f"e ({blank} | nl)" + (" | [:]? nl" if style.lists and ":" not in it.without else "")
    rules.add("d", end)
    rules.add("g", "b | d")
    rules.add("u", "t b | x d")
    rules.add("v", "t b")
    rules.add("f", "x e")
    _last(rules, style)


def _bracketed(style: Style) -> str:
    pairs = [p for p in ("()", '""') if style.alphabet.may(p) and not set(p) & set(style.barred)]
    if not pairs:
        return "w"
    return f"{char_class((), ''.join(p[0] for p in pairs))}? w {char_class((), ''.join(p[1] for p in pairs))}?"


def _with_number(rules: Rules, style: Style) -> str:
    """Numbers follow words, and end no sentence: a small model that may write one after another counts on and on."""
    it = style.alphabet
    if not it.digits or it.dense:
        return "x"
    digit = char_class(it.digits)
    if not style.joins:
        return f"x | {digit}{{1,5}}"
    point = "".join(c for c in ".," if c not in it.without)
    rules.add("n", f"{digit}{{1,5}}" + (f" ({char_class((), point)} {digit}{{1,3}})?" if point else ""))
    return 'x (" " n)?'


def _last(rules: Rules, style: Style) -> None:
    """The last word of a sentence: none that a point may abbreviate, so that everybody sees the sentence end."""
    it = style.alphabet
    if "." not in it.enders:
        rules.add("z", "w e")
        return
    rest = it.letters if style.shouts else it.lower
    rules.word("y", it.letters, rest, 2, (*style.avoid, *NO_ENDS), style.exclude)
    others = it.enders.replace(".", "")
    rules.add("z", 'y "."' + (f" | w {char_class((), others)}" if others else ""))


def _loose(rules: Rules, style: Style) -> None:
    it = style.alphabet
    gone = "".join(dict.fromkeys((*_BLANKS, *sorted(it.without), *style.barred)))
    rules.add("c", "[^" + char_class((), gone)[1:])
    rules.add("w", f"{char_class(it.letters)}{{1,{LONGEST}}}")
    rules.add("t", " | ".join(["c{1,30}", *_asked(style)]))
    breaks = choice(style.breaks)
    rules.add("g", '" "' + (f" | {breaks}{_list_marks(style)}" if breaks else ""))
    rules.add("u", "t g")
    rules.add("v", 't " "')
    rules.add("f", "t")
    rules.add("z", "t")


def _asked(style: Style) -> list[str]:
    if not style.marked:
        return []
    return [*(["hl"] if style.highlights else []), *(["ph"] if style.placeholders else [])]


def _list_marks(style: Style) -> str:
    marks = [m for m in ("- ", "* ", "## ", "1. ", "2. ", "3. ") if style.lists and style.alphabet.may(m)]
    marks = [m for m in marks if not set(m.strip()) & set(style.barred)]
    return "".join(f" | {literal(b + m)}" for m in marks for b in style.breaks)


def _singles(style: Style) -> frozenset[str]:
    return frozenset(word.casefold() for word in style.avoid if len(word) == 1)
