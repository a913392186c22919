"""
A small reader of GBNF, apart from llama.cpp's: it draws random texts of a grammar, and so shows what one can write.

It reads what llama.cpp's parser does of literals, classes, groups, choices, `?`, `*`, `+` and `{m,n}`.
"""

import random
import re
from typing import Any

_TOKEN = re.compile(
    r'\s*(?:(?P<lit>"(?:[^"\\]|\\.)*")|(?P<cls>\[(?:[^\]\\]|\\.)*\])|(?P<rep>\{\d+(?:,\d*)?\}|[?*+])|(?P<sym>[()|])|(?P<name>[a-zA-Z][a-zA-Z0-9-]*))'
)
_ESCAPE = re.compile(r"\\(?:x([0-9A-F]{2})|u([0-9A-F]{4})|U([0-9A-F]{8})|(.))", re.S)
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}
_PLAIN = "etaoinshrdlu"


def plain(text: str) -> str:
    """Return what a literal's inside says."""

    def one(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        return chr(int(code, 16)) if code else _NAMED.get(match[4], match[4])

    return _ESCAPE.sub(one, text)


class Grammar:
    """The rules of a grammar by name."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Any] = {}
        for line in text.splitlines():
            name, _, body = line.partition(" ::= ")
            assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9-]*", name), line
            assert name not in self.rules, f"{name} twice"
            tokens = []
            at = 0
            while at < len(body):
                match = _TOKEN.match(body, at)
                assert match, body[at : at + 40]
                tokens.append((match.lastgroup, match[match.lastgroup or 0]))
                at = match.end()
            self.rules[name], rest = _choice(tokens, 0)
            assert rest == len(tokens), line
        for name in self.names():
            assert name in self.rules, f"{name} is not written"

    def names(self) -> list[str]:
        """Return every name that a rule mentions."""
        out = []

        def walk(node: Any) -> None:
            if node[0] == "name":
                out.append(node[1])
            elif node[0] in ("seq", "alt"):
                for one in node[1]:
                    walk(one)
            elif node[0] == "rep":
                walk(node[1])

        for node in self.rules.values():
            walk(node)
        return out

    def draw(self, rng: random.Random) -> str:
        """Return a random text of the language: short repetitions mostly, the longest at times."""
        out: list[str] = []
        self._draw(self.rules["root"], rng, out)
        return "".join(out)

    def _draw(self, node: Any, rng: random.Random, out: list[str]) -> None:
        kind = node[0]
        if kind == "lit":
            out.append(node[1])
        elif kind == "class":
            out.append(_character(node, rng))
        elif kind == "name":
            self._draw(self.rules[node[1]], rng, out)
        elif kind == "seq":
            for one in node[1]:
                self._draw(one, rng, out)
        elif kind == "alt":
            self._draw(rng.choice(node[1]), rng, out)
        else:
            low, high = node[2], node[3]
            high = low + 8 if high is None else high
            pick = rng.random()
            count = low if pick < 0.2 else high if pick < 0.4 else rng.randint(low, min(high, low + 6))
            for _ in range(count):
                self._draw(node[1], rng, out)


def _character(node: Any, rng: random.Random) -> str:
    _, negated, ranges = node
    if negated:
        while True:
            character = rng.choice((*_PLAIN, *"AZ09.,;:!?-*#[](){}<>\"'_/&", "é", "ж", "。"))
            if not any(low <= ord(character) <= high for low, high in ranges):
                return character
    if rng.random() < 0.98 or any(low == ord("a") for low, _ in ranges):  # look-alikes of other letters are rare
        usual = [c for c in _PLAIN if any(low <= ord(c) <= high for low, high in ranges)]
        if usual:
            return rng.choice(usual)
    low, high = rng.choice(ranges)
    return chr(rng.randint(low, high))


def _choice(tokens: list[tuple[str | None, str]], at: int) -> tuple[Any, int]:
    ways = []
    while True:
        items = []
        while at < len(tokens) and not (tokens[at][0] == "sym" and tokens[at][1] in "|)"):
            item, at = _item(tokens, at)
            while at < len(tokens) and tokens[at][0] == "rep":
                item, at = ("rep", item, *_bounds(tokens[at][1])), at + 1
            items.append(item)
        ways.append(("seq", items))
        if at < len(tokens) and tokens[at][1] == "|" and tokens[at][0] == "sym":
            at += 1
            continue
        return (("alt", ways) if len(ways) > 1 else ways[0]), at


def _item(tokens: list[tuple[str | None, str]], at: int) -> tuple[Any, int]:
    kind, text = tokens[at]
    if kind == "lit":
        return ("lit", plain(text[1:-1])), at + 1
    if kind == "cls":
        return _class(text[1:-1]), at + 1
    if kind == "name":
        return ("name", text), at + 1
    assert (kind, text) == ("sym", "("), (kind, text)
    inner, at = _choice(tokens, at + 1)
    assert tokens[at][1] == ")"
    return inner, at + 1


def _class(body: str) -> Any:
    negated = body.startswith("^")
    body = body[negated:]
    assert body, "an empty class"
    characters: list[tuple[str, bool]] = []  # with whether it is a bare hyphen
    at = 0
    while at < len(body):
        match = _ESCAPE.match(body, at)
        characters.append((plain(match[0]), False) if match else (body[at], body[at] == "-"))
        at = match.end() if match else at + 1
    ranges = []
    n = 0
    while n < len(characters):
        if n + 2 < len(characters) and characters[n + 1][1]:
            ranges.append((ord(characters[n][0]), ord(characters[n + 2][0])))
            n += 3
        else:
            ranges.append((ord(characters[n][0]), ord(characters[n][0])))
            n += 1
    return ("class", negated, ranges)


def _bounds(text: str) -> tuple[int, int | None]:
    if text in "?*+":
        return {"?": (0, 1), "*": (0, None), "+": (1, None)}[text]  # type: ignore[return-value]
    low, comma, high = text[1:-1].partition(",")
    return int(low), int(high) if high else None if comma else int(low)
