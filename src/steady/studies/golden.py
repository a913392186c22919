"""
Golden cases, run: the real pipeline over candidates that are given, streamed too where the policy streams live.

    report = check("policies")            # a folder, a policy, or a file of cases
    assert not report.failed, report.failed[0]
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from steady.errors import ConfigError, Problem, SteadyError
from steady.pipeline.respond import receipt_of
from steady.pipeline.run import run
from steady.pipeline.stream import Done, Sent, stream
from steady.policy.config import Found, find
from steady.policy.load import Known, Loaded, catalog, load
from steady.policy.presets import Presets, load_presets
from steady.policy.resolve import resolve
from steady.policy.resolved import Resolved, Target
from steady.providers.capabilities import capabilities
from steady.studies.cases import FOLDER, SUFFIXES, Case, Suite, is_cases, read, unknown_rules
from steady.studies.given import GivenWorld
from steady.studies.seen import Difference, differences, everything, seen
from steady.types import JSON, Options, Outcome, Receipt, Request, Sampling

SIZES = (1, 7, None)  # characters in a streamed piece
OF_REQUESTS = ("request_schema", "request_json", "request_tool")  # rules that a request itself may bring
ASKED = "A question."


class Result(NamedTuple):
    """One case that was run."""

    file: str
    line: int
    policy: str
    name: str
    differences: tuple[Difference, ...]
    got: Mapping[str, Any]  # the expectation as it would hold: what `--update` writes
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all came as it was expected."""
        return not self.differences

    def __str__(self) -> str:
        from steady.studies.shown import told

        return "\n".join(told(self))


