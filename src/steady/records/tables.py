"""
The tables of the store and the statements on them, written once with SQLAlchemy core.

SQLAlchemy compiles them; the store gives the text to the database driver itself. Its own execution costs several times
what SQLite takes for the row, and one multi-row INSERT lets go of the interpreter lock once instead of once a row.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    func,
    select,
)
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement
from sqlalchemy.sql.elements import ClauseElement

VERSION = 1
"""Of the schema. A migration is added for each step; it never goes back."""

APPLICATION_ID = 0x53544459  # "STDY", so that a database of another program is not taken for ours

_meta = MetaData()

receipts = Table(
    "receipts",
    _meta,
    Column("seq", Integer, primary_key=True),  # order of storing, which is the order of pruning
    Column("id", Text, nullable=False, unique=True),
    Column("stamp", Float, nullable=False),  # the store's own time, which never goes back: what expiry looks at
    Column("created", Float, nullable=False),  # Unix seconds, as the receipt says
    Column("tenant", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_hash", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
policies = Table(
    "policies",
    _meta,
    Column("hash", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
contents = Table(
    "contents",
    _meta,
    Column("hash", LargeBinary, primary_key=True),  # sha256 of the text
    Column("body", LargeBinary, nullable=False),
)
uses = Table(  # which receipt needs which content
    "uses",
    _meta,
    Column("seq", Integer, primary_key=True),
    Column("receipt", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
_indexes = (
    Index("receipts_policy", receipts.c.policy_hash),
    Index("uses_receipt", uses.c.receipt),
    Index("uses_hash", uses.c.hash),
)

RECEIPT_COLUMNS = ("id", "stamp", "created", "tenant", "policy", "policy_hash", "body")
_WIDTHS = {
    "receipts": RECEIPT_COLUMNS,
    "policies": ("hash", "body"),
    "contents": ("hash", "body"),
    "uses": ("receipt", "hash"),
}
_TABLES = {table.name: table for table in (receipts, policies, contents, uses)}
_dialect = sqlite_dialect(paramstyle="qmark")


def _sql(statement: ClauseElement | ExecutableDDLElement) -> str:
    return str(statement.compile(dialect=_dialect))


def create_statements() -> list[str]:
    """Return the statements that make schema version 1."""
    tables = [_sql(CreateTable(table)) for table in _meta.sorted_tables]
    return tables + [_sql(CreateIndex(index)) for index in _indexes]


@cache
def insert_sql(table: str, rows: int) -> str:
    """Return an INSERT of `rows` rows at once that leaves rows alone that are there already."""
    names = _WIDTHS[table]
    values: Any = [{name: bindparam(f"{name}_{row}") for name in names} for row in range(rows)]
    return _sql(insert(_TABLES[table]).values(values).on_conflict_do_nothing())


ROWS_AT_ONCE = (64, 8, 1)


def insert_steps(table: str, rows: Sequence[tuple[Any, ...]]) -> list[tuple[str, list[Any]]]:
    """Return the statements, with their parameters, that insert `rows` in as few steps as the prepared widths allow."""
    steps, at = [], 0
    for width in ROWS_AT_ONCE:
        while len(rows) - at >= width:
            steps.append((insert_sql(table, width), [cell for row in rows[at : at + width] for cell in row]))
            at += width
    return steps


_r = receipts.c
RECEIPT = _sql(select(_r.tenant, _r.policy_hash, _r.body).where(_r.id == bindparam("id")))
RECENT = _sql(select(_r.body).order_by(_r.seq.desc()).limit(bindparam("count")))
RECENT_OF = _sql(select(_r.body).where(_r.tenant == bindparam("tenant")).order_by(_r.seq.desc()).limit(bindparam("n")))
POLICY = _sql(select(policies.c.body).where(policies.c.hash == bindparam("hash")))
CONTENT = _sql(select(contents.c.body).where(contents.c.hash == bindparam("hash")))
LAST_STAMP = _sql(select(_r.stamp).order_by(_r.seq.desc()).limit(1))
COUNT = _sql(select(func.count()).select_from(receipts))

OLDEST = _sql(select(_r.seq, _r.id, _r.stamp, _r.policy_hash).order_by(_r.seq).limit(bindparam("count")))
USED = _sql(select(uses.c.hash).where(uses.c.receipt == bindparam("id")))
DROP_USES = _sql(delete(uses).where(uses.c.receipt == bindparam("id")))
DROP_RECEIPTS = _sql(delete(receipts).where(_r.seq <= bindparam("seq")))
DROP_CONTENT = _sql(
    delete(contents).where(contents.c.hash == bindparam("hash"), ~exists().where(uses.c.hash == contents.c.hash))
)
DROP_POLICY = _sql(
    delete(policies).where(policies.c.hash == bindparam("hash"), ~exists().where(_r.policy_hash == policies.c.hash))
)
