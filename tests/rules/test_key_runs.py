"""The quick search for keys finds exactly what the plain one does, and takes no longer for a text made to be slow."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.key_runs import Run, zones
from steady.rules.scan import Scanner
from steady.rules.secrets import FORMATS, NoSecrets

QUICK = NoSecrets().build()
PLAIN = Scanner(FORMATS, lambda label, raw: "[SECRET]", "reason")
PIECES = ["a", "B", "3", "_", "+", "/", "=", "\n", " ", ".", "-", "aB", "a1", "abc", "XYZ", "\u200b", "é", "sk-"]
LONGER = ["password: ", "ghp_", "eyJ", "://u:p@", "-----BEGIN PRIVATE KEY-----", "aB3" * 22, "aB" * 40, "x" * 63]

pieces = st.tuples(st.sampled_from(PIECES + LONGER), st.sampled_from([1, 1, 2, 9, 33, 65])).map(lambda p: p[0] * p[1])


@settings(deadline=None, max_examples=60)
@given(st.lists(pieces, max_size=12).map("".join))
def test_the_quick_search_finds_what_the_plain_one_finds(text: str) -> None:
    assert list(QUICK.find(text)) == list(PLAIN.find(text))


@pytest.mark.slow
def test_the_two_agree_on_hundreds_of_longer_texts() -> None:
    rng = random.Random(7)
    for _ in range(500):
        chosen = rng.sample(PIECES + LONGER, rng.randrange(2, 9))
        text = "".join(rng.choice(chosen) * rng.choice([1, 1, 2, 12, 40]) for _ in range(rng.randrange(20)))
        assert list(QUICK.find(text)) == list(PLAIN.find(text)), text


def test_zones_are_where_a_link_may_begin() -> None:
    """Literally: four characters of the run from there on, with a digit and a small letter among them."""
    run = Run("a-z0-9", 4, 8, ("0-9", "a-z"), stops="!")
    rng = random.Random(3)
    for _ in range(400):
        text = "".join(rng.choices("ab12 !", weights=(5, 5, 2, 2, 1, 1), k=40))
        places = {at for zone in zones(text, run) for at in range(zone.low, zone.high + 1)}
        for at in range(len(text)):
            link = text[at : at + 4]
            end = at + len(text[at:].replace("!", " ").split(" ")[0])
            fits = len(link) == 4 and end - at >= 4 and any(map(str.isdigit, link)) and any(map(str.isalpha, link))
            stopped = text[end : end + 1] == "!" and end - at <= 9
            assert (at in places) == (fits and not stopped), (text, at)


SLOW = {
    "turns and no digit": "aB" * 500_000,
    "turns and no capital": "a1" * 500_000,
    "runs that are a little short": ("aB3" * 21 + " ") * 15_600,
    "runs that the other alphabet stops": ("aB3_" * 31 + "+") * 8_000,
    "assignments of nothing": "password=" * 111_111,
    "the prefix of a token": "eyJ" * 333_333,
    "mixed": "aB3" * 333_333,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW)
def test_a_megabyte_made_to_be_slow_takes_about_as_long_as_another(kind: str) -> None:
    """Half a second on the machine where this was written; four times that leaves room."""
    began = time.process_time()
    for _ in QUICK.find(SLOW[kind]):
        pass

    assert time.process_time() - began < 2
