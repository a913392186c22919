"""
The rule `expression`: a condition in the Common Expression Language (CEL) over the answer.

CEL ends always, but not always soon: this engine's `map` and `filter` copy their result for every element (10,000
elements took 10 seconds), and `matches` compiles its pattern on every call. So macros may not be nested, may not hold
`matches`, and an estimate of the steps, made from the expression's tokens and the value's size, is capped.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from steady.errors import legal_words
from steady.rules.json_text import NotJson, parse_json, shown
from steady.rules.rule import ANSWER, Context, Rule, Streams, Whole
from steady.types import Edit, Finding, Piece, Surface

MAX_EXPRESSION = 1_000  # characters
MAX_TEXT = 100_000  # characters of an answer
MAX_ELEMENTS = 10_000  # of one list or object
MAX_PROGRAM = 1_000  # instructions of all patterns together
MAX_STEPS = 2_000_000  # as estimated; about 0.2 seconds

VARIABLES = ("answer", "arguments", "finish_reason", "json", "length", "tool", "words")
MACROS = ("all", "exists", "existsOne", "exists_one", "filter", "map")
COPYING = ("filter", "map")
FUNCTIONS = (
    *("bool", "bytes", "contains", "double", "duration", "dyn", "endsWith", "getDate", "getDayOfMonth", "getDayOfWeek"),
    *(
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMilliseconds",
        "getMinutes",
        "getMonth",
        "getSeconds",
        "has",
        "int",
    ),
    *("matches", "size", "startsWith", "string", "timestamp", "type", "uint"),
)

_TOKEN = re.compile(
    r"""[rRbB]{0,2}(?:\"{3}(?s:.*?)\"{3}|'{3}(?s:.*?)'{3}|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|//[^\n]*|[A-Za-z_]\w*|\S"""
)
_PLACE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?([^\n|]*)")


class _Macro(NamedTuple):
    name: str
    variable: str
    outer: bool  # its body uses something besides its own variable
    uses: int = 0  # how often its body names its variable: `map(x, [x, x])` doubles what it is given


class _Reading(NamedTuple):
    """What the tokens of an expression say about its cost."""

    macros: tuple[_Macro, ...]
    variables: tuple[str, ...]  # that are used besides the macros' own
    spread: int  # by how much a list may be longer than the longest in the value: elements written out, joined lists
    written: int
    patterns: int = 0  # of all calls of `matches`: the sizes of their programs, added


class Expression(Rule, frozen=True, kw_only=True, tag="expression"):
    """
    A condition in the Common Expression Language holds.

    It may use `answer` (the text), `json` (the text parsed, null if it is not JSON), `length` (characters), `words`
    (separated by blanks), `finish_reason`, and on tool arguments `tool` (its name) and `arguments` (parsed). Note:
    `size(answer)` counts bytes; use `length`.
    """

    example: ClassVar[Mapping[str, Any]] = {"expr": "length < 500"}
    default_on: ClassVar[tuple[Surface, ...]] = ANSWER

    expr: str
    """The condition, up to 1,000 characters; it must give true or false."""
    reason: str = ""
    """What is said of an answer that fails, one sentence; the expression itself if not given."""

    def build(self) -> "ExpressionCheck":
        """Return the check. Raises ValueError for what can't be parsed (with the place), is unknown or may not end."""
        return ExpressionCheck(self)

    def statement(self) -> str:
        """See Rule."""
        return self.reason or f"The answer must satisfy this condition: {self.expr}"


