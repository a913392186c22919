"""A running Steady, its upstream, and the official Python clients."""

from collections.abc import Iterator

import openai
import pytest
from tests.sdk.asking import POLICIES
from tests.serving import Served, fresh, openai_like, serving, sha256
from tests.upstream import Upstream


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Upstream]]:
    """One server, with keys, for the module."""
    with Upstream() as up:
        config = {
            "providers": {"up": openai_like(up)},
            "keys": [{"sha256": sha256("k"), "tenant": "acme"}],
            "routes": {"gpt-4o": "ruled"},
            "server": {"max_body": "64KiB"},
        }
        with serving(tmp_path_factory.mktemp("sdk"), config, POLICIES) as steady:
            yield steady, up


@pytest.fixture
def up(shared: tuple[Served, Upstream]) -> Upstream:
    """The upstream, fresh."""
    return fresh(shared[1])


@pytest.fixture
def client(shared: tuple[Served, Upstream], up: Upstream) -> Iterator[openai.OpenAI]:
    """The official client, without retries of its own."""
    with shared[0].client("k") as made:
        yield made


@pytest.fixture
def later(shared: tuple[Served, Upstream], up: Upstream) -> openai.AsyncOpenAI:
    """The official async client."""
    return openai.AsyncOpenAI(base_url=shared[0].url, api_key="k", max_retries=0)
