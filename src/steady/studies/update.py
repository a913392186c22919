"""`--update`: what came of each case, written over what was expected; comments and order stay."""

import io
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steady.studies.golden import Result


def update(path: Path, results: Sequence["Result"]) -> int:
    """
    Write into a file of cases what came of them, and return how many changed.

    Only what was expected is written over, in its own shape; a case that expects nothing gets an `expect` of its own.
    A case that could not be decided is left as it is. Comments, order and quotes stay; a file without a change is not
    touched.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.util import load_yaml_guess_indent

    text = path.read_text("utf-8-sig")
    _, indent, offset = load_yaml_guess_indent(text)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # a line that nobody changed must not be broken anew
    yaml.indent(mapping=2, sequence=indent or 4, offset=offset if offset is not None else 2)
    data = yaml.load(text)
    changed = 0
    by_name = {case["name"]: case for case in data["cases"]}
    for result in results:
        wrong = [d for d in result.differences if d.field.startswith("expect")]
        if not wrong:
            continue
        case = by_name[result.name]
        if case.get("expect"):
            _over(case["expect"], result.got)
        else:
            case["expect"] = _scalars(result.got)
        changed += 1
    if changed:
        out = io.StringIO()
        yaml.dump(data, out)
        path.write_text(out.getvalue(), "utf-8")
    return changed


def _over(old: Any, new: Any) -> Any:
    """Write `new` over `old` where they differ, in place; return what stands there now."""
    if isinstance(old, MutableMapping) and isinstance(new, Mapping):
        for key, value in new.items():
            old[key] = _over(old.get(key), value)
        for key in [key for key in old if key not in new]:
            del old[key]
        return old
    if isinstance(old, MutableSequence) and isinstance(new, list) and len(old) == len(new):
        for i, value in enumerate(new):
            old[i] = _over(old[i], value)
        return old
    return old if old == new and isinstance(old, bool) == isinstance(new, bool) else _scalars(new)


def _scalars(value: Any) -> Any:
    """Return plain data with texts of several lines as blocks, and texts that are no plain words in quotes."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    if isinstance(value, Mapping):
        return {key: _scalars(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_scalars(item) for item in value]
    if isinstance(value, str) and "\n" in value and value.isprintable() is False and not _odd(value):
        return LiteralScalarString(value)
    return DoubleQuotedScalarString(value) if isinstance(value, str) and not value.isidentifier() else value


def _odd(text: str) -> bool:
    """Whether a block can't hold it as it is."""
    lines = text.split("\n")
    return any(not line.isprintable() or line != line.rstrip() for line in lines) or text[:1] in {" ", "\n"}