class ExpressionCheck:
    """See Expression."""

    def __init__(self, rule: Expression) -> None:
        self.streams: Streams = Whole("an expression may look at the whole text")
        self._rule = rule
        self._program, self._reading = _compile(rule.expr)
        self._uses_json = bool({"json", "arguments"} & set(self._reading.variables))
        if not self._uses_json:  # the type of what is in `json` shows only with an answer
            self._refuse_other_types()

    def judge(self, piece: Piece, context: Context) -> Finding:
        """Fail where the condition is false, can't be evaluated, gives no boolean, or would take too long."""
        if len(piece.text) > MAX_TEXT:
            return Finding(
                passed=False, reason=f"The text is over the {MAX_TEXT:,} characters that an expression may see."
            )
        value = self._parsed(piece.text)
        why = _too_big(value, len(piece.text), self._reading)
        if why:
            return Finding(passed=False, reason=why)
        outcome = self._evaluate(_variables(piece, context, value))
        if outcome is True:
            return Finding(passed=True)
        if outcome is False:
            return Finding(passed=False, reason=self._rule.reason or f"Not true: {shown(self._rule.expr, 160)}")
        return Finding(passed=False, reason=f"The expression {shown(self._rule.expr, 100)} failed: {outcome}")

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """No fix follows from a condition."""
        return () if self.judge(piece, context).passed else None

    def _parsed(self, text: str) -> Any:
        if not self._uses_json:
            return None
        try:
            return parse_json(text)
        except NotJson:
            return None

    def _evaluate(self, variables: dict[str, Any]) -> bool | str:
        """Return the boolean, or why there is none, without anything of the value."""
        try:
            outcome = self._program.execute(variables)
        except KeyError:
            return "it asks for a key that the value does not have; guard it with has()."
        except TypeError:
            return "it combines types that do not go together."
        except ArithmeticError:
            return "it overflows or divides by zero."
        except IndexError:
            return "it asks for an element beyond the end of a list."
        except Exception as error:  # noqa: BLE001 (the engine's own errors have no common type)
            return f"it can't be evaluated ({type(error).__name__})."
        return outcome if isinstance(outcome, bool) else f"it gives {type(outcome).__name__}, not true or false."

    def _refuse_other_types(self) -> None:
        """Raise ValueError where a sample shows that the expression gives no boolean."""
        sample = Piece("answer", (), "1")
        outcome = self._evaluate(_variables(sample, Context(), self._parsed("1")))
        if isinstance(outcome, str) and outcome.startswith("it gives"):
            raise ValueError(f"`expr` must be true or false; {outcome}")


def _variables(piece: Piece, context: Context, value: Any) -> dict[str, Any]:
    tool = piece.surface == "tool_arguments"
    return {
        "answer": piece.text,
        "arguments": value if tool else None,
        "finish_reason": context.finish_reason,
        "json": value,
        "length": len(piece.text),
        "tool": piece.name if tool else "",
        "words": len(piece.text.split()),
    }


def _compile(expr: str) -> tuple[Any, _Reading]:
    """Return the program and what its tokens say. Raises ValueError."""
    with warnings.catch_warnings():  # the package imports its own command line, which uses what click deprecates
        warnings.simplefilter("ignore", DeprecationWarning)
        import cel
    if not expr.strip() or len(expr) > MAX_EXPRESSION:
        raise ValueError(f"`expr` must have 1 to {MAX_EXPRESSION:,} characters, not {len(expr):,}.")
    try:
        program = cel.compile(expr)
    except Exception as error:  # noqa: BLE001 (the engine's own errors have no common type)
        place = _PLACE.search(str(error))
        where = f" at line {place[1]}, column {place[2]}: {place[3][:120].strip()}" if place else ""
        raise ValueError(f"`expr` can't be parsed{where}.") from None
    reading = _read(expr)
    for name in reading.variables:
        if name not in VARIABLES:
            raise ValueError(f"`expr` uses {name!r}, which is no variable. {legal_words(name, VARIABLES)}")
    for name in program.functions():
        if name[0].isalpha() and name not in FUNCTIONS:
            raise ValueError(f"`expr` calls {name!r}, which is no function. {legal_words(name, (*FUNCTIONS, *MACROS))}")
    return program, reading


