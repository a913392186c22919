"""What a return annotation asks of the output, and how a decided text becomes a value of it."""

import functools
from collections.abc import AsyncIterator, Iterator
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field
from tests.decorator.cases import CASES, Case, Colour, Invoice

from steady import Abstained, steady
from steady.decorator.values import label, of, returned, shown
from steady.errors import ConfigError

IDS = [case.shown for case in CASES]


def answering(annotation: Any, text: Any, policy: Any = "pass-through", **arguments: Any) -> Any:
    """Return a decorated function of this annotation that always gives `text`."""

    def fn(prompt: str) -> Any:
        return text

    fn.__annotations__["return"] = annotation
    return steady(policy, **arguments)(fn)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_an_annotation_adds_its_kind_and_its_schema(case: Case) -> None:
    outcome = answering(case.annotation, case.text).detailed("?")

    assert of(case.annotation).kind == case.kind
    assert outcome.decision.kind == (case.kind or "text")
    assert (of(case.annotation).schema is not None) == (case.kind == "json")


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_an_answer_becomes_a_value_of_the_annotation(case: Case) -> None:
    value = answering(case.annotation, case.text)("?")

    assert value == case.value
    assert type(value) is type(case.value)


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=lambda case: case.shown)
def test_an_answer_that_no_value_can_carry_abstains_with_its_outcome(case: Case) -> None:
    fn = answering(case.annotation, case.refused)

    with pytest.raises(Abstained) as caught:
        fn("?")
    assert caught.value.outcome.decision.action == "error"
    assert answering(case.annotation, case.refused, default="mine")("?") == "mine"
    assert fn.detailed("?").value is None


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=lambda case: case.shown)
def test_an_optional_annotation_gives_none_instead(case: Case) -> None:
    assert answering(Optional[case.annotation], case.refused)("?") is None  # noqa: UP045 - for every annotation
    assert answering(Optional[case.annotation], case.text)("?") == case.value  # noqa: UP045


@pytest.mark.parametrize(
    "given_value",
    [True, 7, 2.5, ["a"], {"a": 1}, Colour.BLUE, Invoice(number="1", lines=[])],
    ids=lambda value: type(value).__name__,
)
def test_a_function_may_give_values_of_its_annotation_itself(given_value: Any) -> None:
    assert answering(type(given_value), given_value)("?") == given_value


def test_objects_within_a_list_are_given_as_they_are() -> None:
    lines = [Invoice(number="1", lines=[]), Invoice(number="2", lines=[])]

    assert answering(list[Invoice], lines)("?") == lines


def test_a_fixed_value_is_the_fixed_one() -> None:
    """The label is snapped by the rule that the annotation implies."""
    assert answering(Literal["yes", "no"], "Yes.")("?") == "yes"
    assert answering(int, "It is 42 km.")("?") == 42
    assert answering(Invoice, '```json\n{"number": "1", "lines": []}\n```')("?") == Invoice(number="1", lines=[])


@given(number=st.integers(-(10**12), 10**12))
@settings(deadline=None, max_examples=60)
def test_every_whole_number_comes_back(number: int) -> None:
    assert of(int).value(str(number)) == number
    assert of(float).value(str(number)) == float(number)


def test_a_part_of_a_number_is_no_int() -> None:
    with pytest.raises(ValueError, match="is no int"):
        of(int).value("1.5")
    assert of(int).value("3.0") == 3


def test_the_type_of_what_is_streamed_is_a_text() -> None:
    def fn() -> Iterator[str]:
        yield ""

    async def later() -> AsyncIterator[str]:
        yield ""

    assert returned(fn).kind == "text"
    assert returned(later).kind == "text"


def test_metadata_of_an_annotation_is_no_part_of_its_type() -> None:
    def fn() -> Annotated[int, Field(ge=0)]:
        return 1

    assert returned(fn).kind == "number"


