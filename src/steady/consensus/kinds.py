"""
From a kind of output to the consensus that fits it.

For every kind all votes count in `of`, only accepted ones win, and refusals are one cluster. The functions raise
ValueError for no votes or two votes in one slot, and nothing else, whatever the texts are.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, get_args

from steady.consensus.code import code_consensus
from steady.consensus.flag import flag_consensus
from steady.consensus.items import Keep, items_consensus
from steady.consensus.json_fields import json_consensus
from steady.consensus.label import label_consensus
from steady.consensus.number import Tolerance, number_consensus
from steady.consensus.partitions import partition_consensus
from steady.consensus.ranking import Method, ranking_consensus
from steady.consensus.text import text_consensus
from steady.consensus.tool_calls import tool_call_consensus
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
    method: Method = "kemeny",
    keep: Keep = "f1",
    least: Fraction = Fraction(1, 2),
    alarm: Fraction = Fraction(1, 2),
    language: str = "python",
    variability_penalty: Fraction = Fraction(0),
) -> Aggregate:
    """
    Return the consensus of one kind: a pure function of a multiset of votes, equal for every order of them.

    Args:
        kind: What the answers are. For `tool_call` texts are `[[name, arguments], ...]`, or just arguments.
        labels: For `label` and `flag` the legal answers, for `ranking`, `items` and `clusters` the legal items; in the
            order that breaks ties. A flag has two, the first of which raises it.
        schema: For `json`: a JSON Schema; says which fields are required and which are numbers.
        absolute, relative: For `number`: see `Tolerance`; >= 0, and in [0, 1].
        estimate: For `number`: the lower median, or the 20% trimmed mean from 8 values on.
        measure, threshold: For `text`, and strings in `json`: when texts say the same; in [0, 1].
        method: For `ranking`: Kemeny (Schulze beyond 12 items), or mean ranks.
        keep, least: For `items`: by expected F1, or what at least that share names, in (0, 1].
        alarm: For `flag`: the share from which it is raised, in (0, 1).
        language: For `code`.
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
        case "ranking":
            return ranking_consensus(labels, method, variability_penalty)
        case "items":
            return items_consensus(labels, keep, least, variability_penalty)
        case "clusters":
            return partition_consensus(labels, variability_penalty)
        case "flag":
            return flag_consensus(labels, alarm, variability_penalty)
        case "code":
            return code_consensus(language, variability_penalty)
        case "tool_call":
            return tool_call_consensus(variability_penalty)
    raise ValueError(f"No consensus for kind {kind!r}. Known: {', '.join(get_args(Kind))}.")


def _check(absolute: Fraction, relative: Fraction, threshold: Fraction, penalty: Fraction) -> None:
    if absolute < 0:
        raise ValueError(f"`absolute` must be 0 or more, got {absolute}.")
    for name, share in (("relative", relative), ("threshold", threshold), ("variability_penalty", penalty)):
        if not 0 <= share <= 1:
            raise ValueError(f"`{name}` must be in [0, 1], got {share}.")
