"""
steady.yaml: providers, routes, client keys, the store, the server, folders. Checked like a policy, line by line.

Secrets never stand in it: a provider's key is named (an environment variable, a file, or the client's own), a client's
key is kept as its SHA-256.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from steady.errors import ConfigError, Problem, legal_words
from steady.policy.config_outside import Key, OutsideSpec, outside_faults
from steady.policy.contradictions import seconds
from steady.policy.document import Duration, Name
from steady.policy.verify import verify
from steady.policy.yaml_marks import MAX_BYTES, line_of, read_yaml
from steady.providers.capabilities import capabilities
from steady.types import Capabilities

CONFIG_NAMES = ("steady.yaml", "steady.yml")
DEFAULT_POLICY = "pass-through"
_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
Size = Annotated[str, Meta(pattern=r"^\d+(\.\d+)?(B|KiB|MiB|GiB)$", description="A number and B, KiB, MiB or GiB.")]
Kind = Literal["openai", "openai-compatible", "llamacpp", "vllm", "litellm", "embedded", "scripted"]


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Takes(_Part, frozen=True, kw_only=True):
    """What this upstream takes, where it differs from its kind."""

    params: tuple[str, ...] | None = None
    """The sampling parameters it takes; any other is dropped, with a note on the receipt."""
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] | None = None
    """What it calls the limit of tokens."""
    json_schema: bool | None = None
    """Whether it generates to a JSON Schema (`response_format`)."""
    grammar: Literal["none", "gbnf", "structured", "guided_choice"] | None = None
    """The form of grammar it takes for labels."""
    tools: bool | None = None
    """Whether it calls tools."""
    n: Annotated[int, Meta(ge=1, le=64)] | None = None
    """How many choices one call may ask for."""
    stream_usage: bool | None = None
    """Whether a stream ends with usage when asked to."""


class ProviderSpec(_Part, frozen=True, kw_only=True):
    """One upstream."""

    kind: Kind
    """How it is called: `openai-compatible` for any server that speaks OpenAI's API, `litellm` for other vendors."""
    base_url: str = ""
    """For the HTTP kinds: up to and including /v1. For `litellm`: another address than the vendor's own."""
    key: Key | Literal["forward", "none"] = "none"
    """`forward` sends the client's own Authorization."""
    models: tuple[str, ...] = ()
    """Bare model names that go to this provider. For `embedded`: a known name, or the path of a GGUF file."""
    vendor: str = ""
    """For `litellm`: its name of the vendor, such as anthropic."""
    script: str = ""
    """For `scripted`: a YAML file of replies."""
    capabilities: Takes = Takes()
    """What this upstream takes, where it differs from its kind."""
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    """Further tries of a call that may work when made again."""
    connect_timeout: Duration = "5s"
    """How long a connection may take; the policy's `deadline` bounds the answer."""
    slots: Annotated[int, Meta(ge=1, le=64)] = 4
    """For `embedded`: answers generated at once."""

    def fit(self, caps: Capabilities) -> Capabilities:
        """Return capabilities with this entry's own words over them."""
        own = {f: v for f in Takes.__struct_fields__ if (v := getattr(self.capabilities, f)) is not None}
        if "params" in own:
            own["params"] = tuple(sorted(own["params"]))
        return msgspec.structs.replace(caps, **own)

    def takes(self, model: str) -> Capabilities:
        """Return what this upstream takes for one of its models, this entry's own words included."""
        return self.fit(capabilities(self.kind, f"{self.vendor}/{model}" if self.vendor else model))

    def secret(self, folder: Path) -> str | None:
        """Return the key. Raises ConfigError naming the variable or file that is missing, never what one holds."""
        return self.key.read(folder, "a provider's key") if isinstance(self.key, Key) else None


class ClientKey(_Part, frozen=True, kw_only=True):
    """A client, known by the SHA-256 of its key."""

    sha256: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$", description="64 hex digits: printf %s KEY | sha256sum")]
    tenant: Name
    """Whose receipts it may read; keys with one tenant share them."""
    policies: tuple[str, ...] | Literal["all"] = "all"
    """The policies that it may name."""
    models: bool = True
    """Whether it may name models that are no policy."""
    admin: bool = False
    """Whether it may read every tenant's receipts."""


