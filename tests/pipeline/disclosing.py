"""What the tests of disclosure share: a short way to disclose, and texts to do it to."""

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from steady.pipeline.disclose import Placed, disclose
from steady.pipeline.texts import LOCALES
from steady.types import Agreement

MEASURED = Agreement(share=Fraction(7, 8), of=8, method="vote")
SPLIT = Agreement(share=Fraction(1, 4), of=8, method="vote", tie=True)
UNMEASURED = Agreement(why="one candidate is made under this policy")


def told(content: str | None, **changes: Any) -> Placed:
    """Disclose under a policy that appends always, but for `changes`."""
    asked: dict[str, Any] = {
        "has_tool_calls": False,
        "is_refusal": False,
        "kind": "text",
        "asked_place": "append",
        "when": "always",
        "below": Fraction(3, 5),
        "agreement": MEASURED,
        "action": "answered",
        "text": "standard",
        "locale": "en",
    }
    return disclose(content, **(asked | changes))


def assistant(content: Any, **fields: Any) -> dict[str, Any]:
    """Return one assistant message."""
    return {"role": "assistant", "content": content, **fields}


WORDS = (
    "Paris",
    "is",
    "the",
    "capital",
    "7",
    "of",
    "8",
    "people",
    "agreed",
    "drafts",
    "by",
    "an",
    "AI",
    "model",
    "again",
)

sentences = st.lists(st.sampled_from(WORDS), min_size=3, max_size=9).map(lambda words: " ".join(words) + ".")
prose = st.lists(sentences, min_size=1, max_size=5).map("\n\n".join)
edges = st.sampled_from(
    ["", "\n", "  ", "\n\n---\n\n", "---", " ✅", "️", "\r\n", "**bold**.", "é", "日本。", "> quoted.", '"Yes."']
)
answers = st.one_of(prose, st.text(max_size=60), st.builds(lambda a, b, c: a + b + c, edges, prose, edges))
"""Texts as models write them, and any text at all, with ends that are hard to keep."""

agreements = st.one_of(
    st.just(UNMEASURED),
    st.builds(
        lambda of, part, tie: Agreement(share=Fraction(min(part, of), of), of=of, method="vote", tie=tie),
        st.integers(2, 64),
        st.integers(0, 64),
        st.booleans(),
    ),
)
locales = st.sampled_from(LOCALES)
OWN = (
    "Written by AI. Check it.",
    "AI 🤖 wrote this: {agreed}/{of}",
    "🤖",
    "{agreed}",
    "KI",
    "  Von einer KI geschrieben.\n",
)
texts = st.sampled_from(("standard", *OWN))
actions = st.sampled_from(["answered", "otherwise", "refrained", "refused_input"])
places = st.sampled_from(["append", "prefix"])
