"""
The forms of personal data that `no_pii` searches for, but for national numbers (`identity.py`).

Each form was chosen so that what it finds is what it says. Where digits alone could be anything, a word must announce
them: `mobile: 737 219 628`, `born on 7/14/1995`.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from steady.rules.checksums import IBAN_LENGTH, base58check, bech32, card, iban
from steady.rules.identity import IDENTITIES, NUMBER_EDGE, formats, lead, named
from steady.rules.identity_checks import day
from steady.rules.normal import plain
from steady.rules.scan import Confirm, Format, ends_word

_NOT_DIGIT = re.compile(r"\D")
_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2,4}|\d{4}([./-])\d{1,2}\2\d{1,2}")
_GROUPS = re.compile(r"\d+")
_PAIRS = re.compile(r"\d\d(?:[ ./-]\d\d)+")


def _card(view: str, start: int, end: int) -> int | None:
    """The longest part from `start` that is a card number and ends as a number."""
    digits = _NOT_DIGIT.sub("", view[start:end])
    while len(digits) >= 12:
        if ends_word(view, start, end) and card(digits):
            return end
        last = view.rfind(" ", start, end), view.rfind("-", start, end)
        end = max(last)  # a shorter number can end only where a group does
        digits = _NOT_DIGIT.sub("", view[start:end]) if end > 0 else ""
    return None


def _iban(view: str, start: int, end: int) -> int | None:
    wanted = IBAN_LENGTH.get(view[start : start + 2].upper(), 0)
    seen = 0
    for at in range(start, end):
        seen += view[at].isalnum()
        if seen == wanted:
            compact = view[start : at + 1].replace(" ", "").replace("-", "")
            return at + 1 if ends_word(view, start, at + 1) and iban(compact) else None
    return None


def _ip4(view: str, start: int, end: int) -> int | None:
    address = ipaddress.IPv4Address(view[start:end])
    return None if address.is_loopback or address.is_unspecified else ends_word(view, start, end)


def _ip6(view: str, start: int, end: int) -> int | None:
    """The longest valid part that ends as a word does."""
    while view.count(":", start, end) >= 2:
        if _is_ip6(view[start:end]) and ends_word(view, start, end):
            return end
        end = view.rindex(":", start, end)
    return None


def _is_ip6(text: str) -> bool:
    if sum(map(bool, text.split(":"))) < 3 or not any(map(str.isdigit, text)):
        return False  # `a::b` is a name in many programming languages
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def _crypto(view: str, start: int, end: int) -> int | None:
    text = view[start:end]
    valid = text[:2] == "0x" or (bech32(text) if text[:2].lower() == "bc" else base58check(text))
    return ends_word(view, start, end) if valid else None


def _digits(low: int, high: int) -> "re.Pattern[str]":
    return re.compile(rf"(?:\D*\d){{{low},{high}}}\D*")


_NUMBER = _digits(8, 15)


def _international(view: str, start: int, end: int) -> int | None:
    number = re.split("[xe]", view[start:end])[0]
    return ends_word(view, start, end) if _NUMBER.fullmatch(number) else None


def _national(view: str, start: int, end: int) -> int | None:
    number = re.split("[xe]", view[start:end])[0]
    if _PAIRS.fullmatch(number):
        return ends_word(view, start, end) if len(number) == 14 else None  # five pairs: French; else hours or codes
    groups = _GROUPS.findall(number)
    short = sum(map(len, groups)) < (10 if len(groups) == 2 else 8)  # `03262 2437` is a place and a house
    if short or _DATE.match(number):
        return None
    return ends_word(view, start, end) if _NUMBER.fullmatch(number) else None


def _before_a_word(valid: Callable[[str, int, int], int | None]) -> Confirm:
    """
    Return `valid`, asked again without the last group where that runs into a word: `020 7946 0958 12pm`.

    The word may be the beginning of something that a fix takes away (`0411 1111 2222 3333joe@example.com`); what stands
    before it must not become a number only then.
    """

    def confirm(view: str, start: int, end: int) -> int | None:
        if ends_word(view, start, end) is not None:
            return valid(view, start, end)
        end = max(view.rfind(separator, start, end) for separator in " /()")
        while end > start and not view[end - 1].isdigit():
            end -= 1
        return valid(view, start, end) if end > start else None

    return confirm


_EXTENSION = r"(?: ?(?:x|ext\.?) ?[0-9]{1,6})?"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_HEX = "[0-9A-Fa-f]"
_ANYTHING = r"[\x00-\x7f]"

# Words that announce a phone number in the languages of most users, and verbs that do with a preposition.
_PHONE_WORDS = (
    r"(?:tele)?phones?|telefono|telefoon|telefon(?:nummer)?|t\x01l\x01phone|telefone|tel|tlf|ph|mobiles?|m\x01vil"
    r"|mobil(?:nummer|telefon)?|cell(?:ular|phone)?|celular|cellulare|handy(?:nummer)?|rufnummer|portable|puhelin"
    r"|mob|fax|hotline|helpline|pager|whats ?app|sms|contact (?:number|no)|(?-i:[TMPF]:)"
    r"|(?:my|his|her|their|our) (?:[a-z]{1,10} )?number|(?:call|dial|ring)(?:ed|ing)?"
    r"|(?:office|desk|work|home|direct|main|switchboard) ?:"
    r"|(?:call|dial|ring|text|messag|reach|contact|answer|phon)(?:e|ed|es|ing|s|able)?(?: [a-z]{1,10}){0,2}"
    r" (?:at|on|to|under|via)"
)
_ANNOUNCED = r"[+(]?[0-9](?:[ ./()-]{0,2}[0-9]){5,18}" + _EXTENSION
_YEARS = re.compile(r"(?:19|20)\d\d\D(?:19|20)\d\d")
_DOTTED = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")


def _announced(view: str, start: int, end: int) -> int | None:
    """Any 7 to 15 digits that a word says are a phone number, but for dates, years, counts, cards and addresses."""
    number = re.split("[xe]", view[start:end])[0]
    digits = _NOT_DIGIT.sub("", number)
    other = _DATE.match(number) or _YEARS.fullmatch(number) or _DOTTED.fullmatch(number) or card(digits)
    if not 7 <= len(digits) <= 15 or other or _GROUPS.findall(number)[-1] == "000":
        return None
    return ends_word(view, start, end)


def _labelled(view: str, start: int, end: int) -> int | None:
    """A number behind which a line ends with what it is: `655 437 108 office`."""
    if view[end : end + 1] not in ("", "\n", "\r", ",", ";", ")"):
        return None
    number = re.match(r"[0-9 ()./+-]*[0-9]", view[start:end])
    return _announced(view, start, start + number.end()) if number else None


_BIRTH_WORDS = (
    r"born|birth ?date|birthday|date of birth|d\.?o\.?b\.?|geboren|geburtsdatum|geb\.|n\x01e?|date de naissance"
    r"|fecha de nacimiento|nacid[oa]|nat[oa]|data di nascita|geboortedatum|data de nascimento|nascid[oa]"
)
_MONTH = r"[A-Za-z\x01]{3,10}"
_DAY = r"[0-9]{1,2}(?:st|nd|rd|th)?"
_BIRTH = (
    r"[0-9]{1,2}[./ -][0-9]{1,2}[./ -][0-9]{2}(?:[0-9]{2})?|[0-9]{4}[./-][0-9]{1,2}[./-][0-9]{1,2}"
    rf"|{_DAY}\.?(?: of| de)? {_MONTH}\.?,?(?: de)? [0-9]{{4}}|{_MONTH}\.? {_DAY},? [0-9]{{4}}"
)


def _birth(view: str, start: int, end: int) -> int | None:
    """A date from 1900 on, or one with two digits for the year; day and month in either order."""
    numbers = _GROUPS.findall(view[start:end])
    years = [number for number in numbers if len(number) == 4]
    rest = [int(number) for number in numbers if len(number) != 4]
    if len(numbers) == 3 and not years:
        rest = rest[:2]
    right = len(rest) == 1 or day(rest[0], rest[1]) or day(rest[1], rest[0])
    if not right or min(rest) < 1 or max(rest) > 31 or any(not "1900" <= year < "2100" for year in years):
        return None
    return ends_word(view, start, end)


_FORMATS: dict[str, tuple[Format, ...]] = {
    "date_of_birth": (named("date_of_birth", _BIRTH_WORDS, _BIRTH, _birth),),
    "email": (
        Format(
            "email",
            r"[0-9A-Za-z\x01][0-9A-Za-z\x01._%+'-]{0,63}@[0-9A-Za-z\x01][0-9A-Za-z\x01.-]{0,47}\.[A-Za-z\x01]"
            r"[0-9A-Za-z\x01-]{1,23}",
            confirm=ends_word,
        ),
    ),
    "iban": (
        Format("iban", r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[0-9A-Za-z]{4}){2,7}(?:[ -]?[0-9A-Za-z]{1,3})?", confirm=_iban),
    ),
    "crypto": (
        Format(
            "crypto",
            r"0x[0-9A-Fa-f]{40}|(?:bc1|BC1)[0-9A-Za-z]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34}",
            confirm=_crypto,
        ),
    ),
    "mac": (
        Format(
            "mac",
            rf"(?:{_HEX}{{2}}:){{5}}{_HEX}{{2}}|(?:{_HEX}{{2}}-){{5}}{_HEX}{{2}}|(?:{_HEX}{{4}}\.){{2}}{_HEX}{{4}}",
            before=r"[^0-9A-Za-z\x01:-]",
            confirm=ends_word,
        ),
    ),
    "ip": (
        Format("ip", rf"(?:{_OCTET}\.){{3}}{_OCTET}", before=r"[^0-9A-Za-z\x01.-]", confirm=_ip4),
        Format("ip", rf"{_HEX}{{1,4}}(?::{_HEX}{{0,4}}){{2,7}}", before=r"[^0-9A-Za-z\x01:]", confirm=_ip6),
    ),
    "credit_card": (
        Format(
            "credit_card",
            r"[0-9]{4}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,4}(?:[ -]?[0-9]{1,3})?|[0-9]{4}[ -]?[0-9]{6}[ -]?[0-9]{4,5}"
            r"|[0-9]{12,19}",
            confirm=_card,
        ),
    ),
    **{kind: formats(kind) for kind in IDENTITIES},
    "phone": (
        Format(
            "phone",
            r"\+[0-9](?:[ ./()-]{0,2}[0-9]){7,14}" + _EXTENSION,
            before=_ANYTHING,
            confirm=_before_a_word(_international),
        ),
        Format(
            "phone",
            r"\([0-9]{2,5}\)[ -]?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){1,3}" + _EXTENSION,
            before=_ANYTHING,
            confirm=_before_a_word(_national),
        ),
        Format(
            "phone",
            r"(?:(?:1[ .-]?)?(?:\([0-9]{3}\) ?|[0-9]{3}[.-])[0-9]{3}[ .-][0-9]{4}|[0-9]{3} [0-9]{3}[ -][0-9]{4}"
            r"|00[1-9][0-9]{0,2}(?:[ ./-][0-9]{1,5}){2,5}|0[1-9][0-9]{0,3}(?:[ ./-][0-9]{2,8}){1,4})" + _EXTENSION,
            before=NUMBER_EDGE,
            confirm=_before_a_word(_national),
        ),
        named("phone", _PHONE_WORDS, _ANNOUNCED, _before_a_word(_announced)),
        Format(
            "phone",
            r"[+(]?[0-9]{2,4}\)?(?:[ .-]?[0-9]{2,4}){2,4} ?\(?(?i:office|mobile|cell|fax|tel)",
            before=NUMBER_EDGE,
            confirm=_labelled,
        ),
    ),
}
FORMATS: Mapping[str, tuple[Format, ...]] = MappingProxyType(_FORMATS)
"""Kind -> what to search for; of two that begin at one place the earlier wins."""

_LEADS: Mapping[str, "re.Pattern[str]"] = MappingProxyType(
    {
        "phone": lead(_PHONE_WORDS, _ANNOUNCED),
        "date_of_birth": lead(_BIRTH_WORDS, _BIRTH),
        **{kind: lead(entry.words, entry.form) for kind, entry in IDENTITIES.items() if entry.words},
    }
)


def announcement(kind: str, raw: str) -> int:
    """Return how many characters of a match are the words before its number, which a fix leaves standing."""
    words = _LEADS.get(kind)
    view = plain(raw)
    found = words.match(view.text) if words else None
    return view.starts[found.end()] if found else 0
