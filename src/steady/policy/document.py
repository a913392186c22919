"""
A policy as it is written: the YAML of design section 5 as frozen structs, which are also its JSON Schema.

Nothing here reads a file. `policy/load.py` turns YAML into these and reports every problem with its line;
`policy/resolve.py` inlines what a policy refers to.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from steady.types import Kind, Place

Duration = Annotated[str, Meta(pattern=r"^\d+(\.\d+)?(ms|s|m|h|d)$", description="A number and ms, s, m, h or d.")]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Preset = str


LISTS = ("ranking", "items", "clusters")  # kinds whose answers are JSON arrays


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Tolerance(_Part, frozen=True, kw_only=True):
    """When two numbers count as the same: within either bound."""

    absolute: Annotated[float, Meta(ge=0)] = 0.0
    relative: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Share of the larger magnitude."""


class Similarity(_Part, frozen=True, kw_only=True):
    """When two texts count as saying the same: at least `threshold` alike, with equal numbers, polarity and names."""

    measure: Literal["words", "characters", "ratio"] = "words"
    """`words`: Dice overlap of word multisets; `characters`: chrF of character n-grams; `ratio`: edit similarity."""
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.6


class Costs(_Part, frozen=True, kw_only=True):
    """What a mistake costs, in any unit; only their ratio counts."""

    false_alarm: Annotated[float, Meta(gt=0)] = 1.0
    """The flag is raised, and should not be."""
    missed: Annotated[float, Meta(gt=0)] = 1.0
    """The flag is not raised, and should be."""


class Output(_Part, frozen=True, kw_only=True):
    """What kind of thing the answer is; the consensus that fits follows from it."""

    kind: Kind = "text"
    labels: tuple[str, ...] | None = None
    """
    For `label` the legal answers, for `ranking`, `items` and `clusters` the legal items, in the order that breaks ties;
    for `flag` the word that raises it and the other (yes, no if not given). An enforced rule of its own.
    """
    schema: dict[str, Any] | str | None = None
    """For `json`: a JSON Schema, inline or the path of a file beside the policy. An enforced rule of its own."""
    tolerance: Tolerance = Tolerance()
    """For `number`."""
    estimate: Literal["median", "trimmed_mean"] = "median"
    """For `number`: the lower median of the biggest cluster, or its 20% trimmed mean (from 8 values on)."""
    similarity: Similarity = Similarity()
    """For `text`, and for strings inside `json`."""
    ranking: Literal["kemeny", "borda"] = "kemeny"
    """For `ranking`: the order with the least disagreement (Schulze's beyond 12 items), or mean ranks."""
    keep: Literal["f1", "threshold"] = "f1"
    """For `items`: the list with the best expected F1, or all that `threshold` of the answers name."""
    threshold: Annotated[float, Meta(gt=0, le=1)] = 0.5
    """For `items`, with `keep: threshold`."""
    costs: Costs = Costs()
    """For `flag`: it is raised from the share false_alarm / (false_alarm + missed) on."""
    language: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9+#-]{0,19}$")] = "python"
    """For `code`: Python programs are compared by their syntax trees, others by their tokens."""
    repair: Literal["any", "form_only", "none"] = "any"
    """For `json`, labels and lists: whether a fix may add a value that the model did not give (`form_only`: not)."""
    on_fail: Literal["reask", "fix", "fix_reask", "filter", "refrain", "exception"] = "fix_reask"
    """What happens to a candidate that breaks the form: `labels`, `schema`, a list, a number, a tool call."""


