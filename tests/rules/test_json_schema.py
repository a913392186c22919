"""The rule `json_schema`: the compiled engine decides, the reason is short, repair answers violations only."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules.json_schema import JsonSchema
from steady.rules.rule import Constraint, Context, apply_edits
from steady.types import Edit, Piece

INVOICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "lines": {"type": "integer", "minimum": 0},
        "total": {"type": ["number", "null"]},
        "paid": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "status": {"enum": ["open", "closed", "in_progress"]},
        "currency": {"type": "string", "default": "EUR"},
        "due": {"type": "string", "format": "date"},
        "buyer": {"anyOf": [{"$ref": "#/$defs/Party"}, {"type": "null"}]},
    },
    "required": ["lines", "currency"],
    "additionalProperties": False,
    "$defs": {
        "Party": {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "kin": {"type": "array", "items": {"$ref": "#/$defs/Party"}}},
            "required": ["id"],
            "additionalProperties": False,
        }
    },
}


def piece(text: str) -> Piece:
    return Piece("answer", ("message", "content"), text)


def passes(schema: Any, text: str) -> bool:
    return JsonSchema(schema=schema).build().judge(piece(text), Context()).passed


def why(schema: Any, text: str) -> str:
    return JsonSchema(schema=schema).build().judge(piece(text), Context()).reason


def mend(text: str, schema: Any = INVOICE, **fields: Any) -> tuple[str, bool] | None:
    edits = JsonSchema(schema=schema, **fields).build().fix(piece(text), Context())
    return None if edits is None else (apply_edits(text, edits), any(edit.invented for edit in edits))


@pytest.mark.parametrize(
    ("schema", "text", "passed"),
    [
        ({"multipleOf": 0.01}, "19.99", True),
        ({"multipleOf": 0.01}, "0.07", True),
        ({"multipleOf": 0.01}, "0.075", False),
        ({"pattern": "^a$"}, '"a\\n"', False),
        ({"pattern": "^a$"}, '"a"', True),
        ({"pattern": r"^\d+$"}, '"١٢"', False),
        ({"pattern": r"^\w+$"}, '"é"', False),
        ({"type": "integer"}, "1.0", True),
        ({"type": "integer"}, "1" + "0" * 300, True),
        ({"type": "number"}, "1e400", False),
        ({"format": "date"}, '"2024-02-30"', False),
        ({"format": "date"}, '"2024-02-29"', True),
        ({"format": "email"}, '"nobody"', False),
        ({"format": "of-my-own"}, '"anything"', True),
        ({"type": "string", "maxLength": 1}, '"😀"', True),
        ({"const": 1}, "true", False),
        ({"uniqueItems": True}, "[1, true]", True),
    ],
)
def test_the_compiled_engine_decides_where_engines_differ(schema: Any, text: str, passed: bool) -> None:
    """The other engine finds 19.99 no multiple of 0.01, lets `$` match before a newline and takes ١٢ for digits."""
    assert passes(schema, text) is passed


def test_a_reason_is_given_even_where_the_other_engine_would_pass_the_value() -> None:
    assert why({"format": "date"}, '"2024-02-30"') == 'At the top: the value is not a "date".'
    assert "^a$" in why({"pattern": "^a$"}, '"a\\n"')


def test_a_reason_names_the_place_and_what_was_expected() -> None:
    finding = JsonSchema(schema=INVOICE).build().judge(piece('{"lines": "x", "status": "gone", "q": 1}'), Context())

    assert "At /lines: 'x' is not of type 'integer'." in finding.reason
    assert "At /status: 'gone' is not one of ['open', 'closed', 'in_progress']." in finding.reason
    assert [(s.start, s.end) for s in finding.spans] == [(0, 40), (10, 13), (25, 31)]


def test_a_reason_quotes_no_long_value() -> None:
    long = "y" * 5_000
    for text in (
        json.dumps({"lines": long, "currency": ""}),
        json.dumps({"lines": 1, "currency": "", long: 1}),
        json.dumps({"lines": 1, "currency": "", "buyer": {"id": [long]}}),
        json.dumps({"lines": 1, "currency": "", "tags": [{long: long}]}),
        json.dumps([long] * 9),
    ):
        reason = why(INVOICE, text)

        assert reason
        assert len(reason) < 800
        assert "y" * 61 not in reason


@pytest.mark.timeout(20)
def test_wording_a_reason_never_backtracks() -> None:
    """The engine that words the reason would match this pattern with Python's `re`, for years."""
    assert "does not match '^(a+)+$'" in why({"pattern": "^(a+)+$"}, json.dumps("a" * 50 + "!"))


