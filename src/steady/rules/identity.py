"""
The numbers by which states know people, as formats to search for: how each is written, and what must stand before it.

A number that its form and check make unlikely to be anything else is found wherever it stands (`loose`). One that any
tenth or hundredth number would pass counts only behind a word that says what it is (`named`): `PESEL: 44051401359`.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from steady.rules import identity_checks as check
from steady.rules.scan import Confirm, Format, ends_word

# No bracket or brace: what a fix puts there holds one, and so is never read as the word before a number.
BETWEEN = r"[^0-9A-Za-z\x01\[\]<>{}$]{1,5}"
_FILLER = (
    "number|numero|nummer|num|no|nr|id|is|was|are|at|on|of|to|under|me|us|him|her|them|the|my|your|his|our|their|it|s"
    "|de|del|der|ist|lautet|est|es|am|le|il|el|em|op|in"
)
GAP = rf"{BETWEEN}(?:(?i:{_FILLER}){BETWEEN}){{0,3}}"  # between a word and the number that it announces
NUMBER_EDGE = r"[^0-9A-Za-z\x01.,/$#_-]"  # what may stand before a bare number

_SEPARATORS = re.compile(r"[^0-9A-Za-z]")


class Identity(NamedTuple):
    """One kind of number."""

    plural: str  # for a sentence: "British NHS numbers"
    form: str  # RE2; the only groups are (?:...)
    valid: Callable[[str], bool]  # of the number without separators, in capitals
    words: str = ""  # RE2 alternatives, one of which must stand before it; "": found wherever it stands
    loose: str = ""  # a narrower form that is found without the words


def _d(*groups: int, sep: str = "[ .-]?") -> str:
    """The form of digit groups with a separator between them."""
    return sep.join(f"[0-9]{{{n}}}" for n in groups)


def _any(number: str) -> bool:
    return any(map(str.isdigit, number))


_DATED = r"(?:[0-9]{2})?[0-9]{6}"
_CF_DIGIT = "[0-9LMNPQRSTUVlmnpqrstuv]"

IDENTITIES: Mapping[str, Identity] = MappingProxyType(
    {
        "us_ssn": Identity(
            "US social security numbers",
            r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}|[0-9]{9}",
            check.us_ssn,
            r"ssn|social security",
            r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}",
        ),
        "us_itin": Identity(
            "US taxpayer numbers",
            _d(3, 2, 4),
            check.us_itin,
            r"itin|taxpayer",
            r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}",
        ),
        "us_passport": Identity("US passport numbers", r"[A-Za-z]?[0-9]{8,9}", _any, r"passport"),
        "us_driver_license": Identity(
            "US driver's licence numbers",
            r"[A-Za-z]{0,3}[0-9][0-9A-Za-z-]{4,17}",
            lambda number: sum(map(str.isdigit, number)) >= 5,
            r"driver'?s?'? licen[sc]e|driving licen[sc]e|licen[sc]e number|licen[sc]e no|d\.?l\.?",
        ),
        "uk_nino": Identity(
            "British national insurance numbers",
            r"[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
            check.uk_nino,
        ),
        "uk_nhs": Identity("British NHS numbers", _d(3, 3, 4), check.uk_nhs, r"nhs"),
        "ca_sin": Identity(
            "Canadian social insurance numbers",
            _d(3, 3, 3),
            check.ca_sin,
            r"sin|social insurance|nas|assurance sociale",
        ),
        "br_cpf": Identity(
            "Brazilian CPF numbers",
            r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}[- ]?[0-9]{2}",
            check.br_cpf,
            "cpf",
            r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
        ),
        "br_cnpj": Identity(
            "Brazilian CNPJ numbers",
            r"[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/?[0-9A-Z]{4}-?[0-9]{2}",
            check.br_cnpj,
            "cnpj",
            r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}",
        ),
        "in_aadhaar": Identity("Aadhaar numbers", _d(4, 4, 4, sep="[ -]?"), check.in_aadhaar, r"aadhaa?r|uidai|uid"),
        "in_pan": Identity("Indian PAN numbers", r"[A-Z]{5}[0-9]{4}[A-Z]", check.in_pan),
        "de_tax_id": Identity(
            "German tax ids",
            r"[0-9]{2}[ /]?[0-9]{3}[ /]?[0-9]{3}[ /]?[0-9]{3}",
            check.de_tax_id,
            r"steuer-?id|idnr|steuerliche identifikationsnummer|(?:steuer-?)?identifikationsnummer|steuernummer|tax id"
            r"|tin",
        ),
        "de_pension": Identity("German pension numbers", r"[0-9]{2} ?[0-9]{6} ?[A-Z] ?[0-9]{3}", check.de_pension),
        "fr_nir": Identity(
            "French social security numbers",
            r"[1-478] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
            check.fr_nir,
        ),
        "it_codice_fiscale": Identity(
            "Italian tax codes",
            rf"[A-Za-z]{{6}}{_CF_DIGIT}{{2}}[A-Za-z]{_CF_DIGIT}{{2}}[A-Za-z]{_CF_DIGIT}{{3}}[A-Za-z]",
            check.it_codice_fiscale,
        ),
        "es_dni": Identity("Spanish DNI and NIE numbers", r"(?:[0-9]|[XYZxyz]-?)[0-9]{7}[ -]?[A-Za-z]", check.es_dni),
        "nl_bsn": Identity(
            "Dutch citizen service numbers",
            r"[0-9]{4}[. ]?[0-9]{2}[. ]?[0-9]{3}|" + _d(3, 3, 3),
            check.nl_bsn,
            r"bsn|burgerservicenummer|sofi-?nummer|citizen service",
        ),
        "pl_pesel": Identity("Polish PESEL numbers", r"[0-9]{11}", check.pl_pesel, r"pesel"),
        "se_personnummer": Identity(
            "Swedish personal numbers",
            rf"{_DATED}[-+]?[0-9]{{4}}",
            check.se_personnummer,
            r"personnummer|samordningsnummer|personal identity",
            r"[0-9]{6}[-+][0-9]{4}",
        ),
        "au_tfn": Identity("Australian tax file numbers", _d(3, 3, 3), check.au_tfn, r"tfn|tax file"),
        "au_medicare": Identity(
            "Australian Medicare numbers",
            r"[0-9]{4}[ -]?[0-9]{5}[ -]?[0-9](?:[/ -]?[1-9])?",
            check.au_medicare,
            r"medicare(?: card)?",
        ),
        "za_id": Identity(
            "South African ids",
            _d(6, 4, 3, sep=" ?"),
            check.za_id,
            r"south african id|identity|sa id|rsa id|id",
            r"[0-9]{6} [0-9]{4} [0-9]{3}",
        ),
        "cn_resident_id": Identity("Chinese resident ids", r"[0-9]{17}[0-9Xx]", check.cn_resident_id),
        "sg_nric": Identity("Singaporean NRIC numbers", r"[STFGMstfgm][0-9]{7}[A-Za-z]", check.sg_nric),
        "fi_hetu": Identity("Finnish personal codes", r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", check.fi_hetu),
        "ch_ahv": Identity("Swiss AHV numbers", r"756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}", check.ch_ahv),
        "be_national": Identity(
            "Belgian national numbers",
            r"[0-9]{2}\.?[0-9]{2}\.?[0-9]{2}[- ]?[0-9]{3}[. ]?[0-9]{2}",
            check.be_national,
            r"rijksregisternummer|registre national|national register|insz|niss",
            r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}",
        ),
    }
)


def lead(words: str, form: str) -> "re.Pattern[str]":
    """Return the pattern of the words before a number: as few characters as may be, a form behind them."""
    lazy = BETWEEN + "?"
    return re.compile(rf"(?i:{words}){lazy}(?:(?i:{_FILLER}){lazy}){{0,3}}?(?={form})")


def named(label: str, words: str, form: str, valid: Callable[[str, int, int], int | None]) -> Format:
    """
    Return the format of a number behind one of `words`; the match begins with the word.

    Args:
        label: The kind.
        words: RE2 alternatives, in any case of letters.
        form: RE2 of the number.
        valid: A confirm for the number alone.
    """
    before = lead(words, form)

    def confirm(view: str, start: int, end: int) -> int | None:
        word = before.match(view, start, end)
        return valid(view, word.end(), end) if word else None

    return Format(label, rf"(?i:{words}){GAP}(?:{form})", confirm=confirm)


def _confirm(valid: Callable[[str], bool]) -> Confirm:
    def confirm(view: str, start: int, end: int) -> int | None:
        if ends_word(view, start, end) is None:
            return None
        return end if valid(_SEPARATORS.sub("", view[start:end]).upper()) else None

    return confirm


def formats(kind: str) -> tuple[Format, ...]:
    """Return what to search for one kind."""
    entry = IDENTITIES[kind]
    confirm = _confirm(entry.valid)
    loose = entry.loose if entry.words else entry.form
    out = (Format(kind, loose, NUMBER_EDGE, confirm),) if loose else ()
    return (*out, named(kind, entry.words, entry.form, confirm)) if entry.words else out