class StoreSpec(_Part, frozen=True, kw_only=True):
    """Where receipts are kept, how long, how many bytes."""

    path: str = "steady-receipts.db"
    """The SQLite file."""
    max_age: Duration = "14d"
    """Receipts older than this are removed."""
    max_size: Size = "2GiB"
    """Above this the oldest are removed."""
    off: bool = False
    """Keep no receipts; then nothing can be replayed."""

    @property
    def age_seconds(self) -> float:
        """`max_age` in seconds."""
        return seconds(self.max_age)

    @property
    def bytes(self) -> int:
        """`max_size` in bytes."""
        return size(self.max_size)


class ServerSpec(_Part, frozen=True, kw_only=True):
    """The server's address and limits."""

    host: str = "127.0.0.1"
    """Beyond loopback, `keys` must be set."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8790
    """0: a free one."""
    insecure: bool = False
    """Serve beyond loopback without client keys."""
    max_body: Size = "10MiB"
    """A bigger request gets a 413."""
    max_concurrent: Annotated[int, Meta(ge=1, le=100000)] = 512
    """Requests at once; one more gets a 429 with Retry-After."""
    keepalive_after: Duration = "5s"
    """Silence on a stream after which a comment is sent."""

    @property
    def max_body_bytes(self) -> int:
        """`max_body` in bytes."""
        return size(self.max_body)

    @property
    def keepalive_seconds(self) -> float:
        """`keepalive_after` in seconds."""
        return seconds(self.keepalive_after)


NO_STORE = StoreSpec()
"""The default's own object, so that `store: {}` in a file can be told from no word about it."""


class Config(_Part, frozen=True, kw_only=True):
    """All of steady.yaml."""

    steady: Literal[1] = 1
    """The version of this file's form."""
    providers: dict[Name, ProviderSpec] = {}
    """By name; none: `local`, the embedded model."""
    default_provider: str = ""
    """The provider of model names that no provider lists; the only one if not given."""
    routes: dict[str, str] = {}
    """Model names that apps already send -> policies."""
    default_policy: str = DEFAULT_POLICY
    """The policy for every other model name."""
    keys: tuple[ClientKey, ...] = ()
    """The clients; none: whoever reaches the port may use it."""
    store: StoreSpec = NO_STORE
    """Receipts."""
    server: ServerSpec = ServerSpec()
    """The address, and limits."""
    policies: str = ""
    """A folder; ./policies if it is there, else the policies that ship."""
    presets: str = ""
    """A folder of presets of one's own."""
    functions: dict[str, Annotated[str, Meta(pattern=r"^[\w.]+:[\w.]+$")]] = {}
    """What `on_fail: custom` and the rule `python` may name -> module:function."""
    outside: OutsideSpec = OutsideSpec()
    """What rules may ask outside."""


class Found(Struct, frozen=True):
    """A configuration, and the folder that its paths are relative to."""

    config: Config
    folder: Path
    file: Path | None  # None: no file; the defaults

    @property
    def names_store(self) -> bool:
        """Whether the file says `store:`, rather than leaving it at its default."""
        return self.file is not None and self.config.store is not NO_STORE


_DEFAULT = ProviderSpec(kind="openai")
EMBEDDED = {"local": ProviderSpec(kind="embedded", models=("smollm2-135m",))}


def size(text: str) -> int:
    """Return bytes of "2GiB"."""
    found = re.fullmatch(r"([\d.]+)([A-Za-z]+)", text)
    if found is None:
        raise ValueError(f"{text!r} is no size")
    return int(float(found[1]) * _SIZES[found[2]])


def find(given: str | Path | None = None, start: Path | None = None) -> Found:
    """
    Return the configuration that holds: the argument, STEADY_CONFIG, the nearest steady.yaml upward, else the defaults.

    Raises:
        ConfigError: A file that was named is missing, or has problems (all of them).
    """
    named = str(given) if given else os.environ.get("STEADY_CONFIG")
    if named:
        return load_config(Path(named))
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        for name in CONFIG_NAMES:
            if (folder / name).is_file():
                return load_config(folder / name)
    return Found(Config(providers=EMBEDDED), here, None)


def load_config(path: Path) -> Found:
    """Read a steady.yaml. Raises ConfigError with every problem."""
    config, problems = _read(path)
    if config is None or problems:
        raise ConfigError(problems)
    return Found(config, path.resolve().parent, path)


def check_config(path: Path) -> list[Problem]:
    """Return every problem of a steady.yaml, by line."""
    return _read(path)[1]


