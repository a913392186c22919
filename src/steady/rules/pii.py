"""
`no_pii`: personal data in the formats that can be told by their form.

Names of people and places have no form: see `presidio`. Each format was chosen so that what it finds is what it says:
numbers with a check digit must satisfy it, and where that is weak, or there is none, a word must say what follows.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from steady.rules.identity import IDENTITIES
from steady.rules.pii_forms import FORMATS, announcement
from steady.rules.rule import EVERYWHERE, Rule
from steady.rules.scan import Scanner, between_words
from steady.types import Surface

PiiKind = Literal[
    "email",
    "phone",
    "credit_card",
    "iban",
    "ip",
    "mac",
    "crypto",
    "date_of_birth",
    "us_ssn",
    "us_itin",
    "us_passport",
    "us_driver_license",
    "uk_nino",
    "uk_nhs",
    "ca_sin",
    "br_cpf",
    "br_cnpj",
    "in_aadhaar",
    "in_pan",
    "de_tax_id",
    "de_pension",
    "fr_nir",
    "it_codice_fiscale",
    "es_dni",
    "nl_bsn",
    "pl_pesel",
    "se_personnummer",
    "au_tfn",
    "au_medicare",
    "za_id",
    "cn_resident_id",
    "sg_nric",
    "fi_hetu",
    "ch_ahv",
    "be_national",
]
ALL: tuple[PiiKind, ...] = get_args(PiiKind)

_WORDS = {
    "email": "email addresses",
    "phone": "phone numbers",
    "credit_card": "payment card numbers",
    "iban": "bank account numbers",
    "ip": "IP addresses",
    "mac": "hardware addresses",
    "crypto": "cryptocurrency addresses",
    "date_of_birth": "dates of birth",
    **{kind: entry.plural for kind, entry in IDENTITIES.items()},
}
_BREAKS = "[]<>{}"  # characters that no format holds: a replacement that ends in them can't become part of a match


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

    Found, on a view in which full-width digits, dashes and spaces are folded and invisible characters left out. "Named"
    means: only behind a word that announces it (`PESEL: 44051401359`, `call me on 467 3395`), which a fix leaves
    standing. Each number with a check must satisfy it.

    - `email`: local part up to 64 characters, domain up to 73, letters of any script (RFC 5321, section 4.5.3).
    - `phone`: 8 to 15 digits after `+` (ITU-T E.164); or written with an area code and separators or parentheses: North
      American 3-3-4, `00` and country, a leading 0 and groups, an area code in parentheses; or 7 to 15 digits, named.
      Not: other digits without separators, 7-digit local numbers, dates, decimals, prices, anything joined to another
      number by `.`, `,`, `/` or `-`.
    - `credit_card`: 12 to 19 digits, in the usual groups or none, of an issuer in use (ISO/IEC 7812), Luhn.
    - `iban`: the country's length (SWIFT's registry) and ISO 13616's remainder 1 modulo 97, with or without separators.
    - `ip`: IPv4 and IPv6 but for loopback, unspecified and very short IPv6 addresses (RFC 791, RFC 4291).
    - `mac`: six pairs, or three groups of four, of hexadecimal digits (IEEE 802).
    - `crypto`: Bitcoin addresses with their checksum (base58check; bech32 of BIP 173, bech32m of BIP 350); Ethereum
      addresses (0x and 40 hexadecimal digits; EIP-55's optional checksum of letter case is not asked for).
    - `date_of_birth`: a date from 1900 on, in digits or with the month as a word; named ("born", "date of birth", ...).
    - `us_ssn`: 3-2-4 digits with separators, or nine, named; in the ranges that are issued (SSA).
    - `us_itin`: 9xx and a group that is issued, with separators or named (IRS). `us_passport`: 8 or 9 digits, a letter
      before them or not; `us_driver_license`: 5 to 18 letters and digits. Both named; they have no public check.
    - `uk_nino`: two letters, six digits, A to D; prefixes in use (HMRC). `uk_nhs`: ten digits, modulo 11, named (NHS).
    - `ca_sin`: nine digits, Luhn, named (ESDC).
    - `br_cpf` and `br_cnpj`: two check digits modulo 11, the CNPJ with letters too; in points and dashes, or named
      (Receita Federal).
    - `in_aadhaar`: twelve digits, Verhoeff, named (UIDAI). `in_pan`: five letters, the fourth the holder's kind, four
      digits, a letter (Income Tax Department).
    - `de_tax_id`: eleven digits, ISO 7064 MOD 11,10, named (BZSt). `de_pension`: area, birth date, letter, serial and
      weighted digit sums modulo 10 (VKVV).
    - `fr_nir`: 15 digits, modulo 97, Corsica's 2A and 2B included (INSEE).
    - `it_codice_fiscale`: 16 letters and digits, check letter, letters in place of digits included (D.M. 23/12/1976).
    - `es_dni`: eight digits, or X, Y, Z and seven, and a letter modulo 23 (R.D. 1553/2005).
    - `nl_bsn`: nine digits, weighted sum modulo 11, named. `pl_pesel`: eleven, birth date, weighted sum, named.
    - `se_personnummer`: birth date and four digits, Luhn; with `-` or `+`, or named (Skatteverket).
    - `au_tfn` and `au_medicare`: weighted sums modulo 11 and 10, named (ATO, Services Australia).
    - `za_id`: thirteen digits, birth date, Luhn; in groups of 6, 4 and 3, or named.
    - `cn_resident_id`: 17 digits and a check, birth date, ISO 7064 MOD 11-2 (GB 11643).
    - `sg_nric`: S, T, F, G or M, seven digits, letter modulo 11 (ICA).
    - `fi_hetu`: birth date, century sign, serial, check modulo 31. `ch_ahv`: 756 and ten digits, EAN-13.
      `be_national`: birth date, modulo 97; in points and dash, or named.
    """

    example: ClassVar[Mapping[str, Any]] = {"kinds": ["email", "phone"], "on_fail": "fix"}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    sensitive: ClassVar[bool] = True
    can_fix: ClassVar[bool] = True

    kinds: tuple[PiiKind, ...] = ALL
    """The kinds looked for; all if not given."""
    replace: str = "label"
    """What a fix puts there: `label` ([EMAIL]), `mask` (one * for each character), or a text that begins and ends in
    one of []<>{}."""

    def build(self) -> Scanner:
        """See Rule."""
        if not self.kinds:
            raise ValueError(f"`kinds` is empty: name at least one of {', '.join(ALL)}, or leave it out for all.")
        custom = self.replace not in ("label", "mask")
        if custom and not (self.replace[:1] in _BREAKS and self.replace[-1:] in _BREAKS and self.replace):
            raise ValueError(
                "`replace` must be `label`, `mask` or a text that begins and ends in one of []<>{}, "
                "so that it can't run together with what stands beside it."
            )
        forms = [form for kind in FORMATS if kind in self.kinds for form in FORMATS[kind]]
        scanner = Scanner(forms, self._replacement, "The text holds personal data of a kind that is forbidden.", splits)
        if custom and any(scanner.find(self.replace)):
            raise ValueError("`replace` is itself personal data of a forbidden kind.")
        return scanner

    def _replacement(self, label: str, raw: str) -> str:
        kept = announcement(label, raw)
        if self.replace == "label":
            return f"{raw[:kept]}[{label.upper()}]"
        return raw[:kept] + ("*" * (len(raw) - kept) if self.replace == "mask" else self.replace)

    def statement(self) -> str:
        """See Rule."""
        return f"Do not include {', '.join(_WORDS[kind] for kind in ALL if kind in self.kinds)}."
