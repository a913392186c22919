"""
How a policy streams: live, or decided first and streamed then, and why.

Live streaming releases text that later text can't take back, so it needs one candidate, no text before it, and rules
that can judge and act on a part. Everything else is decided whole; no rule is ever skipped.
"""

from collections.abc import Iterator, Sequence

from steady.policy.contradictions import enforced
from steady.policy.document import Policy
from steady.policy.resolved import Bound, StreamPlan
from steady.rules.rule import Finder, Growing, Partial, Prefix, Whole, Window


def stream_plan(policy: Policy, rules: Sequence[Bound]) -> StreamPlan:
    """
    Return how the policy streams.

    Live only if all of these hold:

    - one candidate can be made (`candidates.max: 1`), and no `min_agreement` waits for more;
    - the output is of kind `text`, or of kind `json` with `on_fail: exception`;
    - nothing is disclosed before the text (`place: prefix`); after it is fine;
    - each enforced rule on what comes out is a search of known width whose `on_fail` is `fix` (the match is replaced
      before it is released) or `exception` (the stream ends before it), or fails for good on a prefix, or can be read
      as it grows (JSON), with `exception`. What only the end tells ends the stream there. Shadow rules, `noop` and
      `penalize` are judged when the text is there, and hold nothing up.
    """
    why = [*_document(policy), *(reason for bound in rules for reason in _rule(bound))]
    return StreamPlan(live=not why, why=tuple(why))


def _document(policy: Policy) -> Iterator[str]:
    if policy.candidates.max > 1:
        yield f"up to {policy.candidates.max} candidates are made, and the choice among them comes first"
    if policy.choose.min_agreement is not None:
        yield "`min_agreement` is known only when all candidates are there"
    if policy.output.kind == "json" and policy.output.on_fail != "exception":
        yield f"an output of kind json is judged whole where its `on_fail` is `{policy.output.on_fail}`"
    elif policy.output.kind not in {"text", "json"}:
        yield f"an output of kind {policy.output.kind} is judged whole"
    if policy.disclose.place == "prefix" and policy.disclose.when != "never":
        yield "the disclosure goes before the text, and what it says is known only afterwards"


def _rule(bound: Bound) -> Iterator[str]:
    rule, check = bound
    if not enforced(rule) or not set(rule.surfaces) - {"input"}:
        return
    streams, action = check.streams, rule.on_fail
    if isinstance(streams, Whole):
        yield f"rule {rule.key!r} ({rule.name}) can judge only the whole text: {streams.why}"
    elif action not in {"fix", "exception"}:
        yield f"rule {rule.key!r} has on_fail `{action}`, which acts on a whole answer; only fix and exception stream"
    elif isinstance(streams, Prefix) and action == "fix":
        yield f"rule {rule.key!r} ({rule.name}) can end a stream (`exception`), but not fix what was released"
    elif isinstance(streams, Growing) and action == "fix":
        yield f"rule {rule.key!r} ({rule.name}) can end a stream (`exception`), but mends only a whole text"
    elif isinstance(streams, Growing) and not isinstance(check, Partial):
        yield f"rule {rule.key!r} ({rule.name}) does not say of a beginning that it can't pass"
    elif isinstance(streams, Window) and not isinstance(check, Finder):
        yield f"rule {rule.key!r} ({rule.name}) does not say where its matches are"
