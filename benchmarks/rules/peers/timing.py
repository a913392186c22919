"""How every checker is timed: CPU seconds of its process, its threads included, over as many rounds as fit."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
CHECKS: dict[str, Any] = json.loads((HERE / "checks.json").read_text())
GOOD = (HERE / "answer.txt").read_text().strip()
BAD = GOOD.replace("a little patience", "a little patience, for we guarantee it; my number is 123-45-6789")


def measure(check: Callable[[str], bool], settings: dict[str, Any], seconds: float = 3.0) -> None:
    """Print one JSON line: microseconds of CPU and of wall time a text, and whether both verdicts are right."""
    right = check(GOOD) and not check(BAD)
    for _ in range(3):
        check(GOOD)
    rounds, cpu, wall = 0, time.process_time(), time.perf_counter()
    while rounds < 20 or time.perf_counter() - wall < seconds:
        check(GOOD)
        rounds += 1
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    row = {"cpu_us": cpu / rounds * 1e6, "wall_us": wall / rounds * 1e6, "rounds": rounds, "right": right}
    json.dump({**row, "python": sys.version.split()[0], "settings": settings}, sys.stdout)
