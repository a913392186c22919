"""
The nouns of Steady, and the protocols behind which all I/O sits.

Every noun is frozen. Offsets are Unicode code points, half-open. Nothing here imports another room.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, NamedTuple, Protocol

from msgspec import Struct

JSON = Any  # str | int | float | bool | None | list[JSON] | dict[str, JSON]

Surface = Literal["answer", "tool_arguments", "reasoning", "input"]
Kind = Literal["label", "number", "ranking", "items", "clusters", "flag", "text", "json", "tool_call", "code"]
Shape = Literal["text", "tool_calls", "both", "refusal", "empty"]
Action = Literal["reask", "fix", "fix_reask", "filter", "refrain", "noop", "exception", "custom", "penalize"]
Mode = Literal["enforce", "shadow"]
Place = Literal["append", "prefix", "field", "header", "none"]

UNENFORCED: frozenset[str] = frozenset({"noop", "penalize"})

DECISION_VERSION = 2  # raised by any change that can alter a decision


class Sampling(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sampling parameters under OpenAI's names. None: not set, so the provider's own default holds."""

    temperature: float | None = None  # [0, 2]
    top_p: float | None = None  # (0, 1]
    top_k: int | None = None  # >= 1
    min_p: float | None = None  # [0, 1]
    frequency_penalty: float | None = None  # [-2, 2]
    presence_penalty: float | None = None  # [-2, 2]
    repeat_penalty: float | None = None  # > 0; llama.cpp's name
    max_tokens: int | None = None  # >= 1
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None  # [0, 20]
    logit_bias: dict[str, float] | None = None


