"""`steady model`: what can be embedded, whether it is here, and one line where it can't be fetched."""

from pathlib import Path

from tests.cli.terminal import process, steady

from steady.providers import weights


def test_list_names_each_model_with_size_and_licence(tmp_path: Path) -> None:
    said = steady(tmp_path, "model", "list")
    (entry,) = weights.known()

    assert said.code == 0 and said.err == ""
    name, size, licence, state = said.out.strip().split("\t")
    assert (name, licence) == (entry.name, "Apache-2.0") and size.endswith(" MB")
    assert state.startswith(("here: ", "not here; `steady model pull smollm2-135m`"))


def test_list_says_how_to_get_what_is_not_here(tmp_path: Path) -> None:
    said = process(tmp_path, "model", "list", STEADY_CACHE=str(tmp_path / "cache"))

    assert said.code == 0 and said.out.endswith("\tnot here; `steady model pull smollm2-135m`\n")


def test_an_unknown_model_is_one_line_with_the_known_ones(tmp_path: Path) -> None:
    said = steady(tmp_path, "model", "pull", "smollm2-135")

    assert (said.code, said.out) == (2, "")
    assert said.line.startswith("steady: No embedded model 'smollm2-135'.") and "smollm2-135m" in said.line


def test_a_model_that_can_not_be_fetched_is_one_line(tmp_path: Path) -> None:
    """An index that answers nothing: nobody is contacted, and no part of a file is left as if it were whole."""
    cache = tmp_path / "cache"
    said = process(
        tmp_path,
        *("model", "pull", "smollm2-135m"),
        STEADY_CACHE=str(cache),
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_EXTRA_INDEX_URL="",
        PIP_FIND_LINKS="",
        PIP_CONFIG_FILE="/dev/null",
        PIP_RETRIES="0",
    )

    assert (said.code, said.out) == (2, ""), said
    assert said.err.splitlines()[-1].startswith("steady: ") and "Traceback" not in said.err
    assert len(said.err.splitlines()) == 1, said.err
    assert not list(tmp_path.rglob("*.gguf"))
