"""Where guards of Guardrails AI are written down: Python read without running it, JSON or YAML, and RAIL (XML)."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from xml.parsers import expat

from steady.migration.draft import Draft
from steady.migration.guards import ACTIONS, Use, add, hub_name
from steady.policy.yaml_marks import line_of


def of_data(data: Any, lines: Mapping[str, int], draft: Draft) -> None:
    """Read a guard as `Guard.to_dict()` gives it."""
    if not isinstance(data, dict):
        draft.lose(0, "the file", "a guard is an object: {name, validators, output_schema}")
        return
    schema = data.get("output_schema") or data.get("outputSchema")
    if isinstance(schema, dict) and schema.get("type") not in (None, "string"):
        _schema(schema, draft, line_of(lines, "output_schema") or line_of(lines, "outputSchema"))
    for i, item in enumerate(data.get("validators") or ()):
        line = line_of(lines, f"validators[{i}]")
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            draft.lose(line, f"validators[{i}]", "a validator is an object with an `id`")
            continue
        author, name = hub_name(item["id"])
        action = str(item.get("on_fail") or item.get("onFail") or "noop")
        args, kwargs = tuple(item.get("args") or ()), dict(item.get("kwargs") or {})
        add(Use(line, name, author, args, kwargs, action, str(item.get("on") or "$")), draft)
    for key in data:
        if key not in {"id", "name", "description", "validators", "output_schema", "outputSchema"}:
            draft.lose(line_of(lines, key), key, "nothing here does that")


def _schema(schema: dict[str, Any], draft: Draft, line: int) -> None:
    draft.policy["output"] = {"kind": "json", "schema": schema}
    draft.reasks = max(draft.reasks, 1)
    draft.policy.setdefault("candidates", {}).setdefault("max", 2)
    draft.note("the schema of the output: what breaks it is mended in form, else asked again")


# Python


def of_python_file(source: str, draft: Draft) -> None:
    """Read the guards of a Python file from its syntax; nothing in it is run."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        draft.lose(getattr(error, "lineno", 0) or 0, "the file", f"it is no Python: {error}")
        return
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    chains = list(_chains(tree))
    if not chains:
        draft.lose(0, "the file", "no call of .use(...) or .use_many(...) is in it")
    first = chains[0][0] if chains else ""
    for owner, call in chains:
        if owner != first:
            draft.lose(call.lineno, f"the guard {owner!r}", f"one policy is made of one guard, here {first!r}")
        else:
            for use in _uses(call, names, draft):
                add(use, draft)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _called(node)) in {"for_pydantic", "for_rail", "for_rail_string"}:
            draft.lose(
                node.lineno, f"Guard.{name}", "a class is not read; save its JSON Schema as `output: {schema: ...}`"
            )
        for word in getattr(node, "keywords", ()) if isinstance(node, ast.Call) else ():
            if word.arg == "num_reasks" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, int):
                draft.reasks = max(1, min(63, word.value.value))


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _chains(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield the guard's name and each .use(...) on it, in the order of the file."""
    owners: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            owners |= {id(call): node.targets[0].id for call in ast.walk(node.value) if isinstance(call, ast.Call)}
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _called(n) in {"use", "use_many"}]
    for call in sorted(found, key=lambda n: (n.end_lineno or 0, n.end_col_offset or 0)):
        root: ast.AST = call
        while isinstance(root, ast.Call | ast.Attribute):
            root = root.func if isinstance(root, ast.Call) else root.value
        name = root.id if isinstance(root, ast.Name) else ""
        yield (owners.get(id(call), "guard") if name in {"Guard", "AsyncGuard", "gd"} else name), call


_OF_CALL = frozenset({"on", "on_fail", "validators"})


def _uses(call: ast.Call, names: Mapping[str, ast.expr], draft: Draft) -> Iterator[Use]:
    on = next((_text(word.value) for word in call.keywords if word.arg == "on"), "$")
    listed = [item for word in call.keywords if word.arg == "validators" for item in getattr(word.value, "elts", ())]
    for at, given in enumerate([*call.args, *listed]):
        if isinstance(given, ast.Starred):
            draft.lose(given.lineno, ast.unparse(given)[:80], "a list that is unpacked is not followed")
        elif isinstance(given, ast.Call):
            yield from _use(given, given.func, given.args, given.keywords, on, names, draft)
        elif isinstance(given, ast.Name | ast.Attribute) and not at:  # use(RegexMatch, regex=..., on_fail=...)
            words = [word for word in call.keywords if word.arg not in {"on", "validators"}]
            yield from _use(call, given, call.args[1:], words, on, names, draft)
            return


