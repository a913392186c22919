"""
The independent checker: IFEval's own instruction classes as the PyPI package `lm_eval` ships them, strict reading.

How to call it, from the root of the project:

    from benchmarks.ifeval.checker import Pair, verdicts
    verdicts([Pair(prompt, instruction_ids, kwargs, answer), ...])  # -> [[True, False], ...], one list a pair

or, for lines of JSON `{"prompt", "instruction_id_list", "kwargs", "response"}` in and `{"followed": [...]}` out:

    python -m benchmarks.ifeval.checker < pairs.jsonl > verdicts.jsonl

It runs in a virtual environment of its own, `.bench/ifeval/venv`, made on first use: `lm_eval` without its
dependencies, and the few that its checker imports. What is put around the package, all of it in this file:

- NLTK's punkt data lies in no registry, so the sentence tokenizer of `nupunkt` (the same algorithm, its own data)
  answers where NLTK would load it: in the count of sentences, and in `word_tokenize` for the words in capitals.
- `langdetect` draws at random; its seed is set (0), so that a verdict is the same in each run.
- An instruction whose arguments it can't take (a letter that is none, as "#") draws others at random, as upstream does;
  the generator is seeded for each pair. Such a verdict says nothing of the answer: see `random_arguments`.
- The package's `__init__` files, which load all of lm_eval, are passed over.
"""

# ruff: noqa: T201
import argparse
import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PACKAGES = ("langdetect==1.0.9", "immutabledict", "nltk>=3.9.1", "packaging", "nupunkt==0.8.0")
CHECKER = "lm_eval==0.4.13"
ENVIRONMENT = Path(__file__).resolve().parents[2] / ".bench" / "ifeval" / "venv"
SEED = 0


class Pair(NamedTuple):
    """One prompt of IFEval with its instructions, and an answer to it."""

    prompt: str
    instruction_ids: Sequence[str]
    kwargs: Sequence[Mapping[str, Any]]  # one for each instruction; None values count as not given
    answer: str


def verdicts(pairs: Iterable[Pair], *, environment: Path = ENVIRONMENT, seed: int = SEED) -> list[list[bool]]:
    """
    Return for each pair whether each of its instructions was followed, strictly: the answer as it is.

    Args:
        pairs: Prompts with their instructions and answers.
        environment: The virtual environment with the checker; made if it is not there.
        seed: Of the language detector.

    Raises:
        RuntimeError: If the checker can't be installed or stops; says what it wrote last.
    """
    lines = [
        json.dumps(
            {
                "prompt": pair.prompt,
                "instruction_id_list": list(pair.instruction_ids),
                "kwargs": [dict(kwargs) for kwargs in pair.kwargs],
                "response": pair.answer,
            }
        )
        for pair in pairs
    ]
    command = [str(install(environment)), "-P", str(Path(__file__).resolve()), "--inside", "--seed", str(seed)]
    done = subprocess.run(
        command,
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": ""},
    )
    followed = [list(json.loads(line)["followed"]) for line in done.stdout.splitlines()]
    if done.returncode or len(followed) != len(lines):
        last = done.stderr.strip()[-800:] or "it wrote nothing"
        raise RuntimeError(f"The checker stopped after {len(followed)} of {len(lines)} pairs: {last}")
    return followed


def install(environment: Path = ENVIRONMENT) -> Path:
    """
    Return the Python of the checker's environment, which is made if it is not there.

    Raises:
        RuntimeError: If pip can't install the packages.
    """
    python, made = environment / "bin" / "python", environment / "made"
    wanted = " ".join((CHECKER, *PACKAGES))
    if made.exists() and made.read_text() == wanted:
        return python
    venv.create(environment, with_pip=True)
    for packages in (["--no-deps", CHECKER], list(PACKAGES)):
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "-q", *packages], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"pip could not install {' '.join(packages)}: {done.stderr.strip()[-800:]}")
    made.write_text(wanted)
    return python


def random_arguments(instruction_id: str, kwargs: Mapping[str, Any]) -> bool:
    """Whether the checker draws this instruction's arguments at random, since it can't take those that are given."""
    letter = str(kwargs.get("letter") or "")
    return instruction_id == "keywords:letter_frequency" and not (len(letter) == 1 and "a" <= letter.lower() <= "z")


def _inside(seed: int) -> None:
    """Judge lines of JSON from standard input. Runs in the checker's environment."""
    strict = _checker(seed)
    import random
    from types import SimpleNamespace

    for line in sys.stdin:
        if line.strip():
            random.seed(seed)
            doc = json.loads(line)
            response = doc.pop("response")
            out = strict(SimpleNamespace(**doc), response)
            print(json.dumps({"followed": [bool(one) for one in out.follow_instruction_list]}))


def _checker(seed: int) -> Any:
    """Return lm_eval's strict test, with what it needs put in place: see the module's docstring."""
    import importlib
    import logging
    from importlib.util import find_spec
    from types import ModuleType, SimpleNamespace

    import langdetect  # type: ignore[import-not-found, unused-ignore]
    import nltk  # type: ignore[import-not-found, import-untyped, unused-ignore]
    import nupunkt  # type: ignore[import-not-found, unused-ignore]

    logging.disable(logging.CRITICAL)  # a line for each text without a language
    langdetect.DetectorFactory.seed = seed
    tokenizer = SimpleNamespace(tokenize=nupunkt.sent_tokenize)
    nltk.data.find = lambda name: name  # "punkt_tab is there"
    nltk.data.load = lambda name: tokenizer
    nltk.tokenize.sent_tokenize = lambda text, language="english": nupunkt.sent_tokenize(text)

    found = find_spec("lm_eval")
    if found is None or found.origin is None:
        raise RuntimeError(f"{CHECKER} is not installed in {sys.prefix}")
    folder = Path(found.origin).parent
    for name, path in (("lm_eval", folder), ("lm_eval.tasks", folder / "tasks")):
        package = ModuleType(name)
        package.__path__ = [str(path)]
        sys.modules[name] = package
    return importlib.import_module("lm_eval.tasks.ifeval.utils").test_instruction_following_strict


def main() -> None:
    """Judge lines of JSON from standard input, in the checker's own environment."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--inside", action="store_true", help="this Python is the checker's own")
    parser.add_argument("--seed", type=int, default=SEED, help="of the language detector")
    given = parser.parse_args()
    if given.inside:
        return _inside(given.seed)
    docs = [json.loads(line) for line in sys.stdin if line.strip()]
    pairs = [Pair(doc["prompt"], doc["instruction_id_list"], doc["kwargs"], doc["response"]) for doc in docs]
    for followed in verdicts(pairs, seed=given.seed):
        print(json.dumps({"followed": followed}))
    return None


if __name__ == "__main__":
    main()
