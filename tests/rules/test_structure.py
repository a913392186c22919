"""What an answer is made of: keys, replaced patterns, code, sources, support, links, the values of tool calls."""

from pathlib import Path
from typing import Any

import pytest

from steady.errors import ConfigError
from steady.policy.load import parse
from steady.rules.citations import Citations
from steady.rules.code import Code
from steady.rules.code_sql import Sql
from steady.rules.grounded import Grounded
from steady.rules.json_keys import JsonKeys
from steady.rules.length import Bounds
from steady.rules.links import LinksWellFormed
from steady.rules.regex_replace import RegexReplace
from steady.rules.rule import Context, Finder, Rule, Whole, Window, apply_edits
from steady.rules.terms import Contains
from steady.rules.tool_call import ToolCall
from steady.types import Finding, Piece


def judge(rule: Rule, text: str, context: Context | None = None, name: str = "") -> Finding:
    return rule.build().judge(Piece("answer", (), text, name), context or Context())  # type: ignore[union-attr]


def mend(rule: Rule, text: str) -> str | None:
    edits = rule.build().fix(Piece("answer", (), text), Context())  # type: ignore[union-attr]
    return None if edits is None else apply_edits(text, edits)


@pytest.mark.parametrize(
    ("fields", "text", "said"),
    [
        ({"required": ("id", "items.*.price")}, '{"id": 1, "items": [{"price": 1}]}', ""),
        ({"required": ("id", "items.*.price")}, '{"id": 1, "items": [{"price": 1}, {}]}', "items.*.price is missing"),
        ({"required": ("/a~1b/0",)}, '{"a/b": [null]}', ""),
        ({"required": ("a",), "not_null": True}, '{"a": null}', "a is empty"),
        ({"allowed": ("a", "a.b")}, '{"a": {"b": 1, "c": 2}}', "the key 'c' in a is not allowed"),
        ({"allowed": ("a.*",)}, '{"a": {"b": 1}, "d": 1}', "the key 'd' is not allowed"),
        ({"allowed": ()}, "{}", ""),
        ({"forbidden": ("a.b",)}, '{"a": {"b": null}}', "a.b must not be there"),
        ({"forbidden": ("a",)}, "[1", "not one JSON value"),
        ({"required": ("a",)}, "[]", "a is missing"),
    ],
)
def test_keys_are_asked_for_by_path(fields: dict[str, Any], text: str, said: str) -> None:
    finding = judge(JsonKeys(**fields), text)

    assert finding.passed is not bool(said)
    assert said in finding.reason


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "^`required`"),
        ({"required": ("a..b",)}, "^`required`"),
        ({"required": ("/a~2",)}, "^`required`"),
        ({"required": ("a.b",), "allowed": ("a.c",)}, "^`allowed` leaves out"),
        ({"required": ("a.b",), "forbidden": ("a",)}, "^`forbidden`"),
    ],
)
def test_keys_that_no_answer_can_have_are_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        JsonKeys(**fields).build()


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "fixed"),
    [
        (r"\bcolour\b", "color", "My colour colours colour.", "My color colours color."),
        (r"colou?r", "color", "colour color", "color color"),
        (r"(\d+) (USD|EUR)", r"\2 \1", "é 12 USD, 3 EUR", "é USD 12, EUR 3"),
        (r"(?P<a>x)(y)?", r"\g<a>-", "x!", None),
        (r"\s+$", "", "end \n", "end"),
        ("(\ufffd.)", r"<\1>", "a", "a"),
        ("b(.)", r"\\\1", "\ud800b\ud801", "\ud800\\\ud801"),
    ],
)
def test_matches_are_rewritten_with_their_groups(pattern: str, replacement: str, text: str, fixed: str | None) -> None:
    """Where the result would match again there is no fix; a match that is as it should be is none."""
    rule = RegexReplace(pattern=pattern, replacement=replacement)

    assert mend(rule, text) == fixed
    if fixed is not None:
        assert judge(rule, fixed).passed
        assert mend(rule, fixed) == fixed


