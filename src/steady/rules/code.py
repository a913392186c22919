"""The rule `code`: what code an answer holds parses, does only what it may, or is not there."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from steady.rules.code_parsers import wrong
from steady.rules.code_sql import Sql, sql
from steady.rules.fences import Block, blocks
from steady.rules.rule import ANSWER, Context, Rule, Streams, Whole
from steady.types import Edit, Finding, Piece, Span, Surface

CodeLanguage = Literal["python", "json", "yaml", "xml", "html", "sql"]
LANGUAGES: tuple[CodeLanguage, ...] = ("python", "json", "yaml", "xml", "html", "sql")
MAX_BLOCKS = 50  # that are read; an answer with more of them fails
MAX_READ = 150_000  # characters of all blocks together
_NAMES: Mapping[str, CodeLanguage] = {
    "py": "python", "python3": "python", "yml": "yaml", "svg": "xml", "htm": "html", "xhtml": "xml",
    "postgresql": "sql",
    "mysql": "sql", "sqlite": "sql", "plsql": "sql", "tsql": "sql",
}  # fmt: skip


class Code(Rule, frozen=True, kw_only=True, tag="code"):
    """
    The code in an answer is well-formed in its language, or there is no code.

    Looked at are fenced blocks that name a language (or one of its usual short names, such as `py` and `yml`); a block
    without a name counts where just one language is asked for. With `whole` the answer itself is the code. Nothing is
    run, imported, connected to or fetched: Python is read by Python's own parser, SQL by sqlglot, YAML as events, XML
    by expat; a document with entities is refused. HTML is held to spelled tags that close in order, with the end tags
    that HTML lets one leave out. A block of over 100,000 characters (YAML 40,000, SQL 20,000), with brackets nested
    more than 60 deep (SQL 12) or, in SQL, more than 400 operators is not read and fails.
    """

    example: ClassVar[Mapping[str, Any]] = {
        "languages": ["sql"],
        "sql": {"statements": ["select"], "select_star": False},
    }
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER
    cost: ClassVar[Literal["high"]] = "high"

    languages: tuple[CodeLanguage, ...] = LANGUAGES
    """The languages whose blocks are judged."""
    whole: bool = False
    """Whether the answer as a whole is the code; then just one language is given. A single fence around it is legal."""
    required: bool = False
    """Whether an answer without such a block fails."""
    ban: bool = False
    """Whether any block of code at all fails, whatever its language; the other fields then say nothing."""
    sql: Sql | None = None
    """What SQL may do: `dialect`, `statements`, `tables`, `select_star`, `where`, `single`."""

    def build(self) -> "_Code":
        """See Rule."""
        if not self.languages:
            raise ValueError("`languages` is empty: name at least one, or say `ban: true`.")
        if self.whole and len(self.languages) != 1:
            raise ValueError("`whole` needs just one language in `languages`.")
        if self.ban and (self.whole or self.required or self.sql):
            raise ValueError("`ban` forbids all code, so `whole`, `required` and `sql` say nothing beside it.")
        if self.sql is not None and "sql" not in self.languages:
            raise ValueError("`sql` says what SQL may do, and `languages` leaves SQL out.")
        if self.sql is not None and (self.sql.statements == () or self.sql.tables == ()):
            raise ValueError("`sql` has an empty list, which no statement could meet.")
        return _Code(self)

    def statement(self) -> str:
        """See Rule."""
        if self.ban:
            return "Do not include code blocks."
        if self.whole:
            return f"Answer with valid {self.languages[0]} only."
        allowed = self.sql.statements if self.sql else None
        only = f" SQL may hold these statements only: {', '.join(allowed)}." if allowed else ""
        return f"Code in {', '.join(self.languages)} must be complete and parse without errors.{only}"


class _Code:
    streams: Streams = Whole("code is read when it is complete")

    def __init__(self, rule: Code) -> None:
        self._rule = rule
        self._sql = rule.sql or Sql()

    def judge(self, piece: Piece, context: Context) -> Finding:
        found = blocks(piece.text)
        if self._rule.ban:
            return self._banned(found)
        mine = self._mine(piece.text, found)
        if len(mine) > MAX_BLOCKS or sum(block.end - block.start for block, _ in mine) > MAX_READ:
            return Finding(
                passed=False, reason=f"There is more code than is read: {MAX_BLOCKS} blocks, {MAX_READ:,} characters."
            )
        if not mine:
            reason = f"There is no block of code in {', '.join(self._rule.languages)}."
            return Finding(passed=not self._rule.required, reason=reason if self._rule.required else "")
        faults = list(self._faults(piece.text, mine))
        if not faults:
            return Finding(passed=True)
        reason = "; ".join(said for _, said in faults[:5]) + "."
        return Finding(passed=False, reason=reason, spans=tuple(span for span, _ in faults))

    def _banned(self, found: list[Block]) -> Finding:
        if not found:
            return Finding(passed=True)
        spans = tuple(Span(block.start, block.end) for block in found)
        return Finding(passed=False, reason="The answer holds a block of code; none is legal.", spans=spans)

    def _mine(self, text: str, found: list[Block]) -> list[tuple[Block, str]]:
        languages = self._rule.languages
        if self._rule.whole:
            one = (
                len(found) == 1
                and text[: found[0].start].strip().count("\n") == 0
                and text.lstrip()[:3] in ("```", "~~~")
            )
            rest = text[found[0].end :].strip() if one else ""
            block = found[0] if one and rest in ("", "```", "~~~") else Block(0, len(text), languages[0], closed=True)
            return [(block, languages[0])]
        named = [(block, str(_NAMES.get(block.language, block.language))) for block in found]
        alone = len(languages) == 1
        return [
            (b, languages[0] if alone and not name else name)
            for b, name in named
            if name in languages or (alone and not name)
        ]

    def _faults(self, text: str, mine: list[tuple[Block, str]]) -> Iterator[tuple[Span, str]]:
        for number, (block, language) in enumerate(mine, 1):
            code = text[block.start : block.end]
            said = sql(code, self._sql) if language == "sql" else wrong(language, code)
            said = said or ("" if block.closed else "its fence is not closed")
            if said:
                yield Span(block.start, block.end), f"Block {number} ({language}): {_printable(said)}"

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """There is none: mending code would change what it does."""
        return () if self.judge(piece, context).passed else None


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
