"""
`no_secrets`: keys, tokens and passwords by their known forms.

A key may be longer than any window. A long run of key characters is found as a chain: each link is at most 127
characters, ends where a small letter is followed by a capital or digit, and leaves at least 64; whatever is 64 or more
key characters, begins at such a place or at the start of a run, and mixes small and capital letters with digits is key
material by itself. So each link is found without knowing of the one before it, whole or streamed.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from steady.rules.key_runs import KeyScanner, Run
from steady.rules.rule import EVERYWHERE, Rule
from steady.rules.scan import Confirm, Format, Scanner, ends_word
from steady.types import Surface

CAP = 127  # key characters that one match covers
LINK = 64  # key characters that are key material by themselves
BITS = 3.0  # of entropy a character, at least, in what has no check of its own: 8 different characters in 8, 10 in 16
_SAFE = r"A-Za-z0-9_.\-"  # base64 for URLs, and the dots between its parts
_STANDARD = "A-Za-z0-9+/"
_ANYTHING = r"[\x00-\x7f]"
_MIXED = tuple(map(re.compile, ("[0-9+]", "[a-z]", "[A-Z]")))
_TURN = re.compile("[a-z](?=[A-Z0-9])")
_DIGIT = re.compile("[0-9]")
_LETTER = re.compile("[A-Za-z]")
_RUN = {chars: re.compile(f"[{chars}]*") for chars in (_SAFE, _STANDARD)}
_PEM = r"[A-Z0-9 ]{0,22}PRIVATE KEY(?: BLOCK)?-----"
_GAP = r"(?:\\[rn]|[\x09\x0a\x0d >,+\x22']){1,4}"  # between the lines of a key, quoted or escaped ones included
_LAST = {  # padding, and a last line that was cut off; the safe alphabet is used without line breaks, so asks for one
    _SAFE: r"={0,2}(?:[ \x09,\x22']{0,2}(?:\\[rn]|[\x0a\x0d]){1,2}[ \x09>+\x22']{0,2}"
    rf"[{_STANDARD}]{{1,{LINK}}}={{0,2}}\z)?",
    _STANDARD: rf"={{0,2}}(?:{_GAP}[{_STANDARD}]{{1,{LINK}}}={{0,2}}\z)?",
}
_REFERENCE = re.compile(r"(?:process\.env|import\.meta\.env|os\.environ|os\.getenv|ENV)\b")  # where it is, not it
_VALUE = re.compile(r"[:=>][\s\"'`]*(?i:bearer |basic )?([^\s:=>\"'][^\s]*)$")


def _chain(view: str, start: int, end: int, chars: str = _SAFE) -> int:
    """Where a link ends: the end of the run, or, in a long one, a turn that leaves a link's length."""
    if end - start < CAP:
        return end
    run = _RUN[chars].match(view, end, end + LINK)
    if run is None or run.end() == end:
        return end
    turns = [turn.end() for turn in _TURN.finditer(view, start, end)]
    fit = [at for at in turns if start + LINK // 2 <= at <= run.end() - LINK]
    return fit[-1] if fit else end


def _mixed(view: str, start: int) -> bool:
    return all(chars.search(view, start, start + LINK) for chars in _MIXED)


def _blob(chars: str) -> Confirm:
    def confirm(view: str, start: int, end: int) -> int | None:
        if chars == _SAFE and view[end : end + 1] in ("+", "/"):
            return None  # the other alphabet: to be found as such, or the rest would begin at no turn
        return _chain(view, start, end, chars) if _mixed(view, start) else None

    return confirm


def _random(view: str, start: int, end: int) -> int | None:
    """Key characters after a known prefix: not a slug, so with a digit and varied."""
    if not _MIXED[0].search(view, start, end) or _bits(view[start:end]) < BITS:
        return None
    return _chain(view, start, end)


def _whole(view: str, start: int, end: int) -> int | None:
    return _chain(view, start, end)


def _bits(text: str) -> float:
    """Shannon entropy of the characters, bits each."""
    counts = Counter(text)
    return -math.fsum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def _assigned(view: str, start: int, end: int) -> int | None:
    value = _VALUE.search(view, start, end) if _DIGIT.search(view, start, end) else None
    if value is None:
        return None
    text = value[1].rstrip(".,;)")
    if _REFERENCE.match(text):
        return None
    if not _DIGIT.search(text) or not _LETTER.search(text) or _bits(text) < BITS:
        return None
    return _chain(view, start, end) if len(value[1]) >= CAP else value.start(1) + len(text)


def _prefixed(label: str, prefix: str, low: int, chars: str = "A-Za-z0-9_-", confirm: Confirm = _whole) -> Format:
    return Format(label, rf"{prefix}[{chars}]{{{low},{CAP}}}", r"[^0-9A-Za-z\x01_-]", confirm, LINK)


FORMATS: tuple[Format, ...] = (
    Format("private_key", rf"-----BEGIN {_PEM}", before=_ANYTHING),
    Format("private_key", rf"[{_STANDARD}]{{1,{LINK}}}={{0,2}}{_GAP}-----END {_PEM}", before=rf"[^{_STANDARD}]"),
    _prefixed("anthropic", "sk-ant-", 20),
    _prefixed("openai", "sk-", 20, confirm=_random),
    Format("aws", r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z2-7]{16}", confirm=ends_word),
    _prefixed("github", "(?:gh[pousr]_|github_pat_)", 22, "A-Za-z0-9_"),
    _prefixed("gitlab", "glpat-", 20),
    _prefixed("slack", "xox[abeoprs]-", 10),
    Format("slack", r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,80}"),
    _prefixed("google", "AIza", 35),
    _prefixed("google", r"ya29\.", 20),
    _prefixed("stripe", "(?:[sr]k_(?:live|test)_|whsec_)", 16, "A-Za-z0-9"),
    _prefixed("jwt", "eyJ", 20, _SAFE),
    _prefixed("npm", "npm_", 36, "A-Za-z0-9"),
    _prefixed("pypi", "pypi-", 16),
    _prefixed("huggingface", "hf_", 30, "A-Za-z0-9"),
    _prefixed("sendgrid", r"SG\.", 40, _SAFE),
    _prefixed("groq", "gsk_", 32, "A-Za-z0-9"),
    _prefixed("digitalocean", "do[opr]_v1_", 40, "a-f0-9"),
    _prefixed("docker", "dckr_pat_", 20),
    _prefixed("telegram", "[0-9]{8,10}:AA", 32),
    _prefixed("discord", r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.", 27),
    Format("discord", r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,80}"),
    _prefixed("slack", "xapp-", 20),
    _prefixed("google", "GOCSPX-", 28),
    Format("twilio", r"SK[0-9a-f]{32}", confirm=ends_word),
    Format("mailgun", r"key-[0-9a-f]{32}", confirm=ends_word),
    Format("databricks", r"dapi[0-9a-f]{32}", confirm=ends_word),
    _prefixed("shopify", "shp(?:at|ca|pa|ss)_", 32, "0-9a-fA-F"),
    _prefixed("vault", r"hv[sb]\.", 24),
    _prefixed("grafana", "gls?[ac]_", 32, "A-Za-z0-9_=+/"),
    _prefixed("atlassian", "ATATT3", 60, "A-Za-z0-9_=-"),
    _prefixed("linear", "lin_api_", 32, "A-Za-z0-9"),
    _prefixed("supabase", "sb[ps]_", 32, "A-Za-z0-9_"),
    _prefixed("replicate", "r8_", 32, "A-Za-z0-9"),
    _prefixed("perplexity", "pplx-", 32, "A-Za-z0-9"),
    _prefixed("xai", "xai-", 60, "A-Za-z0-9"),
    _prefixed("age", "AGE-SECRET-KEY-1", 40, "A-Z0-9"),
    Format("azure", r"[?&]sig=[A-Za-z0-9%+/_-]{40,120}", before=_ANYTHING),
    Format("azure", r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
    Format("password", r"://[^\x00-\x20:/@\x22'<>]{0,64}:[^\x00-\x20/@\x22'<>\[\]]{1,64}@", before=_ANYTHING),
    Format(
        "assigned",
        r"(?i:pass(?:word|wd|phrase|wort)|kennwort|contrase.a|mot de passe|pwd|secret(?:[_ -]?key)?|token"
        r"|(?:signing|encryption|master)[_ -]?key|api[_ -]?key|access[_ -]?key|client[_ -]?secret|private[_ -]?key"
        r"|account[_ -]?key|shared[_ -]?key|auth(?:orization)?|credentials?)"
        r"[\x22']?[ \x09]{0,3}(?::=|=>|[:=]|is:)[ \x09]{0,3}"
        rf"[\x22'`]?(?i:bearer |basic )?[A-Za-z0-9+/=_.~!@#$%^&*?-]{{8,{CAP}}}",
        before=r"[^A-Za-z0-9\x01]",
        confirm=_assigned,
        looks=LINK,
    ),
    *(
        form
        for chars, left in ((_SAFE, rf"[^{_SAFE}\x01/]"), (_STANDARD, rf"[^{_STANDARD}\x01]"))
        for form in (
            Format("key_material", rf"[{chars}]{{{LINK},{CAP}}}{_LAST[chars]}", left, _blob(chars), LINK),
            Format(
                "key_material", rf"[A-Z0-9][{chars}]{{{LINK - 1},{CAP}}}{_LAST[chars]}", "[a-z]", _blob(chars), LINK
            ),
        )
    ),
)


_MIX = ("0-9+", "a-z", "A-Z")  # as _MIXED
_KEY_RUNS = (Run(_SAFE, LINK, CAP, _MIX, stops="+/"), Run(_STANDARD, LINK, CAP, _MIX, stops=""))


class NoSecrets(Rule, frozen=True, kw_only=True, tag="no_secrets"):
    """
    Keys, tokens and passwords must not appear. What was found is never shown, logged or kept.

    Found, on a view without invisible characters:

    - keys by the form that their issuer gives them: OpenAI, Anthropic, Groq, xAI, Perplexity, Replicate, Hugging Face,
      AWS, Google Cloud (`AIza`, `ya29.`, `GOCSPX-`), Azure (client secrets and signatures of shared access), GitHub
      (classic and fine-grained), GitLab, npm, PyPI, Docker, Slack (tokens and webhooks), Discord (tokens and
      webhooks), Telegram, Twilio, SendGrid, Mailgun, Stripe, Shopify, DigitalOcean, Databricks, Supabase, Vault,
      Grafana, Atlassian, Linear, age;
    - JSON Web Tokens, and private keys in PEM blocks;
    - passwords in links, such as those of databases: `postgres://user:password@host`;
    - values of 8 or more characters with a letter, a digit and at least 3 bits of entropy a character (Shannon's, of
      the value's own characters; `aaaa1111` has 1, `hunter2x9Z` 3.3) that are assigned to a name such as `password`,
      `api_key` or `Authorization`. The same threshold holds behind `sk-`, which is also how some slugs begin;
    - any run of 64 or more characters of base64 that mixes small and capital letters with digits, which is also how
      keys longer than 127 characters are found to their end.

    What repeats itself inside a long token (no capital, small letter or digit in 64 characters) may be left standing.
    A private key that is broken into lines shorter than 64 characters is found in its first and last line only.
    """

    example: ClassVar[Mapping[str, Any]] = {"on_fail": "fix"}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    sensitive: ClassVar[bool] = True
    can_fix: ClassVar[bool] = True

    replace: str = "[SECRET]"
    """What a fix puts in the place of a secret; must begin with `[` or `<` and end with `]` or `>`."""

    def build(self) -> Scanner:
        """See Rule."""
        if self.replace[:1] not in ("[", "<") or self.replace[-1:] not in ("]", ">"):
            raise ValueError("`replace` must begin with [ or < and end with ] or >, so that it ends what is beside it.")
        reason = "The text holds what looks like a key, token or password."
        scanner = KeyScanner(FORMATS, _KEY_RUNS, "key_material", self._replacement, reason)
        if any(scanner.find(self.replace)):
            raise ValueError("`replace` itself looks like a key.")
        return scanner

    def _replacement(self, label: str, raw: str) -> str:
        return self.replace

    def statement(self) -> str:
        """See Rule."""
        return "Do not include keys, tokens, passwords or other credentials."