def test_a_replacement_streams_only_where_it_can_form_no_match() -> None:
    for pattern, replacement, streams in (
        (r"\bcolour\b", "color", Window),
        ("--", "—", Window),
        ("ab", "b", Whole),
        (r"\bask\b", "a k", Window),
        (r"(?i)\bask\b", "a k", Whole),  # RE2 folds the Kelvin sign to k
        ("a+", "b", Whole),
        (r"a(b)", r"\1", Whole),
        ("a", "", Whole),
    ):
        check = RegexReplace(pattern=pattern, replacement=replacement).build()
        assert isinstance(check.streams, streams), pattern
        assert isinstance(check, Finder)


@pytest.mark.parametrize("replacement", [r"\2", r"\g<none>", r"\q"])
def test_a_group_that_is_not_there_is_refused(replacement: str) -> None:
    with pytest.raises(ValueError, match=r"^`replacement`"):
        RegexReplace(pattern="(a)", replacement=replacement).build()


@pytest.mark.parametrize(
    ("language", "right", "wrong"),
    [
        ("python", "x = '\\d'\nprint(x)", "def f(:"),
        ("json", '{"a": [1]}', "{'a': 1}"),
        ("yaml", "a: &x 1\nb: *x", "b: *x"),
        ("xml", "<a><b/></a>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        ("html", "<p>x<br><ul><li>a<li>b</ul>", "<div><b></div></b>"),
        ("sql", "select a from b", "select from where"),
    ],
)
def test_code_parses_or_fails_with_its_place(language: Any, right: str, wrong: str) -> None:
    assert judge(Code(languages=(language,)), f"So:\n```{language}\n{right}\n```\nDone").passed
    finding = judge(Code(languages=(language,)), f"So:\n```{language}\n{wrong}\n```\nDone")

    assert not finding.passed
    assert finding.reason.startswith(f"Block 1 ({language}): ")
    assert finding.spans[0].start == len(f"So:\n```{language}\n")
    assert judge(Code(languages=(language,), whole=True), right).passed
    assert not judge(Code(languages=(language,), whole=True), wrong).passed


@pytest.mark.parametrize(
    "code", ["1+" * 9_000 + "1", "-" * 6_000 + "1", "a.b" * 3_000, "(" * 90, "not " * 4_000 + "1", "a\x00"]
)
def test_code_made_to_be_deep_is_refused_the_same_from_any_depth(code: str) -> None:
    def below(depth: int) -> Finding:
        return below(depth - 1) if depth else judge(Code(languages=("python",), whole=True), code)

    assert not below(0).passed
    assert below(0) == below(400)


@pytest.mark.parametrize(
    ("query", "rules", "passes"),
    [
        ("select * from a", {"select_star": False}, False),
        ("select a.* from a", {"select_star": False}, False),
        ("select a, count(*) from a group by a", {"select_star": False}, True),
        ("delete from a", {"where": True}, False),
        ("delete from a where 1 = 1", {"where": True}, False),
        ("update a set b = 1 where id = 2", {"where": True}, True),
        ("drop table x", {"statements": ("select",)}, False),
        ("with d as (delete from a returning *) select * from d", {"statements": ("select",)}, False),
        ("select 1; drop table x", {"statements": ("select",)}, False),
        ("vacuum full", {"statements": ("select",)}, False),
        ("with x as (select 1) select * from x join y.z on true", {"tables": ("y.Z",)}, True),
        ("select * from secret", {"tables": ("open",)}, False),
        ("select 1; select 2", {"single": True}, False),
        ("select top 1 a from b", {"dialect": "tsql"}, True),
        ("-- nothing", {}, False),
    ],
)
def test_sql_does_only_what_it_may(query: str, rules: dict[str, Any], passes: bool) -> None:
    assert judge(Code(languages=("sql",), whole=True, sql=Sql(**rules)), query).passed is passes


def test_code_can_be_banned_or_asked_for() -> None:
    text = "~~~rust\nfn main() {}\n~~~"

    assert not judge(Code(ban=True), text).passed
    assert judge(Code(ban=True), "`inline` only").passed
    assert judge(Code(), text).passed
    assert not judge(Code(required=True), text).passed
    assert not judge(Code(languages=("json",)), "```json\n{}").passed  # no end
    for wrong in (
        Code(languages=()),
        Code(whole=True),
        Code(ban=True, required=True),
        Code(languages=("xml",), sql=Sql()),
    ):
        with pytest.raises(ValueError, match=r"^`"):
            wrong.build()


TOWER = "[1] The Eiffel Tower is 330 metres tall.\n[doc-3] It opened in 1889 in Paris."
SOURCES = Context(
    messages=(
        {"role": "user", "content": "How tall is the tower?"},
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": TOWER,
        },
        {"role": "tool", "content": [{"type": "text", "text": '{"id": "abc7", "text": "Gustave Eiffel built it."}'}]},
    )
)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("It is tall [1], [doc-3] and 【abc7†source】.", ""),
        ("See [1, doc-3].", ""),
        ("See [^2].", "'2'"),
        ("See [1-3].", "'2', '3'"),
        ("A [link 5](https://x.example), a box [x] and a[i] and [note].", ""),
        ("See [DOC-3].", ""),
    ],
)
def test_every_cited_source_was_given(text: str, unknown: str) -> None:
    finding = judge(Citations(), text, SOURCES)

    assert finding.passed is not bool(unknown)
    assert unknown in finding.reason


