"""
`contains`, `excludes`, `starts_with`, `ends_with`: words and phrases given literally.

The first two search the normalised view (`normal.normalise`), so that case, width, look-alike letters and invisible
characters neither hide a term nor make one. Ten thousand terms cost what one costs (Aho-Corasick).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import ahocorasick_rs
from msgspec import field

from steady.rules.length import Bounds
from steady.rules.normal import OPAQUE, REPLACED, RIGHT, RUN, hidden_runs, normalise, trailing_run, word_char
from steady.rules.rule import EVERYWHERE, Constraint, Context, Match, Prefix, Rule, Searching, Streams, Whole, Window
from steady.types import Edit, Finding, Piece, Surface


def _automaton(terms: Iterable[str]) -> ahocorasick_rs.AhoCorasick:
    return ahocorasick_rs.AhoCorasick(list(terms))


def _normal_terms(field: str, terms: Iterable[str], *, fold_case: bool = True) -> tuple[str, ...]:
    out = []
    for term in terms:
        view = normalise(term, fold_case=fold_case).text
        if not view.strip() or OPAQUE in view or REPLACED in view:
            raise ValueError(f"`{field}` holds {term!r}, which has no visible text to search for.")
        out.append(view)
    return tuple(dict.fromkeys(out))


class _Contains:
    streams: Streams = Whole("what must be there may come at the very end")
    seeks = True

    def __init__(self, rule: "Contains") -> None:
        self._fold = not rule.case
        self._all, self._any, self._none = (
            tuple(zip(words, (normalise(word, fold_case=self._fold).text for word in words), strict=True))
            for words in (rule.all, rule.any, rule.none)
        )
        self._counts = tuple(
            (word, normalise(word, fold_case=self._fold).text, bounds) for word, bounds in rule.counts.items()
        )
        self.searches = bool(rule.none) or any(bounds.max is not None for bounds in rule.counts.values())

    def judge(self, piece: Piece, context: Context) -> Finding:
        view = normalise(piece.text, fold_case=self._fold).text
        wrong = [f"{word!r} is missing" for word, form in self._all if form not in view]
        if self._any and not any(form in view for _, form in self._any):
            wrong.append(f"none of {', '.join(repr(word) for word, _ in self._any)} is there")
        wrong += [f"{word!r} must not be there" for word, form in self._none if form in view]
        for word, form, bounds in self._counts:
            count = view.count(form)
            if count < (bounds.min or 0) or (bounds.max is not None and count > bounds.max):
                wrong.append(f"{word!r} is there {count} times, not {_times(bounds)}")
        return Finding(passed=not wrong, reason="; ".join(wrong))

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None


def _times(bounds: Bounds) -> str:
    said = [f"at least {bounds.min}"] if bounds.min else []
    said += [f"at most {bounds.max}"] if bounds.max is not None else []
    return f"{' and '.join(said)} times"


class Contains(Rule, frozen=True, kw_only=True, tag="contains"):
    """Texts that must be in the answer, or must not. Parts of words count; `excludes` knows whole words and can fix."""

    example: ClassVar[Mapping[str, Any]] = {"all": ["Best regards"]}
    all: tuple[str, ...] = ()
    """Each of these must be there."""
    any: tuple[str, ...] = ()
    """At least one of these must be there."""
    none: tuple[str, ...] = ()
    """None of these may be there."""
    counts: dict[str, Bounds] = field(default_factory=dict)
    """How often each of these may be there, not overlapping: {"please": {min: 1, max: 2}}."""
    case: bool = False
    """Whether case counts; if not, look-alike letters are folded too."""

    def build(self) -> _Contains:
        """See Rule."""
        if not (self.all or self.any or self.none or self.counts):
            raise ValueError("`all`, `any`, `none` and `counts` are all empty: name at least one text.")
        _normal_terms("counts", self.counts, fold_case=not self.case)
        for word, bounds in self.counts.items():
            if not bounds.min and bounds.max is None:
                raise ValueError(f"`counts` says nothing of {word!r}: give `min`, `max` or both.")
            if bounds.max is not None and (bounds.min or 0) > bounds.max:
                raise ValueError(f"`counts` asks for {word!r} {_times(bounds)}: no text can meet that.")
        forms = {}
        for name, words in (("all", self.all), ("any", self.any), ("none", self.none)):
            forms[name] = _normal_terms(name, words, fold_case=not self.case)
        for bad in forms["none"]:
            if hit := next((word for word in forms["all"] if bad in word), None):
                raise ValueError(f"`none` holds {bad!r}, which is in {hit!r} of `all`: no text can satisfy both.")
        if forms["any"] and all(any(bad in word for bad in forms["none"]) for word in forms["any"]):
            raise ValueError("`none` forbids every text of `any`: no text can satisfy both.")
        return _Contains(self)

    def constraint(self) -> Constraint | None:
        """See Rule. Of `any` none can be asked for alone."""
        if not (self.all or self.none):
            return None
        return Constraint(contains=tuple((text, 1) for text in self.all), excludes=self.none)

    def statement(self) -> str:
        """See Rule."""
        parts = []
        if self.all:
            parts.append(f"The answer must contain {', '.join(map(repr, self.all))}.")
        if self.any:
            parts.append(f"The answer must contain at least one of {', '.join(map(repr, self.any))}.")
        if self.none:
            parts.append(f"The answer must not contain {', '.join(map(repr, self.none))}.")
        parts += [f"The answer must contain {word!r} {_times(bounds)}." for word, bounds in self.counts.items()]
        return " ".join(parts)


class _Excludes(Searching):
    reason = "The text holds an excluded term."

    def __init__(self, rule: "Excludes") -> None:
        terms = _normal_terms("terms", rule.terms)
        self._words = rule.words
        self._replace = rule.replace
        self._automaton = _automaton(terms)
        self._sorted = sorted(terms)
        self._longest = max(map(len, terms))
        self._heads = {term[:2] for term in terms} | {term[0] for term in terms}
        self._pairs = {term[at : at + 2] for term in terms for at in range(len(term) - 1)}
        self._firsts = {pair[0] for pair in self._pairs}
        if rule.replace is not None:
            self._refuse_joining(terms, normalise(rule.replace).text, rule.replace)
        self.streams = Window(max(2 * self._longest, RUN + 2), RIGHT)

    def find(self, text: str, start: int = 0) -> Iterator[Match]:
        base = max(0, start - 1)
        part = text[base:]
        view, starts, ends = normalise(part)
        best: dict[int, int] = {}  # raw start -> raw end of the longest term there
        for _, first, end in self._automaton.find_matches_as_indexes(view, overlapping=True):
            if self._words and not (_edge(view, first) and _edge(view, end)):
                continue
            low, high = starts[first], ends[end - 1]
            if low >= start - base and high > best.get(low, 0) and not _marked(view, end):
                best[low] = high
        matches = [Match(low, high, self._replace) for low, high in best.items()]
        if isinstance(starts, list):
            matches += self._hidden(part, start - base)
        at = 0
        for match in sorted(matches, key=lambda match: match[:2]):
            if match.start >= at:
                at = match.end
                yield match._replace(start=match.start + base, end=match.end + base)

    def open(self, text: str, start: int = 0) -> int:
        """See Finder."""
        base = max(0, start - 1)
        part = text[base:]
        view, starts, _ = normalise(part)
        place = len(part)
        for at in range(max(0, len(view) - self._longest), len(view)):
            if starts[at] >= start - base and view[at : at + 2] in self._heads and self._begins(view, at):
                place = starts[at]
                break
        run = trailing_run(part)  # one invisible character begins what follows it; two may be hidden ones
        if run < len(part):
            place = min(place, run if run > 0 and len(part) - run <= RUN else len(part) - 1)
        return max(start, base + place)

    def _begins(self, view: str, at: int) -> bool:
        """Whether a term begins with the rest of the view from here."""
        if self._words and not _edge(view, at):
            return False
        rest = view[at:]
        nearest = bisect_left(self._sorted, rest)
        return nearest < len(self._sorted) and self._sorted[nearest].startswith(rest)

    def _hidden(self, part: str, start: int) -> Iterator[Match]:
        replacement = None if self._replace is None else REPLACED
        for run in hidden_runs(part, start):
            before = normalise(run.before).text[-1:]
            after = None if run.after is None else normalise(run.after).text[:1]
            if before in self._firsts if after is None else before + after in self._pairs:
                yield Match(run.start, run.end, replacement, "hidden")

    def _refuse_joining(self, terms: tuple[str, ...], form: str, replace: str) -> None:
        """Raise ValueError if the replacement, with what may stand beside it, can hold a term."""
        # Beside a whole word stands no word character, so none stands beside what replaces it.
        walled = self._words and all(word_char(term[0]) and word_char(term[-1]) for term in terms)
        for term in terms:
            for at in range(-len(form), len(term) + 1):  # the replacement laid over the term at every offset
                low, high = max(at, 0), min(at + len(form), len(term))
                if low > high or term[low:high] != form[low - at : high - at] or (not form and at in (0, len(term))):
                    continue
                if low == high and form:
                    continue
                outside = (term[low - 1 : low] if at > 0 else "") + (term[high : high + 1] if high < len(term) else "")
                if walled and any(map(word_char, outside)):
                    continue
                raise ValueError(
                    f"`replace` {replace!r} can form the excluded {term!r} with what stands beside it; "
                    "take a text such as '***'."
                )


def _edge(view: str, at: int) -> bool:
    """Whether no word goes on across this place."""
    return not (0 < at < len(view) and word_char(view[at - 1]) and word_char(view[at]))


def _marked(view: str, end: int) -> bool:
    """Whether a combining mark follows, which makes the last letter another one."""
    return end < len(view) and not view[end].isalnum() and view[end] != "_" and word_char(view[end])


class Excludes(Rule, frozen=True, kw_only=True, tag="excludes"):
    """
    Terms that must not appear: words or phrases, whatever their case, width or invisible characters inside them.

    Also found, as `hidden`: two or more invisible characters in a row where they could split a term. One invisible
    character is looked through, so a match is at most twice as long as its term.
    """

    example: ClassVar[Mapping[str, Any]] = {"terms": ["guarantee", "refund policy"]}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    can_fix: ClassVar[bool] = True

    terms: tuple[str, ...]
    """What is excluded; where `terms_file` is given it may be left out."""
    terms_file: str = ""
    """A text file beside the policy with more of them, one a line; blank lines and those that begin with `#` are none.
    It is read when the policy is loaded, and is part of what the policy's hash covers."""
    words: bool = True
    """Whether only whole words count; if not, `ass` is found in `class`."""
    replace: str | None = None
    """What a fix puts in the place of a term; none: there is no fix. It must not be able to form a term again."""

    def build(self) -> _Excludes:
        """See Rule."""
        if self.terms_file:
            raise ValueError("`terms_file` is read only where a policy is loaded from a file; give `terms` here.")
        if not self.terms:
            raise ValueError("`terms` is empty: name at least one.")
        return _Excludes(self)

    def constraint(self) -> Constraint | None:
        """See Rule."""
        return Constraint(avoids=self.terms) if self.words else Constraint(excludes=self.terms)

    def statement(self) -> str:
        """See Rule."""
        shown = ", ".join(repr(term) for term in self.terms[:50])
        return f"Do not use {shown}{' and similar' if len(self.terms) > 50 else ''}."


