"""
The pytest plugin: the fixture `steady`, and `assert_steady` for anyone's own functions.

pytest loads this module in every run of a suite that has Steady installed, so it imports nothing heavy; what a test
needs comes in when it asks for it.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from steady.pipeline.replay import Replay
    from steady.types import Call, Outcome, Receipt


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
        """Whether agreement of at least `min_agreement` was shown; where it neither was nor failed, runs were few."""
        return self.low >= self.min_agreement

    def __str__(self) -> str:
        from steady.stats.binomial import runs_needed

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

    Where `fn` has `.detailed` (a Steady decorator), that is called instead, and it fails if the runs were not
    independent: drawn at temperature 0, from one seed, or answered by a cache. No pin answers a decorated function. Of
    a plain function nothing of this can be known. Where no answer was released, that counts as an output.

    Args:
        fn: A function of one argument, sync or async.
        inputs: At least one; each is passed as it is.
        runs: Calls for each input, at least 2.
        min_agreement: In (0, 1].
        key: What of an output is compared; if not given, all of it, as JSON, and of an OpenAI response its messages.

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
        if answer[0] and answer[1] and answer in answers:
            return f"two runs were given the same upstream answer ({answer[0]}), as from a cache"
        answers.add(answer)
    return ""


def _report(rows: Sequence[Sequence[Any]], min_agreement: float, key: Callable[[Any], Hashable] | None) -> Report:
    from collections import Counter

    from steady.stats.binomial import interval

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
    result = result if isinstance(result, dict) or not hasattr(result, "model_dump") else _plain(result)
    if isinstance(result, dict) and isinstance(result.get("choices"), list):  # a completion: its id and time differ
        result = [choice.get("message") for choice in result["choices"] if isinstance(choice, dict)]
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


class SteadyFixture:
    """
    What the fixture `steady` gives a test: the user's own configuration with no way out of the process.

    Every provider of the configuration is replaced by one that says what `says` was told, and receipts go to a store in
    the test's temporary folder.
    """

    def __init__(self, folder: "Path") -> None:
        from msgspec import structs

        from steady.pipeline.runtime import Runtime
        from steady.policy.config import StoreSpec, find
        from steady.providers.scripted import ScriptedProvider
        from steady.records.sqlite import SqliteStore

        self._lines: Sequence[Any] | Callable[[Call], Any] = ()
        self._said = 0
        self.provider = ScriptedProvider(self._next)
        """The provider that answers; `provider.calls` holds what it was asked."""
        self.store = SqliteStore(folder / "steady-receipts.db")
        found = find()
        store = StoreSpec(path=str(self.store.path))  # the key of evidence hashes lies beside it
        found = structs.replace(found, config=structs.replace(found.config, store=store))
        scripted = dict.fromkeys(found.config.providers, self.provider)
        self.runtime = Runtime(found, store=self.store, providers=scripted)

    def says(self, *lines: Any) -> None:
        """
        Set what the model answers, one line a call, from the start again when all were said.

        A line is a text, a message, a choice, a whole completion, or an exception to raise; one function from the call
        to a line is a script too.
        """
        self._lines, self._said = (lines[0] if len(lines) == 1 and callable(lines[0]) else lines), 0

    def _next(self, call: "Call") -> Any:
        from steady.errors import ProviderError

        if callable(self._lines):
            return self._lines(call)
        if not self._lines:
            return ProviderError("No answer is scripted. Call steady.says(...) first.")
        self._said += 1
        return self._lines[(self._said - 1) % len(self._lines)]

    def run(self, prompt: str | Sequence[dict[str, Any]], policy: Any = None, **fields: Any) -> "Outcome":
        """
        Run one request, as the endpoint would, and return its outcome; a decision without an answer is no exception.

        Args:
            prompt: A text, or OpenAI messages.
            policy: A policy's name, the path of its file, a dict or a Policy; the configuration's default if not given.
            fields: Further fields of the request's body: `tools`, `response_format`, ...

        Raises:
            ConfigError: The policy does not load.
        """
        from steady.decorator.loop import LOOP
        from steady.pipeline.run import run
        from steady.types import Request

        messages = ({"role": "user", "content": prompt},) if isinstance(prompt, str) else tuple(prompt)
        request = Request(messages=messages, fields=fields)
        resolved = self._resolved(policy)
        outcome = LOOP.call(run(request, resolved, self.runtime.world()))
        return self.runtime.record(outcome, request, resolved, "local")

    def _resolved(self, policy: Any) -> Any:
        import msgspec

        from steady.policy.load import load, parse
        from steady.policy.resolve import resolve

        library = self.runtime.library
        if policy is None or (isinstance(policy, str) and not policy.endswith((".yaml", ".yml"))):
            return library.resolved(policy or self.runtime.config.default_policy, None)
        if isinstance(policy, dict):
            loaded = parse({"steady": 1, "name": "inline", **policy}, library.known)
        elif isinstance(policy, msgspec.Struct):
            loaded = parse(msgspec.to_builtins(policy), library.known)
        else:
            from pathlib import Path

            loaded = load(Path(policy), library.known)
        doc = loaded.policy
        fallback = library.target(doc.otherwise.model) if doc.otherwise.do == "model" else None
        return resolve(loaded, target=library.target(doc.model), fallback=fallback, presets=library.presets)

    def bind(self, fn: Any) -> Any:
        """
        Return a decorated function that keeps its receipts here, whatever its configuration says.

        It still runs its own code, which this can't script.
        """
        from steady.decorator.door import Steadied
        from steady.decorator.resolving import Settings

        if not isinstance(fn, Steadied):
            raise TypeError(f"bind() takes a function decorated by @steady(...), not {type(fn).__name__}.")
        was, made = fn._settings, Steadied.__new__(Steadied)
        made.__dict__.update(fn.__dict__)
        made._settings = Settings(
            policy=was.policy, candidates=was.candidates, config=was.config, disclose=was.disclose, runtime=self.runtime
        )
        return made

    def receipt(self, outcome: "Outcome") -> "Receipt":
        """Return the receipt of an outcome, read back from the store. Raises ReceiptNotFound."""
        from steady.decorator.loop import LOOP
        from steady.errors import ReceiptNotFound

        if outcome.receipt is None:
            raise ReceiptNotFound("This outcome has no receipt: it was not recorded by this fixture.")
        return LOOP.call(self.store.get(outcome.receipt, None))

    def replay(self, outcome: "Outcome") -> "Replay":
        """Compute an outcome's decision again from its receipt; `.equal` says whether the bytes are the same."""
        from steady.decorator.loop import LOOP
        from steady.pipeline.replay import replay

        return LOOP.call(replay(self.receipt(outcome)))


def pytest_addoption(parser: Any) -> None:
    """Add the setting `steady_cases`: whether files of golden cases (NAME.tests.yaml) are collected as tests."""
    parser.addini("steady_cases", "Collect golden cases of policies: NAME.tests.yaml.", type="bool", default=False)


def pytest_collect_file(file_path: "Path", parent: Any) -> Any:
    """Collect a file of golden cases, where `steady_cases = true` is set."""
    if not file_path.name.endswith((".tests.yaml", ".tests.yml")) or not parent.config.getini("steady_cases"):
        return None
    from steady.studies.collected import Cases

    return Cases.from_parent(parent, path=file_path)


def pytest_configure(config: Any) -> None:
    """Add the fixture. Its function is made here, so that this module can be imported without pytest."""
    import pytest

    class Fixtures:
        @pytest.fixture
        def steady(self, tmp_path: "Path") -> "Iterator[SteadyFixture]":
            """A Steady of the test's own: scripted answers, a store in its temporary folder, nothing contacted."""
            made = SteadyFixture(tmp_path)
            try:
                yield made
            finally:
                made.runtime.close()

    config.pluginmanager.register(Fixtures(), "steady-fixtures")
