"""What a JSON Schema says of a document of which only the beginning is there; see growing.py."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from steady.rules.growing import Doomed
from steady.rules.schema_safety import engine

_UNRESOLVED: dict[str, Any] = {"x-anchor": True}  # a reference to an anchor: what it asks is known only at the end
_FREE = frozenset(
    {"type", "title", "description", "minLength", "maxLength", "default", "examples", "$comment", "deprecated", "$ref"}
)


class Schemas(NamedTuple):
    """How to read a schema: what to resolve references in, and what judges one closed value."""

    root: Any
    draft: int
    cache: dict[int, Any]  # id of a subschema -> its validator, or None for one with references

    def validator(self, node: Any) -> Any:
        """Return what judges a value by this subschema, or None where it can't stand alone."""
        if id(node) not in self.cache:
            self.cache[id(node)] = None if _refers(node) else engine(node, self.draft)
        return self.cache[id(node)]

    def here(self, nodes: Iterator[Any]) -> list[Any]:
        """Return all subschemas that must hold where these hold: references followed, `allOf` taken apart."""
        out: list[Any] = []
        todo, seen = list(nodes), set()
        while todo:
            node = todo.pop(0)
            if id(node) in seen:
                continue
            seen.add(id(node))
            if not isinstance(node, dict):
                out += [node] if node is False else []
                continue
            if "$ref" in node:
                todo += [self._target(node["$ref"])]
                if self.draft == 7:  # what stands beside it is ignored
                    continue
            todo += node.get("allOf") or ()
            out.append(node)
        return out

    def _target(self, ref: str) -> Any:
        node = self.root
        fragment = unquote(ref[1:])
        if fragment and not fragment.startswith("/"):
            return _UNRESOLVED
        for step in fragment.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            node = node[int(name)] if isinstance(node, list) else node[name]
        return node


def _refers(node: Any) -> bool:
    if isinstance(node, dict):
        return "$ref" in node or any(_refers(child) for child in node.values())
    return isinstance(node, list) and any(_refers(child) for child in node)


class SchemaPlace:
    """A place in a document, and the subschemas that must hold there."""

    def __init__(self, schemas: Schemas, nodes: Iterator[Any]) -> None:
        self._schemas = schemas
        self._nodes = schemas.here(nodes)
        self._named = [node for node in self._nodes if isinstance(node, dict)]

    @property
    def free(self) -> bool:
        """See Place."""
        return len(self._named) == len(self._nodes) and all(node.keys() <= _FREE for node in self._named)

    def may_begin(self, kind: str) -> None:
        """See Place."""
        if len(self._named) < len(self._nodes):
            raise Doomed("the schema allows no value here")
        for node in self._named:
            types = node.get("type", kind)
            types = [types] if isinstance(types, str) else types
            if kind not in types and not (kind == "number" and "integer" in types):
                raise Doomed(f"the value must be of type {' or '.join(types)}, not {kind}")
            choices = [node["const"]] if "const" in node else node.get("enum")
            if choices is not None and not any(_kind(choice) == kind for choice in choices):
                raise Doomed("the value is none of those that the schema names")

    def member(self, key: str) -> "SchemaPlace":
        """See Place."""
        return SchemaPlace(self._schemas, self._members(key))

    def _members(self, key: str) -> Iterator[Any]:
        for node in self._named:
            properties = node.get("properties")
            if isinstance(properties, Mapping) and key in properties:
                yield properties[key]
            elif "patternProperties" not in node and "additionalProperties" in node:
                if node["additionalProperties"] is False:
                    raise Doomed("the schema does not know the key")
                yield node["additionalProperties"]

    def element(self, at: int) -> "SchemaPlace":
        """See Place."""
        for node in self._named:
            if at >= node.get("maxItems", at + 1):
                raise Doomed(f"at most {node['maxItems']} elements are allowed")
        return SchemaPlace(self._schemas, self._elements(at))

    def _elements(self, at: int) -> Iterator[Any]:
        for node in self._named:
            items = node.get("items", True)
            first = items if isinstance(items, list) else node.get("prefixItems", ())
            if self._schemas.draft < 2020 and not isinstance(items, list):
                first = ()
            if at < len(first):
                yield first[at]
            elif not isinstance(items, list):
                yield items
            elif "additionalItems" in node:
                yield node["additionalItems"]

    def string(self, length: int, begun: str | None) -> None:
        """See Place."""
        for node in self._named:
            if length > node.get("maxLength", length):
                raise Doomed(f"at most {node['maxLength']} characters are allowed")
            choices = [node["const"]] if "const" in node else node.get("enum")
            if choices is None or begun is None or "\\" in begun:
                continue
            if not any(isinstance(choice, str) and choice.startswith(begun) for choice in choices):
                raise Doomed("the value is none of those that the schema names")

    def closed(self, value: Any) -> None:
        """See Place."""
        for node in self._nodes:
            judge = self._schemas.validator(node)
            if judge is not None and not judge.is_valid(value):
                raise Doomed("the value is not valid under the schema")


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "boolean"
    if isinstance(value, dict | list):
        return "object" if isinstance(value, dict) else "array"
    return "string" if isinstance(value, str) else "number"
