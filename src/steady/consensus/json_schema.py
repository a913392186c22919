"""What consensus needs to know from a JSON Schema: types, required keys, and where an enum leaves no room."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MOST = 32  # schemas that apply to one place, and references followed to find them

_Schema = Mapping[str, Any]


class Place(NamedTuple):
    """
    Every subschema that may apply at one place in a document; none: nothing is known there.

    Only references within the same schema are followed. What can't be understood is ignored: the rules decide whether
    a document is valid, this only tells which vote fits.
    """

    root: _Schema
    schemas: tuple[_Schema, ...]
    certain: tuple[_Schema, ...] = ()  # those that apply whatever the document is: not behind anyOf or oneOf

    def key(self, key: str) -> "Place":
        """Return the place under an object's key."""
        found = []
        for schema in self.schemas:
            properties = schema.get("properties")
            if isinstance(properties, Mapping) and key in properties:
                found.append(properties[key])
            else:
                found.append(schema.get("additionalProperties"))
        return place(self.root, found)

    def item(self, index: int) -> "Place":
        """Return the place of an array's item."""
        found = []
        for schema in self.schemas:
            prefix = schema.get("prefixItems")
            listed = isinstance(prefix, Sequence) and not isinstance(prefix, str) and index < len(prefix)
            found.append(prefix[index] if listed and prefix is not None else schema.get("items"))
        return place(self.root, found)

    @property
    def numeric(self) -> bool:
        """Whether only numbers (or null) are allowed here, and no enum lists them."""
        kinds = {kind for schema in self.schemas for kind in _types(schema)} - {"null"}
        return bool(kinds) and kinds <= {"number", "integer"} and not self.listed

    @property
    def listed(self) -> bool:
        """Whether an enum or a const lists what is allowed, so that values are equal or different, never alike."""
        return any("enum" in schema or "const" in schema for schema in self.schemas)

    @property
    def required(self) -> tuple[str, ...]:
        """The keys that an object must have here."""
        found: dict[str, None] = {}
        for schema in self.certain:
            names = schema.get("required")
            if isinstance(names, Sequence) and not isinstance(names, str):
                found.update(dict.fromkeys(name for name in names if isinstance(name, str)))
        return tuple(found)


def place(root: _Schema, schemas: Sequence[Any]) -> Place:
    """Return the place where all of `schemas` apply, references and combinations (allOf, anyOf, oneOf) opened."""
    found: list[tuple[_Schema, bool]] = []
    waiting = [(schema, True) for schema in schemas if isinstance(schema, Mapping)]
    while waiting and len(found) < MOST:
        schema, certain = waiting.pop(0)
        found.append((schema, certain))
        for word, always in (("$ref", True), ("allOf", True), ("anyOf", False), ("oneOf", False)):
            part = schema.get(word)
            parts = part if isinstance(part, list | tuple) else [_refer(root, part)]
            waiting += [(opened, certain and always) for opened in parts if isinstance(opened, Mapping)]
    return Place(root, tuple(schema for schema, _ in found), tuple(schema for schema, certain in found if certain))


def _refer(root: _Schema, reference: Any) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    at: Any = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        at = at.get(key) if isinstance(at, Mapping) else None
    return at


def _types(schema: _Schema) -> list[str]:
    kinds = schema.get("type")
    return [kind for kind in (kinds if isinstance(kinds, list | tuple) else [kinds]) if isinstance(kind, str)]
