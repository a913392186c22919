"""
JSON Schemas for editors: of a policy with every rule of the catalogue, and of steady.yaml.

Made from the very types that decode, and from the docstrings under their fields, so that what an editor completes is
what loads. A schema can't say everything (contradictions, patterns that compile); `steady check` can.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal

import msgspec

from steady.policy.document import Name, Policy
from steady.policy.load import catalog
from steady.policy.presets import BUILT_IN
from steady.rules.rule import Named

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{name}"


def json_schema(what: Literal["policy", "config"] | str = "policy", rules: Named | None = None) -> dict[str, Any]:
    """
    Return a JSON Schema (2020-12).

    Args:
        what: `policy`, or `config` for steady.yaml.
        rules: The catalogue; this version's own if None.

    Raises:
        ValueError: If `what` is neither.
    """
    if what == "policy":
        return _policy(catalog() if rules is None else rules)
    if what == "config":
        from steady.policy.config import Config

        (top,), defs = _components((Config,))
        return {"$schema": DIALECT, "title": "steady.yaml", **top, "$defs": defs}
    raise ValueError(f"There is a schema of a `policy` and of a `config`, none of {what!r}.")


def _policy(rules: Named) -> dict[str, Any]:
    (top, *refs), defs = _components((Policy, *rules.values()))
    shared = {
        "type": "object",
        "description": "A shared list of rules: rules/NAME.yaml beside the policy.",
        "properties": {"use": msgspec.json.schema(Name)},
        "required": ["use"],
        "additionalProperties": False,
    }
    for type_ in rules.values():  # rules within a rule are rules too
        properties = defs[type_.__name__]["properties"]
        for key in type_.nested:
            at = properties[key]
            one = {"oneOf": refs}
            properties[key] = (
                {**at, "items": one} if at.get("type") == "array" else {"description": at["description"], **one}
            )
    defs["Policy"]["properties"]["rules"] = {
        "type": "array",
        "description": "What an answer must be like, judged in this order.",
        "items": {"oneOf": [*refs, shared]},
    }
    preset = defs["SamplingSpec"]["properties"]["preset"]
    preset["anyOf"] = [{"enum": list(BUILT_IN)}, {"type": "string"}]  # completes the built-in, takes users' own
    del preset["type"]
    return {"$schema": DIALECT, "title": "A policy of Steady", **top, "$defs": defs}


def _components(types: tuple[type[msgspec.Struct], ...]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    tops, defs = msgspec.json.schema_components(types, ref_template=_REF)
    for type_ in _structs(types):
        body = defs.get(type_.__name__)
        if body is None:
            continue
        for field, text in _docs(type_).items():
            if field in body.get("properties", {}):
                body["properties"][field] = _described(body["properties"][field], text)
    return [dict(top) for top in tops], dict(defs)


def _described(schema: dict[str, Any], text: str) -> dict[str, Any]:
    return {**schema, "description": text}


def _structs(types: tuple[type[msgspec.Struct], ...]) -> list[type[msgspec.Struct]]:
    """Return the structs and all those within their fields, each once."""
    found: dict[type[msgspec.Struct], None] = {}

    def walk(info: Any) -> None:
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in found:
                return
            found[info.cls] = None
            for field in info.fields:
                walk(field.type)
        for name in ("type", "item_type", "key_type", "value_type"):
            if isinstance(inner := getattr(info, name, None), msgspec.inspect.Type):
                walk(inner)
        for inner in (*getattr(info, "types", ()), *getattr(info, "item_types", ())):
            walk(inner)

    for type_ in types:
        walk(msgspec.inspect.type_info(type_))
    return list(found)


def _docs(type_: type[msgspec.Struct]) -> Mapping[str, str]:
    """Return the docstring under each field by its key in YAML, those of base classes first."""
    docs: dict[str, str] = {}
    keys = dict(zip(type_.__struct_fields__, type_.__struct_encode_fields__, strict=True))
    for cls in reversed([base for base in type_.__mro__ if issubclass(base, msgspec.Struct)]):
        if cls is msgspec.Struct:
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, after in pairwise(body):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if (
                isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                docs[keys.get(field.target.id, field.target.id)] = " ".join(after.value.value.split())
    return docs
