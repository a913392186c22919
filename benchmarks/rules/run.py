"""
What rules cost: a policy of 20 rules on an answer of 2 KB, and the same checks beside other checkers, in one run.

    python benchmarks/rules/run.py [ROUNDS]

Every checker runs alone on one core, in a process and a virtual environment of its own (made here the first time, as
its documentation says), its telemetry off, several times in turn; the median of its CPU time a text counts, threads
included. Both verdicts of each are looked at first: the answer passes, and the same answer with a forbidden word or
number does not. Compare rows: absolute figures depend on the machine.

| peer | what runs | Steady's side |
|---|---|---|
| Guardrails AI | one Guard with seven validators of its hub | the same seven checks |
| LLM Guard | its scanners that load no model | the same checks |
| NeMo Guardrails | its regex rail on the output | the same five patterns |
"""

# ruff: noqa: T201
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BENCH = HERE.parents[1] / ".bench"
CORE = "1" if (os.cpu_count() or 1) > 1 else "0"
HUB = ["regex-match", "valid-length", "contains-string", "ends-with", "ban-list", "reading-time", "secrets-present"]
PEERS = {
    "guardrails": ("guardrails_peer.py", [["guardrails-ai", *(f"guardrails-ai-{name}" for name in HUB)]]),
    "llmguard": ("llm_guard_peer.py", [["torch==2.13.0"], ["llm-guard"]]),  # with any other torch it takes gigabytes
    "nemo": ("nemo_peer.py", [["nemoguardrails"]]),
}
TITLES = {"guardrails": "Guardrails AI", "llmguard": "LLM Guard", "nemo": "NeMo Guardrails"}


def main(rounds: int = 3) -> int:
    """Measure everything, print the tables, and return 1 where a promise is not kept."""
    for name, (_, packages) in PEERS.items():
        installed(name, packages)
    rows: dict[str, list[dict[str, Any]]] = {}
    for _ in range(rounds):  # in turn, so that what else the machine does hits all alike
        for name, (script, _) in PEERS.items():
            rows.setdefault(f"peer {name}", []).append(timed(BENCH / name / "bin" / "python", [script]))
        for name in (*PEERS, "twenty", "terms-10", "terms-10000"):
            rows.setdefault(name, []).append(timed(Path(sys.executable), ["steady_checks.py", name]))
    cost = {name: statistics.median(row["cpu_us"] for row in many) for name, many in rows.items()}
    print("| checks | Steady, us of CPU a text | the peer | ratio |\n|---|---|---|---|")
    for name in PEERS:
        label = f"those of {TITLES[name]}"
        print(
            f"| {label} | {cost[name]:,.0f} | {cost[f'peer {name}']:,.0f} | {cost[f'peer {name}'] / cost[name]:.1f} |"
        )
    print(f"| 20 rules | {cost['twenty']:,.0f} | | |")
    print(f"| excludes, 10 terms | {cost['terms-10']:,.0f} | | |")
    ratio = cost["terms-10000"] / cost["terms-10"]
    print(f"| excludes, 10,000 terms | {cost['terms-10000']:,.0f} | | {ratio:.2f} times 10 terms |\n")
    for name, many in rows.items():
        print(f"{name}: {json.dumps(many[0]['settings'])}")
        if not all(row["right"] for row in many):
            print(f"{name}: WRONG verdict on the answer that passes or on the one that does not")
    wrong = [name for name, many in rows.items() if not all(row["right"] for row in many)]
    return int(bool(wrong) or cost["peer guardrails"] < 20 * cost["guardrails"] or ratio > 3)


def installed(name: str, packages: list[list[str]]) -> None:
    """Make the peer's environment, once."""
    home = BENCH / name
    if (home / ".ready").exists():
        return
    print(f"installing {TITLES[name]} ...", file=sys.stderr)
    venv.create(home, with_pip=True)
    for together in packages:
        subprocess.run([home / "bin" / "python", "-m", "pip", "install", "-q", *together], check=True)
    (home / ".guardrailsrc").write_text("enable_metrics=false\nuse_remote_inferencing=false\n")
    (home / ".ready").touch()


def timed(python: Path, arguments: list[str]) -> dict[str, Any]:
    """Run one checker and return what it measured."""
    environment = {**os.environ, "HOME": str(python.parents[1]), "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
    command = ["taskset", "-c", CORE, str(python), *arguments]
    run = subprocess.run(command, cwd=HERE / "peers", env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{arguments} failed:\n{run.stderr[-2000:]}")
    row: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    return row


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
