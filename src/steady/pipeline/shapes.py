"""
Where a sentence may not be added to a text, because a program reads the text or because its end is still open.

Every test here is linear in the text and decided by the text alone. Nothing is handed to a parser of YAML, XML or
Python: those are slow on long input, or differ between versions and so between machines. The tests err on one side:
what a YAML or XML parser would read as a document is found; prose that looks like one is sometimes found too, and then
the disclosure goes beside the answer rather than into it.
"""

import json
import re
from collections.abc import Iterator

_BLANK = "\ufeff \t\r\n\v\f\x85\xa0\u2028\u2029"
_CLOSERS = "\"'”’»」』）)]}*_`~"
_ENDS = ".!?…。！？｡．؟۔।॥"


def no_room(text: str) -> str | None:
    """Return why nothing may be added before or after `text` ("it is JSON"), or None where a sentence may stand."""
    return looks_structured(text) or one_line(text) or open_fence(text) or _open_comment(text)


def looks_structured(text: str) -> str | None:
    """
    Return what a program would read `text` as, or None for text that people read.

    JSON (also cut off, or several documents by line), YAML (a mapping or a list, by lines at its margin), XML and other
    markup, tables of separated values, source code (by its first line, or where at least half of its lines are code).
    """
    body = text.strip(_BLANK)
    if not body:
        return None
    return _json(body) or _markup(body) or _yaml(text, body) or _table(body) or _code(text, body)


def one_line(text: str) -> str | None:
    """Return a reason where `text` is empty, or one line that does not end like a sentence: a label, a number."""
    body = text.strip(_BLANK)
    if len(body.splitlines()) > 1:
        return None
    at = len(body)
    while at and (body[at - 1] in _CLOSERS or _pictograph(body[at - 1]) or body[at - 1].isspace()):
        at -= 1
    if at and body[at - 1] in _ENDS:
        return None
    return "it is one line that is no sentence" if body else "it is empty"


def _pictograph(char: str) -> bool:
    return char >= "\u2190" and not char.isalnum() and char not in _ENDS and not "\u3000" <= char <= "\u303f"


# JSON


def _json(body: str) -> str | None:
    first = body[0]
    if first not in '{["-0123456789tfnNI':
        return None
    if first in "{[" and body[-1] == {"{": "}", "[": "]"}[first]:
        return "it is JSON or looks like it"  # not parsed: a parser's limit on depth differs with the caller's stack
    if re.match(r"\{\s*(?:[\"'{}]|$)|\[\s*(?:[{\[\"]|$)", body):
        return "it begins like JSON"
    if _is_json(body):
        return "it is JSON"
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) > 1 and all(_is_json(line) for line in (lines[0], lines[-1])):
        return "it is JSON by lines"
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, parse_float=str)  # as text: no limit on digits applies
    except (ValueError, RecursionError):
        return False
    return True


# Markup

_TAG = re.compile(r"<(?:[^\W\d]|[?!_:/])")
_OPENING = re.compile(r"<([^\W\d][\w.:-]*)(?=[\s>])")
_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "area", "base", "col", "embed", "source", "wbr"})


def _markup(body: str) -> str | None:
    """A well-formed document begins with `<` and ends with `>`: this finds each of them, and fragments of HTML."""
    if not _TAG.match(body):
        return None
    if body[-1] == ">":
        return "it is XML or other markup"
    if re.match(r"<\?xml|<!doctype", body, re.IGNORECASE):
        return "it begins like XML"
    opening = _OPENING.match(body)
    if opening and opening[1].lower() not in _VOID and f"</{opening[1]}" not in body:
        return "it leaves a tag open"
    return None


def _open_comment(text: str) -> str | None:
    return "it leaves a comment open" if text.rfind("<!--") > text.rfind("-->") else None


# Code fences

_FENCE = re.compile(r"[ \t]*(?:[-*+>][ \t]+|\d{1,9}[.)][ \t]+)*(`{3,}|~{3,})([^\r\n]*)")


def _fence(line: str, mark: str) -> str:
    """Return the mark of the fence that is open behind a line, "" for none; `mark` is the one open before it."""
    found = _FENCE.match(line)
    if not found:
        return mark
    run, rest = found[1], found[2]
    if not mark:
        return "" if run[0] == "`" and "`" in rest else run
    return "" if run[0] == mark[0] and len(run) >= len(mark) and not rest.strip() else mark


def open_fence(text: str) -> str | None:
    """Return a reason where a code fence (CommonMark 4.5) is opened and not closed."""
    if "```" not in text and "~~~" not in text:
        return None
    mark = ""
    for line in text.splitlines():
        mark = _fence(line, mark)
    return "it leaves a code fence open" if mark else None


