"""steady.yaml: what it takes, every problem with its line, no secret in it or in what is said of it."""

from pathlib import Path

import pytest

from steady.errors import ConfigError
from steady.policy.config import (
    Config,
    Key,
    ProviderSpec,
    ServerSpec,
    check_config,
    find,
    guard_address,
    is_loopback,
    load_config,
    size,
)
from steady.types import Capabilities

CANARY = "sk-live-canary-0123456789"
HASH = "a" * 64


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "steady.yaml"
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str) -> list[str]:
    return [str(p).replace(f"{tmp_path}/", "") for p in check_config(write(tmp_path, text))]


WHOLE = f"""
steady: 1
providers:
  up:
    kind: openai
    key: {{env: STEADY_TEST_KEY}}
    models: [gpt-4o]
    capabilities: {{params: [top_p, temperature], json_schema: false}}
    retries: 3
  near: {{kind: llamacpp, base_url: http://127.0.0.1:8080/v1, key: none}}
  tests: {{kind: scripted, script: replies.yaml}}
  claude: {{kind: litellm, vendor: anthropic, key: {{file: key.txt}}}}
default_provider: near
routes: {{gpt-4o: support-answer}}
default_policy: pass-through
keys:
  - {{sha256: {HASH}, tenant: acme, policies: [support-answer], models: false}}
store: {{path: /tmp/x.db, max_age: 3d, max_size: 1.5MiB}}
server: {{host: 0.0.0.0, port: 80, max_body: 1KiB, keepalive_after: 2s}}
functions: {{soften: my.module:soften}}
"""


def test_a_whole_configuration_is_read(tmp_path: Path) -> None:
    found = load_config(write(tmp_path, WHOLE))
    config = found.config

    assert list(config.providers) == ["up", "near", "tests", "claude"]
    assert config.providers["up"].key == Key(env="STEADY_TEST_KEY")
    assert config.routes == {"gpt-4o": "support-answer"}
    assert config.keys[0].policies == ("support-answer",)
    assert (config.store.age_seconds, config.store.bytes) == (3 * 86400, 1572864)
    assert (config.server.max_body_bytes, config.server.keepalive_seconds) == (1024, 2.0)
    assert found.folder == tmp_path


def test_defaults_are_the_embedded_model_on_loopback(tmp_path: Path) -> None:
    for text in ("", "# nothing\n", "steady: 1\n"):
        config = load_config(write(tmp_path, text)).config

        assert list(config.providers) == ["local"]
        assert config.providers["local"].kind == "embedded"
        assert (config.server.host, config.server.port) == ("127.0.0.1", 8790)
        assert config.default_policy == "pass-through"
        assert (config.store.age_seconds, config.store.bytes) == (14 * 86400, 2 << 30)


def test_every_problem_is_told_with_line_and_nearest_word(tmp_path: Path) -> None:
    text = """steady: 2
provders: {}
providers:
  Up: {kind: opnai}
  a: {kind: vllm}
  b: {kind: openai, base_url: "ftp://x", models: [m]}
server: {prot: 80}
routes: [a]
functions: {f: no colon}
"""
    told = "\n".join(problems(tmp_path, text))

    assert "steady.yaml:1: steady: must be one of 1" in told
    assert "steady.yaml:2: provders: no field 'provders'. Did you mean 'providers'?" in told
    assert "steady.yaml:4: providers.Up: " in told
    assert "'opnai' is no legal word here. Did you mean 'openai'?" in told
    assert "steady.yaml:7: server.prot: no field 'prot'. Did you mean 'port'?" in told
    assert "steady.yaml:8: routes: must be a mapping" in told
    assert "steady.yaml:9: functions.f: " in told


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ("{kind: vllm}", "providers.a.base_url: is missing"),
        ("{kind: openai, base_url: 'ftp://x'}", "providers.a.base_url: is no http:// or https:// address"),
        ("{kind: openai, base_url: 'http://u:p@x/v1'}", "providers.a.base_url: is no http:// or https:// address"),
        ("{kind: openai, base_url: 'https://x/v1?key=1'}", "providers.a.base_url: is no http:// or https:// address"),
        ("{kind: litellm}", "providers.a.vendor: is missing"),
        ("{kind: scripted}", "providers.a.script: is missing"),
        ("{kind: openai, key: {}}", "providers.a.key: must name one of env and file"),
        ("{kind: openai, key: {env: A, file: b}}", "providers.a.key: must name one of env and file"),
        ("{kind: openai, slots: 2}", "providers.a.slots: is for kind embedded, but kind is openai; remove it."),
        ("{kind: embedded, base_url: 'http://x/v1'}", "providers.a.base_url: is for kind openai"),
        ("{kind: litellm, vendor: anthropic, key: forward}", "providers.a.key: can't be forward for kind litellm"),
    ],
)
def test_what_a_kind_of_provider_needs_is_told(tmp_path: Path, provider: str, message: str) -> None:
    told = problems(tmp_path, f"providers:\n  a: {provider}\n")

    assert any(line.startswith(f"steady.yaml:2: {message}") for line in told), told