def _one_of(rule: "StartsWith | EndsWith") -> tuple[str, ...]:
    if bool(rule.text) == bool(rule.any):
        raise ValueError("Give either `text` or `any`, not both and not none.")
    if not all(rule.any):
        raise ValueError("`any` holds an empty text, which every text satisfies.")
    return (rule.text,) if rule.text else rule.any


def _begins(text: str, wanted: str, case: bool) -> bool:
    if case:
        return text.startswith(wanted)
    wanted = wanted.casefold()
    return text[: len(wanted)].casefold().startswith(wanted)  # a character folds to at least one


def _ends(text: str, wanted: str, case: bool) -> bool:
    if case:
        return text.endswith(wanted)
    wanted = wanted.casefold()
    return text[-len(wanted) :].casefold().endswith(wanted)


class _StartsWith:
    def __init__(self, texts: tuple[str, ...], case: bool, around: str) -> None:
        self._texts, self._case, self._around = texts, case, around
        hold = Prefix(max(len(text.casefold()) for text in texts))
        self.streams: Streams = (
            Whole("any number of characters may stand before what it begins with") if around else hold
        )
        self._reason = f"The text does not begin with {' or '.join(map(repr, texts))}."

    def judge(self, piece: Piece, context: Context) -> Finding:
        begun = piece.text.lstrip(self._around) if self._around else piece.text
        if any(_begins(begun, text, self._case) for text in self._texts):
            return Finding(passed=True)
        return Finding(passed=False, reason=self._reason)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else (Edit(0, 0, self._texts[0]),)


