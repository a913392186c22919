"""
Golden cases: a file beside a policy that says what a model gave, and what must come of it.

    policy: ../support-answer.yaml        # if not given: NAME.yaml beside NAME.tests.yaml, or above tests/NAME.yaml
    cases:
      - name: an address is replaced
        input: Who is the driver?
        candidates: ["Tom Becker, tom@parcels.example"]
        expect: {text: "Tom Becker, [EMAIL]", verdicts: {no_pii: fail}}

The structs below are the format: an unknown word is a problem with its line, as in a policy.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from steady.errors import ConfigError, Problem, legal_words
from steady.policy.verify import verify
from steady.policy.yaml_marks import MAX_BYTES, line_of, read_yaml
from steady.types import Place, Surface

SUFFIXES = (".tests.yaml", ".tests.yml")
FOLDER = "tests"
Word = Literal["pass", "fail", "n/a"]
Action = Literal["answered", "passed_through", "otherwise", "refrained", "refused_input", "error"]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Failure(_Part, frozen=True, kw_only=True):
    """A model that gave no answer."""

    message: str = "The model failed."
    status: Annotated[int, Meta(ge=100, le=599)] | None = None


class Given(_Part, frozen=True, kw_only=True):
    """One candidate: a message's parts, or a whole choice object, or a failure."""

    content: str | tuple[dict[str, Any], ...] | None = None
    tool_calls: tuple[dict[str, Any], ...] | None = None
    """OpenAI's objects, or short: {name: TOOL, arguments: {...} or text}."""
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    message: dict[str, Any] | None = None
    """A whole message, in place of its parts above."""
    finish_reason: str | None = None
    """`stop`, or `tool_calls` where there are some, if not given."""
    index: int = 0
    logprobs: Any = None
    error: Failure | None = None
    again: tuple["str | Given", ...] = ()
    """What the model says when this candidate is asked again, in that order."""


class Answer(_Part, frozen=True, kw_only=True):
    """What a rule that asks outside was told."""

    passed: bool = False
    reason: str = ""
    fix: str | None = None
    error: str = ""
    """Why it could not be asked."""


Told = Literal["pass", "fail"] | Answer
Ask = Told | tuple[Told | tuple[Told, ...], ...]


class Saying(_Part, frozen=True, kw_only=True):
    """What one rule said of one candidate (of any that it judged, where `slot` is not given)."""

    result: Word | None = None
    reason: str | None = None
    """A part of the reason."""
    error: str | None = None
    """A part of why it could not judge."""
    fixed: str | None = None
    """The text after this rule's own fix."""
    slot: int | Literal["input"] | None = None
    attempt: int | None = None
    surface: Surface | None = None


class Agreed(_Part, frozen=True, kw_only=True):
    """How many agree."""

    share: float | str | None = None
    of: int | None = None
    why: str | None = None
    """A part of why it was not measured."""


class Disclosed(_Part, frozen=True, kw_only=True):
    """What the user is told."""

    text: str | None = None
    place: Place | None = None
    locale: str | None = None


class Expect(_Part, frozen=True, kw_only=True):
    """What must come of it. Only what is given is compared."""

    action: Action | None = None
    code: Literal["", "rule_violation", "no_acceptable_answer", "upstream_error"] | None = None
    reason: str | None = None
    """A part of the reason."""
    text: str | None = None
    """The text of the first released choice, without its disclosure; null if it has none."""
    released: str | None = None
    """The same as the client gets it, with its disclosure."""
    choice: dict[str, Any] | None = None
    """Parts of the first released choice: {message: {tool_calls: [...]}, finish_reason: stop}."""
    slot: int | None = None
    """Which candidate was chosen, from 0; null if none was."""
    slots: tuple[int, ...] | None = None
    verdicts: dict[str, Word | Saying | tuple[Word | Saying, ...]] | None = None
    """By rule id: a word for all that it judged, or a list of words by candidate, or more of it by {result: ...}."""
    agreement: str | float | Agreed | None = None
    """A number, a fraction such as 3/4, or `not measured`."""
    disclosure: str | Disclosed | None = None
    stopped: str | None = None
    notes: tuple[str, ...] | None = None
    """Parts of notes that must be there."""


class Case(_Part, frozen=True, kw_only=True):
    """One case."""

    name: Annotated[str, Meta(min_length=1)]
    input: str | None = None
    """What the user asks; `messages` in its place gives the whole conversation."""
    messages: tuple[dict[str, Any], ...] | None = None
    fields: dict[str, Any] = {}
    """Further fields of the request's body: tools, response_format, temperature, ..."""
    n: Annotated[int, Meta(ge=1, le=64)] = 1
    locale: str | None = None
    candidates: tuple[str | Given, ...] = ()
    """What the model gives, in the order of asking; what is asked beyond these fails."""
    fallback: str | Given | None = None
    """What the other model of `otherwise: {do: model}` gives."""
    outside: dict[str, Ask] = {}
    """By rule id: what rules that ask outside are told: one answer for all, or a list by candidate."""
    functions: dict[str, str | None] = {}
    """By rule id: the text that the function of `on_fail: custom` gives; null: it drops the candidate."""
    expect: Expect = Expect()


