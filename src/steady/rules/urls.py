"""
`no_urls`, `urls_allowed`: links of any kind, and where they lead.

A link is what a browser or a chat window would make one: a scheme and `//`, a scheme that acts without (`javascript:`,
`data:`, `mailto:`...), `//host` or `www.host`, and a bare `host.tld` whose last label is a top-level domain.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, ClassVar

from steady.rules.normal import visible
from steady.rules.rule import EVERYWHERE, Rule
from steady.rules.scan import Format, Scanner
from steady.types import Surface

_REST = 200  # characters of a link after its scheme; what is longer is found by its beginning and cut there

# Two-letter top-level domains are countries (ISO 3166, IANA root zone); of the others, the commonest in use.
_COUNTRIES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc "
    "cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga "
    "gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp "
    "ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms "
    "mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro "
    "rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt "
    "tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_GENERIC = (
    "com net org edu gov mil int info biz name pro aero coop museum jobs mobi travel asia cat tel xxx app dev page "
    "blog shop store online site website space tech xyz top club vip live life world today news media agency studio "
    "design cloud digital email network systems solutions services company group team work works social chat link "
    "click help support guru expert tips zone fun icu buzz monster bond sbs cfd lol win bid loan men date trade party "
    "racing review stream download science accountant cricket faith webcam gdn kim wang ren ltd inc llc gmbh bank "
    "finance money cash credit insurance legal law health care doctor clinic fit yoga art photo photos photography "
    "gallery pics video film music band audio game games bet casino poker sport football golf run bike auto car cars "
    "taxi rent house land estate property homes villas apartments hotel hotels holiday tours cruises flights "
    "restaurant cafe bar pub pizza wine beer coffee kitchen recipes garden farm pet dog love dating sexy adult porn "
    "wedding family kids baby school academy university college education training courses institute foundation "
    "charity church bible green eco energy solar engineering construction build builders tools repair cleaning supply "
    "supplies parts market marketing shopping deals discount sale cheap gift gifts toys fashion clothing shoes "
    "jewelry watch beauty makeup hair salon berlin london paris nyc tokyo wien koeln hamburg bayern swiss africa "
    "quebec onion local"
)
_TLDS = frozenset((_COUNTRIES + " " + _GENERIC).split())
# Ends of file names that are countries too: `main.rs`, `README.md`. A bare name of two labels with one is no link.
_FILES = (
    "ac",
    "as",
    "cc",
    "cs",
    "la",
    "md",
    "ml",
    "mm",
    "ms",
    "pl",
    "pm",
    "ps",
    "py",
    "rs",
    "sc",
    "sh",
    "so",
    "st",
    "vi",
)

_HOST = "0-9A-Za-z\\x01\\-"
_PATH = r"[^\x00\x02-\x20\x22<>`\x7f]"
_BARE_BEFORE = r"[^0-9A-Za-z\x01@/\\._%~+&#?\-]"
_DOMAIN = rf"[0-9A-Za-z\x01][{_HOST}.]{{0,100}}\.[A-Za-z\x01][{_HOST}]{{1,23}}"
_SCHEMES = "(?i:https?|ftps?|wss?|file|ssh|git)"
_GLUED = re.compile(_SCHEMES + "$")
_IS_DOMAIN = re.compile(_DOMAIN)
_TAIL = rf"(?::[0-9]{{1,5}})?(?:[/?#\\]{_PATH}{{0,60}})?"


def _trimmed(view: str, start: int, end: int) -> int:
    """The end of a link without the punctuation of the sentence that it stands in."""
    while end > start:
        last = view[end - 1]
        if last in ".,;:!?'*_|}]" or (last == ")" and view.count(")", start, end) > view.count("(", start, end)):
            end -= 1
        else:
            break
    return end


def _full(view: str, start: int, end: int) -> int | None:
    end = _trimmed(view, start, end)
    head = view.find(":", start, end)
    return end if head > 0 and end > head + 1 and view[start:end].rstrip("/\\") != view[start : head + 1] else None


def _tld(label: str) -> bool:
    one_case = label == label.lower() or label == label.upper()
    return one_case and (label.lower() in _TLDS or label.lower().startswith("xn--") or "\x01" in label)


def _bare(view: str, start: int, end: int) -> int | None:
    """The longest part of a dotted name that ends in a top-level domain; not an address of e-mail, not a file."""
    found = _IS_DOMAIN.match(view, start, end)
    if found is None:
        return None
    stop = found.end()
    if view.startswith("://", stop):  # `host.tldhttps://...`: the link behind it is found by itself
        stop = start + len(_GLUED.sub("", view[start:stop]))
    labels = view[start:stop].split(".")
    while len(labels) > 1 and not _tld(labels[-1]):
        stop -= len(labels.pop()) + 1
    whole = stop == found.end()
    after = view[stop : stop + 1]
    if len(labels) < 2 or after == "@" or (whole and (after.isalnum() or after in ("_", "\x01"))):
        return None
    if "\x01" in labels[-1] and not all(char == "\x01" for char in labels[-1]):
        return None
    path = whole and stop < end
    if len(labels) == 2 and labels[-1].lower() in _FILES and labels[0].lower() != "www" and not path:
        return None
    return _trimmed(view, start, end) if whole else stop


FORMATS: tuple[Format, ...] = (
    Format("url", rf"{_SCHEMES}://{_PATH}{{1,{_REST}}}", before=r"[\x00-\x7f]", confirm=_full),
    Format(
        "url",
        rf"[A-Za-z][0-9A-Za-z+.\-]{{1,14}}:(?://|\\\\){_PATH}{{1,{_REST}}}",
        before=r"[^0-9A-Za-z\x01+.\-]",
        confirm=_full,
    ),
    Format(
        "url",
        rf"(?i:javascript:|vbscript:|mailto:|blob:|file:|data:[a-z]{{2,15}}/|https?:)[0-9A-Za-z\x01%(/\\]{_PATH}{{0,{_REST}}}",
        before=r"[^0-9A-Za-z\x01]",
        confirm=_full,
    ),
    Format(
        "url",
        rf"(?://|\\\\){_DOMAIN}{_TAIL}",
        before=r"[^0-9A-Za-z\x01:/\\.\-]",
        confirm=lambda view, start, end: _bare(view, start + 2, end),
    ),
    Format("url", rf"(?i:www)\.{_DOMAIN}{_TAIL}", before=_BARE_BEFORE, confirm=_trimmed),
    Format("domain", rf"{_DOMAIN}{_TAIL}", before=_BARE_BEFORE, confirm=_bare),
)


def _unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return label


def _name(host: str) -> str:
    """A host in the one form in which hosts are compared: NFKC, lower case, Unicode labels, no dot at the end."""
    host = unicodedata.normalize("NFKC", visible(host)).casefold()
    host = re.sub("[。．｡]", ".", host).removesuffix(".")
    return ".".join(_unicode(label) for label in host.split("."))


def destination(link: str) -> tuple[str, str] | None:
    """
    Return (scheme, host) of a link, "" for a scheme that is not written, or None where readers could disagree.

    None: user information before the host, a backslash, a percent sign or white space in the authority, a port that is
    no number, no host at all. The host is compared in Unicode, so `xn--` labels and their Unicode form are one.
    """
    link = unicodedata.normalize("NFKC", visible(link))
    found = re.match(r"([A-Za-z][A-Za-z0-9+.\-]*):", link)
    rest = link[found.end() :] if found and not re.match(r"\d{1,5}(?:[/?#]|$)", link[found.end() :]) else link
    scheme = found[1].lower() if found and rest is not link else ""
    if scheme and not rest.startswith("//"):
        return (scheme, "")
    authority = re.split("[/?#]", rest.removeprefix("//"), maxsplit=1)[0]
    host, colon, port = authority.rpartition(":") if re.search(r":[^\]]*$", authority) else (authority, "", "")
    if not host or re.search(r"[\\@%\s]", authority) or (colon and not re.fullmatch(r"\d{0,5}", port)):
        return None
    return (scheme, _name(host))


class _Links(Scanner):
    def __init__(self, replace: str, reason: str, allowed: "UrlsAllowed | None" = None) -> None:
        super().__init__(FORMATS, lambda label, raw: replace, reason)
        self._schemes = frozenset(scheme.lower() for scheme in allowed.schemes) if allowed else frozenset()
        self._domains = frozenset(map(_name, allowed.domains)) if allowed else frozenset()
        self._below = allowed is not None and allowed.subdomains

    def wanted(self, raw: str) -> bool:
        if not self._domains:
            return True
        leads = destination(raw)
        if leads is None:
            return True
        scheme, host = leads
        if scheme and scheme not in self._schemes:
            return True
        if host in self._domains:
            return False
        labels = host.split(".")
        return not (self._below and any(".".join(labels[at:]) in self._domains for at in range(1, len(labels))))


def _checked(replace: str) -> str:
    if not replace or replace[0] not in "[<{(" or replace[-1] not in "]>})":
        raise ValueError(
            "`replace` must begin and end with a bracket, so that it can't run together with a link beside it."
        )
    if any(_Links("", "").find(replace)):
        raise ValueError(f"`replace` {replace!r} itself holds a link.")
    return replace


class NoUrls(Rule, frozen=True, kw_only=True, tag="no_urls"):
    """
    No links: full ones, `//host`, `www.host`, bare domains of a known top-level domain, `javascript:` and the like.

    Addresses of e-mail are `no_pii`'s. File names such as `main.rs` and `README.md` are no domains.
    """

    example: ClassVar[Mapping[str, Any]] = {"on_fail": "fix"}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    can_fix: ClassVar[bool] = True

    replace: str = "[link removed]"
    """What a fix puts in the place of a link; must begin and end with a bracket."""

    def build(self) -> Scanner:
        """See Rule."""
        return _Links(_checked(self.replace), "The text holds a link; none is allowed.")

    def statement(self) -> str:
        """See Rule."""
        return "Do not include links or web addresses."


class UrlsAllowed(Rule, frozen=True, kw_only=True, tag="urls_allowed"):
    """
    Links may lead to some hosts only.

    A host is compared whole, in lower case, its `xn--` labels decoded, without port and final dot; look-alike letters
    are other letters. A link that readers could take in two ways fails: user information before the host
    (`https://good.com@evil.com`), a backslash or percent sign in it. So does a scheme that is not named. Bare domains
    (`evil.com`) count as links. A link inside a link, after `=` or a scheme, is judged too.
    """

    example: ClassVar[Mapping[str, Any]] = {"domains": ["example.com"]}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    can_fix: ClassVar[bool] = True

    domains: tuple[str, ...]
    """Hosts that links may lead to: `example.com`, `127.0.0.1`."""
    schemes: tuple[str, ...] = ("https", "http")
    """Schemes that a link may have."""
    subdomains: bool = True
    """Whether hosts below those in `domains` are allowed too."""
    replace: str = "[link removed]"
    """What a fix puts in the place of a link; must begin and end with a bracket."""

    def build(self) -> Scanner:
        """See Rule."""
        if not self.domains:
            raise ValueError("`domains` is empty: name at least one host, or use the rule no_urls.")
        for domain in self.domains:
            if not re.fullmatch(r"[^\s/:@?#\\%*]+", domain) or domain.strip(".") == "":
                raise ValueError(
                    f"`domains` holds {domain!r}: give a host alone, such as 'example.com', without scheme or path."
                )
        return _Links(_checked(self.replace), f"A link leads elsewhere than to {', '.join(self.domains[:20])}.", self)

    def statement(self) -> str:
        """See Rule."""
        return f"Link only to {', '.join(self.domains[:50])}."
