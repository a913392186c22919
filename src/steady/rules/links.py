"""The rule `links_well_formed`: every link can be followed, as it is spelled."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from steady.rules.json_text import shown
from steady.rules.rule import ANSWER, Context, Rule, Streams, Whole
from steady.types import Edit, Finding, Piece, Span, Surface

MAX_LINKS = 5_000  # that are looked at; a text with more fails
MAX_URL = 2_048  # characters, what every browser and server takes
_MARKDOWN = re.compile(r"\[([^\[\]\n]{0,300})\]\(([^()\n]{0,2100}(?:\([^()\n]{0,300}\)[^()\n]{0,300}){0,3})(\)?)")
_TITLE = re.compile(r"^(\S*)\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\))\s*$")
_BARE = re.compile(r"(?<![\w(<])(?i:https?|ftp)://[^\s<>\"`]{0,2100}|<((?i:[a-z][a-z0-9+.-]{1,20}):[^<>\n]{1,2100})>")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.S)
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)", re.ASCII)
_ILLEGAL = re.compile(r"[\s\x00-\x1f\x7f<>\"{}|\\^`]")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LOCAL = ("localhost", "localdomain", "local", "internal", "home.arpa", "lan", "test", "invalid", "onion")


class LinksWellFormed(Rule, frozen=True, kw_only=True, tag="links_well_formed"):
    """
    Every link is spelled so that it can be followed: `https://...`, `<https://...>` and Markdown's links.

    A link fails whose scheme is not legal, whose host is empty, no host name (RFC 1123; international names as they
    are typed) or without a dot, whose port is above 65535, that holds characters which RFC 3986 does not allow or a
    `%` that is no escape, or that is over 2,048 characters long. A Markdown link fails that is not closed, or has no
    text or no target. Nothing is asked of the network: whether the page exists is not known. There is no fix.
    """

    example: ClassVar[Mapping[str, Any]] = {"on_fail": "reask"}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER

    schemes: tuple[str, ...] = ("https", "http", "mailto", "tel")
    """The schemes that a link may have."""
    relative: bool = True
    """Whether Markdown links may lead to a path or an anchor (`/help`, `#top`)."""
    private: bool = False
    """Whether links may lead to this machine or a private network (`localhost`, `10.0.0.1`, `*.internal`)."""
    text: bool = True
    """Whether a Markdown link that is no image needs a text."""

    def build(self) -> "_Links":
        """See Rule."""
        if not self.schemes:
            raise ValueError("`schemes` is empty: name at least one, such as https.")
        for scheme in self.schemes:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
                raise ValueError(f"`schemes` holds {scheme!r}; give a scheme without `:`, such as https.")
        return _Links(self)

    def statement(self) -> str:
        """See Rule."""
        return f"Write links in full and correctly, with one of these schemes: {', '.join(self.schemes)}."


class _Links:
    streams: Streams = Whole("a link is judged when it is complete")

    def __init__(self, rule: LinksWellFormed) -> None:
        self._rule = rule
        self._schemes = frozenset(scheme.lower() for scheme in rule.schemes)

    def judge(self, piece: Piece, context: Context) -> Finding:
        wrong: list[tuple[Span, str]] = []
        for count, (span, said) in enumerate(self._links(piece.text)):
            if count >= MAX_LINKS:
                return Finding(passed=False, reason=f"There are more than {MAX_LINKS:,} links, which is not read.")
            if said:
                wrong.append((span, said))
        if not wrong:
            return Finding(passed=True)
        some = "; ".join(f"{shown(repr(piece.text[s.start : s.end]), 60)}: {said}" for s, said in wrong[:5])
        more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return Finding(passed=False, reason=f"{shown(some, 900)}{more}.", spans=tuple(span for span, _ in wrong))

    def _links(self, text: str) -> Iterator[tuple[Span, str]]:
        taken = 0
        marks = [(found, True) for found in _MARKDOWN.finditer(text)]
        bare = [(found, False) for found in _BARE.finditer(text)]
        for found, markdown in sorted([*marks, *bare], key=lambda one: (one[0].start(), not one[1])):
            if found.start() < taken:
                continue
            if markdown:
                taken = found.end()
                image = text[found.start() - 1 : found.start()] == "!"
                yield Span(*found.span()), self._markdown(found, image)
            else:
                link = found[1] or _trimmed(found[0])
                taken = found.start() + len(link)
                yield Span(found.start(), taken if not found[1] else found.end()), self._url(link)

    def _markdown(self, found: "re.Match[str]", image: bool) -> str:
        if not found[3]:
            return "the link is not closed with `)`"
        if self._rule.text and not image and not found[1].strip():
            return "the link has no text"
        target = found[2].strip()
        titled = _TITLE.match(target)
        target = (titled[1] if titled else target).removeprefix("<").removesuffix(">")
        if not target:
            return "the link has no target"
        if _URL.match(target):
            return self._url(target)
        if target.startswith("//"):
            return self._url("https:" + target)
        if not self._rule.relative:
            return "the link is relative"
        return "it holds a character that no link may" if _ILLEGAL.search(target) else ""

    def _url(self, url: str) -> str:
        found = _URL.match(url)
        if found is None:
            return "it has no scheme"
        scheme, rest = found[1].lower(), found[2]
        if scheme not in self._schemes:
            return f"the scheme {scheme[:20]} is not legal here"
        if len(url) > MAX_URL:
            return f"it has more than {MAX_URL:,} characters"
        if _ILLEGAL.search(url):
            return "it holds a character that no link may"
        if _PERCENT.search(rest):
            return "a % in it is no escape"
        if scheme in ("mailto", "tel"):
            legal = "@" in rest.strip("@") if scheme == "mailto" else bool(re.fullmatch(r"\+?[\d().;=\w-]{3,40}", rest))
            return "" if legal else "it has no address"
        if not rest.startswith("//"):
            return "`//` is missing after the scheme"
        return self._host(re.split("[/?#]", rest[2:], maxsplit=1)[0])

    def _host(self, authority: str) -> str:
        host, colon, port = authority.rpartition("@")[2], "", ""
        if not host.endswith("]"):
            split = re.fullmatch(r"(.*?)(:)([^:\]]*)", host)
            host, colon, port = (split[1], split[2], split[3]) if split else (host, "", "")
        if colon and (not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) <= 65_535):
            return "its port is none"
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return self._name(host)
        return "it leads to a private address" if not self._rule.private and not address.is_global else ""

    def _name(self, host: str) -> str:
        try:
            name = host.removesuffix(".").encode("ascii").decode().lower()
        except UnicodeEncodeError:
            name = "".join(
                char if char.isascii() else "x" for char in host.removesuffix(".") if char.isalnum() or char in ".-"
            )
            if len(name) != len(host.removesuffix(".")):
                return "its host is no host name"
        labels = name.split(".")
        local = any(name == one or name.endswith("." + one) for one in _LOCAL)
        if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
            return "its host is no host name"
        if local:
            return "" if self._rule.private else "it leads to this machine or a private network"
        if len(labels) < 2 or labels[-1].isdigit():
            return "its host has no domain" if not self._rule.private else ""
        return ""

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """There is none: where a broken link was to lead is not known."""
        return () if self.judge(piece, context).passed else None


def _trimmed(link: str) -> str:
    """A link without the punctuation of the sentence that it stands in."""
    while link and (link[-1] in ".,;:!?'*_]}" or (link[-1] == ")" and link.count(")") > link.count("("))):
        link = link[:-1]
    return link
