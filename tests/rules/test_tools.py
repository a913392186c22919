"""The rule `tool_call_schema`: a call is judged by the request's own tools and never rewritten."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steady.rules import tools
from steady.rules.rule import Context
from steady.rules.tools import ToolCallSchema
from steady.types import Finding, Piece

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
CLOCK: dict[str, Any] = {"type": "function", "function": {"name": "get_time"}}
CONTEXT = Context(tools=(WEATHER, CLOCK))


def call(name: str, arguments: str) -> Piece:
    return Piece("tool_arguments", ("message", "tool_calls", 0, "function", "arguments"), arguments, name=name)


def judge(name: str, arguments: str, context: Context = CONTEXT, **fields: Any) -> Finding:
    return ToolCallSchema(**fields).build().judge(call(name, arguments), context)


@pytest.mark.parametrize(("name", "arguments"), [("get_weather", '{"city": "Oslo"}'), ("get_time", "{}")])
def test_arguments_that_the_tool_takes_pass(name: str, arguments: str) -> None:
    assert judge(name, arguments).passed


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("get_weather", '{"town": "Oslo"}', "At the top"),
        ("get_weather", '{"city": 3}', "At /city"),
        ("get_weather", '{"city": "Oslo", "days": "2"}', "At /days"),
        ("get_weather", '{"city": "Oslo"', "not one JSON value"),
        ("get_weather", "", "not one JSON value"),
        ("get_time", "[]", "not of type 'object'"),
        ("get_wether", "{}", "is no tool of this request. Did it mean 'get_weather'?"),
        ("rm", "{}", "Legal tools: get_time, get_weather."),
        ("", "{}", "is no tool of this request"),
        ("\ud800", "{}", "is no tool of this request"),
    ],
)
def test_other_calls_fail_and_say_why(name: str, arguments: str, says: str) -> None:
    assert says in judge(name, arguments).reason


def test_nothing_is_ever_fixed_inside_tool_arguments() -> None:
    """Even a fix that form alone would allow, since a tool acts on what it is given."""
    check = ToolCallSchema(on_fail="fix").build()

    assert not ToolCallSchema.can_fix
    assert check.fix(call("get_weather", '{"city": "Oslo",}'), CONTEXT) is None
    assert check.fix(call("get_weather", '{"city": "Oslo"}'), CONTEXT) == ()


def test_a_tool_that_is_offered_may_still_not_be_allowed() -> None:
    finding = judge("get_time", "{}", allowed=("get_weather",))

    assert "may not be called" in finding.reason
    assert judge("get_weather", '{"city": "x"}', allowed=("get_weather",)).passed
    assert not judge("get_date", "{}", allowed=("get_date",)).passed


def test_without_tools_in_the_request_every_call_fails() -> None:
    assert "Legal tools: none." in judge("get_time", "{}", Context()).reason


def test_an_answer_without_a_call_fails_only_where_one_is_required() -> None:
    assert ToolCallSchema(required=True).requires_text
    assert not ToolCallSchema().requires_text


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"$ref": "http://127.0.0.1:9/x"}, "nothing is fetched"),
        ({"type": "nope"}, "not a valid JSON Schema"),
        ({"pattern": "(?=x)"}, "not linear-time"),
        ("path.json", "can't be judged"),
        ({"const": float("nan")}, "can't be written as JSON"),
    ],
)
def test_a_clients_unsafe_schema_fails_the_call_and_raises_nothing(parameters: Any, says: str) -> None:
    tool = {"type": "function", "function": {"name": "t", "parameters": parameters}}
    finding = judge("t", "{}", Context(tools=(tool,)))

    assert not finding.passed
    assert says in finding.reason


def test_tools_of_another_shape_are_passed_over() -> None:
    odd: tuple[Any, ...] = ({}, {"type": "web_search"}, {"function": None}, {"function": {"name": 3}}, "x")

    assert judge("get_time", "{}", Context(tools=(*odd, CLOCK))).passed


def test_a_schema_is_compiled_once_for_all_requests_and_few_are_kept() -> None:
    tools._compiled.cache_clear()
    for _ in range(5):
        judge("get_weather", "{}", Context(tools=(dict(WEATHER),)))

    assert tools._compiled.cache_info().misses == 1
    assert tools._compiled.cache_info().maxsize == 256


@pytest.mark.parametrize(("fields", "says"), [({"allowed": ()}, "^`allowed`"), ({"on": ("answer",)}, "^`on` must be")])
def test_a_rule_that_could_never_pass_or_apply_does_not_compile(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ToolCallSchema(**fields).build()


def test_the_statement_says_what_may_be_called() -> None:
    assert ToolCallSchema(allowed=("a", "b"), required=True).statement().startswith("Call one of these tools: a, b")
    assert ToolCallSchema().statement().startswith("If you call a tool")


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(), max_size=20), st.text(st.characters(), max_size=60))
def test_no_name_and_no_arguments_raise(name: str, arguments: str) -> None:
    judge(name, arguments)
    judge("get_weather", arguments)
