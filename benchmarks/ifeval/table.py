"""From judged answers to the tables: what each part adds, where the rest fails, and what fixes did. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct


class Judged(Struct, frozen=True, kw_only=True):
    """One prompt's answer in one row, judged by lm_eval's checker."""

    key: int  # the prompt's own
    kinds: tuple[str, ...]  # the prompt's instructions: "punctuation:no_comma"
    followed: tuple[bool, ...]  # of each, strictly; all false where nothing was given
    ruled: bool = False  # there was a policy
    released: bool = True  # the answer passed every rule; else the nearest one is judged
    candidates: int = 1
    tokens: int = 0  # generated, of all candidates
    seconds: float = 0.0  # of all candidates' calls
    fixes: tuple[str, ...] = ()  # kinds of instruction whose fix changed the answer given
    decided: bool = False  # the answer as the model gave it breaks an instruction, as fixed it breaks none
    invented: bool = False  # a fix added a value that the model did not give
    distinct: float = 1.0  # see `distinct_triples`

    @property
    def passed(self) -> bool:
        """Whether all instructions are followed."""
        return all(self.followed)


class Scores(NamedTuple):
    """Strict accuracies, in [0, 1]."""

    prompt: float
    instruction: float

    @property
    def average(self) -> float:
        """The mean of the two, as leaderboards give it."""
        return (self.prompt + self.instruction) / 2


def distinct_triples(text: str) -> float:
    """Return how many of the text's triples of words are different, as a share: 1 where none comes twice."""
    words = text.casefold().split()
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(triples)) / len(triples) if triples else 1.0


Rows = Sequence[tuple[str, Sequence[Judged]]]  # title, answers


def scores(answers: Sequence[Judged], *, strict: bool = False) -> Scores:
    """
    Return the accuracies of at least one answer.

    Args:
        answers: One for each prompt.
        strict: Count every instruction of a prompt as broken where no answer passed the rules.
    """
    followed = [f and (one.released or not strict) for one in answers for f in one.followed]
    prompts = [one.passed and (one.released or not strict) for one in answers]
    return Scores(sum(prompts) / len(prompts), sum(followed) / len(followed))


def mean(values: Sequence[float]) -> float:
    """Return the mean of at least one value."""
    return sum(values) / len(values)


def main_table(rows: Rows) -> str:
    """Return the table of what each part adds."""
    lines = [
        "| | prompt | instruction | average | a rule-abiding answer | candidates | tokens | seconds | distinct |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for title, answers in rows:
        got = scores(answers)
        cells = (
            title,
            *(f"{share:.3f}" for share in (got.prompt, got.instruction, got.average)),
            f"{mean([one.released for one in answers]):.0%}" if any(one.ruled for one in answers) else "-",
            f"{mean([one.candidates for one in answers]):.2f}",
            f"{mean([one.tokens for one in answers]):.0f}",
            f"{mean([one.seconds for one in answers]):.1f}",
            f"{mean([one.distinct for one in answers]):.2f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def kinds_table(rows: Rows) -> str:
    """Return how many of each type of instruction were followed in each row, the worst of the last row first."""
    total = Counter(kind for one in rows[0][1] for kind in one.kinds)
    kept = [
        Counter(k for one in answers for k, f in zip(one.kinds, one.followed, strict=True) if f) for _, answers in rows
    ]
    worst = sorted(total, key=lambda kind: (kept[-1][kind] / total[kind], kind))
    lines = [
        "| instruction | asked | " + " | ".join(title for title, _ in rows) + " |",
        "|---|---|" + "---|" * len(rows),
    ]
    lines += [f"| {kind} | {total[kind]} | " + " | ".join(str(one[kind]) for one in kept) + " |" for kind in worst]
    return "\n".join(lines)


def fixes_table(rows: Rows) -> str:
    """Return in how many of each row's answers each rule's fix acted, and on how many prompts it decided."""
    acted = [Counter(name for one in answers for name in one.fixes) for _, answers in rows]
    decided = [Counter(name for one in answers if one.decided for name in one.fixes) for _, answers in rows]
    names = sorted(set().union(*acted))
    if not names:
        return "No fix acted."
    lines = [
        "| fix acted (and decided) | " + " | ".join(title for title, _ in rows) + " |",
        "|---|" + "---|" * len(rows),
    ]
    for name in names:
        cells = [f"{a[name]} ({d[name]})" for a, d in zip(acted, decided, strict=True)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def decided_list(answers: Sequence[Judged]) -> str:
    """Return the prompts on which a fix decided: broken as the model gave it, whole as fixed."""
    parts = [f"{one.key} ({', '.join(dict.fromkeys(one.fixes))})" for one in answers if one.decided]
    return "; ".join(parts) or "none"


def candidates_line(answers: Sequence[Judged]) -> str:
    """Return how many prompts took how many candidates: `1: 40, 2: 10`."""
    counted = Counter(one.candidates for one in answers)
    return ", ".join(f"{number}: {counted[number]}" for number in sorted(counted))


def disagreements(answers: Sequence[Judged]) -> list[int]:
    """Return the prompts whose answer passed Steady's rules and not lm_eval's checker."""
    return [one.key for one in answers if one.ruled and one.released and not one.passed]


TOLD = (
    "Steady is told the rules by a policy made from each prompt's instructions; the bare model must read them in the "
    "prompt. Judged by lm_eval's checker, strict. Where no candidate passes every rule Steady releases none: there the "
    "candidate that breaks the fewest is judged, so that it counts at the level of instructions, and the column `a "
    "rule-abiding answer` says how often one was released. Candidates, tokens and seconds are means for a prompt, all "
    "its candidates together; a call's seconds are those that it took while as many ran side by side. IFEval asks "
    "whether instructions are followed, not whether the text is any good; `distinct` (the share of different triples "
    "of words) tells at least of texts that go in circles."
)


def said(answers: Sequence[Judged]) -> str:
    """Return what the table leaves out of one row that had policies."""
    strictly = scores(answers, strict=True)
    wrong = ", ".join(map(str, disagreements(answers))) or "none"
    return (
        f"prompts by candidates taken: {candidates_line(answers)}; average {strictly.average:.3f} where no released "
        f"answer counts as every instruction broken; fixes decided on: {decided_list(answers)}; fixes that added a "
        f"value: {sum(one.invented for one in answers)}; passed the rules and not the checker: {wrong}."
    )


def report(rows: Rows, settings: str) -> str:
    """Return all tables as Markdown. The last row that took candidates is the one whose rest is listed."""
    parts = ["# IFEval", "", f"{settings}.", "", TOLD, "", main_table(rows), ""]
    parts += [f"- {title}: {said(answers)}" for title, answers in rows if any(one.ruled for one in answers)]
    parts += ["", "## By instruction", "", kinds_table(rows), "", "## Fixes", "", fixes_table(rows)]
    return "\n".join(parts)