def test_a_deep_or_long_text_is_refused_with_a_reason_too() -> None:
    deep = '{"lines": ' * 150 + "1" + "}" * 150

    assert why({"additionalProperties": {"$ref": "#"}, "type": "object"}, deep).startswith("At /lines/lines")
    assert "nested more than 200" in why(INVOICE, '{"buyer": ' * 201 + "1" + "}" * 201)
    assert why({"items": {"type": "integer"}}, json.dumps(["x"] * 10_000)).startswith("At /0:")


def test_a_document_deeper_than_its_schema_can_bear_is_refused() -> None:
    twice = {"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": ["z"]}] * 2}

    assert "nested more than 9 deep" in why(twice, '{"a":' * 15 + "{}" + "}" * 15)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ('{"lines": "12", "currency": "x"}', '{"lines": 12, "currency": "x"}'),
        ('{"lines": " 12.0 ", "currency": "x"}', '{"lines": 12, "currency": "x"}'),
        ('{"lines": 1}', '{"lines": 1, "currency": "EUR"}'),
        ('{"lines": 1, "currency": "x", "paid": "True"}', '{"lines": 1, "currency": "x", "paid": true}'),
        ('{"lines": 1, "currency": "x", "number": 12.50}', '{"lines": 1, "currency": "x", "number": "12.50"}'),
        ('{"lines": 1, "currency": "x", "total": "1.5"}', '{"lines": 1, "currency": "x", "total": 1.5}'),
        ('{"lines": 1, "currency": "x", "total": "null"}', '{"lines": 1, "currency": "x", "total": null}'),
        ('{"lines": 1, "currency": "x", "tags": 5}', '{"lines": 1, "currency": "x", "tags": ["5"]}'),
        (
            '{"lines": 1, "currency": "x", "status": "In Progress"}',
            '{"lines": 1, "currency": "x", "status": "in_progress"}',
        ),
        ('{"lines": 1, "currency": "x", "status": "cloesd"}', '{"lines": 1, "currency": "x", "status": "closed"}'),
        (
            '{"lines": 1, "currency": "x", "buyer": {"id": "7", "kin": {"id": "8"}}}',
            '{"lines": 1, "currency": "x", "buyer": {"id": 7, "kin": [{"id": 8}]}}',
        ),
    ],
)
def test_values_are_coerced_snapped_and_filled_in_and_that_is_invented(text: str, mended: str) -> None:
    assert mend(text) == (mended, True)
    assert mend(text, repair="form_only") is None
    assert mend(text, repair="none") is None


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ('{"x": 1, "lines": 1, "y": {"lines": "2"}, "currency": "E", "z": []}', '{"lines": 1, "currency": "E"}'),
        (
            '{"lines": 1, "currency": "E", "buyer": {"z": 1, "id": 2, "y": 0}}',
            '{"lines": 1, "currency": "E", "buyer": {"id": 2}}',
        ),
        ('```json\n{"lines": 1, "currency": "E",}\n```', '{"lines": 1, "currency": "E"}'),
    ],
)
def test_leaving_out_what_is_forbidden_and_mending_form_invent_nothing(text: str, mended: str) -> None:
    assert mend(text, repair="form_only") == (mended, False)


@pytest.mark.parametrize(
    "text",
    [
        '{"currency": "x"}',
        '{"lines": "twelve", "currency": "x"}',
        '{"lines": 1.5, "currency": "x"}',
        '{"lines": "1,234", "currency": "x"}',
        '{"lines": -1, "currency": "x"}',
        '{"lines": null, "currency": "x"}',
        '{"lines": 1, "currency": "x", "status": "gone"}',
        '{"lines": 1, "currency": "x", "due": "2024-02-30"}',
        '{"lines": 1, "currency": "x", "due": "March 3rd"}',
        '{"lines": 1, "currency": "x", "due": 20240303}',
        '{"lines": 1, "currency": "x", "paid": 1}',
        '[{"lines": 1, "currency": "x"}]',
        '{"lines": 1, "currency": "x", "tags": ["a", "b"',
        "none",
    ],
)
def test_what_can_not_be_mended_within_the_schema_is_left_alone(text: str) -> None:
    """No bound is clipped, no date respelled, no required value without a default made up."""
    assert mend(text) is None