class Document(_Part, frozen=True, kw_only=True):
    """A whole file."""

    policy: str = ""
    """The policy's file, relative to this one."""
    cases: Annotated[tuple[Case, ...], Meta(min_length=1)]


class Suite(NamedTuple):
    """A file that was read."""

    file: Path
    policy: Path
    cases: tuple[Case, ...]
    expects: tuple[Mapping[str, Any], ...]  # as they are written, so that null can be told from nothing
    lines: Mapping[str, int]

    def line(self, index: int, field: str = "") -> int:
        """Return the line of a case, or of a field in it."""
        at = f"cases[{index}]"
        return line_of(self.lines, f"{at}.{field}" if field else at)

    def problem(self, field: str, message: str) -> Problem:
        """Return a problem at a field."""
        return Problem(str(self.file), line_of(self.lines, field), field, message)


def is_cases(path: Path) -> bool:
    """Whether a file's name says that it holds golden cases."""
    return path.name.endswith(SUFFIXES) or (path.parent.name == FOLDER and path.suffix in {".yaml", ".yml"})


def read(path: Path) -> Suite:
    """
    Read a file of golden cases.

    Raises:
        ConfigError: With every problem found, by line.
    """
    try:
        with path.open("rb") as stream:
            source = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, "", f"can't be read: {error.strerror or error}.")]) from None
    data, lines = read_yaml(source, str(path))
    if not isinstance(data, dict):
        raise ConfigError([Problem(str(path), 0, "", "a file of golden cases is a mapping: cases: [{name: ...}].")])
    faults = verify(data, Document)
    if faults:
        raise ConfigError([Problem(str(path), line_of(lines, f), f, m) for f, m in faults])
    document = msgspec.convert(data, Document)
    expects = tuple(item.get("expect", {}) for item in data["cases"])
    suite = Suite(path, _policy_of(path, document.policy), document.cases, expects, lines)
    problems = list(_wrong(suite))
    if problems:
        raise ConfigError(problems)
    return suite


def _policy_of(path: Path, named: str) -> Path:
    if named:
        return path.parent / named
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return path.with_name(path.name.removesuffix(suffix) + ".yaml")
    return path.parent.parent / f"{path.stem}.yaml"


def _wrong(suite: Suite) -> Iterator[Problem]:
    if not suite.policy.is_file():
        there = [p.name for p in suite.policy.parent.glob("*.yaml") if not is_cases(p)]
        yield suite.problem("policy", f"no policy file {str(suite.policy)!r}. {legal_words(suite.policy.name, there)}")
    names: dict[str, int] = {}
    for index, case in enumerate(suite.cases):
        at = f"cases[{index}]"
        if case.name in names:
            yield suite.problem(f"{at}.name", f"{case.name!r} is there twice; the first is cases[{names[case.name]}].")
        names.setdefault(case.name, index)
        if case.input is not None and case.messages is not None:
            yield suite.problem(f"{at}.messages", "`input` and `messages` say the same; write one of them.")
        for i, message in enumerate(case.messages or ()):
            if not isinstance(message.get("role"), str):
                yield suite.problem(f"{at}.messages[{i}]", "a message needs a `role` that is text.")
        for field, share in _shares(case):
            if not is_share(share):
                words = "a number from 0 to 1, a fraction such as 3/4, or 'not measured'"
                yield suite.problem(f"{at}.expect.{field}", f"{share!r} is no agreement; it is {words}.")


def _shares(case: Case) -> Iterator[tuple[str, float | str]]:
    given = case.expect.agreement
    if isinstance(given, Agreed):
        if given.share is not None:
            yield "agreement.share", given.share
    elif given is not None:
        yield "agreement", given


def is_share(value: float | str) -> bool:
    """Whether this says an agreement."""
    from fractions import Fraction

    if value == "not measured":
        return True
    try:
        return 0 <= Fraction(str(value)) <= 1
    except (ValueError, ZeroDivisionError):
        return False


def unknown_rules(suite: Suite, keys: tuple[str, ...], within: tuple[str, ...]) -> Iterator[Problem]:
    """
    Yield what names a rule that the policy has not.

    Args:
        suite: The cases.
        keys: The ids of the policy's rules, those that it implies and those that a request may bring.
        within: The ids of rules at any depth: what `outside` may name.
    """
    for index, case in enumerate(suite.cases):
        for field, named, known in (
            ("expect.verdicts", case.expect.verdicts or {}, keys),
            ("outside", case.outside, within),
            ("functions", case.functions, within),
        ):
            for name in named:
                if name not in known:
                    at = f"cases[{index}].{field}.{name}"
                    yield suite.problem(at, f"no rule {name!r} in this policy. {legal_words(name, known)}")
