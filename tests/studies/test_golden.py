"""Golden cases: given candidates under the real pipeline; what differs is told; the shipped policies keep theirs."""

from pathlib import Path

import pytest

from steady.errors import ConfigError
from steady.studies.golden import Report, check

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "policies"
REDACT = """\
steady: 1
name: redact
rules:
  - {rule: no_pii, kinds: [email], on_fail: fix}
disclose: {place: none}
"""
VOTE = """\
steady: 1
name: vote
output: {kind: text}
sampling: {preset: balanced}
candidates: {min: 3, max: 3}
rules:
  - {rule: excludes, id: no-promise, terms: [guarantee], on_fail: reask}
otherwise: {do: message, text: Ask a person.}
disclose: {place: append}
"""
OUTSIDE = """\
steady: 1
name: outside
rules:
  - {rule: guardrails, id: foreign, validator: "json:JSONDecoder", on_fail: fix}
disclose: {place: none}
"""


def suite(folder: Path, policy: str, cases: str) -> Path:
    """Write a policy and its cases; return the cases' file."""
    (folder / "p.yaml").write_text(policy)
    file = folder / "p.tests.yaml"
    file.write_text(cases)
    return file


def run(folder: Path, policy: str, cases: str) -> Report:
    return check(suite(folder, policy, cases))


def fields(report: Report) -> list[str]:
    return [d.field for result in report.results for d in result.differences]