# YAML

_KEY = re.compile(
    r"""(?:[?:](?:\s|$)                       # an explicit key or its value
      | "(?:[^"\\]|\\.)*"\s*:                 # a quoted key
      | '(?:[^']|'')*'\s*:
      | (?!\*\*|[>|@`%\#,\]}])\S.*?:(?:\s|$)  # a plain one
      )""",
    re.VERBOSE,
)
_ITEM = re.compile(r"-(?:\s|$)")
_HANGING = re.compile(
    r"""(?:^|[:?-]\s+|[,\[{]\s*)(?:[&!]\S+\s+){0,2}["'\[{]"""
)  # a value that may go on in the next line
_CLAUSE = re.compile(r"[^\W\d][^\s:]*(?:\s+[^\s:]+){3,}\s*:(?:\s|$)")  # four words, then a colon
_DOCUMENT = re.compile(r"---(?:\s|$)|%YAML|!!?[\w<]|&\w+(?:\s|$)")


def _yaml(text: str, body: str) -> str | None:
    """
    Find block mappings and lists: in those each line at the margin of the first is a key or an item.

    A line at the margin that is neither can only go on with a quoted or bracketed value of a line before it. One thing
    that YAML would read is left out: a text that ends like a sentence and has a "key" of four words or more. That is
    a sentence with a colon.
    """
    if _DOCUMENT.match(body):
        return "it begins like YAML"
    margin: int | None = None
    hanging = clause = False
    for line in re.split(r"\r\n|[\r\n]", text.lstrip("\ufeff")):
        content = line.lstrip(" ")
        if not content.strip() or content.startswith("#") or content.rstrip() in {"---", "..."}:
            continue
        if margin is None and _DOCUMENT.match(content):
            return "it begins like YAML"
        column = len(line) - len(content)
        margin = column if margin is None else margin
        if column <= margin and not hanging and not (_ITEM.match(content) or _KEY.match(content)):
            return None
        hanging = hanging or bool(_HANGING.search(content))
        clause = clause or (column <= margin and bool(_CLAUSE.match(content)))
    prose = clause and body.rstrip(_CLOSERS)[-1:] in _ENDS
    return "it is YAML" if margin is not None and not prose else None


# Tables and code


def _table(body: str) -> str | None:
    """Find separated values: at least two lines, each with the same number of separators, none a sentence."""
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) < 2 or any(line.rstrip()[-1] in _ENDS for line in lines):
        return None
    for mark in ",\t;":
        counts = {line.count(mark) for line in lines}
        if len(counts) == 1 and counts != {0}:
            return "it is a table of separated values"
    return None