class SamplingSpec(_Part, frozen=True, kw_only=True):
    """A preset, and values that differ from it."""

    preset: Preset = "client"
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=1)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    repeat_penalty: Annotated[float, Meta(gt=0, le=10)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    stop: tuple[str, ...] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    logit_bias: dict[str, float] | None = None


class Stop(_Part, frozen=True, kw_only=True):
    """When enough candidates agree."""

    posterior: Annotated[float, Meta(gt=0.5, lt=1)] = 0.95
    """P(the leader is the likeliest answer) at which sampling stops; 0.95 stops after 4 that agree."""


class Budget(_Part, frozen=True, kw_only=True):
    """What all candidates of one request may cost together."""

    tokens: Annotated[int, Meta(ge=1)] | None = None
    """Prompt and completion tokens; the first candidate is made in any case."""


class Candidates(_Part, frozen=True, kw_only=True):
    """How many candidates are drawn."""

    min: Annotated[int, Meta(ge=1, le=64)] = 1
    """The first wave, drawn in parallel."""
    max: Annotated[int, Meta(ge=1, le=64)] = 1
    """All first draws and reasks together."""
    wave: Annotated[int, Meta(ge=1, le=16)] = 2
    """The size of each later wave."""
    stop: Stop = Stop()
    deadline: Duration = "60s"
    """No wave starts, and no candidate is waited for, after this."""
    budget: Budget = Budget()
    fan_out_up_to: Annotated[int, Meta(ge=1)] = 8000
    """Above this many prompt tokens (estimated) one candidate is made."""
    seed: Literal["random", "request"] = "random"
    """The root seed: random and recorded, or derived from the request. A client's own seed comes first."""


class Choose(_Part, frozen=True, kw_only=True):
    """How the answer is chosen among the accepted candidates."""

    by: Literal["consensus", "first"] = "consensus"
    variability_penalty: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """How much of its score a candidate loses for being unlike the others."""
    min_agreement: Annotated[float, Meta(ge=0, le=1)] | None = None
    """Below this agreement no candidate is released, and `otherwise` is done."""


class Otherwise(_Part, frozen=True, kw_only=True):
    """What is given when no candidate may be."""

    do: Literal["message", "value", "best", "model", "error"] = "error"
    """`best` gives the best accepted candidate, flagged; it never gives one that broke an enforced rule."""
    text: str = ""
    """For `message`."""
    value: Any = None
    """For `value`: must itself satisfy the schema or the labels."""
    model: str = ""
    """For `model`: asked once, under the same rules."""


class Disclose(_Part, frozen=True, kw_only=True):
    """What the user is told about variability, and where."""

    place: Place = "field"
    when: Literal["always", "low_agreement", "never"] = "always"
    text: str | dict[str, str] = "standard"
    """`standard`, or a text of one's own, or one per locale; `{agreed}` and `{of}` are filled in."""
    locale: str = "request"
    """`request`: the caller's; else a BCP 47 tag."""
    below: Annotated[float, Meta(ge=0, le=1)] = 0.6
    """For `low_agreement`."""


class Allow(_Part, frozen=True, kw_only=True):
    """What a caller may change; nothing else, and never to loosen a rule."""

    sampling: tuple[str, ...] = ()
    disclose: tuple[Literal["place", "when", "locale"], ...] = ()


class Policy(_Part, frozen=True, kw_only=True):
    """One policy. `rules` are decoded apart, since a rule may also be a reference (`use:`)."""

    steady: Literal[1]
    name: Name
    description: str = ""
    model: str | None = None
    """`provider/model`; none: the one that the client names."""
    output: Output = Output()
    sampling: SamplingSpec = SamplingSpec()
    candidates: Candidates = Candidates()
    rules: tuple[dict[str, Any], ...] = ()
    choose: Choose = Choose()
    otherwise: Otherwise = Otherwise()
    disclose: Disclose = Disclose()
    allow: Allow = Allow()
    tell: bool = False
    """Whether the model is told the rules, in plain sentences in the system message."""
    record: Literal["full", "hashes"] = "full"
    """`hashes` keeps no content; a replay then says what it cannot show."""


NOT_YET = {
    "pin": "pins",
    "experiment": "experiments",
    "escalate": "escalation",
    "tools": "candidates for tool turns",
    "error": "guaranteed error rates",
}
"""Keys of the design whose feature is not built yet: refused by name, never ignored."""
