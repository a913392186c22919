"""Every policy in the repository loads, resolves, comes back from its bytes, and is there for each kind."""

from pathlib import Path
from typing import get_args

import pytest

from steady.policy.config import find
from steady.policy.library import Library, shipped
from steady.policy.load import check_file, load
from steady.policy.resolve import from_bytes
from steady.types import Kind

FOLDER = Path(__file__).parents[2] / "policies"
PATHS = sorted(FOLDER.glob("*.yaml"))
NAMES = [path.stem for path in PATHS]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The library of a folder without configuration."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "steady.yaml").write_text("steady: 1\n")
    return Library(find(folder / "steady.yaml"))


def test_a_checkout_ships_this_folder(library: Library) -> None:
    assert shipped() == FOLDER
    assert list(library.names()) == NAMES


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_policy_loads_under_the_name_of_its_file(path: Path) -> None:
    assert check_file(path) == []
    assert load(path).policy.name == path.stem


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_policy_teaches_in_its_header_and_says_what_it_is_for(path: Path) -> None:
    assert path.read_text().startswith("# ")
    assert load(path).policy.description


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_resolves_on_the_embedded_model_and_comes_back_from_its_bytes(library: Library, name: str) -> None:
    there = library.resolved(name, None)
    back = from_bytes(there.canonical)

    assert (there.target.provider, there.target.model) == ("local", "smollm2-135m")
    assert (back.hash, back.doc, back.plan) == (there.hash, there.doc, there.plan)
    assert [bound.rule for bound in back.rules] == [bound.rule for bound in there.rules]


def test_there_is_one_for_each_kind(library: Library) -> None:
    kinds = {library.get(name).policy.output.kind for name in library.names()}

    assert kinds == set(get_args(Kind))


def test_pass_through_changes_nothing(library: Library) -> None:
    there = library.resolved("pass-through", None)

    assert there.passes_through
    assert there.doc.disclose.place == "none"


def test_only_those_that_can_stream_live(library: Library) -> None:
    live = [name for name in library.names() if library.resolved(name, None).plan.live]

    assert live == ["pass-through", "redact-stream"]


def test_a_shared_list_is_used(library: Library) -> None:
    assert "use: house-style" in (FOLDER / "support-answer.yaml").read_text()
    assert {"no_secrets", "in-english"} <= {rule.key for rule in library.get("support-answer").rules}


def test_the_schema_of_invoices_is_inlined_in_the_authors_order(library: Library) -> None:
    schema = library.resolved("extract-invoice", None).doc.output.schema
    text = (FOLDER / "schemas" / "invoice.json").read_text()

    assert isinstance(schema, dict)
    assert sorted(schema["properties"], key=text.index) == list(schema["properties"])