def _read(expr: str) -> _Reading:
    """Read the macros off the tokens. Raises ValueError for one within another, and for `matches` within one."""
    tokens = [token for token in _TOKEN.findall(expr) if not token.startswith("//")]
    open_: list[_Macro | None] = []  # one for each open parenthesis
    macros: list[_Macro] = []
    variables: list[str] = []
    for n, token in enumerate(tokens):
        before, behind = tokens[n - 1] if n else "", tokens[n + 1] if n + 1 < len(tokens) else ""
        inside = next((macro for macro in reversed(open_) if macro), None)
        if token == "(":
            macro = before in MACROS and n > 1 and tokens[n - 2] == "."
            if macro and inside:
                raise ValueError(f"`expr` has {before!r} inside {inside.name!r}; macros may not be nested.")
            open_.append(_Macro(before, behind, False) if macro else None)
        elif token == ")" and open_:
            closed = open_.pop()
            macros += [closed] if closed else []
        elif token == "matches" and inside and behind == "(":
            raise ValueError(f"`expr` has 'matches' inside {inside.name!r}; use a rule `regex`, or 'contains'.")
        elif inside and token == inside.variable and before != "." and (before, behind) != ("(", ","):
            place = max(i for i, macro in enumerate(open_) if macro)
            open_[place] = inside._replace(uses=inside.uses + 1)
        elif _is_variable(token, before, behind) and token != (inside.variable if inside else None):
            variables.append(token)
            if inside:
                place = max(i for i, macro in enumerate(open_) if macro)
                open_[place] = inside._replace(outer=True)
    spread, written = tokens.count("+") + 1, tokens.count(",") + 1
    return _Reading(tuple(macros), tuple(dict.fromkeys(variables)), spread, written, _patterns(tokens))


def _patterns(tokens: list[str]) -> int:
    """Return the size of all patterns together: the engine compiles each on every call, and walks it at every place."""
    import re2

    options = re2.Options()
    options.log_errors = False
    total = 0
    for n, token in enumerate(tokens):
        if token != "matches" or tokens[n + 1 : n + 2] != ["("]:
            continue
        written = tokens[n + 2] if n + 2 < len(tokens) else ""
        if written[-1:] not in ("'", '"') or tokens[n + 3 : n + 4] != [")"]:
            raise ValueError("`expr` gives 'matches' a pattern that is not written out; write it between quotes.")
        try:
            total += int(re2.compile(written.strip("rRbB").strip("'\""), options).programsize)
        except re2.error:
            raise ValueError("`expr` gives 'matches' a pattern that RE2 does not take; use a rule `regex`.") from None
    if total > MAX_PROGRAM:
        raise ValueError(f"`expr` has patterns of {total:,} instructions; at most {MAX_PROGRAM:,} are taken.")
    return total


def _is_variable(token: str, before: str, behind: str) -> bool:
    word = token[0].isalpha() or token[0] == "_"
    literal = token in ("true", "false", "null", "in") or token[-1] in "'\""
    return word and not literal and before not in (".", "0") and not before.isdigit() and behind not in ("(", "'", '"')


def _too_big(value: Any, characters: int, reading: _Reading) -> str:
    """Return why a value is too big for the expression, or ""."""
    longest, nodes = 0, 0
    for size in _sizes(value):
        longest, nodes = max(longest, size), nodes + size + 1
    if longest > MAX_ELEMENTS:
        return f"A list or object of the value has {longest:,} elements; an expression may see {MAX_ELEMENTS:,}."
    elements = max(longest, reading.written) * reading.spread
    all_ = nodes + characters // 100 + reading.written
    steps = reading.patterns * characters // 10
    growth = 1
    for macro in reading.macros:
        growth = min(growth * max(macro.uses, 1), MAX_STEPS) if macro.name in COPYING else growth
        steps += growth * all_ if growth > 1 else 0
        each = all_ if macro.outer else max(all_ // max(elements, 1), 1)
        steps += elements * each * (elements if macro.name in COPYING else 1)
    return (
        f"The value is too big for this expression: about {steps:,} steps of {MAX_STEPS:,}."
        if steps > MAX_STEPS
        else ""
    )


def _sizes(value: Any) -> Iterator[int]:
    """Yield the number of elements of every list and object in a value."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list):
            yield len(item)
            waiting.extend(item.values() if isinstance(item, dict) else item)
