"""A reask names each failed rule, what was found and what would pass, and keeps what was right."""

from typing import Any

from tests.pipeline.worlds import draws, judged, policy

from steady.pipeline.reasking import LONGEST, QUOTED, reasked

SCHEMA = {
    "type": "object",
    "required": ["name", "age", "address"],
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "address": {"type": "object", "properties": {"zip": {"type": "integer"}}},
    },
    "additionalProperties": False,
}


async def asked(line: Any, *rules: dict[str, Any], **doc: Any) -> list[dict[str, Any]]:
    return reasked(await judged(policy(*rules, candidates=draws(1, 2), **doc), line))


def reask(rule: str, **fields: Any) -> dict[str, Any]:
    return {"rule": rule, "on_fail": "reask", **fields}


async def test_each_rule_is_named_with_what_was_found_and_what_would_pass() -> None:
    answer, said = await asked(
        "one two three", reask("length", words={"max": 2}), reask("ends_with", text="."), reask("contains", all=["two"])
    )

    assert answer == {"role": "assistant", "content": "one two three"}
    assert "- The answer must have at most 2 words. Found: The text has 3 words, at most 2 allowed." in said["content"]
    assert "- End the answer with '.'. Found: " in said["content"]
    assert "'two'" not in said["content"]  # it passed
    assert said["content"].endswith("What the rules do not touch may stay as it was.")


async def test_json_keeps_the_fields_that_were_right_and_names_what_was_wrong() -> None:
    line = '{"name": "Ann", "age": "x", "address": {"zip": "y"}}'
    _, said = await asked(line, reask("json_schema", schema=SCHEMA))

    assert 'change only /age, /address/zip: {"name":"Ann"}' in said["content"]


async def test_a_missing_or_an_unknown_field_leaves_the_others_to_be_kept() -> None:
    _, said = await asked('{"name": "Ann", "age": 3, "extra": 1}', reask("json_schema", schema=SCHEMA))

    assert 'keep them as they are: {"name":"Ann","age":3}' in said["content"]
    assert "address" in said["content"]


async def test_what_is_no_json_has_no_fields_to_keep() -> None:
    _, said = await asked("Sure! Here it is.", reask("json_schema", schema=SCHEMA, repair="none"))

    assert "These fields were right" not in said["content"]


async def test_private_text_is_shown_to_nobody() -> None:
    """Not the answer, nor what another rule says of it: its evidence could quote the secret."""
    secret = "Write to ann@example.org please"
    said = await asked(
        secret, reask("no_pii", kinds=["email"]), reask("one_of", values=["a", "b"]), reask("length", words={"max": 2})
    )

    assert len(said) == 1
    assert "ann" not in said[0]["content"].replace("answer", "") and "example.org" not in said[0]["content"]
    assert "email" in said[0]["content"]
    assert "at most 2 words" in said[0]["content"]


async def test_a_failed_tool_call_is_shown_as_text() -> None:
    """A message with tool calls would need answers to each of them before the next turn."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "no"}'}}
    line = {"role": "assistant", "content": None, "tool_calls": [call]}
    said = await asked(line, reask("tool_call_schema"))

    assert [message["role"] for message in said] == ["user"]
    assert '[["f",{"a":"no"}]]' in said[0]["content"]
    assert "keep the arguments that were right" in said[0]["content"]


async def test_a_reask_is_bounded() -> None:
    rules = [reask("contains", id=f"c{n}", all=["y" * 3000 + str(n)]) for n in range(9)]
    answer, said = await asked("x " * 9000, *rules)

    assert len(answer["content"]) == QUOTED
    assert len(said["content"]) <= LONGEST
