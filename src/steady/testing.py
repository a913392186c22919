"""
The pytest plugin, and a check for anyone's own functions: do runs agree as often as they should?

pytest loads this module in every run of a suite that has Steady installed, so it imports nothing heavy; what a check
needs comes in when it is made.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from steady.types import Outcome

CONFIDENCE = 0.95


class Report(NamedTuple):
    """What `assert_steady` found."""

    agreed: int  # runs that gave their input's most frequent output
    runs: int  # over all inputs
    low: float  # 95% interval of the agreement, by Clopper and Pearson
    high: float
    min_agreement: float
    outputs: tuple[tuple[int, int], ...]  # for each input: runs with the most frequent output, distinct outputs

    @property
    def share(self) -> float:
        """The agreement that was seen, in (0, 1]."""
        return self.agreed / self.runs

    @property
    def shown(self) -> bool:
        """Whether agreement of at least `min_agreement` was shown; where nothing failed and it is not, runs were few."""
        return self.low >= self.min_agreement

    def __str__(self) -> str:
        needed = runs_needed(self.min_agreement)
        showing = f"at least {needed} runs, all of them agreeing" if needed else "more than any number of runs"
        return (
            f"{self.agreed} of {self.runs} runs gave the most frequent output of their input: agreement "
            f"{self.share:.3f}, 95% interval [{self.low:.3f}, {self.high:.3f}]. "
            f"To show {self.min_agreement:g} takes {showing}."
        )


def assert_steady(
    fn: Callable[[Any], Any],
    inputs: Iterable[Any],
    runs: int = 10,
    min_agreement: float = 0.9,
    *,
    key: Callable[[Any], Hashable] | None = None,
) -> Report:
    """
    Call `fn` `runs` times for each input, and fail if its runs surely agree less often than they should.

    Agreement is the share of runs that give the most frequent output of their input, over all inputs together. It fails
    only where the upper end of the 95% interval (Clopper and Pearson 1934) lies under `min_agreement`: bad luck in few
    runs does not fail a suite, and few runs show little. That `fn` agrees with itself does not show that it is right.

    Where `fn` has `.detailed` (a Steady decorator), that is called instead, with a fresh root seed for every run, and
    it fails if the runs were not independent: drawn at temperature 0, from a fixed seed, or answered by a cache. Of a
    plain function this can't be known. An `Abstained` counts as an output.

    Args:
        fn: A function of one argument, sync or async.
        inputs: At least one; each is passed as it is.
        runs: Calls for each input, at least 2.
        min_agreement: In (0, 1].
        key: What of an output is compared; the output itself, as JSON, if not given.

    Returns:
        What was found; `shown` says whether the runs were enough to show `min_agreement`.

    Raises:
        AssertionError: The runs agree too seldom, or were not independent.
        ValueError: An argument is out of its range.
    """
    __tracebackhide__ = True
    given = list(inputs)
    if not given:
        raise ValueError("assert_steady() needs at least one input.")
    if runs < 2:
        raise ValueError(f"runs must be at least 2, got {runs}.")
    if not 0 < min_agreement <= 1:
        raise ValueError(f"min_agreement must be in (0, 1], got {min_agreement}.")
    detailed = getattr(fn, "detailed", None)
    results = _run([(detailed or fn, item) for item in given for _ in range(runs)])
    rows = [results[i : i + runs] for i in range(0, len(results), runs)]
    if detailed is not None:
        for item, row in zip(given, rows, strict=True):
            if why := dependent([result for result in row if not isinstance(result, Exception)]):
                raise AssertionError(
                    f"The runs for {item!r:.100} were not independent: {why}. Agreement means nothing."
                )
    report = _report(rows, min_agreement, key)
    if report.high < min_agreement:
        raise AssertionError(f"Not steady: {report}{_worst(given, report, runs)}")
    return report


def _run(calls: Sequence[tuple[Callable[[Any], Any], Any]]) -> list[Any]:
    """Make the calls one after the other; those that give awaitables are awaited together, on a loop of their own."""
    import inspect

    from steady.errors import Abstained

    results: list[Any] = []
    for fn, item in calls:
        try:
            results.append(fn(item))
        except Abstained as error:
            results.append(error)
    waiting = [i for i, result in enumerate(results) if inspect.isawaitable(result)]
    if waiting:
        for i, result in zip(waiting, _await([results[i] for i in waiting]), strict=True):
            results[i] = result
    return results


def _await(awaitables: Sequence[Any]) -> list[Any]:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from steady.errors import Abstained

    async def one(awaitable: Any) -> Any:
        try:
            return await awaitable
        except Abstained as error:
            return error

    async def every() -> list[Any]:
        return [await task for task in [asyncio.ensure_future(one(a)) for a in awaitables]]

    with ThreadPoolExecutor(1) as pool:  # a thread, since the caller may itself run inside a loop
        return pool.submit(asyncio.run, every()).result()


def dependent(outcomes: "Sequence[Outcome]") -> str:
    """
    Return why these outcomes of one input are no independent runs, or "".

    Each run must draw its own root seed, at a temperature above 0, and no two may hold the same upstream answer.
    """
    seeds: set[int] = set()
    answers: set[tuple[str, int]] = set()
    for outcome in outcomes:
        if outcome.decision.action == "refused_input":
            continue
        if "not independent" in outcome.decision.agreement.why:
            return outcome.decision.agreement.why
        drawn = [entry.value for entry in outcome.journal if entry.what == "seed"]
        if not drawn and outcome.decision.action != "passed_through":
            return "the root seed is fixed, by the request or by the policy"
        if any(seed in seeds for seed in drawn):
            return "two runs had the same root seed"
        seeds.update(drawn)
        answer = (str(outcome.envelope.get("id") or ""), int(outcome.envelope.get("created") or 0))
        if answer[0] and answer in answers:
            return f"two runs were given the same upstream answer ({answer[0]}), as from a cache"
        answers.add(answer)
    return ""


def _report(rows: Sequence[Sequence[Any]], min_agreement: float, key: Callable[[Any], Hashable] | None) -> Report:
    from collections import Counter

    counts = [Counter(_compared(result, key) for result in row) for row in rows]
    outputs = tuple((max(count.values()), len(count)) for count in counts)
    agreed, total = sum(most for most, _ in outputs), sum(map(len, rows))
    low, high = interval(agreed, total)
    return Report(agreed, total, low, high, min_agreement, outputs)


def _compared(result: Any, key: Callable[[Any], Hashable] | None) -> Hashable:
    """Return what of a result is compared: canonical JSON, under which equal outputs are equal."""
    import msgspec

    from steady.errors import Abstained
    from steady.types import Outcome

    if isinstance(result, Abstained):
        return ("abstained",)
    if isinstance(result, Outcome):
        if result.decision.action == "error":
            return ("abstained",)
        result = result.value if result.value is not None else [choice.get("message") for choice in result.choices]
    if key is not None:
        return ("key", key(result))
    try:
        return msgspec.json.encode(result, order="sorted", enc_hook=_plain)
    except (TypeError, ValueError) as error:
        kind = type(result).__name__
        raise TypeError(f"Outputs of type {kind} can't be compared; pass key=, a function of the output.") from error


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)  # Pydantic, and the responses of OpenAI's client
    if dump is None:
        raise TypeError(type(value).__name__)
    return dump(mode="json")


def _worst(inputs: Sequence[Any], report: Report, runs: int) -> str:
    order = sorted(range(len(inputs)), key=lambda i: (report.outputs[i][0], i))
    lines = [
        f"\n  {most} of {runs} runs agreed, {distinct} distinct outputs: {inputs[i]!r:.100}"
        for i in order[:5]
        for most, distinct in [report.outputs[i]]
    ]
    return "".join(lines)


def interval(agreed: int, of: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """
    Return the two-sided interval of Clopper and Pearson (Biometrika 26, 1934) for `agreed` of `of`, to 1e-12.

    Args:
        agreed: In [0, of].
        of: At least 1.
        confidence: In (0, 1); each side may err with half of the rest.
    """
    if not 0 <= agreed <= of or of < 1:
        raise ValueError(f"agreed must be in [0, of] and of at least 1, got {agreed} of {of}.")
    tail = (1 - confidence) / 2
    high = 1.0 if agreed == of else _solve(lambda p: _at_most(agreed, of, p) - tail)
    low = 0.0 if agreed == 0 else 1 - _solve(lambda p: _at_most(of - agreed, of, p) - tail)
    return low, high


def _at_most(k: int, n: int, p: float) -> float:
    """Return P(X <= k) of a binomial, 0 < p < 1."""
    whole, rise, fall = math.lgamma(n + 1), math.log(p), math.log1p(-p)
    return math.fsum(
        math.exp(whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * rise + (n - i) * fall) for i in range(k + 1)
    )


def _solve(falling: Callable[[float], float]) -> float:
    """Return where a falling function of (0, 1) crosses zero, by halving."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2


def runs_needed(min_agreement: float, confidence: float = CONFIDENCE) -> int | None:
    """Return how many runs, all agreeing, show an agreement of at least `min_agreement`; None where none can (1)."""
    if min_agreement >= 1:
        return None
    return max(1, math.ceil(math.log((1 - confidence) / 2) / math.log(min_agreement)))
