"""Presets: their numbers, users' own, and the page about them."""

from pathlib import Path

import pytest

from steady.errors import ConfigError
from steady.policy import presets as module
from steady.policy.document import SamplingSpec
from steady.policy.presets import BUILT_IN, expand, load_presets, presets_markdown
from steady.types import Sampling

DOCS = Path(__file__).parents[2] / "docs" / "presets.md"


def test_the_six_presets_are_there() -> None:
    assert list(BUILT_IN) == ["deterministic", "precise", "balanced", "creative", "exploratory", "client"]


def test_the_client_preset_sets_nothing() -> None:
    assert BUILT_IN["client"].sampling == Sampling()


def test_presets_are_ordered_by_how_much_they_vary() -> None:
    temperatures = [preset.sampling.temperature for name, preset in BUILT_IN.items() if name != "client"]

    assert temperatures == sorted(temperatures, key=lambda t: t or 0.0)
    assert temperatures[0] == 0


@pytest.mark.parametrize("preset", BUILT_IN.values(), ids=lambda preset: preset.name)
def test_every_preset_is_within_the_range_of_every_vendor(preset: module.Preset) -> None:
    """Anthropic refuses a temperature above 1; a preset that only some vendors take would be an error at the others."""
    sampling = preset.sampling

    assert sampling.temperature is None or 0 <= sampling.temperature <= 1
    assert sampling.top_p is None or 0 < sampling.top_p <= 1
    assert sampling.presence_penalty is None or -2 <= sampling.presence_penalty <= 2
    assert preset.why


def test_a_policys_own_values_go_over_the_presets() -> None:
    spec = SamplingSpec(preset="balanced", temperature=0.0, max_tokens=9, stop=("x",))

    assert expand(spec, BUILT_IN) == Sampling(temperature=0.0, top_p=0.95, max_tokens=9, stop=("x",))


def test_users_bring_their_own(tmp_path: Path) -> None:
    (tmp_path / "terse.yaml").write_text("name: terse\nwhy: short\nsampling: {preset: precise, max_tokens: 120}\n")
    presets = load_presets(tmp_path)

    assert presets["terse"].sampling == Sampling(temperature=0.3, top_p=0.9, max_tokens=120)
    assert list(presets)[:6] == list(BUILT_IN)


def test_every_problem_of_every_preset_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: balanced\nsampling: {}\n")
    (tmp_path / "b.yaml").write_text("name: b\nsampling:\n  temperatur: 1\n  top_p: 3\n")
    (tmp_path / "c.yaml").write_text("name: c\nsampling: {preset: terse}\n")
    (tmp_path / "d.yaml").write_text("- 1\n")

    with pytest.raises(ConfigError) as caught:
        load_presets(tmp_path)

    text = str(caught.value)
    assert "a.yaml:1: name: a preset 'balanced' exists already" in text
    assert "b.yaml:3: sampling.temperatur: no field 'temperatur'. Did you mean 'temperature'?" in text
    assert "b.yaml:4: sampling.top_p:" in text
    assert "c.yaml:2: sampling.preset: a preset builds on a built-in one: deterministic" in text
    assert "d.yaml:1: must be a mapping" in text


def test_no_folder_means_the_built_in_ones(tmp_path: Path) -> None:
    assert load_presets(None) == BUILT_IN
    assert load_presets(tmp_path / "absent") == BUILT_IN


def test_the_page_about_presets_is_generated() -> None:
    """Documentation that is written by hand drifts from the numbers."""
    assert DOCS.read_text() == presets_markdown()


def test_the_modules_table_holds_the_numbers_in_use() -> None:
    for preset in BUILT_IN.values():
        names = ("temperature", "top_p", "min_p", "presence_penalty")
        cells = [module._cell(getattr(preset.sampling, name)) for name in names]

        assert f"| `{preset.name}` | {' | '.join(cells)} |" in (module.__doc__ or "")
