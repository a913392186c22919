"""JSON in a live stream: what is wrong ends it before it leaves, escapes are read, and the end tells the rest."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.worlds import decided, policy, question, world

from steady.pipeline.gate import Gate
from steady.pipeline.spelled import Spelled
from steady.pipeline.stream import Done, Sent, stream
from steady.providers.scripted import ScriptedProvider
from steady.rules.catalog import decode
from steady.rules.escapes import unescaped
from steady.rules.rule import Context, Finder, Growing
from steady.types import Finding, Piece

SCHEMA = {
    "type": "object",
    "required": ["note", "total"],
    "additionalProperties": False,
    "properties": {"note": {"type": "string"}, "total": {"type": "integer"}},
}
STRICT = {"kind": "json", "schema": SCHEMA, "on_fail": "exception"}
MAIL = {"rule": "no_pii", "kinds": ["email"], "on_fail": "exception"}
NOTE = "so it is, and so it will be, " * 6


async def events(text: str, *rules: dict[str, Any], size: int = 3, **doc: Any) -> tuple[str, Done]:
    resolved = policy(*rules, **doc)
    assert resolved.plan.live
    got = [e async for e in stream(question(), resolved, world(ScriptedProvider([text], size=size)))]
    sent = "".join(e.chunk["choices"][0]["delta"].get("content") or "" for e in got if isinstance(e, Sent))
    assert isinstance(got[-1], Done)
    whole = await decided(resolved, [text])
    assert got[-1].outcome.decision == whole.decision
    return sent, got[-1]


async def test_a_valid_answer_streams_as_it_comes() -> None:
    text = json.dumps({"note": NOTE, "total": 12})
    sent, done = await events(text, output=STRICT)
    rest = "".join(c["delta"].get("content") or "" for chunk in done.rest for c in chunk["choices"])

    assert not done.broken
    assert sent + rest == text
    assert len(sent) > len(NOTE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (json.dumps({"note": NOTE, "totals": 1}), "totals"),
        (json.dumps({"note": NOTE, "total": "one"}), "one"),
        (json.dumps({"note": NOTE, "total": 1.5}), "1.5"),
        (json.dumps({"note": NOTE}), "}"),  # what is required is known only at the end
        (json.dumps({"note": NOTE, "total": 1}) + " Done.", "Done"),
        ('{"note": "' + NOTE + '", "note": "x", "total": 1}', '"x"'),
        ("```json\n" + json.dumps({"note": NOTE, "total": 1}), "`"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 5_000])
async def test_nothing_of_the_part_that_fails_leaves(text: str, shown: str, size: int) -> None:
    sent, done = await events(text, output=STRICT, size=size)

    assert shown not in sent
    assert text.startswith(sent)
    assert done.broken == bool(sent)
    assert done.outcome.decision.code == "rule_violation"


@pytest.mark.parametrize("mail", ["ann@example.com", "ann\\u0040example.com", "\\u0061nn@example\\u002ecom"])
async def test_what_escapes_spell_does_not_leave_either(mail: str) -> None:
    text = '{"note": "' + NOTE + mail + ' today", "total": 1}'
    sent, done = await events(text, MAIL, output=STRICT)

    assert unescaped(sent).endswith(NOTE[-6:]) or NOTE in sent
    assert "nn" not in sent
    assert done.outcome.decision.code == "rule_violation"


@pytest.mark.parametrize("action", ["fix", "fix_reask", "filter", "refrain"])
def test_what_has_to_be_mended_or_dropped_whole_is_buffered_and_says_why(action: str) -> None:
    plan = policy(output={**STRICT, "on_fail": action}).plan

    assert not plan.live
    assert any(action in why for why in plan.why)


def test_a_rule_beside_a_text_can_read_json_too() -> None:
    assert policy({"rule": "json", "on_fail": "exception"}).plan.live
    (why,) = policy({"rule": "json", "on_fail": "fix"}).plan.why
    assert "mends only a whole text" in why


WORDS = ["ann", "@", "example", ".com", " ", "\\u0040", "\\n", "\\", "u00", "4", "0", "\\ud83d", "\\ude00", '\\"', "é"]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join), st.lists(st.integers(0, 60), max_size=12))
def test_what_is_spelled_is_found_however_it_is_cut(text: str, cuts: list[int]) -> None:
    made = decode({"rule": "no_pii", "kinds": ["email"]}).build()
    assert isinstance(made, Finder)
    one, found = Spelled([made]), False
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for i in range(len(edges) - 1):
        found = found or one.feed(text[edges[i] : edges[i + 1]])
        if not found:
            assert not any(
                m.start < made.open(unescaped(text[: one.safe])) for m in made.find(unescaped(text[: one.safe]))
            )
    found = found or one.feed("", final=True)

    assert found == any(True for _ in made.find(unescaped(text)))


class Short:
    """A check of a beginning alone: it can't go on reading, so it is asked again."""

    streams = Growing()

    def __init__(self) -> None:
        self.asked: list[int] = []

    def judge(self, piece: Piece, context: Context) -> Finding:
        return Finding(passed="!" not in piece.text)

    def fix(self, piece: Piece, context: Context) -> None:
        return None

    def doomed(self, text: str, context: Context) -> Finding | None:
        self.asked.append(len(text))
        return Finding(passed=False, reason="!") if "!" in text else None


def test_a_check_that_only_knows_whole_beginnings_is_asked_seldom_and_nothing_leaves_before_its_word() -> None:
    check = Short()
    (bound,) = policy({"rule": "json", "on_fail": "exception"}).rules
    gate = Gate("answer", ("message", "content"), [bound._replace(check=check)], Context())
    sent = "".join(gate.feed("x") for _ in range(20_000))

    assert 0 < 20_000 - len(sent) <= 20_000 // 64 + 64
    assert sum(check.asked) < 64 * 20_000 * 8
    assert "!" not in sent + gate.feed("!" * 5_000)
    assert gate.shut
