"""Consensus on a program: clusters by syntax tree (Python) or by tokens (any other language), and the medoid."""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from steady.consensus.clusters import Cluster, Member, medoid, ordered, refused
from steady.consensus.python_tree import python_key
from steady.consensus.scores import elect
from steady.consensus.similarity import LONGEST, UNIT, matrix
from steady.types import Aggregate, Consensus, Vote

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_STRING = r'"(?:[^"\\\n]|\\.)*+"|\'(?:[^\'\\\n]|\\.)*+\'|`(?:[^`\\]|\\.)*+`'
_COMMENTS = {
    "c": r"//[^\n]*+|/\*.*?\*/",
    "hash": r"\#[^\n]*+",
    "sql": r"--[^\n]*+|/\*.*?\*/",
    "xml": r"<!--.*?-->",
}
_STYLE = {
    **dict.fromkeys(("javascript", "typescript", "java", "c", "cpp", "csharp", "go", "rust", "kotlin", "swift"), "c"),
    **dict.fromkeys(("bash", "ruby", "r", "yaml", "perl"), "hash"),
    **dict.fromkeys(("sql", "lua", "haskell"), "sql"),
    **dict.fromkeys(("html", "xml"), "xml"),
}
_LAYOUT = frozenset({"yaml", "haskell"})  # where a line's beginning has a meaning


def program(text: str) -> str:
    """Return the one program in an answer: the fenced blocks joined, or the whole text where none is fenced."""
    blocks = [block[2] for block in _FENCE.finditer(text)]
    return "\n".join(blocks) if blocks else text


def token_key(source: str, language: str) -> str:
    """
    Return the source without comments, and with white space that has no meaning made one space.

    Strings are kept as they are. In languages whose layout has a meaning line beginnings are kept, too.
    """
    style = _COMMENTS.get(_STYLE.get(language, ""), "")
    token = re.compile(rf"(?P<string>{_STRING})|(?P<comment>{style or '(?!)'})|(?P<space>\s++)|.", re.DOTALL)
    out: list[str] = []
    for found in token.finditer(source):
        if found["string"]:
            out.append(found["string"])
        elif found["space"] or found["comment"]:
            out.append(_space(found["space"] or " ", language, out))
        else:
            out.append(found[0])
    return "".join(out).strip()


def _space(space: str, language: str, before: list[str]) -> str:
    if language in _LAYOUT and "\n" in space:
        return "\n" + space.rpartition("\n")[2]
    return "" if before and before[-1] in (" ", "") else " "


def key_of(language: str) -> Callable[[str], str]:
    """Return the function from an answer to what programs that are the same share."""

    def key(text: str) -> str:
        source = program(text)
        if len(source) > LONGEST * 4:
            return "text:" + source
        tree = python_key(source) if language == "python" else None
        return f"text:{token_key(source, language)}" if tree is None else f"tree:{tree}"

    return key


def code_consensus(language: str, penalty: Fraction) -> Aggregate:
    """
    Return the medoid of the biggest cluster of programs that are the same.

    Python programs are the same where their syntax trees are, docstrings and comments apart and with the names that are
    local to a function exchanged for their order; what does not parse, and other languages, compare by tokens without
    comments. Equal trees mean equal programs; programs that do the same in another way are different here, so agreement
    (the share of all completed first draws in the winner's cluster) is a lower bound. Nothing is ever run. The medoid
    is the text of the cluster most alike to the others of it by words; refusals are one cluster.
    """
    key = key_of(language)

    def aggregate(given: Sequence[Vote]) -> Consensus:
        votes = ordered(given)
        keys = {vote.slot: key(vote.text) for vote in votes if not vote.refusal}
        groups: dict[str, list[Vote]] = {}
        for vote in votes:
            if not vote.refusal:
                groups.setdefault(keys[vote.slot], []).append(vote)
        clusters = refused(votes) + [_cluster(group) for group in groups.values()]

        def alike(a: Vote, b: Vote) -> int:
            if a.refusal or b.refusal:
                return UNIT if a.refusal and b.refusal else 0
            return UNIT if keys[a.slot] == keys[b.slot] else 0

        return elect(votes, clusters, alike=alike, penalty=penalty, method="syntax trees")

    return aggregate


def _cluster(group: Sequence[Vote]) -> Cluster:
    texts = sorted({vote.text for vote in group})
    rows = matrix(texts, "words")
    counts = [sum(1 for vote in group if vote.text == text) for text in texts]
    centre = medoid(range(len(texts)), counts, lambda a, b: rows[a][b])
    members = tuple(
        Member(vote, vote.text, (texts.index(vote.text) != centre, -rows[texts.index(vote.text)][centre]))
        for vote in group
    )
    return Cluster(0, texts[0], members)
