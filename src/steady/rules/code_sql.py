"""SQL: whether it parses, and what its statements do, by sqlglot."""

import re
import threading
from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct

from steady.rules.code_parsers import nested

MAX_SQL = 20_000  # characters of one block
MAX_NESTED = 12  # brackets within brackets
MAX_OPERATORS = 400  # words and signs in a row that a parser nests
SqlStatement = Literal["select", "insert", "update", "delete", "merge", "create", "alter", "drop", "truncate", "other"]
SqlDialect = Literal[
    "", "ansi", "bigquery", "clickhouse", "databricks", "duckdb", "hive", "mysql", "oracle", "postgres", "presto",
    "redshift", "snowflake", "spark", "sqlite", "trino", "tsql",
]  # fmt: skip
_CHAIN = re.compile(r"(?i)\b(?:not|case|when|and|or|union|except|intersect|join|between|like|in)\b|[-+*/%|&^~<>=!]+")
_KINDS: dict[str, SqlStatement] = {
    "Select": "select", "Union": "select", "Except": "select", "Intersect": "select", "Subquery": "select",
    "SetOperation": "select", "Values": "select", "Insert": "insert", "Update": "update", "Delete": "delete",
    "Merge": "merge", "Create": "create", "Alter": "alter", "AlterTable": "alter", "Drop": "drop",
    "TruncateTable": "truncate",
}  # fmt: skip


class Sql(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What SQL may do."""

    dialect: SqlDialect = ""
    """The dialect that it is read in; "" is sqlglot's own, which takes most of the common part of all."""
    statements: tuple[SqlStatement, ...] | None = None
    """The statements that may stand there, those within a `WITH` included; all if not given."""
    tables: tuple[str, ...] | None = None
    """The tables that may be named, in any case, as `table` or `schema.table`; all if not given."""
    select_star: bool = True
    """Whether `select *` may be."""
    where: bool = False
    """Whether `update` and `delete` need a `where` that names a column."""
    single: bool = False
    """Whether there may be one statement only."""


def sql(text: str, rules: Sql) -> str:
    """Return what is wrong with SQL, "" if nothing is. Nothing is run or connected to."""
    if len(text) > MAX_SQL:
        return f"it has more than {MAX_SQL:,} characters, which is not read"
    if nested(text) > MAX_NESTED:
        return f"its brackets are nested more than {MAX_NESTED} deep"
    if sum(1 for _ in _CHAIN.finditer(text)) > MAX_OPERATORS:
        return f"it has more than {MAX_OPERATORS} operators, which is not read"
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(_judged(text, rules)))  # its own stack, the same for all
    thread.start()
    thread.join()
    return said[0] if said else "it can't be read"


def _judged(text: str, rules: Sql) -> str:
    import logging

    import sqlglot
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # its warnings quote the text
    try:
        trees = [
            tree for tree in sqlglot.parse(text, read=None if rules.dialect in ("", "ansi") else rules.dialect) if tree
        ]
    except SqlglotError as error:
        first = getattr(error, "errors", None) or [{}]
        line = f" (line {first[0]['line']})" if first[0].get("line") else ""
        return f"{str(first[0].get('description') or 'it is no SQL')[:120].rstrip('.')}{line}"
    except Exception:  # noqa: BLE001 - sqlglot raises what its parts raise on broken text; that it can't be read is all
        return "it can't be read"
    if not trees:
        return "it holds no statement"
    if rules.single and len(trees) > 1:
        return f"it holds {len(trees)} statements, and one is legal"
    return next((said for tree in trees for said in _faults(tree, rules)), "")


def _faults(tree: Any, rules: Sql) -> Iterator[str]:
    from sqlglot import exp

    nodes = list(tree.walk())
    kinds = [_KINDS.get(type(tree).__name__, "other")]
    kinds += [_KINDS[type(node).__name__] for node in nodes if _KINDS.get(type(node).__name__, "select") != "select"]
    if isinstance(tree, exp.Command) and rules.statements is not None and "other" not in rules.statements:
        yield f"the statement {str(tree.this)[:40]} is not legal here"
    for kind in kinds:
        if rules.statements is not None and kind not in rules.statements:
            yield f"a statement of the kind {kind} is not legal here; legal: {', '.join(rules.statements)}"
    if rules.tables is not None:
        yield from _foreign(nodes, rules.tables)
    if not rules.select_star and any(_starred(node) for node in nodes):
        yield "`select *` is not legal here; name the columns"
    for node in nodes if rules.where else ():
        if isinstance(node, exp.Update | exp.Delete) and not _filtered(node):
            yield f"a {type(node).__name__.lower()} needs a `where` that names a column"


def _starred(node: Any) -> bool:
    from sqlglot import exp

    if not isinstance(node, exp.Select):
        return False
    return any(
        isinstance(one, exp.Star) or isinstance(getattr(one, "this", None), exp.Star)
        for one in node.expressions
        if not isinstance(one, exp.Func)
    )


def _filtered(node: Any) -> bool:
    from sqlglot import exp

    where = node.args.get("where")
    return where is not None and any(True for _ in where.find_all(exp.Column))


def _foreign(nodes: list[Any], legal: tuple[str, ...]) -> Iterator[str]:
    from sqlglot import exp

    known = {name.casefold() for name in legal}
    made = {node.alias.casefold() for node in nodes if isinstance(node, exp.CTE)}
    for node in nodes:
        if not isinstance(node, exp.Table):
            continue
        whole = ".".join(part for part in (node.catalog, node.db, node.name) if part)
        bare = not node.db and not node.catalog
        if whole.casefold() not in known and not (bare and node.name.casefold() in made):
            yield f"the table {whole[:60] or 'function'} is not legal here"