def test_only_the_return_annotation_must_be_known_at_run_time() -> None:
    """What parameters are annotated with is often imported for type checkers only."""

    def fn(client: "NotHere") -> "int":  # type: ignore[name-defined]  # noqa: F821
        return 1

    def unknown() -> "NotHere":  # type: ignore[name-defined]  # noqa: F821
        return None

    assert returned(fn).kind == "number"
    with pytest.raises(ConfigError, match=r"'NotHere' of .*unknown can't be evaluated.*importable at run time"):
        returned(unknown)


def test_partials_and_callable_objects_have_annotations_too() -> None:
    def fn(a: str, b: str) -> int:
        return 1

    class Asking:
        def __call__(self, prompt: str) -> bool:
            return True

    assert returned(functools.partial(fn, "a")).kind == "number"
    assert returned(Asking()).kind == "label"
    assert steady()(Asking())("?") is True
    assert steady()(functools.partial(fn, "a"))("?") == 1


def test_an_annotation_without_a_kind_says_which_have_one() -> None:
    class Opaque:
        pass

    with pytest.raises(ConfigError, match=r"annotation Opaque has no kind of output. Known: str, bool, int"):
        answering(Opaque, "x")("?")


def test_labels_that_read_the_same_are_refused() -> None:
    """ "1" and 1 are one text; which was meant could not be told."""

    class Mixed(Enum):
        A = "1"
        B = 1

    with pytest.raises(ConfigError, match=r"Mixed can't be told apart"):
        answering(Mixed, "1")("?")


def test_a_value_of_a_label_is_written_as_the_model_writes_it() -> None:
    assert (label(True), label(2), label("x")) == ("true", "2", "x")
    assert answering(Literal[True], True)("?") is True


def test_annotations_are_shown_as_they_are_written() -> None:
    assert (shown(int), shown(list[int]), shown(Literal["a"])) == ("int", "list[int]", "Literal['a']")


# The annotation and the policy


def test_a_policy_that_the_annotation_can_not_carry_is_refused_by_name() -> None:
    label_policy = {"output": {"kind": "label", "labels": ["a", "b", "c"]}, "name": "letters"}

    with pytest.raises(ConfigError, match=r"'letters' has kind label, which the return annotation int can't carry"):
        answering(int, "1", label_policy)("?")
    with pytest.raises(ConfigError, match=r"'letters' has labels a, b, c, which .*Literal\['a', 'b'\] can't carry"):
        answering(Literal["a", "b"], "a", label_policy)("?")


def test_an_annotation_may_allow_more_labels_than_the_policy_gives() -> None:
    fn = answering(Literal["a", "b", "c"], "c", {"output": {"kind": "label", "labels": ["a", "b"]}})

    with pytest.raises(Abstained):
        fn("?")


def test_a_json_policy_without_a_schema_takes_that_of_the_annotation() -> None:
    fn = answering(Invoice, '{"number": 7}', {"output": {"kind": "json", "on_fail": "filter"}})

    outcome = fn.detailed("?")

    assert [v.passed for v in outcome.decision.verdicts if v.rule == "output"] == [False]


def test_a_policys_own_schema_holds_and_the_annotation_is_still_kept() -> None:
    """The schema lets an object pass that the model can't carry: an abstention, never a half-made object."""
    fn = answering(Invoice, '{"number": "7"}', {"output": {"kind": "json", "schema": {"type": "object"}}})

    with pytest.raises(Abstained, match="No answer that Invoice can carry: ValidationError"):
        fn("?")


def test_a_str_carries_the_text_of_any_kind() -> None:
    fn = answering(str, '{"a": 1}', {"output": {"kind": "json"}})

    assert fn("?") == '{"a": 1}'


def test_one_decorator_over_two_functions_keeps_their_annotations_apart() -> None:
    """What follows from one function's annotation must not hold for another's."""
    decorate = steady("pass-through")

    @decorate
    def number(prompt: str) -> int:
        return "7"  # type: ignore[return-value]

    @decorate
    def word(prompt: str) -> Literal["yes", "no"]:
        return "yes"

    assert number("?") == 7
    assert word("?") == "yes"
