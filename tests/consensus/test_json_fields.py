import json
from fractions import Fraction
from typing import Any

import pytest

from steady.consensus.json_fields import FIELDS
from steady.consensus.json_values import LARGEST
from steady.consensus.kinds import aggregator
from steady.types import Consensus, Vote

F = Fraction
PRICED = {"type": "object", "properties": {"p": {"type": "number"}}, "required": ["p"]}


def consensus(*documents: Any, schema: dict[str, Any] | None = None, **options: Any) -> Consensus:
    texts = [document if isinstance(document, str) else json.dumps(document) for document in documents]
    votes = [Vote(slot, text, True) for slot, text in enumerate(texts)]
    return aggregator("json", schema=schema, **options)(votes)


def value(made: Consensus) -> Any:
    assert made.text is not None
    return json.loads(made.text)


def test_each_field_is_voted_on() -> None:
    made = consensus({"a": 1, "b": "x", "c": 1}, {"a": 2, "b": "y", "c": 1}, {"a": 2, "b": "x", "c": 3})

    assert (made.text, made.blended) == ('{"a":2,"b":"x","c":1}', True)
    assert made.agreement.fields == (("/a", F(2, 3)), ("/b", F(2, 3)), ("/c", F(2, 3)))
    assert made.agreement.share == F(2, 3)
    assert made.agreement.clusters == ((0,), (2,), (1,))


def test_a_blend_names_the_medoid_for_when_it_breaks_a_rule() -> None:
    """
    Field-wise majorities may make an object that no vote gave (the doctrinal paradox): here 3 * 2 is not 5.

    The pipeline judges the blend again and takes the winner, which is a vote's own object.
    """
    votes = [{"n": 3, "each": 1, "sum": 3}, {"n": 3, "each": 2, "sum": 6}, {"n": 1, "each": 2, "sum": 3}]
    made = consensus(*votes)

    assert (value(made), made.blended) == ({"n": 3, "each": 2, "sum": 3}, True)
    assert made.winner in (0, 1, 2)
    assert made.ranked[0][0] == made.winner


def test_the_medoid_is_the_document_most_alike_to_the_others() -> None:
    """It shares two fields with one other and one with the third; the odd one out shares one with each."""
    odd, near, medoid = '{"a":1,"b":1,"c":5,"d":5}', '{"a":5,"b":5,"c":5,"d":1}', '{"a":5,"b":5,"c":1,"d":5}'
    made = consensus(odd, near, medoid)

    assert (made.text, made.blended, made.winner) == ('{"a":5,"b":5,"c":5,"d":5}', True, 2)


def test_a_blend_that_some_vote_gave_is_that_vote_with_its_own_text() -> None:
    made = consensus('{"a": 1,  "b": 2}', '{"a": 1, "b": 3}', '{"a": 4, "b": 2}')

    assert (made.winner, made.text, made.blended) == (0, '{"a": 1,  "b": 2}', False)


def test_numbers_are_equal_by_value_and_true_is_no_number() -> None:
    made = consensus('{"a":1}', '{"a":1.0}', '{"a":true}', '{"a":true}', '{"a":1e0}')

    assert (value(made), made.agreement.share) == ({"a": 1}, F(3, 5))


def test_numbers_of_which_none_leads_give_their_lower_median() -> None:
    made = consensus({"p": 1}, {"p": 2}, {"p": 3}, {"p": 9}, schema=PRICED)

    assert (made.text, made.winner, made.agreement.share) == ('{"p": 2}', 1, F(1, 4))
    assert not made.agreement.tie


def test_a_number_that_leads_alone_comes_before_the_median() -> None:
    """Three of six read 1250 off an invoice, the rest misread it each in its own way: the median is a misreading."""
    totals = (1250, 12, 1250, 1250, 11, 1200)

    made = consensus(*({"p": total} for total in totals), schema=PRICED)

    assert (value(made), made.agreement.share) == ({"p": 1250}, F(1, 2))


def test_the_median_is_of_values_and_not_of_spellings() -> None:
    assert value(consensus({"p": 9}, {"p": 10}, {"p": 100}, schema=PRICED)) == {"p": 10}


def test_a_majority_comes_before_the_median() -> None:
    made = consensus({"p": 1}, {"p": 9}, {"p": 9}, schema=PRICED)

    assert value(made) == {"p": 9}


def test_without_a_schema_a_number_is_voted_on() -> None:
    made = consensus({"p": 1}, {"p": 1}, {"p": 7}, {"p": 8}, {"p": 9})

    assert value(made) == {"p": 1}


