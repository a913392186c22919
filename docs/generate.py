"""
Write the pages that are generated, or say which of them differ from what the code says.

    python docs/generate.py            writes them
    python docs/generate.py --check    writes nothing; exits 1 when a page differs, and names it

A page is a path below docs/ and a function that returns its text. To add one, add a line to PAGES.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args, get_origin

import click

DOCS = Path(__file__).resolve().parent
WIDTH = 100  # characters of a command's help; fixed, so that the page does not depend on a terminal


class Page(NamedTuple):
    """One generated page."""

    path: str  # below docs/
    text: Callable[[], str]


def configuration() -> str:
    """Every key of steady.yaml."""
    from steady.policy.config_page import config_markdown

    return config_markdown()


def presets() -> str:
    """Every preset with its numbers and its reason."""
    from steady.policy.presets import presets_markdown

    return presets_markdown()


RULES_HEAD = """# Rules

Each entry of a policy's `rules` names one of these, or a shared list (`use: NAME`, from `rules/NAME.yaml` beside the
policy). What happens when one fails is in [actions.md](actions.md). An unknown key or word does not load.

Every rule looks at surfaces (`on:`): `answer`, `tool_arguments`, `reasoning`, `input`. Where there is no such text it
is not applicable, which is no failure. A *pure* rule is computed again by a replay; the verdict of any other is kept on
the receipt. A *sensitive* one never shows what it matched. *Cost* is what judging 2 KB takes: low is below 0.1 ms,
medium below 1 ms, high more; outside means that the rule waits for somebody else, and it is asked last.

A policy streams live where it makes one candidate and each of its enforced rules is a window that fixes or ends the
stream, or a prefix or a growing one that ends it. It holds back what a match may still begin with or go on with: of
prose about a word, and never more than its widest rule is wide, and as much again to check what was fixed. Where a
policy streams a JSON answer live, nothing leaves before the value that it belongs to can stay.

This page is generated from the rules themselves.

## What every rule takes
"""


def rules() -> str:
    """Every rule: what it checks, its fields, where it looks, whether it can fix, how it streams."""
    from steady.rules.catalog import RULES, Entry, Field, common_fields, entries
    from steady.rules.rule import Rule

    def fields(some: tuple[Field, ...], of: type) -> Iterator[str]:
        yield from ("| key | takes | default | |", "|---|---|---|---|")
        for field in some:
            default = "required" if field.required else f"`{field.default}`"
            yield (
                "| "
                + " | ".join([f"`{field.name}`", _cell(f"`{_type(field.type, of)}`"), _cell(default), _cell(field.doc)])
                + " |"
            )

    def section(entry: Entry) -> Iterator[str]:
        yield from (f"## {entry.name}", "", entry.doc, "")
        if entry.fields:
            yield from (*fields(entry.fields, RULES[entry.name]), "")
        facts = ["can fix" if entry.can_fix else "has no fix"]
        facts += ["is sensitive"] if entry.sensitive else []
        facts.append("is pure" if entry.pure else "is recorded, not pure")
        yield f"Looks at {', '.join(f'`{s}`' for s in entry.default_on)} by default; {', '.join(facts)}."
        yield f"In a stream: {entry.streams} ({entry.streams_how}). Cost: {entry.cost}."
        yield from ("", "```yaml", _yaml({"rule": entry.name, **entry.example}), "```", "")

    lines = [RULES_HEAD, *fields(common_fields(), Rule), ""]
    for entry in entries():
        lines += section(entry)
    return "\n".join(lines)


def _type(written: str, of: type) -> str:
    """Return a field's annotation with the words that its names stand for, and without what only a decoder reads."""
    import re

    known = vars(sys.modules[of.__module__])
    for name in set(re.findall(r"\b[A-Z]\w+\b", written)):
        if get_origin(known.get(name)) is Literal:
            written = re.sub(rf"\b{name}\b", " or ".join(map(str, get_args(known[name]))), written)
    written = re.sub(r"Literal\[([^]]*)\]", lambda found: found[1].replace("'", "").replace(", ", " or "), written)
    written = re.sub(r"tuple\[(.+), \.\.\.\]", r"list of \1", written)
    return re.sub(r"Annotated\[([\w \[\],.|]+?), Meta\(.*?\)\]", r"\1", written)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _yaml(item: dict[str, object]) -> str:
    import json

    return "- {" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in item.items()) + "}"


CLI_HEAD = """# The command line

What `--help` says of each command. This page is generated.

"""


def cli() -> str:
    """The help of every command."""
    from steady.cli.main import cli as root

    return CLI_HEAD + "\n".join(_commands(root, "steady", None))