def test_names_that_clash_are_told(tmp_path: Path) -> None:
    text = f"""
providers:
  a: {{kind: openai, models: [m]}}
  b: {{kind: openai, models: [m]}}
default_provider: c
keys:
  - {{sha256: {HASH}, tenant: x}}
  - {{sha256: {HASH.upper()}, tenant: y}}
"""
    told = "\n".join(problems(tmp_path, text))

    assert "'m' is listed by 'a' already" in told
    assert "steady.yaml:5: default_provider: no provider 'c'." in told
    assert "steady.yaml:8: keys[1].sha256: is the same key as keys[0]." in told


@pytest.mark.parametrize(
    "text",
    [
        f"providers:\n  a: {{kind: openai, key: {CANARY}}}\n",
        f"providers:\n  a: {{kind: openai, key: [{CANARY}]}}\n",
        f"providers:\n  a: {{kind: openai, key: {{env: {CANARY}}}}}\n",
        f"providers:\n  a: {{kind: openai, base_url: 'http://{CANARY}@x/v1'}}\n",
        f"providers:\n  a: {{kind: openai, api_key: {CANARY}}}\n",
        f"keys:\n  - {{sha256: {CANARY}, tenant: t}}\n",
        f"keys:\n  - {{key: {CANARY}, tenant: t}}\n",
        f"keys: {{a: {CANARY}}}\n",
        f"keys: [{CANARY}]\n",
        f"keys: {CANARY}\n",
    ],
)
def test_a_key_written_in_plain_is_refused_and_never_repeated(tmp_path: Path, text: str) -> None:
    """What is printed of a configuration ends in terminals, logs and tickets."""
    told = "\n".join(problems(tmp_path, text))

    assert told
    assert CANARY not in told


def test_a_plain_key_is_answered_with_how_to_name_or_hash_it(tmp_path: Path) -> None:
    (provider,) = problems(tmp_path, "providers:\n  a: {kind: openai, key: sk-1}\n")
    (client,) = problems(tmp_path, "keys:\n  - {sha256: sk-1, tenant: t}\n")

    assert "steady.yaml:2: providers.a.key: must be {env: NAME}, {file: PATH}, forward or none." in provider
    assert 'printf %s "$KEY" | sha256sum' in client


def test_a_key_is_read_when_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("from-file\n")

    assert ProviderSpec(kind="openai", key=Key(file="key.txt")).secret(tmp_path) == "from-file"
    assert ProviderSpec(kind="openai").secret(tmp_path) is None
    assert ProviderSpec(kind="openai", key="forward").secret(tmp_path) is None


def test_a_missing_key_is_one_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")

    for key, words in (
        (Key(env="STEADY_TEST_NO_SUCH_VARIABLE"), "variable STEADY_TEST_NO_SUCH_VARIABLE is not set"),
        (Key(file="absent.txt"), "file absent.txt can't be read"),
        (Key(file="empty.txt"), "file empty.txt is empty"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            ProviderSpec(kind="openai", key=key).secret(tmp_path)
        assert "\n" not in str(caught.value)


def test_an_entrys_own_capabilities_go_over_its_kinds(tmp_path: Path) -> None:
    spec = load_config(write(tmp_path, WHOLE)).config.providers["up"]
    caps = spec.fit(Capabilities(params=("seed",), json_schema=True, n=8))

    assert caps == Capabilities(params=("temperature", "top_p"), json_schema=False, n=8)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    assert is_loopback(host)
    guard_address(Config(), host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.test", "", "localhost.example.test"])
def test_beyond_loopback_keys_or_a_word_are_needed(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="without client keys"):
        guard_address(Config(), host)

    guard_address(Config(server=ServerSpec(insecure=True)), host)
    guard_address(load_config(write(tmp_path, WHOLE)).config, host)


def test_the_nearest_file_upward_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEADY_CONFIG", raising=False)
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    path = write(tmp_path, "steady: 1\nserver: {port: 1}\n")

    assert find(None, deep).file == path
    assert find(None, deep).config.server.port == 1


def test_the_argument_comes_before_the_variable_and_that_before_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, port in (("argument", 1), ("variable", 2)):
        (tmp_path / f"{name}.yaml").write_text(f"server: {{port: {port}}}\n")
    write(tmp_path, "server: {port: 3}\n")
    monkeypatch.setenv("STEADY_CONFIG", str(tmp_path / "variable.yaml"))

    assert find(tmp_path / "argument.yaml", tmp_path).config.server.port == 1
    assert find(None, tmp_path).config.server.port == 2


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: can't be read: No such file"):
        find(tmp_path / "absent.yaml")


def test_sizes_are_binary() -> None:
    assert [size(text) for text in ("3B", "1KiB", "1.5MiB", "2GiB")] == [3, 1024, 1572864, 2 << 30]


def test_a_store_that_is_named_is_told_from_one_that_is_not(tmp_path: Path) -> None:
    """A decorated function keeps receipts only where the configuration says so, and a comment says nothing."""
    path = tmp_path / "steady.yaml"
    named = {}
    for text in ("steady: 1\nstore: {}\n", "steady: 1\n# store: {path: x}\n"):
        path.write_text(text)
        named[text] = load_config(path).names_store

    assert list(named.values()) == [True, False]
