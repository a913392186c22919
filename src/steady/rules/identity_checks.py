"""
Checks of the numbers by which states know people: each says whether a number can be one that was issued.

A check takes the number without separators, letters in capitals. Where a number holds a birth date, the date must be
one. Sources are named at each; the sample numbers in the tests are those that the issuers publish.
"""

from steady.rules.checksums import luhn, verhoeff

_NINO_FIRST = frozenset("ABCEGHJKLMNOPRSTWXYZ")
_NINO_SECOND = frozenset("ABCEGHJKLMNPRSTWXYZ")
_NINO_NEVER = frozenset(("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"))
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def day(month: int, date: int) -> bool:
    """Whether a year can have this month and day; 29 February counts, since two digits don't tell the century."""
    return 1 <= month <= 12 and 1 <= date <= _MONTH_DAYS[month - 1]


def _born(six: str) -> bool:
    """Whether YYMMDD."""
    return day(int(six[2:4]), int(six[4:6]))


def us_ssn(number: str) -> bool:
    """Social Security Administration, POMS RM 10201.035: areas, groups and serials that are never issued."""
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def us_itin(number: str) -> bool:
    """IRS, Internal Revenue Manual 3.21.263: 9 in front, group 50-65, 70-88, 90-92 or 94-99."""
    group = int(number[3:5])
    return number[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or group >= 94)


def uk_nino(number: str) -> bool:
    """HMRC, National Insurance Manual NIM39110: letters and prefixes that are used; it has no check digit."""
    first, second = number[0], number[1]
    return first in _NINO_FIRST and second in _NINO_SECOND and number[:2] not in _NINO_NEVER and number[8] in "ABCD"