class Options(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a caller asks of Steady itself: the `steady` object of a request, or `x-steady-*` headers."""

    policy: str | None = None
    explain: bool = False
    locale: str | None = None  # BCP 47
    user: str | None = None
    sampling: Sampling | None = None  # honoured as far as the policy's `allow` goes
    disclose: dict[str, str] | None = None  # likewise
    decorated: bool = False  # made inside a Steady decorator: rules only, so that nothing multiplies


class Request(Struct, frozen=True, kw_only=True):
    """One question, as a door understood it, before any policy."""

    messages: tuple[dict[str, Any], ...]  # OpenAI chat messages, as the client sent them
    model: str = ""  # as the client sent it
    sampling: Sampling = Sampling()  # the client's own values
    fields: dict[str, Any] = {}  # every other body field: tools, response_format, ...; reaches the upstream unchanged
    max_tokens_name: str = "max_tokens"  # or "max_completion_tokens", as the client called it
    n: int = 1
    options: Options = Options()
    accept_language: str = ""
    authorization: str | None = None  # the client's header; sent on only where a provider says `key: forward`


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens, and what they cost where a price is known."""

    prompt: int = 0
    completion: int = 0
    cost: Fraction | None = None  # US dollars; None: no price known

    def __add__(self, other: "Usage") -> "Usage":
        cost = None if self.cost is None and other.cost is None else (self.cost or 0) + (other.cost or Fraction(0))
        return Usage(prompt=self.prompt + other.prompt, completion=self.completion + other.completion, cost=cost)


class Candidate(Struct, frozen=True, kw_only=True):
    """One completion as the model gave it. Never edited: a fix makes a new `choice` beside it."""

    slot: int  # which first draw; the order of slots is the order of asking, never of arrival
    attempt: int = 0  # 0: a first draw; 1..: its reasks
    choice: dict[str, Any]  # the upstream's choice object: index, message, finish_reason, ...
    usage: Usage = Usage()
    model: str = ""  # as the upstream names it
    fingerprint: str | None = None  # system_fingerprint


class Piece(NamedTuple):
    """One text within a candidate (or the input) that rules can judge."""

    surface: Surface
    path: tuple[str | int, ...]  # where in the choice: ("message", "tool_calls", 0, "function", "arguments")
    text: str
    name: str = ""  # the tool's name, for tool_arguments; the role, for input
    signed: bool = False  # carries a signature: must not be changed


class Span(NamedTuple):
    """Where in a piece's text: [start, end)."""

    start: int
    end: int


class Edit(NamedTuple):
    """Replace text[start:end] by `text`. `invented`: it adds a value that the model did not give."""

    start: int
    end: int
    text: str
    invented: bool = False


class Finding(Struct, frozen=True, kw_only=True):
    """What one rule says of one piece."""

    passed: bool
    reason: str = ""  # one sentence: what is wrong, what would pass. Never quotes what a `sensitive` rule matched
    spans: tuple[Span, ...] = ()
    label: str = ""  # the kind found ("email"), where a rule knows kinds


class Verdict(Struct, frozen=True, kw_only=True):
    """What one rule said of one candidate's piece, and what was done about it."""

    rule: str  # the rule's id
    action: Action
    mode: Mode = "enforce"
    surface: Surface
    path: tuple[str | int, ...] = ()
    slot: int
    attempt: int = 0
    passed: bool | None  # None: not applicable, there is no such text
    reason: str = ""
    spans: tuple[Span, ...] = ()
    edits: tuple[Edit, ...] = ()  # the fix that was made, as a diff against the text judged
    error: str = ""  # the rule could not judge; counts as failed


class Agreement(Struct, frozen=True, kw_only=True):
    """How many of the independent first draws back the decision. `share` None: not measured, `why` says why."""

    share: Fraction | None = None  # [0, 1]
    of: int = 0  # the denominator: completed first draws, those that rules filtered included
    method: str = ""  # "vote", "tolerance clusters", ...
    why: str = ""  # why it was not measured
    clusters: tuple[tuple[int, ...], ...] = ()  # slots, biggest first
    fields: tuple[tuple[str, Fraction], ...] = ()  # json: JSON pointer -> agreement
    low: str | None = None  # number: interval of the sampled values, as decimal text
    high: str | None = None
    spread: str | None = None  # number: median absolute deviation, as decimal text
    fixed: int = 0  # how many of the votes were fixed or snapped
    tie: bool = False


class Disclosure(Struct, frozen=True, kw_only=True):
    """What the user is told, and where it was put."""

    text: str = ""
    place: Place = "none"  # where it really went
    asked: Place = "none"  # where the policy wanted it
    why: str = ""  # why it went elsewhere, or nowhere
    locale: str = "en"
    version: int = 1


class Decision(Struct, frozen=True, kw_only=True):
    """
    What was decided, and nothing that could differ between two computations of it: no ids, times or floats.

    `action`: `answered`; `passed_through` (no rules, nothing changed); `otherwise` (the policy's fallback given);
    `refrained` (a refrain rule failed); `refused_input` (an input rule failed); `error` (there is no answer).
    """

    version: int = DECISION_VERSION
    action: Literal["answered", "passed_through", "otherwise", "refrained", "refused_input", "error"]
    code: Literal["", "rule_violation", "no_acceptable_answer", "upstream_error"] = ""  # what kind of `error`
    reason: str = ""
    kind: Kind
    chosen: tuple[int, ...] = ()  # slots of the released choices, in the order of release; () for a blend or fallback
    blended: bool = False  # json: the answer is put together field by field
    choices: tuple[JSON, ...] = ()  # the released choices without their disclosure: message and finish_reason
    agreement: Agreement
    verdicts: tuple[Verdict, ...] = ()
    scores: tuple[tuple[int, Fraction], ...] = ()  # slot -> score, best first
    stopped: str = ""  # why no more candidates were asked: "posterior", "max", "unreachable", "deadline", "budget", ...
    notes: tuple[str, ...] = ()  # dropped parameters, overridden fields, relocated disclosure
    disclosure: Disclosure = Disclosure()


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer of the world, kept. The journal is a sequence of these, ordered by their keys."""

    what: Literal["reply", "rule", "seed", "elapsed"]
    slot: int = 0
    attempt: int = 0
    rule: str = ""
    value: JSON = None
    error: dict[str, Any] | None = None  # how a failure is told again: see pipeline/journal.py


class Outcome(Struct, frozen=True, kw_only=True):
    """All that one run of the pipeline gives its door."""

    decision: Decision
    envelope: dict[str, Any]  # the upstream's response object around the choices; {} if no model answered
    choices: tuple[dict[str, Any], ...]  # what to release, disclosure included
    candidates: tuple[Candidate, ...]  # by slot, then attempt
    returned: Usage  # of the released choices
    total: Usage  # of everything that was asked
    journal: tuple[Entry, ...]
    policy: str  # name
    policy_hash: str
    timings: tuple[tuple[str, float], ...] = ()  # stage -> seconds; never part of a decision
    rule_timings: tuple[tuple[str, float], ...] = ()  # rule -> seconds, once for each text; never part of a decision
    errors: tuple[Exception, ...] = ()  # what candidates were lost to
    value: Any = None  # decorator: the plain value
    receipt: str | None = None  # set by the door that recorded it

    @property
    def text(self) -> str | None:
        """The first released choice's text, disclosure included; None if it has none."""
        content = self.choices[0].get("message", {}).get("content") if self.choices else None
        return content if isinstance(content, str) else None


class Capabilities(Struct, frozen=True, kw_only=True):
    """What an upstream takes. Part of the resolved policy, so that a replay sees the same."""

    params: tuple[str, ...]  # the fields of Sampling that it takes, sorted
    max_tokens_name: str = "max_tokens"  # or "max_completion_tokens"
    json_schema: bool = False  # response_format: json_schema
    # "gbnf": llama.cpp's `grammar`; "structured": vLLM's `structured_outputs`; "guided_choice": that, choices only
    grammar: Literal["none", "gbnf", "structured", "guided_choice"] = "none"
    tools: bool = True
    strict_tools: bool = False  # takes `strict: true` on a tool whose schema is closed
    logit_bias: Literal["none", "cl100k_base", "o200k_base"] = "none"  # the tokenizer whose ids it takes
    n: int = 1  # how many choices one call serves well; 1: ask separately
    stream_usage: bool = True  # takes stream_options.include_usage


class Call(Struct, frozen=True, kw_only=True):
    """One upstream request, complete."""

    provider: str  # its name in the configuration
    model: str  # the provider's own name for the model
    body: dict[str, Any]  # an OpenAI chat-completions body without `model` and `stream`
    timeout: float  # seconds
    authorization: str | None = None
    patient: bool = True  # whether a 429 is waited for and tried again; a wave of several shrinks instead


class Reply(Struct, frozen=True, kw_only=True):
    """One upstream answer: an OpenAI chat.completion object with at least one choice."""

    body: dict[str, Any]
    retries: int = 0


class Provider(Protocol):
    """A model endpoint: the one thing in Steady that spends money."""

    name: str
    capabilities: Capabilities

    async def complete(self, call: Call) -> Reply:
        """
        Return a reply with at least one choice, within `call.timeout` seconds.

        Raises ProviderError; nothing else escapes but cancellation.
        """
        ...

    def stream(self, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Yield chat.completion.chunk objects as the upstream sends them; retries only before the first one."""
        ...

    async def ready(self) -> str | None:
        """Return None if calls can be made, else one sentence on what is missing. Makes no billed call."""

    async def aclose(self) -> None:
        """Release connections, threads and memory."""


class Outside(Protocol):
    """What a rule that is not pure may use: the operator's models, the network, and named functions."""

    async def model(self, name: str, body: dict[str, Any], timeout: float) -> Reply:
        """Ask a configured model (`provider/model`) with an OpenAI chat body. Raises ProviderError or RuleError."""
        ...

    async def post(self, url: str, body: JSON, timeout: float) -> JSON:
        """POST JSON to a URL that the operator allows, and return its JSON. Raises RuleError."""
        ...

    def function(self, name: str) -> Callable[..., Any]:
        """Return a function that the operator allows by this name. Raises RuleError."""


class World(Protocol):
    """The pipeline's one way out. Each answer goes into the journal under its key; replay answers from there."""

    functions: Mapping[str, Callable[[str, str], Awaitable[str | None]]]
    """What `on_fail: custom` may name: (text, reason) -> the new text, or None to drop the candidate."""

    outside: Outside
    """What recorded rules may use; never called on replay."""

    async def complete(self, slot: int, attempt: int, call: Call) -> Reply:
        """Ask the model. Raises ProviderError."""

    def stream(self, slot: int, attempt: int, call: Call) -> AsyncIterator[dict[str, Any]]:
        """Ask the model for chunks; what they add up to is journalled as one reply."""

    async def ask(self, slot: int, attempt: int, rule: str, question: Callable[[], Awaitable[JSON]]) -> JSON:
        """Ask something that is not pure (a foreign validator, a custom function). Raises RuleError."""

    def root_seed(self) -> int:
        """Return a fresh random root seed in [0, 2**31)."""

    def elapsed(self, mark: int) -> float:
        """Return seconds since the request began, as read when wave `mark` ended."""
        ...


class Store(Protocol):
    """Where receipts are kept."""

    def put(self, receipt: "Receipt") -> bool:
        """Queue a receipt; never blocks. False: it could not be queued, and was counted as lost."""
        ...

    async def get(self, receipt_id: str, tenant: str | None) -> "Receipt":
        """Raises ReceiptNotFound (also for another tenant's; tenant None is the admin), ContentNotKept, RecordError."""
        ...

    def policy(self, policy_hash: str) -> bytes:
        """Return the canonical JSON of a resolved policy. Raises ContentNotKept."""
        ...


class Receipt(Struct, frozen=True, kw_only=True):
    """One request as it is kept: enough to compute its decision again without a model."""

    id: str
    created: float  # Unix seconds
    tenant: str
    policy: str
    policy_hash: str
    policy_bytes: bytes = b""  # canonical JSON of the resolved policy; stored once by hash
    decision_version: int = DECISION_VERSION
    request: Request | None  # None under `record: hashes`
    request_hash: str
    journal: tuple[Entry, ...] | None  # None under `record: hashes`
    decision: bytes  # RFC 8785 JSON of the Decision; under `record: hashes` the contents are replaced by hashes
    decision_hash: str  # sha256 of the full decision bytes
    usage_returned: tuple[int, int] = (0, 0)  # prompt, completion
    usage_total: tuple[int, int] = (0, 0)


class Clock(Protocol):
    """Time, so that tests can set it. Deadlines use `monotonic`, records `now`."""

    def now(self) -> float:
        """Unix seconds."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class Vote(NamedTuple):
    """One completed first draw, as consensus sees it."""

    slot: int
    text: str  # the answer's text: fixed, if it was fixed
    accepted: bool  # it passed the enforced rules, so it may win; all of them count in the denominator
    quality: Fraction = Fraction(1)  # 1 less the weights of the `penalize` rules it failed; [0, 1]
    refusal: bool = False  # refusals form a cluster of their own


class Consensus(NamedTuple):
    """What consensus says of one multiset of votes. Equal for every order of the same votes."""

    winner: int | None  # the slot to release (a blend's medoid, for when it breaks a rule); None: none accepted
    text: str | None  # the answer: the winner's text, or the blend's; None if nothing was accepted
    blended: bool  # `text` is no vote's own text
    ranked: tuple[tuple[int, Fraction], ...]  # accepted slots with scores, best first: a client's n takes from here
    agreement: Agreement
    leader: int  # votes of the biggest cluster, for the stopping rules
    runner_up: int  # votes of the second


Aggregate = Callable[[Sequence[Vote]], Consensus]
