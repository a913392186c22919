"""
Finding the one JSON value that a text is meant to be, and the edits that make it one.

Prose, fences and slips of form go (`json_reader.py`). Where two parts of a text could be meant, where brackets around a
part do not balance, or where something is broken or cut off, nothing is repaired: never a shorter valid answer.
"""

import re
from collections.abc import Sequence
from typing import Literal

from steady.rules.json_reader import MAX_DEPTH, Node, Reader, Region, Stop
from steady.rules.rule import apply_edits
from steady.types import Edit

__all__ = ["MAX_DEPTH", "Expect", "compose", "find_json", "outline"]

MAX_REGIONS = 8  # values in brackets among which one is looked for

Expect = Literal["object", "array", "any"]

_OPEN = re.compile(r"[\[{]")
_OPENS_FENCE = re.compile(r"```[\w+-]*$")
_INFO = re.compile(r"```[\w+-]*[ \t]*\n|```")


def outline(text: str) -> Node:
    """Return the tree of `text`, which is valid JSON, with the place of every value."""
    reader = Reader(text, 0, False)
    reader.space()
    return Reader(text, reader.at, False).read().node


def _regions(text: str, may_close: bool) -> list[Region] | None:
    """Return every value in brackets at the top level of `text`; None where one is broken beyond form."""
    out: list[Region] = []
    at = 0
    for _ in range(MAX_REGIONS * 8):
        opening = _OPEN.search(text, at)
        if opening is None:
            return out
        try:
            region = Reader(text, opening.start(), may_close).read()
        except Stop as stop:
            if stop.why != "prose":
                return None
            at = max(stop.at, opening.end())
            continue
        out.append(region)
        at = region.end
        if len(out) > MAX_REGIONS:
            return None
    return None


def _opens_fence(before: str) -> bool:
    return bool(_OPENS_FENCE.search(before.rstrip()[-40:]))


def _stands_apart(text: str, region: Region) -> bool:
    """Say whether a value is meant as one: `[1]` and `[ ]` within a sentence are not."""
    if region.node.members:
        return True
    before = text[: region.start].rpartition("\n")[2].rstrip()
    behind = text[region.end :].partition("\n")[0].strip()
    return (not before or before.endswith(":") or _opens_fence(before)) and behind.strip("`.") == ""


def _balanced(text: str) -> bool:
    return text.count("{") == text.count("}") and text.count("[") == text.count("]")


def _alone(text: str, region: Region) -> bool:
    """Say whether what surrounds a value is prose, not more of the same document."""
    head, tail = text[: region.start].rstrip(), text[region.end :].strip()
    if not _balanced(head) or head.endswith(('":', "':", ",")):
        return False
    extra = "}" if region.node.kind == "object" else "]"
    return not tail.strip(extra + "` \t\r\n") or (_balanced(tail) and not tail.startswith((",", ":")))


def _unfenced(text: str) -> tuple[int, int]:
    """Return where the content of `text` lies: inside its fence, if one fence is all of it."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    inner = text[start:end]
    if len(inner) < 6 or not (inner.startswith("```") and inner.endswith("```")):
        return start, end
    info = _INFO.match(inner)
    return start + (info.end() if info else 3), end - 3


def _scalar(text: str, may_close: bool) -> Region | None:
    """Return the single scalar that `text`, or the one fence in it, consists of."""
    start, end = _unfenced(text)
    reader = Reader(text[:end], start, may_close)
    try:
        reader.space()
        if reader.peek() in ("", "{", "["):
            return None
        begin = reader.at
        region = reader.read()
        reader.space()
    except Stop:
        return None
    return Region(region.node, begin, region.end, region.edits) if reader.at >= end else None


def find_json(text: str, expect: Expect = "any", may_close: bool = True) -> tuple[Edit, ...] | None:
    """
    Return the edits that make `text` one JSON value without its prose and slips of form, or None.

    Args:
        text: Any text; a valid JSON text gives ().
        expect: What the value must be; "any" takes scalars too, where they are the whole text.
        may_close: Whether the braces that end the last objects may be added (marked `invented`).
    """
    regions = _regions(text, may_close)
    if regions is None:
        return None
    apart = [region for region in regions if _stands_apart(text, region)]
    fitting = [region for region in apart if expect in ("any", region.node.kind)]
    if len(fitting) > 1:
        fitting = [region for region in fitting if _opens_fence(text[: region.start])]
    if len(fitting) == 1 and _alone(text, fitting[0]):
        return _trimmed(text, fitting[0])
    if apart or expect != "any":
        return None
    scalar = _scalar(text, may_close)
    return _trimmed(text, scalar) if scalar else None


def _trimmed(text: str, region: Region) -> tuple[Edit, ...]:
    """Return the region's edits and those that delete what stands around it; blanks around stay where it is alone."""
    head, tail = text[: region.start], text[region.end :]
    inside = [edit for edit in region.edits if region.start <= edit.start and edit.end <= region.end]
    before = [Edit(0, region.start, "")] if head.strip(" \t\n\r") else []
    behind = [Edit(region.end, len(text), "")] if tail.strip(" \t\n\r") else []
    return (*before, *inside, *behind)


def compose(text: str, first: Sequence[Edit], second: Sequence[Edit]) -> tuple[Edit, ...]:
    """
    Return edits of `text` that do what `first`, and then `second` on its result, do.

    Both are ordered and do not overlap. Edits that touch are joined; a joined edit is `invented` if a part of it is.
    """
    if not first or not second:
        return tuple(first or second)
    middle = apply_edits(text, first)
    spans: list[tuple[int, int, Edit, bool]] = []  # start and end in `middle`; whether the edit is of `second`
    shift = 0
    for edit in first:
        start = edit.start + shift
        spans.append((start, start + len(edit.text), edit, False))
        shift += len(edit.text) - (edit.end - edit.start)
    spans += [(edit.start, edit.end, edit, True) for edit in second]
    spans.sort(key=lambda span: (span[0], span[1]))
    out: list[Edit] = []
    shift, group = 0, spans[:1]
    for span in [*spans[1:], None]:
        if span is not None and span[0] <= max(end for _, end, _, _ in group):
            group.append(span)
            continue
        low, high = group[0][0], max(end for _, end, _, _ in group)
        later = [Edit(e.start - low, e.end - low, e.text) for _, _, e, second_ in group if second_]
        grown = sum(len(e.text) - (e.end - e.start) for _, _, e, second_ in group if not second_)
        invented = any(e.invented for _, _, e, _ in group)
        out.append(Edit(low - shift, high - shift - grown, apply_edits(middle[low:high], later), invented))
        shift += grown
        group = [span] if span is not None else []
    return tuple(out)