@pytest.mark.parametrize("file", sorted((POLICIES / "tests").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_shipped_policy_keeps_its_golden_cases(file: Path) -> None:
    report = check(file)

    assert report.results and not report.failed, "\n".join(map(str, report.failed))


def test_every_shipped_policy_has_golden_cases() -> None:
    assert {p.stem for p in POLICIES.glob("*.yaml")} == {p.stem for p in (POLICIES / "tests").glob("*.yaml")}


def test_only_what_is_expected_is_compared(tmp_path: Path) -> None:
    report = run(tmp_path, REDACT, "cases: [{name: a, candidates: [Mail a@example.com], expect: {action: answered}}]")

    assert not report.failed


def test_what_differs_is_told_by_field_with_both_values(tmp_path: Path) -> None:
    cases = "cases: [{name: a, candidates: [Mail a@example.com], expect: {text: Mail me, verdicts: {no_pii: pass}}}]"
    report = run(tmp_path, REDACT, cases)
    told = [tuple(d) for d in report.results[0].differences]

    assert told == [("expect.text", "Mail me", "Mail [EMAIL]"), ("expect.verdicts.no_pii", "pass", "fail")]
    assert str(report.failed[0]).splitlines()[1] == '  expect.text: expected "Mail me", got "Mail [EMAIL]"'


def test_verdicts_can_be_told_by_candidate_with_reason_fix_and_surface(tmp_path: Path) -> None:
    cases = """\
cases:
  - name: a
    candidates: [{content: a@example.com, reasoning: b@example.com}]
    expect:
      verdicts:
        no_pii:
          - {result: fail, surface: answer, fixed: "[EMAIL]"}
          - {slot: 0, surface: reasoning, result: fail, reason: personal data}
          - {slot: 0, surface: tool_arguments, result: null}
"""
    assert fields(run(tmp_path, REDACT, cases)) == []


def test_candidates_have_tool_calls_refusals_and_finish_reasons(tmp_path: Path) -> None:
    cases = """\
cases:
  - name: a
    candidates: [{tool_calls: [{name: mail, arguments: {to: x}}]}]
    expect: {text: null, choice: {message: {tool_calls: [{function: {name: mail, arguments: '{"to":"x"}'}}]}}}
  - name: b
    candidates: [{message: {content: cut, reasoning: long}, finish_reason: length}]
    expect: {text: cut, choice: {finish_reason: length, message: {reasoning: long}}}
  - name: c
    candidates: [{refusal: I won't.}]
    expect: {text: null, choice: {message: {refusal: I won't.}}}
"""
    assert fields(run(tmp_path, REDACT, cases)) == []


def test_a_candidate_asked_again_says_what_is_given_under_again(tmp_path: Path) -> None:
    """Reasks count as candidates, so one first draw fails here to leave room."""
    cases = """\
cases:
  - name: asked again
    candidates: [{content: I guarantee it., again: [It is likely.]}, {error: {status: 500}}, {error: {status: 500}}]
    expect: {action: answered, text: It is likely., verdicts: {no-promise: [fail]}, agreement: not measured}
  - name: nothing more is given
    candidates: [I guarantee it., I guarantee it., I guarantee it.]
    expect: {action: otherwise, text: Ask a person., released: Ask a person.}
"""
    assert fields(run(tmp_path, VOTE, cases)) == ["expect.released"]


def test_agreement_is_a_number_a_fraction_or_not_measured(tmp_path: Path) -> None:
    candidates = "[yes it is so, yes it is so, 'no, never']"
    for given, holds in [("2/3", True), ("0.67", True), ("'0.7'", True), ("0.5", False), ("not measured", False)]:
        cases = f"cases: [{{name: a, candidates: {candidates}, expect: {{agreement: {given}}}}}]"
        assert (fields(run(tmp_path, VOTE, cases)) == []) is holds, given
    cases = f"cases: [{{name: a, candidates: {candidates}, expect: {{agreement: {{share: 2/3, of: 3}}}}}}]"
    assert fields(run(tmp_path, VOTE, cases)) == []


def test_a_rule_that_asks_outside_is_told_what_the_case_gives(tmp_path: Path) -> None:
    """The validator's own code never runs: `json:JSONDecoder` is no validator at all, and nobody notices."""
    cases = """\
cases:
  - name: passes
    candidates: [fine]
    outside: {foreign: pass}
    expect: {action: answered, verdicts: {foreign: pass}}
  - name: fixes, and is asked about the fixed text
    candidates: [fine]
    outside: {foreign: [[{passed: false, reason: too plain, fix: splendid}, pass]]}
    expect: {text: splendid, verdicts: {foreign: {result: fail, reason: plain, fixed: splendid}}}
  - name: can't be asked
    candidates: [fine]
    outside: {foreign: {error: no route}}
    expect: {action: error, verdicts: {foreign: {result: fail, error: route}}}
"""
    assert fields(run(tmp_path, OUTSIDE, cases)) == []


def test_an_outside_verdict_that_is_not_given_fails_the_case(tmp_path: Path) -> None:
    """A missing answer must not pass for a failed rule that was expected to fail."""
    report = run(tmp_path, OUTSIDE, "cases: [{name: a, candidates: [x], expect: {verdicts: {foreign: fail}}}]")

    assert fields(report) == ["outside.foreign"]


def test_a_live_policy_is_streamed_too_and_a_leak_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the hold-back taken out, a piece of an address leaves before it is known to be one."""
    from steady.pipeline import gate, stream

    class Leaking(gate.Gate):
        def feed(self, text: str, *, final: bool = False) -> str:
            self.released += text
            return text

    cases = "cases: [{name: a, candidates: [Mail a@example.com now], expect: {text: 'Mail [EMAIL] now'}}]"
    assert fields(run(tmp_path, REDACT, cases)) == []
    monkeypatch.setattr(stream, "Gate", Leaking)
    assert any(field.startswith("streamed") for field in fields(run(tmp_path, REDACT, cases)))


def test_every_mistake_in_a_file_is_a_problem_with_its_line_and_the_nearest_word(tmp_path: Path) -> None:
    cases = """\
cases:
  - name: a
    candiates: [x]
    expect: {verdicts: {no_pii: failed}, actoin: answered, agreement: most}
  - {name: b, expect: {action: answerd}}
"""
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, REDACT, cases)
    told = [(p.line, p.field.split(".")[-1]) for p in caught.value.problems]

    assert told == [(3, "candiates"), (4, "no_pii"), (4, "actoin"), (5, "action")]
    assert all("Did you mean" in p.message for p in caught.value.problems)


def test_names_that_mean_nothing_are_problems_too(tmp_path: Path) -> None:
    cases = """\
policy: p.yaml
cases:
  - {name: a, candidates: [x], outside: {no_pi: pass}, expect: {verdicts: {nopii: fail}}}
  - {name: a, input: x, messages: [{content: y}], expect: {agreement: most}}
"""
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, REDACT, cases)
    assert [p.line for p in caught.value.problems] == [4, 4, 4, 4]

    good = cases.splitlines()[:3]
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, REDACT, "\n".join(good))
    assert ["Did you mean 'no_pii'?" in p.message for p in caught.value.problems] == [True, True]


def test_a_path_without_cases_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(REDACT)
    for path, words in [
        (tmp_path, "in this folder"),
        (tmp_path / "p.yaml", "for this policy"),
        (tmp_path / "q", "no such"),
    ]:
        with pytest.raises(ConfigError, match=words):
            check(path)


def test_a_policy_that_does_not_load_is_told_by_its_own_lines(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, REDACT.replace("no_pii", "no_pi"), "cases: [{name: a, candidates: [x]}]")
    assert [(Path(p.file).name, p.line) for p in caught.value.problems] == [("p.yaml", 4)]


def test_cases_are_kept_by_name(tmp_path: Path) -> None:
    file = suite(tmp_path, REDACT, "cases: [{name: One, expect: {}}, {name: two, expect: {}}]")

    assert [r.name for r in check(file, keep="one").results] == ["One"]


def test_a_request_that_cannot_be_used_fails_its_case_in_words(tmp_path: Path) -> None:
    cases = """\
cases:
  - name: bad schema
    fields: {response_format: {type: json_schema}}
    candidates: [x]
    expect: {action: answered}
  - {name: bad sampling, fields: {temperature: hot}, candidates: [x], expect: {action: answered}}
"""
    report = run(tmp_path, REDACT, cases)

    assert fields(report) == ["run", "run"] and "response_format" in str(report.failed[0])


def test_the_same_cases_give_the_same_results(tmp_path: Path) -> None:
    cases = "cases: [{name: a, candidates: [x, y, z]}]"
    first, second = (run(tmp_path, VOTE, cases).results[0] for _ in range(2))

    assert (first.differences, first.got) == (second.differences, second.got)
