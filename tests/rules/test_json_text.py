"""The rule `json`: what passes, what its fix mends, and what it never touches."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.json_text import Json, NotJson, depth_of, parse_json
from steady.rules.rule import Constraint, Context, apply_edits
from steady.types import Edit, Piece

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
BITS = st.lists(
    st.sampled_from(
        ['{"a"', ":", ",", "1", "}", "]", "[", "{", '"x"', "'y'", "“z”", "```json\n", "```", "//c\n", "/*", "*/",
         "True", " ", "\n", "\\", '"', "Answer: ", "key", "\ud800", "\x00", "\ufeff", "#", ".5", "+1", "1_0", "é"]
    ),
    max_size=14,
).map("".join)  # fmt: skip
ANY_TEXT = st.one_of(st.text(st.characters()), BITS)


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def mend(text: str, finish_reason: str = "stop", **fields: str) -> tuple[str, bool] | None:
    """Return what the fix makes of a text and whether it invented, or None."""
    edits = Json(**fields).build().fix(piece(text), Context(finish_reason=finish_reason))
    return None if edits is None else (apply_edits(text, edits), any(edit.invented for edit in edits))


@pytest.mark.parametrize("text", ['{"a": 1}', " [1, 2]\n", '"x"', "0", "-1.5e3", "null", '{"é": "\\ud83d\\ude00"}'])
def test_one_json_value_passes_and_is_not_edited(text: str) -> None:
    check = Json().build()

    assert check.judge(piece(text), Context()).passed
    assert check.fix(piece(text), Context()) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1, "a": 2}', 'key "a" is given twice'),
        ('{"x": {"b": 1, "b": 1}}', "given twice"),
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("1e400", "beyond what a double holds"),
        ("9" * 1001, "more than 1000 digits"),
        ('"\ud800"', "half a surrogate pair"),
        ('"\\ud800"', "half a surrogate pair"),
        ('{"\\udfff": 1}', "half a surrogate pair"),
        ("[" * 201 + "]" * 201, "nested more than 200 deep"),
        ("[" * 10_000, "nested more than 200 deep"),
        ('{"a": 1,}', "line 1, column"),
        ("\ufeff{}", "line 1, column 1"),
        ('"a\nb"', "control character"),
        ("", "expecting value"),
        ("{} {}", "extra data"),
    ],
)
def test_what_is_not_one_json_value_fails_and_says_why(text: str, says: str) -> None:
    finding = Json().build().judge(piece(text), Context())

    assert not finding.passed
    assert says in finding.reason
    assert len(finding.reason) < 200


def test_a_text_of_200_levels_passes() -> None:
    assert Json().build().judge(piece("[" * 200 + "]" * 200), Context()).passed


def test_brackets_inside_strings_are_not_depth() -> None:
    assert depth_of(json.dumps(["[" * 500, {"a": "{" * 500}])) == 2
    assert parse_json(json.dumps("[" * 500)) == "[" * 500


def test_an_unclosed_string_is_scanned_once() -> None:
    """A scan that starts anew at every quote would take minutes here."""
    assert depth_of('"' + '\\"' * 500_000 + "[" * 300) == 0


def test_the_place_of_the_error_is_a_span_within_the_text() -> None:
    finding = Json().build().judge(piece('{"a": 1 "b"}'), Context())

    assert finding.spans[0].start == 8


@pytest.mark.parametrize(
    ("asked", "text", "says"),
    [("object", "[1]", "not array"), ("array", '{"a": 1}', "not object"), ("object", "null", "not null"),
     ("array", "true", "not boolean"), ("object", "1.0", "not number"), ("object", '"{}"', "not string")],
)  # fmt: skip
def test_the_type_asked_for_is_demanded_and_never_made_up(asked: str, text: str, says: str) -> None:
    check = Json(type=asked).build()  # type: ignore[arg-type]

    assert says in check.judge(piece(text), Context()).reason
    assert check.fix(piece(text), Context()) is None


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('Sure! Here it is:\n{"a": [1, 2]}\nHope that helps.', '{"a": [1, 2]}'),
        ("Answer: [1, 2]", "[1, 2]"),
        ("```\n42\n```", "42"),
        ('{"a": [1, 2,],}', '{"a": [1, 2]}'),
        ("{'a': 'don't', 'b': 'say \"hi\"'}", '{"a": "don\'t", "b": "say \\"hi\\""}'),
        ("{“a”: “b”}", '{"a": "b"}'),
        ("{'a': True, 'b': None, 'c': False}", '{"a": true, "b": null, "c": false}'),
        ('{"a": 1, // one\n"b": 2 /* two */}', '{"a": 1, \n"b": 2 }'),
        ("{key: 1, $x-y: 2, 3: 4}", '{"key": 1, "$x-y": 2, "3": 4}'),
        ('{"a": 1\n"b": 2}', '{"a": 1\n,"b": 2}'),
        ('[{"a": 1} {"b": 2}]', '[{"a": 1} ,{"b": 2}]'),
        ('{"a": "x\ny\tz\x01"}', '{"a": "x\\ny\\tz\\u0001"}'),
        ('{"a": "C:\\dir", "b": "it\\\'s"}', '{"a": "C:\\\\dir", "b": "it\'s"}'),
        ("[+1, .5, -.5, 5., 1_000, 1.e3]", "[1, 0.5, -0.5, 5, 1000, 1e3]"),
        ('\ufeff{"a":\u00a01}', '{"a":1}'),
        ('{"a": 1}}', '{"a": 1}'),
        ('{"a": "he said "yes" to it"}', '{"a": "he said \\"yes\\" to it"}'),
        ('["(so-called "new" one)", "b"]', '["(so-called \\"new\\" one)", "b"]'),
        ('As shown in [1], it is {"a": 1}.', '{"a": 1}'),
        ('Use {name} so:\n{"a": 1}', '{"a": 1}'),
        ('For example {"a": 1}. Final:\n```json\n{"a": 2}\n```', '{"a": 2}'),
    ],
)
def test_slips_of_form_are_mended_without_inventing(text: str, mended: str) -> None:
    assert mend(text) == (mended, False)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "cut',
        '{"a": "cut\\',
        '["a", "b"',
        '["a", "b',
        '{"a": [1, 2',
        '{"a": [1, 2}',
        '{"a": "x", "items": [{"b": "c"}, {"d": "e"',
        '[{"a": 1}, {"b":',
        '[{"a": 1}, {"b": 2}, ...]',
        '[{"a": 1}, @@, {"c": 2}]',
        '[@@, {"a": 1}]',
        '[see {"a": 1}',
        '{see {"a": 1}',
        '{"a": 1, "b": oops}\n{"c": 2}',
        '{"a": 12',
        '{"a": tru',
        '{"a": "x",',
        '{"a": "x", "b"',
        '{"a": "x", "b":',
        '{"a": 1}, "b": 2}',
        '"person": {"a": 1}',
        '```json\n["a", "b"\n```',
        '{"a": /* half',
        '"half',
    ],
)
def test_what_is_cut_off_or_broken_is_never_closed_into_a_shorter_answer(text: str) -> None:
    assert mend(text) is None


@pytest.mark.parametrize(
    "text",
    ['{"a":1}\n{"b":2}', '{"a":1} or {"b":1}', '{"a": 1, "a": 2,}', '["a" "b"]', '{"a": 007}', "[NaN]", "[1,,2]",
     "hello", "", "  ", "- [ ] todo", "see [1] for more", '["a" and "b"]', '{"a": "x "b": 2}', "{'a': '\ud800'}"],
)  # fmt: skip
def test_where_it_is_unclear_what_was_meant_nothing_is_mended(text: str) -> None:
    assert mend(text) is None


@pytest.mark.parametrize(
    ("text", "mended"),
    [('{"a": "x"', '{"a": "x"}'), ('{"a": {"b": true', '{"a": {"b": true}}'), ('[{"a": "x"]', '[{"a": "x"}]'),
     ('{"a": 12\n', '{"a": 12\n}'), ('```json\n{"a": [1]\n```', '{"a": [1]\n}')],
)  # fmt: skip
def test_braces_that_end_an_object_are_invented_and_can_be_forbidden(text: str, mended: str) -> None:
    assert mend(text) == (mended, True)
    assert mend(text, repair="form_only") is None
    assert mend(text, repair="none") is None


def test_nothing_is_closed_after_a_cut_by_length() -> None:
    assert mend('{"a": "x"', finish_reason="length") is None
    assert mend('{"a": "x"', finish_reason="content_filter") is None
    assert mend('{"a": "x",}', finish_reason="length") == ('{"a": "x"}', False)


def test_edits_are_tight() -> None:
    """A diff that a person reads shows what was changed, not the whole document."""
    edits = Json().build().fix(piece('{"a": 1, "b": None,}'), Context())

    assert edits == (Edit(14, 18, "null"), Edit(18, 19, ""))


def test_repair_none_mends_nothing() -> None:
    assert mend('{"a": 1,}', repair="none") is None


def test_the_statement_says_what_would_pass() -> None:
    assert Json(type="array").statement().startswith("Answer with one JSON array only")


@settings(deadline=None, max_examples=150)
@given(ANY_TEXT)
def test_no_text_raises_and_every_fix_passes_and_is_its_own_fix(text: str) -> None:
    check = Json().build()
    edits = check.fix(piece(text), Context())
    if check.judge(piece(text), Context()).passed:
        assert edits == ()
    elif edits is not None:
        mended = apply_edits(text, edits)

        assert check.judge(piece(mended), Context()).passed
        assert check.fix(piece(mended), Context()) == ()
        assert all(a.end <= b.start for a, b in pairwise(edits))


@settings(deadline=None, max_examples=100)
@given(JSON, st.booleans())
def test_every_json_value_passes_and_reads_back_equal(value: object, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)

    assert Json().build().judge(piece(text), Context()).passed
    assert parse_json(text) == value


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.text("abc é\"'\\", min_size=1), JSON, min_size=1, max_size=4))
def test_prose_and_fences_come_off_without_changing_the_value(value: dict[str, object]) -> None:
    mended = mend("Here you are:\n```json\n" + json.dumps(value, indent=1) + "\n```\nBye.")

    assert mended is not None
    assert json.loads(mended[0]) == value


@settings(deadline=None, max_examples=200)
@given(JSON, st.data())
def test_a_prefix_of_a_document_is_never_mended_without_saying_that_it_was_closed(
    value: object, data: st.DataObject
) -> None:
    """The contract: a cut-off answer must not pass for a shorter one. Only the last objects' braces may be added."""
    text = json.dumps({"k": value, "end": "x"})
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    mended = mend(cut)

    if mended is not None:
        assert mended[1]
        assert mended[0].rstrip("}") == cut.rstrip("}").rstrip() or mended[0].startswith(cut.rstrip())
    assert mend(cut, finish_reason="length") is None


