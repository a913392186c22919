"""What the YAML reader takes, refuses, and where it says things stand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json as msgjson

from steady.errors import ConfigError
from steady.policy.yaml_marks import MAX_BYTES, join, line_of, read_yaml


def refused(source: bytes | str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_yaml(source, "x.yaml")
    return str(caught.value)


def test_words_that_yaml_1_1_took_for_booleans_or_dates_stay_words() -> None:
    """`labels: [yes, no]` must not become true and false, nor a version a date."""
    data = read_yaml("a: [no, yes, on, off, y, 2024-01-01, 12:30:00, 1_000]\non: x\n", "x").data

    assert data == {"a": ["no", "yes", "on", "off", "y", "2024-01-01", "12:30:00", "1_000"], "on": "x"}


def test_scalars_follow_the_core_schema() -> None:
    text = "[null, ~, , true, False, 1, -2, 0o17, 0x1F, 010, 1.5, .5, 1e3, '1', \"true\", !!str 5]"

    assert read_yaml(text.replace(", ,", ", null,"), "x").data == [
        None, None, None, True, False, 1, -2, 15, 31, 10, 1.5, 0.5, 1000.0, "1", "true", "5",
    ]  # fmt: skip


def test_every_field_knows_its_line() -> None:
    text = "steady: 1\nrules:\n  - rule: length\n    limt: 3\n  - {rule: json,\n     id: x}\nlabels: [a,\n  b]\n"
    lines = read_yaml(text, "x").lines

    assert lines["steady"] == 1
    assert lines["rules"] == 2
    assert lines["rules[0]"] == 3
    assert lines["rules[0].limt"] == 4
    assert lines["rules[1].id"] == 6
    assert lines["labels[1]"] == 8


def test_a_field_without_a_line_has_that_of_the_field_around_it() -> None:
    lines = read_yaml("a:\n  b: 1\n", "x").lines

    assert line_of(lines, "a.missing") == 1
    assert line_of(lines, 'a.b["x.y"][3]') == 2
    assert line_of(lines, "nowhere") == 1
    assert line_of({}, "a.b") == 0


def test_every_repeated_key_is_told_with_both_lines() -> None:
    message = refused("a: 1\nb: 2\na: 3\nc:\n  d: 1\n  d: 2\n")

    assert "x.yaml:3: a: the key 'a' is there twice; the first is on line 1." in message
    assert "x.yaml:6: c.d: the key 'd' is there twice; the first is on line 5." in message


@pytest.mark.parametrize("source", ["1: a", "true: a", "null: a", "[a]: b", "? {a: 1}\n: b", "2.5: x", ": x"])
def test_a_key_that_is_no_text_is_refused(source: str) -> None:
    assert "is not text" in refused(source)


def test_a_quoted_number_is_a_key() -> None:
    assert read_yaml("'1': a", "x").data == {"1": "a"}


def test_anchors_are_expanded_with_lines_of_their_own() -> None:
    marked = read_yaml("a: &x {k: 1}\nb:\n  c: *x\n", "x")

    assert marked.data == {"a": {"k": 1}, "b": {"c": {"k": 1}}}
    assert marked.lines["b.c"] == 3
    assert marked.lines["b.c.k"] == 1


def test_a_billion_laughs_are_refused() -> None:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]

    assert "aliases expanded" in refused("\n".join(lines))


def test_an_alias_can_not_hold_itself() -> None:
    assert "names no complete node" in refused("a: &a [*a]")
    assert "names no complete node" in refused("a: *b")


def test_depth_and_size_are_bounded() -> None:
    assert "deeper than" in refused("[" * 60 + "]" * 60)
    assert f"at most {MAX_BYTES}" in refused("a" * (MAX_BYTES + 1))
    chain = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 60))
    assert "levels, aliases expanded" in refused(chain)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"a: 1\nb: \xff\n", "x.yaml:2: byte 0xff is not UTF-8"),
        (b"a: \x00", "not YAML"),
        (b"\xff\xfea\x00", "is not UTF-8"),
        ("a: [1", "x.yaml:"),
        ("a: b: c", "x.yaml:1: not YAML"),
        ("\ta: 1", "x.yaml:1: not YAML"),
        ("a: 1\n---\nb: 2", "second document"),
        ("%YAML 1.1\n---\na: no", "only YAML 1.2"),
        ("a: !!python/object:os.system x", "tags are not taken"),
        ("a: !!int '3'", "tags are not taken"),
        ("a: !x [1]", "tags are not taken"),
        ("a: .inf", "no number that JSON can carry"),
        ("a: .nan", "no number that JSON can carry"),
        ("a: 1e999", "too big"),
        ("a: 9007199254740993", "too big to be exact"),
        ("a: " + "9" * 5000, "too big to be exact"),
        ('a: "\\ud800"', "surrogate"),
        ('a: "\\UFFFFFFFF"', "x.yaml"),
    ],
)
def test_what_is_no_plain_yaml_gets_one_clear_line(source: bytes | str, words: str) -> None:
    message = refused(source)

    assert words in message
    assert "\n" not in message


def test_a_byte_order_mark_and_an_empty_file_are_fine() -> None:
    assert read_yaml(b"\xef\xbb\xbfa: 1", "x").data == {"a": 1}
    assert read_yaml("", "x").data is None
    assert read_yaml("# nothing\n", "x").data is None


def test_a_merge_key_is_a_key_like_any_other() -> None:
    """YAML 1.2 has none; silently merging would hide where a field comes from."""
    assert read_yaml("a: &x {k: 1}\nb: {<<: *x}", "x").data["b"] == {"<<": {"k": 1}}


def test_paths_of_odd_keys_are_quoted() -> None:
    assert join("", "a") == "a"
    assert join("a", "b.c") == 'a["b.c"]'
    assert join("a", 0) == "a[0]"


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab.[]\"' :#", max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
@settings(deadline=None, max_examples=150)
def test_json_reads_as_itself(data: object) -> None:
    """JSON is YAML 1.2, so whatever JSON says must come back unchanged."""
    assert read_yaml(msgjson.encode(data), "x").data == data


@given(st.binary(max_size=60) | st.text("-:[]{}&*!|>'\"#%@,? \n\tab0.", max_size=60))
@settings(deadline=None, max_examples=300)
def test_nothing_but_a_config_error_escapes(source: bytes | str) -> None:
    try:
        read_yaml(source, "x")
    except ConfigError as error:
        assert str(error).startswith("x:")