def _use(
    node: ast.expr,
    named: ast.expr,
    args: list[ast.expr],
    words: list[ast.keyword],
    on: str,
    names: Mapping[str, ast.expr],
    draft: Draft,
) -> Iterator[Use]:
    path = ast.unparse(named)
    author, name = hub_name(path.rpartition(".")[2])
    action = "exception"  # Validator's own default
    kwargs: dict[str, Any] = {}
    try:
        values = tuple(_value(arg, names) for arg in args)
        for word in words:
            if word.arg == "on_fail":
                action = _action(word.value)
            elif word.arg is None:
                raise ValueError("**arguments")
            else:
                kwargs[word.arg] = _value(word.value, names)
    except ValueError as error:
        draft.lose(node.lineno, path, f"the argument {error} is not written down in this file")
        return
    yield Use(node.lineno, name, author, values, kwargs, action, on)


def _action(node: ast.expr) -> str:
    """Return the word of OnFailAction.FIX or "fix"; else that it is a function."""
    word = node.attr.lower() if isinstance(node, ast.Attribute) else _text(node).lower()
    return word if word in ACTIONS else f"custom: {ast.unparse(node)[:60]}"


def _text(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _value(node: ast.expr, names: Mapping[str, ast.expr], depth: int = 0) -> Any:
    """Return a literal, or the literal that a name of the file stands for. Raises ValueError with its source."""
    if isinstance(node, ast.Name) and node.id in names and depth < 8:
        return _value(names[node.id], names, depth + 1)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"`{ast.unparse(node)[:60]}`") from None


# RAIL


class Element(NamedTuple):
    """One element of a RAIL file."""

    tag: str
    line: int
    attributes: dict[str, str]
    children: list["Element"]


def of_rail(source: bytes, draft: Draft) -> None:
    """Read a RAIL file: its output's form becomes a JSON Schema, its validators rules or part of that schema."""
    try:
        root = _tree(source)
    except expat.ExpatError as error:
        draft.lose(error.lineno, "the file", f"it is no XML: {error}")
        return
    output = next((child for child in root.children if child.tag == "output"), None)
    for child in root.children:
        if child.tag not in {"output"}:
            draft.lose(child.line, f"<{child.tag}>", "prompts are the application's own")
    if output is None:
        draft.lose(root.line, f"<{root.tag}>", "it has no <output>")
        return
    if output.attributes.get("type") == "string":
        for use in _of_element(output, "$", draft):
            add(use, draft)
        return
    actions: list[str] = []
    schema = _form(output, "$", actions, draft)
    _schema(schema, draft, output.line)
    enforced = [
        action for action in actions if action in {"reask", "fix", "fix_reask", "filter", "refrain", "exception"}
    ]
    if enforced:
        draft.policy["output"]["on_fail"] = enforced[0]
    if len(set(enforced)) > 1:
        draft.note(f"the output's fields say {', '.join(dict.fromkeys(enforced))}; a schema has one on_fail, the first")


def _tree(source: bytes) -> Element:
    """Return the root. Entities are refused: they can make a small file large, or read another."""
    parser = expat.ParserCreate()
    top = Element("", 0, {}, [])
    stack = [top]

    def refuse(why: str) -> expat.ExpatError:
        error = expat.ExpatError(why)
        error.lineno = parser.CurrentLineNumber
        return error

    def start(tag: str, attributes: dict[str, str]) -> None:
        element = Element(tag, parser.CurrentLineNumber, attributes, [])
        if len(stack) > 60:
            raise refuse("nested deeper than 60 levels")
        stack[-1].children.append(element)
        stack.append(element)

    def entity(*_: Any) -> None:
        raise refuse("it declares an entity")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: stack.pop()
    parser.EntityDeclHandler = entity
    parser.Parse(source, True)
    return top.children[0]


_TYPES = {"integer": "integer", "float": "number", "bool": "boolean"}