def test_sources_can_be_required_listed_and_spelled_otherwise() -> None:
    assert not judge(Citations(require=2), "It is [1].", SOURCES).passed
    assert judge(Citations(ids=("9",), from_roles=()), "[9]").passed
    assert not judge(Citations(pattern=r"\(source: (\w+)\)"), "(source: x) [1]", SOURCES).passed
    for wrong in (Citations(from_roles=()), Citations(pattern="a"), Citations(ids=("1",), from_roles=(), require=2)):
        with pytest.raises(ValueError, match=r"^`"):
            wrong.build()


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("The Eiffel Tower is 330 metres tall [1]. It opened in Paris in 1889.", True),
        ("The tower is 331 metres tall.", False),
        ("The tower was built by Napoleon.", False),
        ("The tower stands. Bananas contain potassium, which many athletes appreciate.", False),
        ("Shall we discuss bananas, athletes, potassium and Napoleon?", True),
        ("1. The Eiffel Tower opened in Paris.", True),
    ],
)
def test_what_the_context_does_not_hold_is_not_grounded(text: str, passed: bool) -> None:
    assert judge(Grounded(), text, SOURCES).passed is passed


def test_the_sentences_without_support_are_named() -> None:
    text = "The tower opened in 1889. It greatly impressed Napoleon."
    finding = judge(Grounded(), text, SOURCES)

    assert [text[span.start : span.end] for span in finding.spans] == ["It greatly impressed Napoleon."]
    assert judge(Grounded(unsupported=0.5), text, SOURCES).passed
    assert judge(Grounded(context=("1,200.50 euros",), from_roles=()), "1200.5").passed


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("see https://example.com/a?b=c.", True),
        ('[a](https://en.wikipedia.org/wiki/A_(b)) [x](/help "t") [m](mailto:a@b.c)', True),
        ("https://münchen.de/x", True),
        ("[a](https://x.com", False),
        ("[](https://x.com)", False),
        ("[a]()", False),
        ("http://localhost:80/", False),
        ("http://10.0.0.1", False),
        ("http://1.2.3.4:99999", False),
        ("<ftp://x.y>", False),
        ("https://x.com/%zz", False),
        ("https://-x.com", False),
        ("https://", False),
    ],
)
def test_links_can_be_followed_as_they_are_spelled(text: str, passed: bool) -> None:
    assert judge(LinksWellFormed(), text).passed is passed


