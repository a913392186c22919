"""`docs/configuration.md`: every key of steady.yaml, out of the types that decode it and the docstrings under them."""

from typing import Any

import msgspec

from steady.policy.config import ClientKey, Config, ProviderSpec, ServerSpec, StoreSpec, Takes
from steady.policy.config_outside import Key, OutsideSpec, Webhook
from steady.policy.editor import json_schema

SECTIONS: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("The top", Config),
    ("providers.NAME", ProviderSpec),
    ("providers.NAME.key", Key),
    ("providers.NAME.capabilities", Takes),
    ("keys[]", ClientKey),
    ("store", StoreSpec),
    ("server", ServerSpec),
    ("outside", OutsideSpec),
    ("outside.webhooks[]", Webhook),
)
_HEAD = """\
# steady.yaml

`steady serve --config FILE`; else `$STEADY_CONFIG`; else the nearest `steady.yaml` from the current folder upward; else
the embedded model and the policies of `./policies`, or those that ship, on loopback. Paths are relative to the file.
`steady check steady.yaml` tells every mistake by its line, with the legal words and the nearest. An unknown key is an
error. No secret stands in the file: a provider's key is named, a client's key is kept as its SHA-256.

```yaml
steady: 1
providers:
  openai: {kind: openai, key: {env: OPENAI_API_KEY}, models: [gpt-4o, gpt-4o-mini]}
  claude: {kind: litellm, vendor: anthropic, key: {file: anthropic.key}, models: [claude-sonnet-4-5]}
  vllm: {kind: vllm, base_url: "http://10.0.0.5:8000/v1", models: [qwen3-8b]}
  local: {kind: embedded, models: [smollm2-135m]}
default_provider: openai
routes: {gpt-4o: support-answer} # apps that send gpt-4o get this policy
default_policy: pass-through
keys:
  - sha256: e2186dbdb1bb4193608605e84f33208765b5693b55edd4f730a719a100eeea6f # printf %s KEY | sha256sum
    tenant: shop
    policies: [support-answer]
    models: false # it may name policies only
store: {path: /var/lib/steady/receipts.db, max_age: 14d, max_size: 2GiB}
server: {host: 0.0.0.0, port: 8790}
functions: {house_style: "shop.checks:house_style"} # what policies may call
outside: {webhooks: ["https://checks.example.com/"]} # what policies may ask
policies: policies
```

This page is generated from the types that read the file.
"""


def config_markdown() -> str:
    """Return `docs/configuration.md`."""
    defs = json_schema("config")["$defs"]
    lines = [_HEAD]
    for title, type_ in SECTIONS:
        lines += [f"## {title}", "", (type_.__doc__ or "").strip().splitlines()[0], ""]
        lines += ["| key | takes | default | |", "|---|---|---|---|"]
        properties = defs[type_.__name__]["properties"]
        for field in msgspec.structs.fields(type_):
            spec = properties[field.encode_name]
            said = spec.get("description", "").replace("|", "\\|")
            lines.append(f"| `{field.encode_name}` | {_takes(spec)} | {_default(field)} | {said} |")
        lines.append("")
    return "\n".join(lines)


def _takes(spec: dict[str, Any]) -> str:
    if "enum" in spec:
        return ", ".join(f"`{word}`" for word in spec["enum"] if word is not None)
    if "anyOf" in spec:
        return " or ".join(_takes(one) for one in spec["anyOf"] if one.get("type") != "null")
    if "$ref" in spec:
        name = spec["$ref"].rsplit("/", 1)[1]
        return next(f"see `{title}`" for title, type_ in SECTIONS if type_.__name__ == name)
    kind = spec.get("type")
    if kind == "array":
        return f"a list; each: {_takes(spec['items'])}" if spec.get("items") else "a list"
    if kind == "object":
        return f"a mapping of names; each: {_takes(spec['additionalProperties'])}"
    return _scalar(spec, str(kind))


def _scalar(spec: dict[str, Any], kind: str) -> str:
    if kind == "integer":
        low, high = spec.get("minimum"), spec.get("maximum")
        return "a whole number" if low is None else f"{low} to {high}" if high is not None else f"{low} or more"
    pattern = spec.get("pattern", "")
    if pattern.endswith("(ms|s|m|h|d)$"):
        return "a duration, such as `5s`"
    if pattern.endswith("(B|KiB|MiB|GiB)$"):
        return "a size, such as `10MiB`"
    if "[0-9a-fA-F]{64}" in pattern:
        return "64 hex digits: `printf %s KEY \\| sha256sum`"
    return {"string": "a text", "boolean": "true or false"}.get(kind, kind)


def _default(field: "msgspec.structs.FieldInfo") -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None or value == "" or isinstance(value, msgspec.Struct) or value in ((), {}):
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
