"""LLM Guard's deterministic scanners, those that load no model. Runs in a virtual environment of its own."""

import logging
from importlib.metadata import version

from timing import CHECKS, measure

logging.disable(logging.CRITICAL)


def main() -> None:
    """Scan as `scan_output` does, but for the scanners that exist for prompts only."""
    import structlog
    from llm_guard.input_scanners import InvisibleText, Secrets
    from llm_guard.output_scanners import BanSubstrings, ReadingTime, Regex

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    outputs = [
        BanSubstrings(CHECKS["banned"], match_type="word"),
        Regex(CHECKS["forbidden"], is_blocked=True, match_type="search"),
        ReadingTime(CHECKS["minutes"]),
    ]
    prompts = [Secrets(), InvisibleText()]

    def check(text: str) -> bool:
        valid = True
        for scanner in outputs:
            valid &= scanner.scan("", text)[1]
        for scanner in prompts:
            valid &= scanner.scan(text)[1]
        return valid

    names = [type(s).__name__ for s in (*outputs, *prompts)]
    measure(check, {"llm-guard": version("llm-guard"), "scanners": names, "logging": "off"})


main()