@pytest.mark.parametrize("text", ["[" * 10_000, '{"a":' * 10_000, "{" * 1_000_000, '"' * 1_000_000, " " * 1_000_000,
                                  "`" * 1_000_000, "/*" * 500_000, "'" * 500_000, "x" * 1_000_000, "[1," * 300_000,
                                  "'a' " * 200_000, "```\n" * 200_000, "{a " * 300_000])  # fmt: skip
def test_huge_and_deep_texts_are_judged_in_linear_time(text: str) -> None:
    check = Json().build()

    assert not check.judge(piece(text), Context()).passed
    assert check.fix(piece(text), Context()) is None


def test_only_not_json_is_raised() -> None:
    with pytest.raises(NotJson, match="4,000,000"):
        parse_json(" " * 4_000_001)


def test_the_type_of_the_value_is_asked_of_generation() -> None:
    assert Json(type="object").constraint() == Constraint(json_schema={"type": "object"})
    assert Json(type="array").constraint() == Constraint(json_schema={"type": "array"})
    assert Json().constraint() is None, "a bare word in quotation marks is JSON too, and hardly what is meant"


def test_one_fence_is_legal_where_the_rule_says_so() -> None:
    fenced = Json(fence=True).build()

    assert fenced.judge(piece('```json\n{"a": 1}\n```'), Context()).passed
    assert fenced.judge(piece('{"a": 1}'), Context()).passed
    assert not fenced.judge(piece('Here: ```json\n{"a": 1}\n```'), Context()).passed
    assert not Json().build().judge(piece('```json\n{"a": 1}\n```'), Context()).passed
