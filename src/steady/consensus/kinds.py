"""
From a kind of output to the consensus that fits it.

For every kind all votes count in `of`, only accepted ones win, and refusals are one cluster. The functions raise
ValueError for no votes or two votes in one slot, and nothing else, whatever the texts are.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from steady.consensus.json_fields import json_consensus, whole_consensus
from steady.consensus.label import label_consensus
from steady.consensus.number import Tolerance, number_consensus
from steady.consensus.text import text_consensus
from steady.types import Aggregate, Kind


def aggregator(
    kind: Kind,
    *,
    labels: Sequence[str] = (),
    schema: Mapping[str, Any] | None = None,
    absolute: Fraction = Fraction(0),
    relative: Fraction = Fraction(0),
    estimate: Literal["median", "trimmed_mean"] = "median",
    measure: Literal["words", "characters", "ratio"] = "words",
    threshold: Fraction = Fraction(3, 5),
    variability_penalty: Fraction = Fraction(0),
) -> Aggregate:
    """
    Return the consensus of one kind: a pure function of a multiset of votes, equal for every order of them.

    Args:
        kind: `label`, `number`, `json`, `text`, or `tool_call` (a vote on whole JSON values).
        labels: For `label`: the legal answers, in the order that breaks ties.
        schema: For `json`: a JSON Schema; says which fields are required and which are numbers.
        absolute, relative: For `number`: see `Tolerance`; >= 0, and in [0, 1].
        estimate: For `number`: the lower median, or the 20% trimmed mean from 8 values on.
        measure, threshold: For `text`, and strings in `json`: when texts say the same; in [0, 1].
        variability_penalty: How much of its score a vote loses for being unlike the others, in [0, 1].

    Raises:
        ValueError: If a number is outside its range or the kind is none of these.
    """
    _check(absolute, relative, threshold, variability_penalty)
    match kind:
        case "label":
            return label_consensus(labels, variability_penalty)
        case "number":
            return number_consensus(Tolerance(absolute, relative), estimate, variability_penalty)
        case "json":
            return json_consensus(schema, measure, threshold, variability_penalty)
        case "text":
            return text_consensus(measure, threshold, variability_penalty)
        case "tool_call":
            return whole_consensus(variability_penalty)
    raise ValueError(f"No consensus for kind {kind!r}. Known: json, label, number, text, tool_call.")


def _check(absolute: Fraction, relative: Fraction, threshold: Fraction, penalty: Fraction) -> None:
    if absolute < 0:
        raise ValueError(f"`absolute` must be 0 or more, got {absolute}.")
    for name, share in (("relative", relative), ("threshold", threshold), ("variability_penalty", penalty)):
        if not 0 <= share <= 1:
            raise ValueError(f"`{name}` must be in [0, 1], got {share}.")