def _commands(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(
        command,
        info_name=name,
        parent=parent,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        **command.context_settings,
    )
    yield from (f"## {context.command_path}", "", "```text", command.get_help(context), "```", "")
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            made = command.get_command(context, sub)
            if made is not None and not made.hidden:
                yield from _commands(made, sub, context)


DECORATOR_HEAD = """# The decorator

```python
from typing import Literal
from steady import steady

Queue = Literal["billing", "technical", "account", "shipping", "other"]

@steady("classify-ticket", candidates=4)
def topic(message: str, *, temperature: float = 1.0, seed: int = 0) -> (
    Literal["billing", "technical", "account", "shipping", "other"]
):
    return ask_a_model(message, temperature=temperature, seed=seed)

topic("I was charged twice.")            # "billing"
topic.detailed("I was charged twice.")   # the Outcome: candidates, verdicts, agreement, receipt
```

"""

DECORATOR_TAIL = """
An annotation whose kind differs from the policy's (other than `text`) is an error; so are labels of the policy that the
annotation can't carry. A policy's own schema holds over the annotation's.

## Which parameter is the prompt

The one that `prompt=` names, else `messages`, else the first parameter whose value is a str. Input rules judge it, and
what is asked again is added to it.

## What the function gets

Each candidate runs in a copy of the caller's context. Of the sampling parameters (`temperature`, `top_p`, `seed`,
`max_tokens`, ...) it gets those that it names as parameters, with the policy's values. A parameter `extra_headers` gets
`x-steady-decorated: true`, so that a Steady server behind it runs rules only; `steady.headers()` gives the same.

## What the function may give

A str; a response of the OpenAI client or of litellm, or a dict of the same form; a generator of texts or of their
stream chunks; a Pydantic object, a dataclass, an Enum, plain data; None. Another type is an error that names what
works. Of a response with several choices only the first is looked at, and only the first is given.

## What is raised

| the function | what happens |
|---|---|
| raises an error of a model's client or of HTTP, a timeout, or a lost connection | costs that candidate |
| raises one of `candidate_errors=` | costs that candidate |
| raises anything else | reaches the caller unchanged; the other candidates are cancelled |
| overruns the policy's `candidates.deadline` | costs that candidate; see below |
| fails for every candidate | `AllCandidatesFailed`, an exception group of what was raised |

Known are the errors of OpenAI, Anthropic, litellm, httpx, httpcore, requests, aiohttp and urllib3, `TimeoutError` and
`ConnectionError`. A coroutine that overruns is cancelled. A sync function can't be: its thread is left behind and
counted (`steady.decorator.loop.LOOP.abandoned`); while 64 that were left behind have not returned, none is started.

Where no answer may be released, `Abstained` is raised, with `.outcome`; `RuleViolation`, one of its kind, where a rule
says `on_fail: exception`. `default=` and an annotation that allows None stand in for the first, never for the second.
A policy's `otherwise: {do: model}` can't be done here: the decorator asks no model but the function.

This page is generated; the table of annotations comes from the cases that the tests run.
"""


def decorator() -> str:
    """The decorator, with the table of annotations that the tests run."""
    import inspect

    from tests.decorator.cases import table

    from steady.decorator.door import steady

    first = " ".join((inspect.getdoc(steady) or "").split("\n\n")[0].split())
    body = f"{first}\n\n## Return annotations\n\nOver a policy of kind text:\n\n{table()}\n"
    return DECORATOR_HEAD + body + DECORATOR_TAIL


PAGES = (
    Page("cli.md", cli),
    Page("configuration.md", configuration),
    Page("decorator.md", decorator),
    Page("presets.md", presets),
    Page("rules.md", rules),
)


def differing(folder: Path = DOCS) -> list[str]:
    """Return the pages that are missing, or are not what the code says."""
    return [page.path for page in PAGES if _read(folder / page.path) != page.text()]


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def write(folder: Path = DOCS) -> list[str]:
    """Write the pages that differ; return them."""
    changed = differing(folder)
    for page in PAGES:
        if page.path in changed:
            (folder / page.path).write_text(page.text(), "utf-8")
    return changed


def main(arguments: list[str]) -> int:
    """Do as the arguments say; return the exit code."""
    if arguments not in ([], ["--check"]):
        click.echo("usage: python docs/generate.py [--check]", err=True)
        return 2
    if arguments:
        for path in (found := differing()):
            click.echo(f"docs/{path} differs from what the code says; run `make docs`.", err=True)
        return 1 if found else 0
    for path in write():
        click.echo(f"docs/{path}")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))  # for tests.decorator.cases
    sys.exit(main(sys.argv[1:]))
