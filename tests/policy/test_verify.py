"""The collecting checker: it and msgspec's decoder agree on what fits, and it tells every fault."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from steady.policy.document import Policy
from steady.policy.verify import Fault, fields_of, not_plain, verify


class Cat(Struct, frozen=True, tag_field="is", tag="cat", forbid_unknown_fields=True):
    lives: Annotated[int, Meta(ge=1, le=9)] = 9


class Dog(Struct, frozen=True, tag_field="is", tag="dog", forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern="^[a-z]+$", max_length=5)]


class Farm(Struct, frozen=True, forbid_unknown_fields=True):
    pets: tuple[Cat | Dog, ...]
    sizes: dict[Annotated[str, Meta(min_length=2)], float] = {}
    pair: tuple[int, str] | None = None
    level: Literal["low", "high"] | int = "low"
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    step: Annotated[int, Meta(multiple_of=5)] = 5
    tags: Annotated[list[str], Meta(max_length=2)] = []
    open: bool | None = None
    any: Any = None
    text: str | dict[str, str] = "standard"
    number: int | float = 1
    loose: "Loose | None" = None


class Loose(Struct, frozen=True, rename={"from_": "from"}):
    from_: int = 1


GOOD: dict[str, Any] = {
    "pets": [{"is": "cat", "lives": 3}, {"is": "dog", "name": "rex"}],
    "sizes": {"ab": 1, "cd": 2.5},
    "pair": [1, "a"],
    "level": 3,
    "share": 0.25,
    "step": 10,
    "tags": ["a"],
    "open": True,
    "any": [1, {"a": None}],
    "text": {"en": "x"},
    "number": 2.5,
    "loose": {"from": 2, "unknown": 1},
}


def faults(data: Any, type_: Any = Farm) -> list[Fault]:
    return verify(data, type_)


def converts(data: Any, type_: Any) -> bool:
    try:
        msgspec.convert(data, type_)
    except msgspec.ValidationError:
        return False
    return True


def test_what_fits_has_no_faults() -> None:
    assert faults(GOOD) == []


def test_every_fault_is_told_with_its_field() -> None:
    data = {
        "pets": [{"is": "cat", "lives": 10, "nmae": 1}, {"is": "dog"}, {"is": "cow"}, {}, 3],
        "sizes": {"a": "x"},
        "pair": [1],
        "level": "hihg",
        "share": 1,
        "step": 7,
        "tags": ["a", "b", 3],
        "text": 4,
        "sahre": 1,
    }

    assert {fault.field for fault in faults(data)} == {
        "pets[0].lives", "pets[0].nmae", "pets[1]", "pets[2].is", "pets[3]", "pets[4]", "sizes.a", "pair", "level",
        "share", "step", "tags", "tags[2]", "text", "sahre",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"pets": [], "sahre": 1}, "no field 'sahre'. Did you mean 'share'? Known: any, level, loose,"),
        ({"pets": [], "level": "hihg"}, "'hihg' is no legal word here. Did you mean 'high'? Known: high, low."),
        ({"pets": [{"is": "dgo"}]}, "no is 'dgo'. Did you mean 'dog'? Known: cat, dog."),
        ({}, "the key 'pets' is missing: a list, each item a mapping."),
        ({"pets": [], "share": 2}, "2.0 is out of range: it must be a number of over 0 and under 1."),
        ({"pets": [], "tags": None}, "must be a list, each item text, not empty (null)."),
        ({"pets": [], "open": "yes"}, "must be true or false, not the text 'yes'."),
        ({"pets": [{"is": "dog", "name": 5}]}, "must be text, not the number 5. Quote it."),
        ({"pets": [{"is": "dog", "name": "Rex"}]}, "'Rex' does not fit; it must match ^[a-z]+$"),
        ({"pets": [], "text": []}, "must be text or a mapping, not a list."),
        ({"pets": [], "pair": [1, "a", 2]}, "must be a list of 2, not of 3."),
    ],
)
def test_a_fault_names_what_would_be_legal(data: dict[str, Any], message: str) -> None:
    assert faults(data)[0].message.startswith(message)


def test_a_type_that_json_can_not_hold_is_the_programmers_error() -> None:
    with pytest.raises(TypeError, match="BytesType"):
        verify("x", bytes)


def test_a_path_is_put_before_every_field() -> None:
    assert verify({"lives": 0, "is": "cat"}, Cat, "rules[2]")[0].field == "rules[2].lives"


def test_fields_go_by_their_names_in_yaml() -> None:
    assert list(fields_of(Loose)) == ["from"]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({1: "a"}, ""),
        ({"a": {"b": {1, 2}}}, "a.b"),
        ([float("nan")], "[0]"),
        ([float("inf")], "[0]"),
        ({"a": 2**60}, "a"),
        ({"a": "\ud800"}, "a"),
        ({"a": b"x"}, "a"),
    ],
)
def test_what_json_can_not_carry_is_found(data: Any, field: str) -> None:
    assert [fault.field for fault in not_plain(data)] == [field]


def test_endless_nesting_is_found() -> None:
    knot: list[Any] = []
    knot.append(knot)

    assert "deeper" in not_plain(knot)[0].message


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-12, 12)
    | st.just(10**400)
    | st.sampled_from([0.5, 1.0, -1.5, 7.0])
    | st.sampled_from(["", "a", "ab", "low", "high", "cat", "dog", "rex", "TOOLONG", "20s", "text"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "ab", "is", "lives", "name", "kind", "min", "max"]), inner, max_size=3)
    ),
    max_leaves=6,
)

POLICY: dict[str, Any] = {
    "steady": 1,
    "name": "x",
    "model": None,
    "output": {"kind": "json", "schema": {"type": "object"}, "tolerance": {"absolute": 0.1}},
    "sampling": {"preset": "balanced", "stop": ["a"], "logit_bias": {"a": 1}, "top_k": 3},
    "candidates": {"min": 2, "max": 4, "deadline": "20s", "stop": {"posterior": 0.9}, "budget": {"tokens": 9}},
    "rules": [{"rule": "x"}],
    "disclose": {"place": "append", "text": {"en": "a"}},
    "allow": {"disclose": ["place"]},
    "otherwise": {"do": "value", "value": [1]},
}


def paths(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    out = [at]
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in steps:
        out += paths(value, (*at, key))
    return out


def mutated(data: Any, path: tuple[Any, ...], new: Any, how: str) -> Any:
    """Return a copy of `data` in which the value at `path` is replaced, removed or given a neighbour."""
    if not path:
        return {**data, "extra": new} if how == "add" and isinstance(data, dict) else new
    copy = dict(data) if isinstance(data, dict) else list(data)
    if len(path) == 1 and how == "remove":
        del copy[path[0]]
    else:
        copy[path[0]] = mutated(data[path[0]], path[1:], new, how)
    return copy


@given(st.data(), JSON, st.sampled_from(["replace", "remove", "add"]))
@settings(deadline=None, max_examples=400)
@pytest.mark.parametrize(("good", "type_"), [(GOOD, Farm), (POLICY, Policy)])
def test_nothing_is_found_exactly_where_decoding_succeeds(
    good: dict[str, Any], type_: Any, data: st.DataObject, new: Any, how: str
) -> None:
    """Else `steady check` would pass what does not load, or refuse what does."""
    changed = mutated(good, data.draw(st.sampled_from(paths(good))), new, how)

    assert (verify(changed, type_) == []) == converts(changed, type_)


@given(JSON)
@example(True)
@settings(deadline=None, max_examples=200)
@pytest.mark.parametrize(
    "type_",
    [int, float, str, bool, Any, int | float, Literal["low", "high"] | int, Literal[1, 2], dict[str, int], Cat | Dog,
     list[int] | str | None, tuple[int, str], Annotated[float, Meta(ge=0, le=1)]],
)  # fmt: skip
def test_single_types_agree_with_the_decoder(type_: Any, data: Any) -> None:
    assert (verify(data, type_) == []) == converts(data, type_)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (20, "must be text, not the number 20. Its unit is missing: write 20s."),
        (1.5, "Its unit is missing: write 1.5s."),
        ("20", "Its unit is missing: write 20s."),
        (True, "must be text, not true."),
        ("soon", "must match"),
        ([], "must be text, not a list."),
    ],
)
def test_a_number_without_its_unit_is_told_which_one_to_write(value: Any, said: str) -> None:
    from steady.policy.document import Duration

    (fault,) = verify(value, Duration)

    assert said in fault.message
    assert ("unit" in said) == ("unit" in fault.message)


def test_a_size_without_its_unit_is_told_too() -> None:
    from steady.policy.config import Size

    (fault,) = verify(10, Size)
    assert fault.message.endswith("write 10MiB.")
