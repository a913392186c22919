"""
Words that avoid others, as GBNF rules: an automaton with one rule for each of its states.

A state knows how far the word so far runs along one of the words to avoid (a trie), which text to exclude its end may
be the beginning of (the automaton of Aho and Corasick, 1975), and whether the word is long enough to end.
"""

from collections.abc import Sequence
from typing import NamedTuple

from steady.providers.grammar_letters import Ranges, char_class, holds, minus

LONGEST = 16  # letters of a word, or of a part of one, where nothing is excluded from it
MOST_STATES = 1_500


class _State(NamedTuple):
    word: str | None  # the beginning of a word to avoid; None once it can't become one
    tail: str  # the longest end that begins a text to exclude
    length: int  # at most `least`


def avoiding(
    rules: dict[str, str],
    name: str,
    first: Ranges,
    rest: Ranges,
    least: int,
    words: Sequence[str],
    texts: Sequence[str],
) -> str:
    """
    Return the body of a rule for a word of `least` letters or more.

    Args:
        rules: Where further rules go, under names that begin with `name`.
        first: The letters that it may begin with.
        rest: Those after.
        words: It is none of these, whatever its case.
        texts: It holds none of these, whatever its case.

    Raises:
        ValueError: If there are too many words for a grammar of a bearable size.
    """
    return _Automaton(rules, name, first, rest, least, words, texts).body(_State("", "", 0))


class _Automaton:
    def __init__(
        self,
        rules: dict[str, str],
        name: str,
        first: Ranges,
        rest: Ranges,
        least: int,
        words: Sequence[str],
        texts: Sequence[str],
    ) -> None:
        self.rules, self.name, self.least = rules, name, least
        self.letters = (first, rest)
        self.words = {word.casefold() for word in words if word.isalpha()}
        self.texts = {text.casefold() for text in texts if text.isalpha()}
        self.starts = {word[:n] for word in self.words for n in range(len(word) + 1)}
        self.ends = {text[:n] for text in self.texts for n in range(len(text) + 1)} | {""}
        if len(self.starts) + len(self.ends) > MOST_STATES:
            raise ValueError("too many words are excluded for a grammar")
        self.known = sorted({c for text in (*self.words, *self.texts) for c in text})
        if not self.words:
            self.starts = set()

    def body(self, state: _State) -> str:
        if state.word is not None and state.word not in self.starts:
            state = state._replace(word=None)
        letters = self.letters[1] if state.length or state.word or state.tail else self.letters[0]
        if state.word is None and not self.texts:
            return f"{char_class(letters)} {self._tail(state.length + 1)}"
        ways: dict[_State, str] = {}
        special: set[str] = set()
        for letter in self.known:
            target = self._next(state, letter)
            cases = {letter, letter.upper(), letter.title()}
            mine = "".join(sorted(c for c in cases if len(c) == 1 and holds(letters, c)))
            if target is None:  # it would complete an excluded text
                special |= set(mine)
            elif target != self._other(state):
                special |= set(mine)
                ways[target] = ways.get(target, "") + mine
        out = [f"{char_class((), mine)} {self._rule(target)}" for target, mine in ways.items() if mine]
        other = minus(letters, frozenset(special))
        if other:
            out.insert(0, f"{char_class(other)} {self._rule(self._other(state))}")
        return " | ".join(out)

    def _next(self, state: _State, letter: str) -> _State | None:
        tail = state.tail + letter
        while tail not in self.ends:
            tail = tail[1:]
        at = tail
        while at:
            if at in self.texts:
                return None
            at = at[1:]
        word = None if state.word is None or state.word + letter not in self.starts else state.word + letter
        return _State(word, tail, min(state.length + 1, self.least))

    def _other(self, state: _State) -> _State:
        return _State(None, "", min(state.length + 1, self.least))

    def _rule(self, state: _State) -> str:
        """What may follow in this state, the end of the word included."""
        if state.word is None and not self.texts:
            return self._tail(state.length)
        spelled = "-".join(f"{ord(c):x}" for c in f"{state.word or ''}/{state.tail}").replace("/", "-")
        name = f"{self.name}-{state.length}{'' if state.word is None else 'w'}-{spelled}"
        if name not in self.rules:
            self.rules[name] = ""  # it may refer to itself
            end = state.length >= self.least and state.word not in self.words
            self.rules[name] = self.body(state) + (' | ""' if end else "")
        return name

    def _tail(self, length: int) -> str:
        name = f"{self.name}-r"
        self.rules.setdefault(name, char_class(self.letters[1]))
        return f"{name}{{{max(0, self.least - length)},{LONGEST}}}"
