"""Guardrails AI with its hub's own validators. Runs in a virtual environment of its own; see ../run.py."""

import logging
from importlib.metadata import version
from typing import Any

from timing import CHECKS, measure

logging.disable(logging.CRITICAL)  # several validators write a line for each text


def main() -> None:
    """Build one Guard with all validators, as its documentation does, and time `validate`."""
    from guardrails import Guard, OnFailAction
    from guardrails.errors import ValidationError
    from guardrails.settings import settings
    from guardrails_ai.ban_list import BanList
    from guardrails_ai.contains_string import ContainsString
    from guardrails_ai.ends_with import EndsWith
    from guardrails_ai.reading_time import ReadingTime
    from guardrails_ai.regex_match import RegexMatch
    from guardrails_ai.secrets_present import SecretsPresent
    from guardrails_ai.valid_length import ValidLength

    assert settings.rc.enable_metrics is False, "its ~/.guardrailsrc says so, as `guardrails configure` writes it"
    settings.disable_tracing = True
    stop: Any = OnFailAction.EXCEPTION  # the one action whose verdict `validate` tells
    validators = [
        RegexMatch(regex=CHECKS["opening"], match_type="search", on_fail=stop),
        ValidLength(min=1, max=CHECKS["characters"], on_fail=stop),
        ContainsString(substring=CHECKS["contains"], on_fail=stop),
        EndsWith(end=CHECKS["ends"], on_fail=stop),
        BanList(banned_words=CHECKS["banned"], max_l_dist=0, on_fail=stop),
        ReadingTime(reading_time=CHECKS["minutes"], on_fail=stop),
        SecretsPresent(on_fail=stop),
    ]
    guard = Guard().use(*validators)
    told = {
        "guardrails-ai": version("guardrails-ai"),
        "validators": [type(v).__name__ for v in validators],
        "metrics": False,
        "tracing": False,
        "remote inference": False,
        "on_fail": "exception",
        "logging": "off",
    }

    def check(text: str) -> bool:
        try:
            return bool(guard.validate(text).validation_passed)
        except ValidationError:
            return False

    measure(check, told)


main()
