"""Checksums by which a number proves that it is what it looks like: cards, bank accounts, coin addresses."""

import hashlib
import re

# ISO/IEC 7812 issuer ranges in use, and the lengths that each has.
_CARDS = (
    (re.compile(r"4"), {13, 16, 19}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"3(?:0[0-5]|095|[689])"), {14, 15, 16, 17, 18, 19}),
    (re.compile(r"35"), {16, 17, 18, 19}),
    (re.compile(r"2131|1800"), {15}),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),
    (re.compile(r"5[06-9]|6"), set(range(12, 20))),
)

# SWIFT IBAN registry, release 99: country and length.
_IBAN = (
    "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BI:27 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22 DJ:27 "
    "DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FK:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HN:28 HR:21 HU:28 "
    "IE:22 IL:23 IQ:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 MD:24 ME:22 "
    "MK:19 MN:20 MR:27 MT:31 MU:30 NI:28 NL:18 NO:15 OM:23 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 RU:33 SA:24 "
    "SC:31 SD:18 SE:24 SI:19 SK:24 SM:27 SO:23 ST:25 SV:28 TL:23 TN:24 TR:26 UA:29 VA:22 VG:24 XK:20 YE:30"
)
IBAN_LENGTH = {pair[:2]: int(pair[3:]) for pair in _IBAN.split()}

_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    data = digits.encode("ascii")[::-1]
    plain, doubled = data[::2], data[1::2].translate(_DOUBLED)
    return (sum(plain) - ord("0") * len(plain) + sum(doubled)) % 10 == 0


_DIHEDRAL = (  # the multiplication table of the symmetries of a pentagon
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_MIXED = (  # powers of one permutation
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def verhoeff(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (J. Verhoeff, Error Detecting Decimal Codes, 1969)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_DIHEDRAL[check][int(_MIXED[place % 8][int(digit)])])
    return check == 0


def card(digits: str) -> bool:
    """Whether these digits are a payment card's: an issuer in use, a length that it has, a valid check digit."""
    return luhn(digits) and any(len(digits) in lengths and issuer.match(digits) for issuer, lengths in _CARDS)


def iban(text: str) -> bool:
    """Whether this is a valid IBAN without separators (ISO 13616: length by country, remainder 1 modulo 97)."""
    text = text.upper()
    if len(text) != IBAN_LENGTH.get(text[:2]):
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def base58check(text: str) -> bool:
    """Whether this is a Bitcoin address of the first kind: version 0 or 5, 20 bytes, 4 bytes of double SHA-256."""
    number = 0
    for char in text:
        digit = _BASE58.find(char)
        if digit < 0:
            return False
        number = number * 58 + digit
    if number >= 1 << 200:
        return False
    data = number.to_bytes(25, "big")
    check = hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4]
    return data[0] in (0, 5) and check == data[-4:]


def bech32(text: str) -> bool:
    """Whether this is a Bitcoin address of the second kind (BIP 173 and its amendment BIP 350)."""
    low = text.lower()
    if text not in (low, text.upper()) or not low.startswith("bc1"):
        return False
    values = [_BECH32.find(char) for char in low[3:]]
    if -1 in values:
        return False
    check = 1
    for value in [3, 3, 0, 2, 3, *values]:  # "bc" expanded
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check in (1, 0x2BC830A3)
