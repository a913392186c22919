"""Receipt ids are secrets of a kind: to know one is half of what reading a receipt takes."""

import re

from steady.records.ids import new_id


def test_an_id_is_a_prefix_and_128_bits_that_fit_a_url() -> None:
    assert all(re.fullmatch(r"rcpt_[A-Za-z0-9_-]{22}", new_id()) for _ in range(1000))


def test_ids_do_not_repeat_and_every_character_varies() -> None:
    """A counter or a time in an id would leave some character the same in all of them."""
    ids = [new_id() for _ in range(20_000)]
    assert len(set(ids)) == len(ids)
    assert all(len({name[place] for name in ids}) > 2 for place in range(5, 27))
