"""Events come out the same however the bytes were cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.providers.sse import Event, Events, TooLong


def read(*pieces: bytes, end: bool = True) -> list[Event]:
    reader = Events()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + (list(reader.end()) if end else [])


line = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
events = st.lists(st.lists(line, min_size=1, max_size=3), max_size=5)


@settings(deadline=None, max_examples=200)
@given(events, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_cuts_anywhere_change_nothing(wanted: list[list[str]], newline: str, data: st.DataObject) -> None:
    text = "".join("".join(f"data: {part}{newline}" for part in lines) + f": hi{newline}{newline}" for lines in wanted)
    stream = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    got = read(*pieces)

    assert [event.data.decode() for event in got] == ["\n".join(lines) for lines in wanted]


def test_every_single_byte_cut_of_a_stream_reads_alike() -> None:
    stream = '\ufeffevent: error\r\ndata: {"a": "ü€😀"}\r\n\r\n: ping\r\n\r\ndata: [DONE]\r\n\r\n'.encode()

    got = read(*(stream[i : i + 1] for i in range(len(stream))))

    assert got == [Event("error", '{"a": "ü€😀"}'.encode()), Event("", b"[DONE]")]


def test_only_one_space_after_the_colon_is_taken_off_and_none_is_needed() -> None:
    assert [event.data for event in read(b"data:a\n\ndata:  b\n\n")] == [b"a", b" b"]


def test_a_last_event_without_its_blank_line_is_read_at_the_end() -> None:
    assert [event.data for event in read(b"data: a")] == [b"a"]
    assert read(b"data: a", end=False) == []


def test_comments_and_foreign_fields_are_no_events() -> None:
    assert read(b": keep-alive\n\nid: 7\nretry: 100\n\nfoo\n\n") == []


def test_an_endless_event_is_refused() -> None:
    reader = Events(limit=100)

    with pytest.raises(TooLong):
        for _ in range(50):
            list(reader.feed(b"data: aaaaaaaa\n"))
    with pytest.raises(TooLong):
        list(Events(limit=100).feed(b"data: " + b"a" * 200))
