"""
`no_pii`: personal data in the formats that can be told by their form.

Names and addresses of people have no form and are not found. Each format was chosen so that what it finds is what it
says: numbers with a check digit must satisfy it, phone numbers must be written as such (see `NoPii`).
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from steady.rules.checksums import IBAN_LENGTH, base58check, bech32, card, iban
from steady.rules.rule import EVERYWHERE, Rule
from steady.rules.scan import Format, Scanner, between_words, ends_word
from steady.types import Surface

PiiKind = Literal["email", "phone", "credit_card", "iban", "us_ssn", "ip", "mac", "crypto"]
ALL: tuple[PiiKind, ...] = ("email", "phone", "credit_card", "iban", "us_ssn", "ip", "mac", "crypto")

_WORDS = {
    "email": "email addresses",
    "phone": "phone numbers",
    "credit_card": "payment card numbers",
    "iban": "bank account numbers",
    "us_ssn": "social security numbers",
    "ip": "IP addresses",
    "mac": "hardware addresses",
    "crypto": "cryptocurrency addresses",
}
_BREAKS = "[]<>{}*"  # characters that no format holds: a replacement that ends in them can't become part of a match
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


def _ssn(view: str, start: int, end: int) -> int | None:
    area, group, serial = re.split("[ -]", view[start:end])
    issued = area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
    return ends_word(view, start, end) if issued else None


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


_EXTENSION = r"(?: ?(?:x|ext\.?) ?[0-9]{1,6})?"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_HEX = "[0-9A-Fa-f]"
_NOT_NUMBER = r"[^0-9A-Za-z\x01.,/$#_-]"
_ANYTHING = r"[\x00-\x7f]"

FORMATS: dict[PiiKind, tuple[Format, ...]] = {
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
    "us_ssn": (
        Format(
            "us_ssn",
            r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}",
            before=r"[^0-9A-Za-z\x01-]",
            confirm=_ssn,
        ),
    ),
    "phone": (
        Format(
            "phone",
            r"\+[0-9](?:[ ./()-]{0,2}[0-9]){7,14}" + _EXTENSION,
            before=_ANYTHING,
            confirm=_international,
        ),
        Format(
            "phone",
            r"\([0-9]{2,5}\)[ -]?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){1,3}" + _EXTENSION,
            before=_ANYTHING,
            confirm=_national,
        ),
        Format(
            "phone",
            r"(?:(?:1[ .-]?)?(?:\([0-9]{3}\) ?|[0-9]{3}[.-])[0-9]{3}[ .-][0-9]{4}|[0-9]{3} [0-9]{3}[ -][0-9]{4}"
            r"|00[1-9][0-9]{0,2}(?:[ ./-][0-9]{1,5}){2,5}|0[1-9][0-9]{0,3}(?:[ ./-][0-9]{2,8}){1,4})" + _EXTENSION,
            before=_NOT_NUMBER,
            confirm=_national,
        ),
    ),
}


def splits(before: str, after: str) -> bool:
    """Whether a hidden run between these two can split a number or address: words, or a number and its separator."""
    if between_words(before, after):
        return True
    gap = " ()"
    number = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return (before in number and after in gap) or (before in gap and after in number)


class NoPii(Rule, frozen=True, kw_only=True, tag="no_pii"):
    """
    Personal data must not appear. What was found is never shown, logged or kept.

    Found, on a view in which full-width digits, dashes and spaces are folded and invisible characters left out:

    - `email`: local part up to 64 characters, domain up to 73, letters of any script.
    - `phone`: 8 to 15 digits after `+`; or written with an area code and separators or parentheses: North American
      3-3-4, `00` and country, a leading 0 and groups, an area code in parentheses. Not: digits without separators,
      7-digit local numbers, dates, decimals, prices, anything joined to another number by `.`, `,`, `/` or `-`.
    - `credit_card`: 12 to 19 digits, in the usual groups or none, of an issuer in use, with a valid check digit (Luhn).
    - `iban`: the country's length and a valid check (mod 97), with or without separators.
    - `us_ssn`: 3-2-4 digits with separators, in the ranges that are issued.
    - `ip`: IPv4 and IPv6 but for loopback, unspecified and very short IPv6 addresses.
    - `mac`: six pairs, or three groups of four, of hexadecimal digits.
    - `crypto`: Bitcoin addresses with a valid checksum (base58check, bech32, bech32m); Ethereum addresses (0x and 40
      hexadecimal digits; their optional checksum of letter case is not asked for).
    """

    example: ClassVar[Mapping[str, Any]] = {"kinds": ["email", "phone"], "on_fail": "fix"}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    sensitive: ClassVar[bool] = True
    can_fix: ClassVar[bool] = True

    kinds: tuple[PiiKind, ...] = ALL
    """The kinds looked for; all if not given."""
    replace: str = "label"
    """What a fix puts there: `label` ([EMAIL]), `mask` (one * for each character), or a text that begins and ends in
    one of []<>{}*."""

    def build(self) -> Scanner:
        """See Rule."""
        if not self.kinds:
            raise ValueError(f"`kinds` is empty: name at least one of {', '.join(ALL)}, or leave it out for all.")
        custom = self.replace not in ("label", "mask")
        if custom and not (self.replace[:1] in _BREAKS and self.replace[-1:] in _BREAKS and self.replace):
            raise ValueError(
                "`replace` must be `label`, `mask` or a text that begins and ends in one of []<>{}*, "
                "so that it can't run together with what stands beside it."
            )
        forms = [form for kind in FORMATS if kind in self.kinds for form in FORMATS[kind]]
        scanner = Scanner(forms, self._replacement, "The text holds personal data of a kind that is forbidden.", splits)
        if custom and any(scanner.find(self.replace)):
            raise ValueError("`replace` is itself personal data of a forbidden kind.")
        return scanner

    def _replacement(self, label: str, raw: str) -> str:
        if self.replace == "label":
            return f"[{label.upper()}]"
        return "*" * len(raw) if self.replace == "mask" else self.replace

    def statement(self) -> str:
        """See Rule."""
        return f"Do not include {', '.join(_WORDS[kind] for kind in ALL if kind in self.kinds)}."
