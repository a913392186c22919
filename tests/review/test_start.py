"""What `steady serve` says at its start instead of at a policy's first request."""

from pathlib import Path

import pytest
from tests.serving import policy, write

from steady.errors import ConfigError
from steady.server.serve import serve

TWO = {
    "a": {"kind": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "models": ["m"]},
    "b": {"kind": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "models": ["other"]},
}


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"model": "lokal/m"}, "model: No model 'lokal/m'"),
        ({"model": "a/m", "otherwise": {"do": "model", "model": "nope/m"}}, "otherwise.model: No model 'nope/m'"),
    ],
)
def test_a_policy_over_a_model_that_no_provider_serves_is_told_at_the_start(
    tmp_path: Path, fields: dict[str, object], place: str
) -> None:
    config = write(tmp_path, {"providers": TWO}, [policy("calm", **fields)])

    with pytest.raises(ConfigError, match=place):
        serve(config, only_check=True)


def test_a_policy_over_a_known_model_starts(tmp_path: Path) -> None:
    config = write(tmp_path, {"providers": TWO}, [policy("calm", model="a/m"), policy("any")])
    said: list[str] = []

    serve(config, only_check=True, say=said.append)

    assert said == ["ok: 3 policies, 2 providers"]


def test_a_folder_of_presets_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = write(tmp_path, {"providers": TWO, "presets": "nope"})

    with pytest.raises(ConfigError, match="presets: 'nope' is no folder"):
        serve(config, only_check=True)