def _form(element: Element, path: str, actions: list[str], draft: Draft) -> dict[str, Any]:
    kind = element.attributes.get("type", "object") if element.tag == "output" else element.tag
    schema: dict[str, Any]
    if kind == "object":
        named = [child for child in element.children if child.attributes.get("name")]
        schema = {
            "type": "object",
            "properties": {
                c.attributes["name"]: _form(c, f"{path}.{c.attributes['name']}", actions, draft) for c in named
            },
            "required": [c.attributes["name"] for c in named if c.attributes.get("required", "true") == "true"],
        }
    elif kind == "list":
        schema = {"type": "array"}
        if element.children:
            schema["items"] = _form(element.children[0], f"{path}.*", actions, draft)
    elif kind == "choice":
        draft.lose(element.line, f"<choice> at {path}", "write it as a JSON Schema with `oneOf`")
        schema = {"type": "object"}
    else:
        schema = {"type": _TYPES.get(kind, "string")}
        if kind == "enum":
            schema["enum"] = [
                value.strip() for value in element.attributes.get("values", "").split(",") if value.strip()
            ]
    if "description" in element.attributes:
        schema["description"] = element.attributes["description"]
    for use in _of_element(element, path, draft):
        part = _IN_SCHEMA.get(use.name)
        if use.on_fail in {"noop"} or part is None or use.on_fail not in ACTIONS:
            why = (
                "a schema has no word for it"
                if part is None
                else f"a field's `{use.on_fail}` can't be told from the others'"
            )
            draft.lose(use.line, f"{use.what} on {path}", why)
            continue
        schema |= part(_named(use), schema["type"])
        actions.append(use.on_fail)
    return schema


def _named(use: Use) -> dict[str, Any]:
    from steady.migration.guards import _ARGS

    return {**dict(zip(_ARGS.get(use.name, ()), use.args, strict=False)), **use.kwargs}


def _lengths(p: dict[str, Any], kind: str) -> dict[str, Any]:
    words = ("minItems", "maxItems") if kind == "array" else ("minLength", "maxLength")
    return {
        word: int(p[key]) for word, key in zip(words, ("min", "max"), strict=True) if p.get(key) not in (None, "None")
    }


def _limits(p: dict[str, Any], kind: str) -> dict[str, Any]:
    words = (("minimum", "min"), ("maximum", "max"))
    return {word: float(p[key]) for word, key in words if p.get(key) not in (None, "None")}


def _shape(p: dict[str, Any], kind: str) -> dict[str, Any]:
    pattern = str(p["regex"])
    return {"pattern": pattern if p.get("match_type") == "search" else f"^(?:{pattern})$"}


_IN_SCHEMA: Mapping[str, Any] = {
    "valid_length": _lengths,
    "length": _lengths,
    "valid_range": _limits,
    "regex_match": _shape,
    "valid_choices": lambda p, kind: {"enum": [str(value) for value in p["choices"]]},
}


def _of_element(element: Element, path: str, draft: Draft) -> Iterator[Use]:
    attributes = element.attributes
    for spec in _split(attributes.get("validators") or _old(attributes.get("format", "")), ";"):
        identity, given = _spec(spec)
        author, name = hub_name(identity)
        keys = (
            f"on-fail-{author}_{name}",
            f"on-fail-{identity}",
            f"on-fail-{name}",
            f"on-fail-{name.replace('_', '-')}",
        )
        action = next((attributes[key] for key in keys if key in attributes), "noop")
        args = []
        for token in _split(given, r"\s"):
            try:
                args.append(ast.literal_eval(token[1:-1]) if token[:1] == "{" and token[-1:] == "}" else token)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                draft.lose(element.line, f"{identity} at {path}", f"the expression {token[:60]!r} is not read")
                break
        else:
            yield Use(element.line, name, author, tuple(args), {}, action, path)


def _old(text: str) -> str:
    """`format` held validators before `validators` did; a word without a colon was a format's name."""
    return text if ":" in text or text in {"one-line", "two-words", "lower-case", "upper-case"} else ""


def _spec(spec: str) -> tuple[str, str]:
    """Return a validator's name and its arguments: `hub://guardrails/valid_length: 1 10`."""
    head, rest = ("hub://", spec.removeprefix("hub://")) if spec.startswith("hub://") else ("", spec)
    name, _, given = rest.partition(":")
    return head + name.strip(), given.strip()


def _split(text: str, separator: str) -> list[str]:
    """Split outside of braces, as Guardrails does."""
    return [part.strip() for part in re.split(rf"{separator}(?![^{{}}]*}})", text) if part.strip()]