def test_edits_are_tight_and_each_says_whether_it_invents() -> None:
    edits = JsonSchema(schema=INVOICE).build().fix(piece("{'lines': '3', 'currency': 'x', 'q': 1}"), Context())

    assert edits is not None
    assert Edit(10, 13, "3", True) in edits
    assert all(not edit.invented for edit in edits if edit.start > 13)


def test_several_defaults_come_in_the_declared_order() -> None:
    schema = {"properties": {"b": {"default": [1]}, "a": {"default": None}}, "required": ["b", "a"]}

    assert mend("{}", schema) == ('{"b": [1], "a": null}', True)
    assert mend('{"c": 0}', schema | {"additionalProperties": False}) == ('{"b": [1], "a": null}', True)


def test_numbers_of_an_enum_are_recognised_in_quotes() -> None:
    assert mend('"2"', {"enum": [1, 2]}) == ("2", True)
    assert mend("2", {"enum": ["1", "2"]}) == ('"2"', True)
    assert mend('"on"', {"const": "On"}) == ('"On"', True)


def test_nothing_is_closed_after_a_cut_by_length() -> None:
    check = JsonSchema(schema=INVOICE).build()
    text = '{"lines": 1, "currency": "x"'

    assert check.fix(piece(text), Context(finish_reason="length")) is None
    assert check.fix(piece(text), Context()) == (Edit(28, 28, "}", True),)


def test_a_path_is_refused_and_a_schema_is_asked_of_generation() -> None:
    with pytest.raises(ValueError, match=r"^`schema` is a path that was not inlined"):
        JsonSchema(schema="invoice.json").build()

    assert JsonSchema(schema=INVOICE).constraint() == Constraint(json_schema=INVOICE)
    assert '"lines"' in JsonSchema(schema=INVOICE).statement()


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 50)
    | st.sampled_from(["open", "Open", "opne", "12", "true", "x", "", "2024-01-01", "é\n", "1e5", "null"])
)
DOCUMENTS = st.dictionaries(
    st.sampled_from([*INVOICE["properties"], "q", "$x"]),
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "kin", "z"]), inner, max_size=3)
        ),
        max_leaves=5,
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=300)
@given(DOCUMENTS, st.sampled_from(["any", "form_only"]), st.sampled_from(["{}", "```\n{}\n```", "{},", "Here: {} ok"]))
def test_every_fix_passes_is_its_own_fix_and_leaves_valid_parts_alone(
    value: dict[str, Any], repair: Any, frame: str
) -> None:
    check = JsonSchema(schema=INVOICE, repair=repair).build()
    text = frame.replace("{}", json.dumps(value))
    edits = check.fix(piece(text), Context())
    if check.judge(piece(text), Context()).passed:
        assert edits == ()
        return
    assert check.judge(piece(text), Context()).reason
    if edits is None:
        return
    mended = apply_edits(text, edits)

    assert check.judge(piece(mended), Context()).passed
    assert check.fix(piece(mended), Context()) == ()
    assert repair == "any" or not any(edit.invented for edit in edits)
    after = json.loads(mended)
    plain = {
        k: v
        for k, v in value.items()
        if passes(
            {"properties": {k: INVOICE["properties"].get(k, False)}, "$defs": INVOICE["$defs"]}, json.dumps({k: v})
        )
    }
    assert {k: after.get(k) for k in plain} == plain


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters()))
def test_no_text_raises(text: str) -> None:
    check = JsonSchema(schema=INVOICE).build()
    check.judge(piece(text), Context())
    check.fix(piece(text), Context())


@pytest.mark.parametrize(
    "text", ["[" * 10_000, '{"lines":' * 10_000, '{"lines": "' + "x" * 1_000_000 + '"}', "\x00", "\ud800"]
)
def test_huge_and_deep_texts_fail_at_once(text: str) -> None:
    check = JsonSchema(schema=INVOICE).build()

    assert not check.judge(piece(text), Context()).passed
    assert check.fix(piece(text), Context()) is None