def uk_nhs(number: str) -> bool:
    """NHS Data Dictionary, NHS NUMBER: weights 10 to 2, modulo 11."""
    check = 11 - _weighted(number, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return check % 11 == int(number[9]) and check != 10 and len(set(number)) > 1


def ca_sin(number: str) -> bool:
    """Employment and Social Development Canada: Luhn; 0 is in front of no person's number but a fictitious one."""
    return luhn(number) and number[0] != "8" and number != "000000000"


def br_cpf(number: str) -> bool:
    """Receita Federal: two check digits, modulo 11; eleven equal digits are no number."""
    first = _weighted(number, tuple(range(10, 1, -1))) * 10 % 11 % 10
    second = _weighted(number, tuple(range(11, 1, -1))) * 10 % 11 % 10
    return number[9:] == f"{first}{second}" and len(set(number)) > 1


def br_cnpj(number: str) -> bool:
    """Receita Federal, Instrução Normativa 2.229/2024: letters count as their code less 48; modulo 11."""
    values = [ord(char) - 48 for char in number]
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    checks = []
    for n in (12, 13):
        rest = sum(value * weight for value, weight in zip(values[:n], weights[13 - n :], strict=True)) % 11
        checks.append(0 if rest < 2 else 11 - rest)
    return values[12:] == checks and len(set(number)) > 1


def in_aadhaar(number: str) -> bool:
    """UIDAI: twelve digits, the first 2 to 9, the last by Verhoeff's method."""
    return number[0] in "23456789" and verhoeff(number)


def in_pan(number: str) -> bool:
    """Income Tax Department of India: the fourth letter is the holder's kind; it has no public check."""
    return number[3] in "ABCFGHJLPT"


def de_tax_id(number: str) -> bool:
    """Bundeszentralamt für Steuern: one digit of the first ten occurs twice or thrice; ISO 7064, MOD 11,10."""
    counts = sorted(number[:10].count(digit) for digit in set(number[:10]))
    if number[0] == "0" or counts[-1] not in (2, 3) or counts[-2:] == [2, 2] or len(counts) not in (8, 9):
        return False
    product = 10
    for digit in number[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(number[10])


def de_pension(number: str) -> bool:
    """Deutsche Rentenversicherung, VKVV section 2: birth date, letter as two digits, digit sums modulo 10."""
    digits = f"{number[:8]}{ord(number[8]) - 64:02}{number[9:11]}"
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    products = (int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    dated = day(int(number[4:6]), int(number[2:4]) % 50 or 1)
    return dated and sum(product // 10 + product % 10 for product in products) % 10 == int(number[11])


def fr_nir(number: str) -> bool:
    """INSEE: sex, year, month (also 20 to 42 and 50 on), department (2A and 2B count as 19 and 18), modulo 97."""
    month = int(number[3:5])
    if number[0] not in "123478" or not (1 <= month <= 12 or 20 <= month <= 42 or 50 <= month <= 99):
        return False
    body = number[:13].replace("2A", "19", 1) if number[5:7] == "2A" else number[:13]
    body = body.replace("2B", "18", 1) if number[5:7] == "2B" else body
    return body.isdigit() and 97 - int(body) % 97 == int(number[13:])


_CF_ODD = dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)) | dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)


def it_codice_fiscale(number: str) -> bool:
    """Decreto ministeriale 23 December 1976: a check letter over tables for odd and even places."""
    odd = sum(_CF_ODD[char] for char in number[:15:2])
    even = sum(int(char, 36) - (0 if char.isdigit() else 10) for char in number[1:15:2])
    return chr(65 + (odd + even) % 26) == number[15]


def es_dni(number: str) -> bool:
    """Real Decreto 1553/2005: a letter by the remainder modulo 23. A foreigner's X, Y, Z stand for 0, 1, 2."""
    digits = {"X": "0", "Y": "1", "Z": "2"}.get(number[0], number[0]) + number[1:8]
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == number[8]


def nl_bsn(number: str) -> bool:
    """Besluit burgerservicenummer, article 4: weights 9 to 2 and -1, modulo 11."""
    return _weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(number) > 1_000_000


def pl_pesel(number: str) -> bool:
    """Ustawa o ewidencji ludności, article 15: birth date with the century in the month; weights 1, 3, 7, 9."""
    return (
        day(int(number[2:4]) % 20, int(number[4:6])) and _weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    )


def se_personnummer(number: str) -> bool:
    """Skatteverket, SKV 704: birth date (days from 61 on for a coordination number) and Luhn over the last ten."""
    ten = number[-10:]
    date = int(ten[4:6])
    return day(int(ten[2:4]), date - 60 if date > 60 else date) and luhn(ten)


def au_tfn(number: str) -> bool:
    """Australian Taxation Office: weights 1, 4, 3, 7, 5, 8, 6, 9, 10, modulo 11."""
    return _weighted(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 and len(set(number)) > 1


def au_medicare(number: str) -> bool:
    """Services Australia: 2 to 6 in front, the ninth digit by weights 1, 3, 7, 9, modulo 10."""
    return number[0] in "23456" and _weighted(number, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(number[8])


def za_id(number: str) -> bool:
    """Department of Home Affairs: birth date, citizenship 0, 1 or 2, and Luhn."""
    return _born(number) and number[10] in "012" and luhn(number)


def cn_resident_id(number: str) -> bool:
    """GB 11643-1999: region, birth date, and ISO 7064 MOD 11-2."""
    if number[6:8] not in ("18", "19", "20") or not day(int(number[10:12]), int(number[12:14])):
        return False
    total = sum(int(digit) * (1 << 17 - n) for n, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17] and number[0] in "12345678"


def sg_nric(number: str) -> bool:
    """Immigration and Checkpoints Authority of Singapore: weights 2, 7, 6, 5, 4, 3, 2 and a letter modulo 11."""
    total = _weighted(number[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(number[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(number[0], "XWUTRQPNMLK")
    return letters[total % 11] == number[8]


def fi_hetu(number: str) -> bool:
    """Digital and Population Data Services Agency of Finland: birth date, century sign, a character modulo 31."""
    rest = int(number[:6] + number[-4:-1]) % 31
    return day(int(number[2:4]), int(number[:2])) and "0123456789ABCDEFHJKLMNPRSTUVWXY"[rest] == number[-1]


def ch_ahv(number: str) -> bool:
    """Central Compensation Office of Switzerland: 756 in front, the check digit of an EAN-13."""
    return number[:3] == "756" and _weighted(number, (1, 3) * 6) % 10 == -int(number[12]) % 10


def be_national(number: str) -> bool:
    """Arrêté royal 3 April 1984: birth date, and 97 less the remainder modulo 97, with a 2 in front from 2000 on."""
    body, check = number[:9], int(number[9:])
    dated = day(int(number[2:4]) % 20, int(number[4:6]))
    return dated and check in (97 - int(body) % 97, 97 - int("2" + body) % 97)
