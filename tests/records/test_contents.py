"""Long texts are kept once, media by hash and size, and nothing a client sends is taken for a reference."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.records.contents import SMALLEST, put_back, take_out
from steady.types import Request

text = st.one_of(st.text(max_size=20), st.text(min_size=200, max_size=300).map(lambda s: s * 3))
part = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": text}),
    st.just({"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}),
    st.just({"message": 0, "part": -1, "hash": "00"}),
)
message = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "tool"]), "content": text | st.lists(part) | st.none()}
)


@settings(deadline=None)
@given(st.lists(message, max_size=5).map(tuple))
def test_what_was_taken_out_comes_back_exactly(messages: tuple[dict[str, Any], ...]) -> None:
    request = Request(messages=messages)
    shorter, refs, texts = take_out(request)
    assert put_back(shorter, refs, texts.__getitem__) == request


@settings(deadline=None)
@given(st.lists(message, max_size=5).map(tuple))
def test_no_long_text_stays_in_the_request(messages: tuple[dict[str, Any], ...]) -> None:
    shorter, _, texts = take_out(Request(messages=messages))
    stay = [m["content"] for m in shorter.messages if isinstance(m["content"], str)]
    assert all(len(content.encode("utf-8", "surrogatepass")) < SMALLEST for content in stay)
    assert all(len(body) >= SMALLEST for body in texts.values())


def test_the_callers_own_messages_are_not_changed() -> None:
    """The request is still being answered while its receipt is written."""
    messages = ({"role": "user", "content": [{"type": "text", "text": "x" * 600}]},)
    take_out(Request(messages=messages))
    assert messages[0]["content"][0]["text"] == "x" * 600


@pytest.mark.parametrize(("letter", "length", "apart"), [("x", 511, 0), ("x", 512, 1), ("é", 255, 0), ("é", 256, 1)])
def test_a_text_is_stored_apart_from_512_bytes_on(letter: str, length: int, apart: int) -> None:
    _, refs, _ = take_out(Request(messages=({"role": "user", "content": letter * length},)))
    assert len(refs) == apart


def test_the_same_text_in_ten_messages_is_one_content() -> None:
    request = Request(messages=tuple({"role": "user", "content": "x" * 600} for _ in range(10)))
    _, refs, texts = take_out(request)
    assert (len(refs), len(texts)) == (10, 1)


PIXELS = bytes(range(256)) * 4
AS_MEDIA = {"sha256": sha256(PIXELS).hexdigest(), "bytes": len(PIXELS)}
ENCODED = b64encode(PIXELS).decode()


@pytest.mark.parametrize(
    ("part", "kept"),
    [
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{ENCODED}", "detail": "low"}},
            {"type": "image_url", "image_url": {"detail": "low", "media": AS_MEDIA}},
        ),
        (
            {"type": "image_url", "image_url": f"data:image/png;base64,{ENCODED}"},
            {"type": "image_url", "image_url": {"media": AS_MEDIA}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": ENCODED, "format": "wav"}},
            {"type": "input_audio", "input_audio": {"format": "wav", "media": AS_MEDIA}},
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{ENCODED}"}},
            {"type": "file", "file": {"filename": "a.pdf", "media": AS_MEDIA}},
        ),
    ],
)
def test_media_are_kept_by_hash_and_size_of_their_bytes(part: dict[str, Any], kept: dict[str, Any]) -> None:
    shorter, _, texts = take_out(Request(messages=({"role": "user", "content": [part]},)))
    assert shorter.messages[0]["content"] == [kept]
    assert ENCODED.encode() not in msgspec.json.encode(shorter)
    assert not texts


def test_media_that_are_no_base64_are_hashed_as_text() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:text/plain,ü"}}
    shorter, _, _ = take_out(Request(messages=({"role": "user", "content": [part]},)))
    url = "data:text/plain,ü".encode()
    assert shorter.messages[0]["content"][0]["image_url"] == {
        "media": {"sha256": sha256(url).hexdigest(), "bytes": len(url)}
    }


def test_an_image_by_address_stays_an_address() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    request = Request(messages=({"role": "user", "content": [part]},))
    assert take_out(request)[0] == request
