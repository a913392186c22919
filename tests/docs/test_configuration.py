"""docs/configuration.md is what the types say, and its example is a valid configuration."""

import re
from pathlib import Path

import msgspec

from steady.policy.config import check_config
from steady.policy.config_page import SECTIONS, config_markdown

DOC = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    assert DOC.read_text() == config_markdown(), "run `make docs`"


def test_every_key_is_on_the_page_with_what_it_means() -> None:
    for title, type_ in SECTIONS:
        part = config_markdown().split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
        for field in type_.__struct_fields__:
            (row,) = [line for line in part.splitlines() if line.startswith(f"| `{field}` |")]
            assert row.split(" | ")[-1].strip(" |"), f"{title}: {field} has no docstring"


def test_every_struct_of_the_configuration_has_a_section() -> None:
    from steady.policy.config import Config
    from steady.policy.editor import _structs

    assert {type_ for _, type_ in SECTIONS} == set(_structs((Config,)))
    assert all(issubclass(type_, msgspec.Struct) for _, type_ in SECTIONS)


def test_the_pages_example_is_valid(tmp_path: Path) -> None:
    (found,) = re.findall(r"```yaml\n(.+?)```", DOC.read_text(), re.DOTALL)
    path = tmp_path / "steady.yaml"
    path.write_text(found)

    assert check_config(path) == []