def test_a_listed_value_is_never_a_median_or_a_paraphrase() -> None:
    words = ["very open now", "very open here", "very open indeed", "shut", "shut"]
    schema = {"properties": {"s": {"enum": sorted(set(words))}}}
    made = consensus(*({"s": word} for word in words), schema=schema)

    assert (value(made), made.agreement.share) == ({"s": "shut"}, F(2, 5))
    assert consensus(*({"s": word} for word in words)).agreement.share == F(3, 5)


def test_strings_without_a_majority_are_clustered_like_text() -> None:
    texts = ["Delivered late to the shop", "Delivered late to a shop", "Broken glass", "Broken glass"]
    made = consensus(*({"why": text} for text in [*texts, "Delivered late to this shop"]))

    assert value(made)["why"].startswith("Delivered late")
    assert made.agreement.share == F(3, 5)
    assert made.runner_up == 2


def test_opposite_strings_in_a_field_never_merge() -> None:
    approved, denied = "The refund was approved in 5 days", "The refund was denied in 5 days"
    made = consensus({"s": approved}, {"s": denied}, {"s": approved + " or so"}, threshold=F(0))

    assert (value(made), made.agreement.share) == ({"s": approved}, F(2, 3))


def test_a_key_is_kept_if_half_of_the_objects_have_it() -> None:
    made = consensus({"a": 1, "b": 1}, {"a": 1, "b": 1, "c": 1}, {"a": 1}, {"a": 1, "d": 1})

    assert value(made) == {"a": 1, "b": 1}
    assert dict(made.agreement.fields) == {"/a": F(1), "/b": F(1, 2), "/c": F(3, 4), "/d": F(3, 4)}
    assert made.agreement.share == F(1, 2)


def test_a_key_inside_an_optional_object_needs_half_of_those_that_have_the_object() -> None:
    made = consensus({"o": {"z": 1}}, {"o": {"z": 1}}, {"o": {}}, {"o": {"z": 2}}, {}, {})

    assert value(made) == {"o": {"z": 1}}
    assert dict(made.agreement.fields) == {"/o": F(1, 3), "/o/z": F(1, 3)}


def test_agreement_is_the_least_over_the_required_fields() -> None:
    votes = [{"id": 7, "note": text} for text in ("red", "green", "blue")]
    schema = {"required": ["id"], "properties": {"id": {}, "note": {}}}

    assert consensus(*votes, schema=schema).agreement.share == 1
    assert consensus(*votes).agreement.share == F(1, 3)
    assert (consensus(*votes, schema=schema).leader, consensus(*votes, schema=schema).runner_up) == (3, 0)