def test_private_hosts_and_relative_links_as_the_policy_says() -> None:
    assert judge(LinksWellFormed(private=True), "http://localhost:80/ http://10.0.0.1").passed
    assert not judge(LinksWellFormed(relative=False), "[a](/b)").passed


MAIL = {"type": "function", "function": {"name": "send", "parameters": {"type": "object", "required": ["to"]}}}
TOOLS = Context(tools=(MAIL, {"type": "function", "function": {"name": "drop"}}))
TO = ({"rule": "regex", "pattern": r"@example\.com$"},)


@pytest.mark.parametrize(
    ("fields", "name", "arguments", "said"),
    [
        ({}, "send", '{"to": "a@x.org"}', ""),
        ({}, "send", "{}", "required"),
        ({"denied": ("drop",)}, "drop", "{}", "must not be called"),
        ({"allowed": ("send",)}, "drop", "{}", "may not be called"),
        ({"allowed": ("send",), "valid": False}, "sned", "{}", "Did it mean 'send'?"),
        ({"arguments": {"send.to": TO}}, "send", '{"to": "a@x.org"}', "send.to fails regex"),
        ({"arguments": {"send.to": TO}}, "send", '{"to": "a@example.com"}', ""),
        ({"arguments": {"*.to.*": TO}}, "send", '{"to": ["a@example.com", "b@x.org"]}', "*.to.* fails regex"),
        ({"arguments": {"send/to": TO}}, "drop", '{"to": "a@x.org"}', ""),
        ({"arguments": {"send.n": ({"rule": "range", "max": 5},)}}, "send", '{"to": 1, "n": 6}', "send.n fails range"),
        ({"aliases": {"mail": "send"}}, "mail", '{"to": 1}', ""),
    ],
)
def test_calls_and_their_values_are_judged(fields: dict[str, Any], name: str, arguments: str, said: str) -> None:
    finding = judge(ToolCall(**fields), arguments, TOOLS, name)

    assert finding.passed is not bool(said), finding.reason
    assert said in finding.reason


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"on": ("answer",)}, "^`on`"),
        ({"allowed": ("a",), "denied": ("a",)}, "^`denied`"),
        ({"arguments": {"send": TO}}, "^`arguments`"),
        ({"arguments": {"send.to": ({"rule": "nope"},)}}, "^`arguments`"),
        ({"arguments": {"send.to": ({"rule": "excludes", "terms": [], "on_fail": "fix"},)}}, "^`arguments`"),
        ({"arguments": {"send.to": ({"rule": "range", "min": 2, "max": 1},)}}, "^`arguments`"),
        ({"arguments": {"send.to": ({"rule": "webhook", "url": "https://x.example"},)}}, "^`arguments`"),
        ({"aliases": {"a": "b", "b": "c"}}, "^`aliases`"),
    ],
)
def test_what_can_not_be_judged_in_a_call_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ToolCall(**fields).build()


def test_texts_are_counted() -> None:
    rule = Contains(counts={"please": Bounds(min=1, max=2)})

    assert judge(rule, "PLEASE, ｐｌｅａｓｅ").passed
    assert "3 times, not at least 1 and at most 2 times" in judge(rule, "please " * 3).reason
    assert not judge(rule, "").passed
    for bounds in (Bounds(), Bounds(min=2, max=1)):
        with pytest.raises(ValueError, match=r"^`counts`"):
            Contains(counts={"x": bounds}).build()


def test_terms_come_from_a_file_beside_the_policy(tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("# internal names\nBlue Heron\n\nproject x\n", encoding="utf-8")
    policy = {"steady": 1, "name": "p", "rules": [{"rule": "excludes", "terms_file": "terms.txt"}]}
    rule = parse(policy, folder=tmp_path).rules[0]

    assert rule.terms == ("Blue Heron", "project x")  # type: ignore[attr-defined]
    assert rule.terms_file == ""  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match=r"terms_file"):
        parse({**policy, "rules": [{"rule": "excludes", "terms_file": "none.txt"}]}, folder=tmp_path)
