"""
The rule `webhook`: a service of one's own says whether a text passes.

What it is asked (POST, JSON) and what it answers:

    {"steady": 1, "rule": "house", "surface": "answer", "text": "...",
     "context": {"kind": "text", "finish_reason": "stop", "name": ""}, "messages": [...]}
    {"passed": false, "reason": "One sentence.", "fix": "The text as it should be."}

`messages` is there only with `messages: true`. `reason` and `fix` may be left out.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from steady.errors import RuleError
from steady.rules.rule import ANSWER, Context, RecordedRule, Streams, Whole
from steady.types import Outside, Piece, Surface

MAX_URL = 2_000
MAX_FIX = 1_000_000  # characters
MAX_REASON = 300


class Webhook(RecordedRule, frozen=True, kw_only=True, tag="webhook"):
    """
    A service of one's own says that the text passes.

    It is asked once, by POST, at an address that the operator lists in steady.yaml (`outside: {webhooks: [...]}`);
    under any other address the policy does not load. No redirect is followed, nothing is tried again, and an answer
    over 64 KiB, or of another form, is none. Where the operator names a secret, `x-steady-signature` carries
    `sha256=` and the HMAC-SHA256 of the body under it, in hex. A fix is the text that the service gives.
    """

    example: ClassVar[Mapping[str, Any]] = {"url": "https://checks.example.com/tone", "timeout": "2s"}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    can_fix: ClassVar[bool] = True

    url: str
    """Where it is asked: http:// or https://, under an address that steady.yaml lists."""
    messages: bool = False
    """Whether the conversation is sent along."""
    asks: str = ""
    """What it checks, one sentence: said to a model that is asked again."""

    def build(self) -> "WebhookCheck":
        """See Rule."""
        if wrong := bad_url(self.url):
            raise ValueError(f"`url` {wrong}")
        return WebhookCheck(self)

    def statement(self) -> str:
        """See Rule."""
        return self.asks or f"The text must pass the check {self.key!r}."


class WebhookCheck:
    """See Webhook."""

    def __init__(self, rule: Webhook) -> None:
        self.streams: Streams = Whole("a webhook sees the whole text")
        self._rule = rule

    async def ask(self, piece: Piece, context: Context, outside: Outside) -> dict[str, Any]:
        """Ask the service. Raises RuleError for an answer that is no verdict."""
        question: dict[str, Any] = {
            "steady": 1,
            "rule": self._rule.key,
            "surface": piece.surface,
            "text": piece.text.encode("utf-8", "replace").decode(),
            "context": {"kind": context.kind, "finish_reason": context.finish_reason, "name": piece.name},
        }
        if self._rule.messages:
            question["messages"] = list(context.messages)
        return verdict_of(await outside.post(self._rule.url, question, self._rule.limit))


def verdict_of(answer: Any) -> dict[str, Any]:
    """Return what was answered as a verdict. Raises RuleError for what is none."""
    if not isinstance(answer, dict) or not isinstance(answer.get("passed"), bool):
        raise RuleError("its answer was no verdict: {passed: true or false, reason, fix} is one")
    reason, fix = answer.get("reason"), answer.get("fix")
    if not isinstance(reason, str | None) or not isinstance(fix, str | None) or len(fix or "") > MAX_FIX:
        raise RuleError("its answer was no verdict: `reason` and `fix` are texts")
    said = " ".join((reason or "").split())[:MAX_REASON]
    return {"passed": answer["passed"], "reason": said or ("" if answer["passed"] else "It did not pass."), "fix": fix}


def bad_url(url: str) -> str:
    """Return what is wrong with an address that is asked, or ""."""
    if len(url) > MAX_URL or any(char.isspace() or not char.isprintable() or char == "\\" for char in url):
        return "is no address: it is too long, or holds white space or a backslash."
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is no address."
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is no http:// or https:// address."
    if "@" in parts.netloc or parts.fragment:
        return "may hold neither a user nor a fragment."
    steps = parts.path.lower().replace("%2e", ".").split("/")
    return "may not go up a folder (`..`)." if "." in steps or ".." in steps or "%2f" in parts.path.lower() else ""


def under(url: str, prefix: str) -> bool:
    """Whether an address is a listed one, or lies below it: same scheme, host and port, and its path continues it."""
    if bad_url(url) or bad_url(prefix):
        return False
    one, other = urlsplit(url), urlsplit(prefix)
    same = (one.scheme, one.hostname, _port(one)) == (other.scheme, other.hostname, _port(other))
    path, above = one.path or "/", other.path or "/"
    return same and (path == above or path.startswith(above if above.endswith("/") else f"{above}/"))


def _port(parts: Any) -> int:
    return int(parts.port or (443 if parts.scheme == "https" else 80))
