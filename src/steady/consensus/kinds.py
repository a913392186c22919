"""From a kind of output to the consensus that fits it."""

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

    For every kind: all votes count in `of`, only accepted ones win, refusals are one cluster, and the function raises
    ValueError for no votes or two votes in one slot, and nothing else, whatever the texts are.

    Args:
        kind: `label`, `number`, `json`, `text`, or `tool_call` (a vote on whole JSON values).
        labels: For `label`: the legal answers, in the order that breaks ties.
        schema: For `json`: a JSON Schema; says which fields are required and which are numbers.
        absolute: For `number`: values at most this far apart are the same; >= 0.
        relative: For `number`: likewise as a share of the larger magnitude; in [0, 1].
        estimate: For `number`: the lower median, or the 20% trimmed mean from 8 values on.
        measure: For `text`, and strings in `json`: how likeness is measured.
        threshold: Likewise: the least likeness of two texts that say the same, in [0, 1].
        variability_penalty: How much of its score a vote loses for being unlike the others, in [0, 1].

    Raises:
        ValueError: If a number is outside its range or the kind is none of these.
    """
    ranges: tuple[tuple[str, Fraction, int | None], ...] = (
        ("absolute", absolute, None),
        ("relative", relative, 1),
        ("threshold", threshold, 1),
        ("variability_penalty", variability_penalty, 1),
    )
    for name, value, most in ranges:
        if value < 0 or (most is not None and value > most):
            raise ValueError(f"`{name}` must be {'in [0, 1]' if most else '0 or more'}, got {value}.")
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