def _read(path: Path) -> tuple[Config | None, list[Problem]]:
    try:
        with path.open("rb") as stream:
            source = stream.read(MAX_BYTES + 1)
        data, lines = read_yaml(source, str(path))
    except OSError as error:
        return None, [Problem(str(path), 0, "", f"can't be read: {error.strerror or error}.")]
    except ConfigError as error:
        return None, list(error.problems)
    data = {} if data is None else data
    faults = verify(data, Config)
    problems = [Problem(str(path), line_of(lines, f), f, _with_hint(f, m)) for f, m in faults]
    if problems:
        return None, problems
    config = msgspec.convert(data, Config)
    if not config.providers:
        config = msgspec.structs.replace(config, providers=EMBEDDED)
    problems = [Problem(str(path), line_of(lines, f), f, m) for f, m in _clashes(config)]
    return config, problems


def _with_hint(field: str, message: str) -> str:
    """Return the message; where a secret may have been written by mistake, one that does not repeat it."""
    hashed = 'Never write a key itself here; write its hash, sha256: printf %s "$KEY" | sha256sum'
    if field.endswith(".sha256"):
        return f"is no SHA-256. {hashed}"
    if field.startswith("keys") and message.startswith("must be"):
        return f"must be a list of {{sha256: ..., tenant: ...}}. {hashed}"
    if field.startswith("keys["):
        return f"{message} {hashed}" if field.endswith((".key", ".token", ".secret", ".value")) else message
    if field.endswith((".key", ".key.env", ".key.file")):
        return "must be {env: NAME}, {file: PATH}, forward or none. Never write a key itself here; name where it is."
    return message


def _clashes(config: Config) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, spec in config.providers.items():
        found += [(f"providers.{name}.{field}", message) for field, message in _provider(spec)]
    if config.default_provider and config.default_provider not in config.providers:
        words = legal_words(config.default_provider, config.providers)
        found.append(("default_provider", f"no provider {config.default_provider!r}. {words}"))
    found += list(outside_faults(config.outside))
    taken: dict[str, str] = {}
    for name, spec in config.providers.items():
        for model in spec.models:
            if model in taken:
                message = f"{model!r} is listed by {taken[model]!r} already; a bare name can go to one provider."
                found.append((f"providers.{name}.models", message))
            taken[model] = name
    seen: dict[str, int] = {}
    for i, key in enumerate(config.keys):
        if key.sha256.lower() in seen:
            found.append((f"keys[{i}].sha256", f"is the same key as keys[{seen[key.sha256.lower()]}]."))
        seen.setdefault(key.sha256.lower(), i)
    return found


def _provider(spec: ProviderSpec) -> list[tuple[str, str]]:
    found = []
    http = spec.kind in {"openai", "openai-compatible", "llamacpp", "vllm"}
    if http and spec.kind != "openai" and not spec.base_url:
        found.append(("base_url", "is missing: the upstream's address, such as http://127.0.0.1:8000/v1."))
    if spec.base_url and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", spec.base_url):
        found.append(("base_url", "is no http:// or https:// address without user, query and fragment."))  # no echo
    if spec.kind == "litellm" and not spec.vendor:
        found.append(("vendor", "is missing: litellm's name of the vendor, such as anthropic."))
    if spec.kind == "scripted" and not spec.script:
        found.append(("script", "is missing: a YAML file of replies."))
    owners = {
        "base_url": ("openai", "openai-compatible", "llamacpp", "vllm", "litellm"),
        "vendor": ("litellm",),
        "script": ("scripted",),
        "slots": ("embedded",),
    }
    for field, kinds in owners.items():
        if getattr(spec, field) != getattr(_DEFAULT, field) and spec.kind not in kinds:
            found.append((field, f"is for kind {', '.join(kinds)}, but kind is {spec.kind}; remove it."))
    if spec.key == "forward" and not http:
        found.append(("key", f"can't be forward for kind {spec.kind}: it has no header to send on."))
    if isinstance(spec.key, Key) and (spec.key.env is None) == (spec.key.file is None):
        found.append(("key", "must name one of env and file: {env: OPENAI_API_KEY} or {file: key.txt}."))
    return found


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name, which may lead anywhere
        return False


def guard_address(config: Config, host: str) -> None:
    """Raise ConfigError for a host beyond loopback without client keys, unless `insecure: true`."""
    if is_loopback(host) or config.keys or config.server.insecure:
        return
    raise ConfigError(
        f"Refusing to listen on {host} without client keys: anyone could use it. Add `keys:` to steady.yaml "
        "({sha256: ..., tenant: ...}), listen on 127.0.0.1, or set `server: {insecure: true}`."
    )