class StartsWith(Rule, frozen=True, kw_only=True, tag="starts_with"):
    """
    The answer must begin with a text, from its very first character.

    A fix puts the text (the first of `any`) in front: a mark that the policy dictates, so a matter of form, and not
    counted as `invented`.
    """

    example: ClassVar[Mapping[str, Any]] = {"text": "Answer: ", "on_fail": "fix"}
    can_fix: ClassVar[bool] = True

    text: str = ""
    """What it must begin with."""
    any: tuple[str, ...] = ()
    """Or: one of these."""
    case: bool = True
    """Whether case counts."""
    around: str = ""
    """Characters that may stand before it: white space, a quotation mark."""

    def build(self) -> _StartsWith:
        """See Rule."""
        return _StartsWith(_one_of(self), self.case, self.around)

    def constraint(self) -> Constraint | None:
        """See Rule. Of several texts none can be asked for alone."""
        texts = _one_of(self)
        return Constraint(starts=texts[0]) if len(texts) == 1 else None

    def statement(self) -> str:
        """See Rule."""
        return f"Begin the answer with {' or '.join(map(repr, _one_of(self)))}."


class _EndsWith:
    streams: Streams = Whole("the end is seen at the end")

    def __init__(self, texts: tuple[str, ...], case: bool, around: str) -> None:
        self._texts, self._case, self._around = texts, case, around
        self._reason = f"The text does not end with {' or '.join(map(repr, texts))}."

    def _met(self, text: str) -> bool:
        ended = text.rstrip(self._around) if self._around else text
        return any(_ends(ended, wanted, self._case) for wanted in self._texts)

    def judge(self, piece: Piece, context: Context) -> Finding:
        return Finding(passed=True) if self._met(piece.text) else Finding(passed=False, reason=self._reason)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        text = piece.text
        if self._met(text):
            return ()
        bare = text.rstrip()
        if self._met(bare):
            return (Edit(len(bare), len(text), ""),)
        return (Edit(len(text), len(text), self._texts[0]),)


class EndsWith(Rule, frozen=True, kw_only=True, tag="ends_with"):
    """
    The answer must end with a text, up to its very last character.

    A fix takes white space away if that suffices, else adds the text (the first of `any`): a mark that the policy
    dictates, so a matter of form, and not counted as `invented`.
    """

    example: ClassVar[Mapping[str, Any]] = {"any": [".", "!"]}
    can_fix: ClassVar[bool] = True

    text: str = ""
    """What it must end with."""
    any: tuple[str, ...] = ()
    """Or: one of these."""
    case: bool = True
    """Whether case counts."""
    around: str = ""
    """Characters that may stand after it: white space, a quotation mark."""

    def build(self) -> _EndsWith:
        """See Rule."""
        return _EndsWith(_one_of(self), self.case, self.around)

    def constraint(self) -> Constraint | None:
        """See Rule. Of several texts the first is asked for where the others only add to it: a quotation mark."""
        first, *others = _one_of(self)
        return Constraint(ends=first) if all(other.startswith(first) for other in others) else None

    def statement(self) -> str:
        """See Rule."""
        return f"End the answer with {' or '.join(map(repr, _one_of(self)))}."
