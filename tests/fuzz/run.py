"""
Fuzz one target with atheris: `python tests/fuzz/run.py scanners --seconds 60`.

Coverage of `steady.rules` guides it; it starts from nothing and keeps no corpus. It ends with 0 after its time, and
with another code and the input, printed as bytes, where a promise is broken or a run hangs.
"""

import argparse
import sys
from pathlib import Path


def main() -> None:
    """Parse, instrument, import, fuzz; never returns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parents[2])]
    import atheris

    with atheris.instrument_imports(include=["steady.rules"]):
        from tests.fuzz.targets import TARGETS
    if given.target not in TARGETS:
        raise SystemExit(f"No target {given.target!r}; there are {', '.join(TARGETS)}.")
    check = TARGETS[given.target]

    def one(data: bytes) -> None:
        try:
            check(data)
        except BaseException:
            print(f"\nBROKEN by {data!r}", flush=True)  # noqa: T201
            raise

    flags = [
        f"-max_total_time={given.seconds}",
        f"-seed={given.seed}",
        "-max_len=4096",
        "-timeout=30",
        "-rss_limit_mb=4096",
    ]
    atheris.Setup([sys.argv[0], *flags, "-artifact_prefix=/tmp/steady-fuzz-", "-verbosity=0"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
