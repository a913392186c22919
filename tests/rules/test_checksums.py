"""Check digits, against published examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.rules.checksums import IBAN_LENGTH, base58check, bech32, card, iban, luhn


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "5555555555554444",
        "378282246310005",
        "6011111111111117",
        "3530111333300000",
        "30569309025904",
    ],
)
def test_the_card_networks_test_numbers_are_cards(number: str) -> None:
    assert card(number)


@given(st.sampled_from(["4111111111111111", "378282246310005"]), st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(number: str, at: int, by: int) -> None:
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]

    assert not luhn(wrong)


@pytest.mark.parametrize("number", ["9780306406157", "1234567812345670", "0000000000000000", "411111111111"])
def test_valid_digits_without_an_issuer_are_no_card(number: str) -> None:
    """ISBNs and counters satisfy the check digit one time in ten."""
    assert not card(number)


@pytest.mark.parametrize(
    "account",
    [
        "GB82WEST12345698765432",
        "DE89370400440532013000",
        "FR1420041010050500013M02606",
        "NO9386011117947",
        "ch9300762011623852957",
    ],
)
def test_the_registrys_examples_are_accounts(account: str) -> None:
    assert iban(account)
    assert not iban(account[:-1] + ("1" if account[-1] != "1" else "2"))
    assert not iban(account + "0")


def test_lengths_are_within_the_standard() -> None:
    assert len(IBAN_LENGTH) > 75
    assert all(15 <= length <= 34 for length in IBAN_LENGTH.values())


def test_coin_addresses_prove_themselves() -> None:
    assert base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")
    assert base58check("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy")
    assert not base58check("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb")
    assert not base58check("0OIl")
    assert not base58check("z" * 40)
    assert bech32("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    assert bech32("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4")
    assert bech32("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0")
    assert not bech32("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5")
    assert not bech32("bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
    assert not bech32("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx")
    assert not bech32("bc1b")
