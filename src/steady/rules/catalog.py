"""All rules by name, how a rule is read from a policy, and what the docs say of each."""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from steady.errors import ConfigError, UnknownNameError
from steady.rules.case import Case
from steady.rules.citations import Citations
from steady.rules.code import Code
from steady.rules.competitors import Competitors
from steady.rules.compose import All, AnyOf, Not, When, outer_only
from steady.rules.expression import Expression
from steady.rules.format import Format
from steady.rules.formats_dates import DateFormat
from steady.rules.formats_numbers import NumberFormat
from steady.rules.frequency import KeywordFrequency, LetterFrequency
from steady.rules.grounded import Grounded
from steady.rules.guardrails import Guardrails
from steady.rules.invisible import NoInvisibleText
from steady.rules.json_keys import JsonKeys
from steady.rules.json_schema import JsonSchema
from steady.rules.json_text import Json
from steady.rules.judge import Judge
from steady.rules.language import Language, SameLanguageAsInput
from steady.rules.length import Length
from steady.rules.links import LinksWellFormed
from steady.rules.patterns import NotRegex, Regex
from steady.rules.pii import NoPii
from steady.rules.presidio import Presidio
from steady.rules.profanity import NoProfanity
from steady.rules.prompt_injection import PromptInjection
from steady.rules.prompt_leak import NoPromptLeak
from steady.rules.punctuation import Punctuation
from steady.rules.python import Python
from steady.rules.readability import ReadingLevel, ReadingTime
from steady.rules.refusal import NoRefusal
from steady.rules.regex_replace import RegexReplace
from steady.rules.repetition import NoRepetition
from steady.rules.rule import Growing, Prefix, Rule, Streams, Window
from steady.rules.secrets import NoSecrets
from steady.rules.similar import DifferentFrom, SimilarTo
from steady.rules.terms import Contains, EndsWith, Excludes, StartsWith
from steady.rules.tool_call import ToolCall
from steady.rules.tools import ToolCallSchema
from steady.rules.urls import NoUrls, UrlsAllowed
from steady.rules.values import OneOf, Range
from steady.rules.webhook import Webhook
from steady.types import Surface

_CLASSES: tuple[type[Rule], ...] = (
    Json,
    JsonSchema,
    JsonKeys,
    Regex,
    NotRegex,
    RegexReplace,
    Contains,
    Excludes,
    StartsWith,
    EndsWith,
    Length,
    Case,
    LetterFrequency,
    KeywordFrequency,
    Punctuation,
    Format,
    ReadingLevel,
    ReadingTime,
    DateFormat,
    NumberFormat,
    Code,
    OneOf,
    Range,
    NoPii,
    Presidio,
    NoSecrets,
    NoUrls,
    UrlsAllowed,
    LinksWellFormed,
    NoInvisibleText,
    NoProfanity,
    Competitors,
    NoPromptLeak,
    PromptInjection,
    NoRepetition,
    Language,
    SameLanguageAsInput,
    NoRefusal,
    Citations,
    Grounded,
    SimilarTo,
    DifferentFrom,
    ToolCallSchema,
    ToolCall,
    Expression,
    All,
    AnyOf,
    Not,
    When,
    Webhook,
    Judge,
    Python,
    Guardrails,
)

RULES: Mapping[str, type[Rule]] = MappingProxyType({str(cls.__struct_config__.tag): cls for cls in _CLASSES})
"""Rule name -> class, in the order of the docs."""

EXAMPLES: Mapping[str, Mapping[str, Any]] = MappingProxyType({name: cls.example for name, cls in RULES.items()})
"""For each rule what a policy may write, beside `rule:`; the docs show it, and streaming is told from it."""


class Field(NamedTuple):
    """A field of a rule, for the docs."""

    name: str
    type: str  # as the source has it
    default: str  # as YAML shows it; "" if it must be given
    required: bool
    doc: str


class Entry(NamedTuple):
    """A rule, for the docs."""

    name: str
    doc: str
    fields: tuple[Field, ...]  # its own; those that all rules take are `common_fields()`
    default_on: tuple[Surface, ...]
    can_fix: bool
    sensitive: bool
    pure: bool
    cost: str  # low, medium, high or outside; see rule.Cost
    streams: str  # whole, prefix or window, as `example` does
    streams_how: str  # one phrase: why whole, or how many characters are held back
    example: Mapping[str, Any]


def decode(data: Mapping[str, Any]) -> Rule:
    """
    Return the rule that a policy's item names.

    Raises:
        UnknownNameError: If no rule has that name.
        ConfigError: If `rule` is missing or no text.
        msgspec.ValidationError: If a field is unknown, missing or of a wrong type; it names the field.
    """
    name = data.get("rule")
    if not isinstance(name, str):
        raise ConfigError(f"A rule needs `rule: NAME`, got {sorted(map(str, data))[:10]}. Known: {', '.join(RULES)}.")
    if name not in RULES:
        raise UnknownNameError("rule", name, RULES)
    return msgspec.convert(dict(data), RULES[name])


def entries() -> tuple[Entry, ...]:
    """Return what the docs say of each rule, in the order of `RULES`."""
    return tuple(_entry(name, cls) for name, cls in RULES.items())


def common_fields() -> tuple[Field, ...]:
    """Return the fields that every rule takes."""
    return _fields(Rule)


def _entry(name: str, cls: type[Rule]) -> Entry:
    made = decode({"rule": name, **EXAMPLES[name]})  # of rules made of rules much depends on what is inside
    streams = made.build().streams
    common = outer_only(cls)
    return Entry(
        name=name,
        doc=inspect.cleandoc(cls.__doc__ or ""),
        fields=tuple(field for field in _fields(cls) if field.name not in common),
        default_on=made.default_on,
        can_fix=made.can_fix,
        sensitive=made.sensitive,
        pure=made.is_pure(),
        cost=made.cost,
        streams=type(streams).__name__.lower(),
        streams_how=_how(streams),
        example=EXAMPLES[name],
    )


def _how(streams: Streams) -> str:
    if isinstance(streams, Window):
        return f"{streams.width + streams.right} characters wide"
    if isinstance(streams, Prefix):
        return f"nothing is released before {streams.hold} characters" if streams.hold else "as it comes"
    if isinstance(streams, Growing):
        return f"as it comes; {streams.late} is known only at the end" if streams.late else "as it comes"
    return streams.why


def _fields(cls: type[Rule]) -> tuple[Field, ...]:
    written = _written(cls)
    out = []
    for field in msgspec.structs.fields(cls):
        kind, doc = written.get(field.name, ("", ""))
        default = "" if field.required else _shown(field)
        out.append(Field(field.encode_name, kind, default, field.required, doc))
    return tuple(out)


def _shown(field: msgspec.structs.FieldInfo) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return msgspec.json.encode(value).decode()


def _written(cls: type[Rule]) -> dict[str, tuple[str, str]]:
    """Each field's annotation and the docstring under it, as the sources of the class and those above it have them."""
    out: dict[str, tuple[str, str]] = {}
    for one in reversed([base for base in cls.__mro__ if issubclass(base, Rule)]):
        out |= _written_here(one)
    return out


def _written_here(cls: type[Rule]) -> dict[str, tuple[str, str]]:
    out = {}
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    statements = body.body if isinstance(body, ast.ClassDef) else []
    for node, after in zip(statements, [*statements[1:], ast.Pass()], strict=True):
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
            continue
        text = after.value if isinstance(after, ast.Expr) else None
        doc = text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""
        out[node.target.id] = (ast.unparse(node.annotation), " ".join(doc.split()))
    return out