class Report(NamedTuple):
    """All cases of all files."""

    results: tuple[Result, ...]
    suites: tuple[Suite, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """Return the results that did not pass."""
        return tuple(result for result in self.results if not result.passed)


def check(*paths: str | Path, keep: str = "", config: str | Path | None = None) -> Report:
    """
    Run golden cases.

    Args:
        paths: Files of cases, policies (their cases lie beside them), or folders of either.
        keep: Run only cases whose name holds this, in any case of letters.
        config: A steady.yaml, for presets and functions; else as for every command.

    Raises:
        ConfigError: A file has problems (all of them, by line), or a path has no cases.
    """
    suites, problems = found(paths)
    ready: list[tuple[Suite, Resolved]] = []
    for suite in suites:
        try:
            ready.append((suite, policy_of(suite, config)))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    results = [
        run_case(suite, index, policy)
        for suite, policy in ready
        for index, case in enumerate(suite.cases)
        if keep.casefold() in case.name.casefold()
    ]
    return Report(tuple(results), tuple(suites))


def found(paths: Iterable[str | Path]) -> tuple[list[Suite], list[Problem]]:
    """Return the files of cases that paths stand for, read, and every problem of those that can't be."""
    suites: list[Suite] = []
    problems: list[Problem] = []
    for path in map(Path, paths):
        files = list(dict.fromkeys(_files(path)))
        if not files:
            problems.append(Problem(str(path), 0, "", _nothing(path)))
        for file in files:
            try:
                suites.append(read(file))
            except ConfigError as error:
                problems += error.problems
    return suites, problems


def _nothing(path: Path) -> str:
    if not path.exists():
        return "no such file or folder"
    if path.is_dir():
        return f"no golden cases in this folder: no file NAME{SUFFIXES[0]}, and none in {FOLDER}/."
    return f"no golden cases for this policy: neither {path.stem}{SUFFIXES[0]} nor {FOLDER}/{path.stem}.yaml is there."


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        inside = path if path.name == FOLDER else path / FOLDER
        yield from sorted(p for suffix in SUFFIXES for p in path.glob(f"*{suffix}"))
        yield from sorted(p for p in inside.glob("*.y*ml") if p.suffix in {".yaml", ".yml"})
    elif is_cases(path) and path.is_file():
        yield path
    elif path.is_file():
        beside = [path.with_name(path.stem + suffix) for suffix in SUFFIXES]
        inside_ = [path.parent / FOLDER / f"{path.stem}{suffix}" for suffix in (".yaml", ".yml")]
        yield from (p for p in (*beside, *inside_) if p.is_file())


def policy_of(suite: Suite, config: str | Path | None = None) -> Resolved:
    """Return the policy of a file of cases. Raises ConfigError: it does not load, or a case names no rule of it."""
    policy = resolved_alone(suite.policy, find(config, suite.policy.resolve().parent))
    keys = tuple(dict.fromkeys([b.rule.key for b in (*policy.rules, *policy.input_rules)]))
    within = tuple(dict.fromkeys((*keys, *_ids(msgspec.json.decode(policy.canonical)["rules"]))))
    problems = list(unknown_rules(suite, (*keys, *OF_REQUESTS), (*within, *OF_REQUESTS)))
    if problems:
        raise ConfigError(problems)
    return policy


def resolved_alone(file: Path, at: Found) -> Resolved:
    """Return one policy file over a model that takes everything, so that cases hold on every machine."""
    presets = load_presets(at.folder / at.config.presets if at.config.presets else None)
    known = Known(catalog(), presets, frozenset(at.config.functions) if at.file else None)
    return over_anything(load(file, known), presets)


def over_anything(loaded: Loaded, presets: Presets) -> Resolved:
    """Return a policy over a model that takes everything."""
    doc = loaded.policy
    fallback = _target(doc.otherwise.model) if doc.otherwise.do == "model" else None
    return resolve(loaded, target=_target(doc.model), fallback=fallback, presets=presets)


def _target(model: str | None) -> Target:
    provider, _, name = (model or "").rpartition("/")
    return Target(provider=provider or "given", model=name or "given", capabilities=capabilities("scripted", ""))


def _ids(item: JSON) -> Iterator[str]:
    """Yield the ids of rules at any depth: those within `all`, `any`, `not` and `when` too."""
    if isinstance(item, dict):
        if isinstance(item.get("rule"), str):
            yield str(item.get("id") or item["rule"])
        for value in item.values():
            yield from _ids(value)
    elif isinstance(item, list):
        for value in item:
            yield from _ids(value)


_SAMPLING = frozenset(Sampling.__struct_fields__)


def request_of(case: Case) -> Request:
    """Return the request of a case. Raises ConfigError for a sampling field of a wrong type."""
    messages = case.messages or ({"role": "user", "content": case.input if case.input is not None else ASKED},)
    own = {key: value for key, value in case.fields.items() if key in _SAMPLING}
    rest = {key: value for key, value in case.fields.items() if key not in _SAMPLING}
    try:
        sampling = msgspec.convert(own, Sampling)
    except msgspec.ValidationError as error:
        raise ConfigError(f"case {case.name!r}: fields: {error}") from None
    return Request(messages=messages, sampling=sampling, fields=rest, n=case.n, options=Options(locale=case.locale))


def run_case(suite: Suite, index: int, policy: Resolved) -> Result:
    """Run one case, streamed and not, and compare. A request that can't be used, or an answer not given, differs."""
    case, expect = suite.cases[index], suite.expects[index]
    began = perf_counter()
    try:
        request = request_of(case)
        world = GivenWorld(case, policy)
        outcome = asyncio.run(run(request, policy, world))
        got = seen(expect, outcome, request) if expect else everything(outcome, request)
        found_ = [*differences(_plain(expect), _plain(got))] if expect else [_nothing_expected(got)]
        found_ += [Difference(field, "an answer", "none is given") for field in world.missing]
        found_ += asyncio.run(_streamed(case, request, policy, outcome))
    except SteadyError as error:
        got, found_ = dict(expect), [Difference("run", "a decision", str(error))]
    return Result(
        file=str(suite.file),
        line=suite.line(index),
        policy=policy.name,
        name=case.name,
        differences=tuple(found_),
        got=_plain(got),
        seconds=perf_counter() - began,
    )


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _nothing_expected(got: Mapping[str, Any]) -> Difference:
    return Difference("expect", "something (write it, or run with --update)", dict(got))


async def _streamed(case: Case, request: Request, policy: Resolved, whole: Outcome) -> list[Difference]:
    """Return where streaming says otherwise, for a policy that streams live."""
    if not policy.plan.live or request.n > 1:
        return []
    out: list[Difference] = []
    for size in SIZES:
        text, done = "", None
        async for event in stream(request, policy, GivenWorld(case, policy, size=size)):
            if isinstance(event, Sent):
                text += _delta(event.chunk)
            else:
                done = event
        if done is not None:
            out += _unlike(f"streamed[{size or 'whole'}]", text, done, whole)
    return out


def _delta(chunk: Mapping[str, Any]) -> str:
    parts = [choice.get("delta") or {} for choice in chunk.get("choices") or () if choice.get("index", 0) == 0]
    return "".join(part["content"] for part in parts if isinstance(part.get("content"), str))


def _unlike(field: str, text: str, done: Done, whole: Outcome) -> Iterator[Difference]:
    if done.outcome.decision.action != whole.decision.action:
        yield Difference(f"{field}.action", whole.decision.action, done.outcome.decision.action)
    if done.outcome.decision.choices != whole.decision.choices:
        yield Difference(f"{field}.choices", whole.decision.choices, done.outcome.decision.choices)
    if done.whole:  # nothing was out when it was decided
        return
    released = (whole.choices[0].get("message") or {}).get("content") if whole.choices else None
    sent = text + "".join(map(_delta, done.rest))
    ended = done.broken and not whole.choices  # by a rule, after a beginning that broke none
    if not ended and sent != (released or ""):
        yield Difference(f"{field}.text", released, sent)


def receipt_for(case: Case, policy: Resolved) -> Receipt:
    """Return the receipt of a case that was run, as a server would keep it."""
    request = request_of(case)
    outcome = asyncio.run(run(request, policy, GivenWorld(case, policy)))
    kept = structs.replace(outcome, receipt=None)
    return receipt_of(kept, request, policy, id="rcpt_case", created=0.0, tenant="local")