def test_leader_and_runner_up_are_of_the_weakest_and_most_contested_field() -> None:
    made = consensus({"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 3, "b": 2}, {"a": 1, "b": 1})

    assert (made.leader, made.runner_up, made.agreement.share) == (3, 2, F(3, 5))


def test_arrays_are_aligned_before_they_are_voted_on() -> None:
    """Equal rows in another order, or behind one that is too many, are still the same rows."""
    apple, pear = {"n": "apple", "p": 1}, {"n": "pear", "p": 2}
    made = consensus([apple, pear], [pear, apple], [{"n": "fig", "p": 5}, apple, {"n": "pear", "p": 3}])

    assert value(made) == [apple, pear]
    assert (made.winner, made.blended) == (0, False)
    assert dict(made.agreement.fields)["/1/p"] == F(2, 3)
    assert dict(made.agreement.fields)["/0"] == 1


def test_a_slot_is_kept_if_half_of_the_arrays_have_it() -> None:
    made = consensus([1, 2, 3], [1, 2], [1], [1, 2, 3, 4])

    assert value(made) == [1, 2, 3]
    assert made.agreement.share == F(1, 4)
    assert consensus([1, 2], [1], [1]).text == "[1]"


def test_the_shape_is_voted_before_the_content() -> None:
    made = consensus({"a": [1]}, {"a": [2]}, {"a": [2]}, {"a": 1}, {"a": {"x": 1}})

    assert value(made) == {"a": [2]}
    assert made.agreement.share == F(2, 5)


def test_texts_that_are_no_json_count_and_never_win() -> None:
    made = consensus("{", "{", "{", {"a": 1}, '{"a": NaN}')

    assert (made.winner, made.text, made.agreement.share) == (3, '{"a": 1}', F(1, 5))
    assert made.agreement.clusters == ((0, 1, 2), (3,), (4,))
    assert (made.leader, made.runner_up) == (1, 3)
    assert consensus("{", "[").winner is None


def test_rejected_documents_support_but_do_not_decide() -> None:
    votes = [
        Vote(0, '{"a":1}', False),
        Vote(1, '{"a":1}', False),
        Vote(2, '{"a":2}', True),
        Vote(3, '{"a":2,"b":0}', False),
    ]
    made = aggregator("json")(votes)

    assert (made.winner, made.text, made.agreement.share) == (2, '{"a":2}', F(1, 2))
    assert (made.leader, made.runner_up) == (2, 2)
    assert made.ranked == ((2, F(1)),)


def test_quality_weighs_a_field_s_vote() -> None:
    votes = [Vote(0, '{"a":1}', True, F(1, 4)), Vote(1, '{"a":1}', True, F(1, 4)), Vote(2, '{"a":2}', True)]
    schema = {"properties": {"a": {"enum": [1, 2]}}}

    assert aggregator("json", schema=schema)(votes[1:]).text == '{"a":2}'


def test_refusals_win_only_when_they_outweigh_all_documents() -> None:
    def votes(refusals: int, documents: int) -> list[Vote]:
        refused = [Vote(slot, "I can't.", True, refusal=True) for slot in range(refusals)]
        return refused + [Vote(9 + slot, f'{{"a":{slot}}}', True) for slot in range(documents)]

    assert aggregator("json")(votes(2, 2)).text == '{"a":0}'
    assert aggregator("json")(votes(2, 2)).agreement.share == F(1, 4)
    refused = aggregator("json")(votes(3, 2))
    assert (refused.text, refused.winner, refused.agreement.share) == ("I can't.", 0, F(3, 5))


def test_a_tie_in_a_field_that_counts_is_reported() -> None:
    assert consensus({"a": 1}, {"a": 2}).agreement.tie
    assert value(consensus({"a": 2}, {"a": 1})) == {"a": 1}
    assert not consensus({"a": 1}, {"a": 1}, {"a": 2}).agreement.tie


def test_keys_keep_the_medoid_s_order() -> None:
    same = '"y":0,"k":0,"m":0,"c":0'
    documents = [f'{{"z":{z},"a":{a},"n":{n},{same}}}' for z, a, n in ((1, 1, 5), (1, 2, 6), (2, 2, 5))]
    made = consensus(*documents)

    assert (made.text, made.blended) == (f'{{"z":1,"a":2,"n":5,{same}}}', True)


def test_the_reported_fields_are_those_nearest_to_the_root() -> None:
    document = {f"k{index:03}": {"deep": index} for index in range(FIELDS - 5)}
    made = consensus(document, document)
    pointers = [path for path, _ in made.agreement.fields]

    assert len(pointers) == FIELDS
    assert pointers == sorted(pointers)
    assert sum(path.count("/") == 1 for path in pointers) == FIELDS - 5


def test_documents_too_large_to_merge_are_voted_on_whole() -> None:
    big = list(range(LARGEST // 2))
    made = consensus([*big, 1], [*big, 1], [*big, 2])

    assert (made.agreement.method, made.agreement.share, made.winner) == ("vote on whole values", F(2, 3), 0)
    assert consensus([*big, 1], [*big, 2], [*big, 2], variability_penalty=F(1, 2)).winner == 1


def test_a_rejected_giant_does_not_stop_the_merge() -> None:
    giant = json.dumps(list(range(LARGEST)))
    votes = [Vote(0, '{"a":1,"b":1}', True), Vote(1, '{"a":1,"b":2}', True), Vote(2, giant, False)]
    made = aggregator("json")(votes)

    assert (made.agreement.method, dict(made.agreement.fields)["/a"]) == ("fields", F(2, 3))


@pytest.mark.parametrize(
    "text", ["1", '"x"', "null", "[]", "{}", "[[[]]]", '{"":{"":1}}', '{"a/b":{"~":1}}', '"\\ud800"']
)
def test_any_document_alone_is_agreed_on(text: str) -> None:
    made = consensus(text, text)

    assert (made.text, made.agreement.share, made.blended, made.winner) == (text, 1, False, 0)
    assert (made.leader, made.runner_up) == (2, 0)


def test_a_tool_call_s_arguments_are_voted_on_whole() -> None:
    texts = ['{"a":1,"b":2}', '{"b":2.0,"a":1}', '{"a":1,"b":3}', "{", "{"]
    made = aggregator("tool_call")([Vote(slot, text, True) for slot, text in enumerate(texts)])

    assert (made.winner, made.text, made.blended) == (0, '{"a":1,"b":2}', False)
    assert (made.agreement.share, made.agreement.fields) == (F(2, 5), ())
    assert made.agreement.clusters == ((0, 1), (3, 4), (2,))
    assert made.runner_up == 2