_FIRST = re.compile(
    r"""\#!\s*/ | /[*] | if\s+\[ | [rRbBfFuU]{0,2}(?:"{3}|'{3})
      | \#include\b | \#(?:define|ifndef|ifdef|pragma)\s | \#\[ | @[\w.]+(?:\(.*\))?\s*$
      | (?:async\s+)?def\s+\w+\s*\( | class\s+\w+\s*(?:\(.*\))?\s*(?:extends\s+\S+\s*)?(?:implements\s.+)?[:{]
      | class\s+\w+(?:\s*<\s*[\w:]+)?\s*$ | module\s+[\w:]+\s*$ | def\s+[\w.]+[?!]?\s*$
      | import\s+(?:\w+(?:\.\w+)*(?:\s+as\s+\w+)?(?:\s*,\s*\w+(?:\.\w+)*)*\s*;?\s*$
          |[\w*{},\s]+\sfrom\s+["']|["']|\(|static\s)
      | from\s+\.*[\w.]*\s+import\s | package\s+[\w.]+\s*;?\s*$ | (?:pub\s+)?(?:use|mod)\s+\w+(?:::\S+)?\s*[;{]
      | using\s+[\w.\s=]+; | namespace\s+[\w.\\:]+\s*[;{]? \s*$ | <\?php | "use\ strict"
      | (?:export\s+)?(?:default\s+)?(?:async\s+)?function\b\s*\*?\s*\w*\s*\( | (?:pub\s+)?(?:async\s+)?fn\s+\w+
      | func\s+(?:\(.*?\)\s*)?\w+\s*\( | (?:export\s+)?(?:const|let|var)\s+[\w{\[].*?= | (?:local\s+)?function\s+\w+
      | (?:export\s+)?(?:abstract\s+)?(?:interface|struct|enum|trait|impl|type)\s+\w[\w<>,:\s]*[={(]
      | (?:public|private|protected|internal|static|final)\s+[\w<>\[\],\s]+[({;=]
      | (?:int|void|char|float|double|bool|long|auto|unsigned|string|String)\s+\**\w+\s*[(=;\[]
      | (?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|CREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|VIEW|INDEX|FUNCTION|DATABASE)
          |ALTER\s+TABLE|DROP\s+TABLE|WITH\s+\w+\s+AS\s*\()\b
      | (?i:select)\s.*\s(?i:from)\s.*;?\s*$
      | \[{1,2}[\w.-]+\]{1,2}\s*$ | FROM\s+[\w./-]+(?::\S+)?(?:\s+AS\s+\w+)?\s*$ | diff\s--git\s | @@\s-\d
      | if\s+__name__\s*== | \$\s\w | if\s.*[\])"'\w]:\s*$ | (?:for|while)\s*\(.*\)\s*\{?
      | for\s+\w+(?:\s*,\s*\w+)*\s+in\s.*:\s*$
      | while\s.*:\s*$ | with\s.*\sas\s+\w+:\s*$ | try\s*[:{]\s*$ | if\s*\(.*\)\s*\{?\s*$ | print\s*\(
    """,
    re.VERBOSE,
)
_LINE = re.compile(
    r"""(?:return|raise|throw|yield|await|assert|del|pass|break|continue|else|elif|except|finally|case|default|end|fi|done|esac)\b
          [^.!?]*(?:[:;{}()\[\]"'\w])?\s*$
      | [\w.$\[\]"'*&>-]+\s*(?:[-+*/%|&^:?]|<<|>>|\*\*|//)?=[^=\s].*$
      | (?:[\w.$\[\]"'*&,<>:?-]+\s+){1,2}(?:[-+*/%|&^:?]|<<|>>|\*\*|//)?=\s.*$
      | [\w.$:>!-]+\(.*\)?[\s;,{:)\]}]*$ | [)\]}]+[\s;,)\]}({:]*(?:else\b.*|catch\b.*|while\b.*|from\s.*)?$
      | //.* | /\*.* | \*/.* | \#.* | --\s.* | <[/\w!?].*>\s*$ | @\w.* | .*[;{}\\]\s*$ | .*=>\s*.*
      | \|\|.* | &&.* | [+-]\s*\w.*[;(){}]$
      | ["'][^"']*["']\s*[:,].* | \.\w+\(.*
    """,
    re.VERBOSE,
)
_INLINE = re.compile(r"`[^`\n]*`")
_RECIPE = re.compile(r"[\w./%-]{1,80}:[^\r\n]{0,400}\r?\n\t")  # of a makefile
_LONGEST = 400  # characters of a line that are looked at
_SAMPLE = 2000  # lines that are counted
_DENSE = 0.06  # brackets and semicolons per character: prose has under 0.04, most code over 0.03, packed code over 0.08


def _code(text: str, body: str) -> str | None:
    """
    Find source code: it begins as code begins, or every line is indented, or its brackets or its lines say so.

    What stands in code fences does not count, since Markdown keeps it apart.
    """
    lines = [line for line in _outside(text) if line.strip(_BLANK)]
    if not lines:
        return "it is blocks of code"
    if len(lines) > 1 and all(line.startswith(("    ", "\t")) for line in lines):
        return "it is indented like code"
    first = next((line for line in lines if not _is_comment(line)), "")
    if _FIRST.match(first.strip(_BLANK)[:_LONGEST]) or _RECIPE.match(body):
        return "it begins like code"
    said = "".join(_INLINE.sub("", "\n".join(lines)).split())
    if len(lines) > 1 and said and sum(map(said.count, "{}()[];")) >= _DENSE * len(said):
        return "it has the marks of code"
    counted = lines[:_SAMPLE]
    code = sum(1 for line in counted if _is_code(line.strip(_BLANK)[:_LONGEST]))
    return "most of its lines are code" if code * 2 >= len(counted) else None


def _outside(text: str) -> Iterator[str]:
    """Yield the lines that stand in no code fence."""
    mark = ""
    for line in text.splitlines():
        after = _fence(line, mark)
        if not mark and not after:
            yield line
        mark = after


def _is_comment(line: str) -> bool:
    line = line.strip()
    return not line or line.startswith(("//", "# ", "-- ")) or line == "#"


def _is_code(line: str) -> bool:
    if line.startswith(("# ", "## ", "### ")):  # a heading as soon as a comment
        return False
    return bool(_FIRST.match(line) or _LINE.match(line))
