"""
Sampling presets: names for sets of sampling parameters, each with its reason.

| preset | temperature | top_p | min_p | presence_penalty | for |
|---|---|---|---|---|---|
| `deterministic` | 0 | - | - | - | one greedy answer; asked once, so agreement is not measured |
| `precise` | 0.3 | 0.9 | - | - | extraction, classification, facts |
| `balanced` | 0.7 | 0.95 | - | - | answers for people |
| `creative` | 0.9 | 0.95 | 0.05 | 0.3 | drafting, naming, ideas that stay readable |
| `exploratory` | 1 | 1 | 0.02 | 0.6 | the widest spread of alternatives |
| `client` | - | - | - | - | whatever the client sends |

No temperature is above 1, since Anthropic takes [0, 1] where OpenAI and Gemini take [0, 2]: a preset must mean the same
at each of them. A parameter that a provider does not take (min_p at OpenAI) is dropped with a note on the receipt, so
no preset relies on one alone. `deterministic` names what is asked, not what is promised: batched serving is not
deterministic at temperature 0 (1,000 greedy completions of one prompt gave 80 texts; Thinking Machines, 2025).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from steady.errors import ConfigError, Problem
from steady.policy.document import Name, SamplingSpec
from steady.policy.verify import verify
from steady.policy.yaml_marks import line_of, read_yaml
from steady.types import Sampling


class Preset(NamedTuple):
    """A named set of sampling parameters."""

    name: str
    sampling: Sampling  # None: not set, the provider's own default holds
    why: str  # for whom, and why these numbers


Presets = Mapping[str, Preset]

BUILT_IN: Presets = {
    preset.name: preset
    for preset in (
        Preset(
            "deterministic",
            Sampling(temperature=0.0),
            "Greedy decoding: the likeliest token each time. Asked once, since repeating it draws nothing new; "
            "agreement is therefore not measured. The model may still vary: batched serving is not deterministic.",
        ),
        Preset(
            "precise",
            Sampling(temperature=0.3, top_p=0.9),
            "Real draws, so that candidates can disagree, but near the likeliest answer: for extraction, "
            "classification and facts, where spread is mostly error. top_p cuts the tail of unlikely tokens.",
        ),
        Preset(
            "balanced",
            Sampling(temperature=0.7, top_p=0.95),
            "The temperature at which self-consistency was shown to help most (Wang et al., ICLR 2023, used 0.5 to "
            "0.7): candidates differ enough that agreement says something. For answers to people.",
        ),
        Preset(
            "creative",
            Sampling(temperature=0.9, top_p=0.95, min_p=0.05, presence_penalty=0.3),
            "More spread with a floor: min_p (Nguyen et al., ICLR 2025) drops tokens under 5% of the likeliest one's "
            "probability where the provider takes it, and a small presence penalty keeps off repeated words.",
        ),
        Preset(
            "exploratory",
            Sampling(temperature=1.0, top_p=1.0, min_p=0.02, presence_penalty=0.6),
            "The model's own distribution, uncut but for the last 2%, pushed away from what was said: for the "
            "widest set of alternatives. Expect low agreement; that is its purpose.",
        ),
        Preset(
            "client",
            Sampling(),
            "Sets nothing: the client's own values reach the model.",
        ),
    )
}


class PresetFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A preset of one's own: one YAML file in the folder of presets."""

    name: Name
    why: str = ""
    sampling: SamplingSpec
    """Values under `preset`, one of the built-in presets, and values of its own over it."""


def expand(spec: SamplingSpec, presets: Presets) -> Sampling:
    """Return the preset's values under the spec's own. Raises KeyError for a preset that is not in `presets`."""
    values = {name: getattr(presets[spec.preset].sampling, name) for name in Sampling.__struct_fields__}
    for name in SamplingSpec.__struct_fields__:
        own = getattr(spec, name)
        if name != "preset" and own is not None:
            values[name] = own
    return Sampling(**values)


def load_presets(folder: Path | None) -> Presets:
    """
    Return the built-in presets and those of `folder`, one for each `*.yaml`, by name.

    Raises:
        ConfigError: With every problem of every file; a name that is taken, and a base that is not built in, are some.
    """
    presets = dict(BUILT_IN)
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")) if folder is not None else ():
        try:
            preset = _read_preset(path, presets)
            presets[preset.name] = preset
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return presets


def check_preset(path: Path) -> list[Problem]:
    """Return every problem of the preset file at `path`; [] if it loads."""
    try:
        _read_preset(path, BUILT_IN)
    except ConfigError as error:
        return list(error.problems)
    return []


def _read_preset(path: Path, taken: Presets) -> Preset:
    data, lines = read_yaml(path.read_bytes(), str(path))
    faults = [Problem(str(path), line_of(lines, f.field), f.field, f.message) for f in verify(data, PresetFile)]
    if faults:
        raise ConfigError(faults)
    found = msgspec.convert(data, PresetFile)
    if found.name in taken:
        message = f"a preset {found.name!r} exists already; choose another name."
        raise ConfigError([Problem(str(path), line_of(lines, "name"), "name", message)])
    if found.sampling.preset not in BUILT_IN:
        message = f"a preset builds on a built-in one: {', '.join(BUILT_IN)}."
        raise ConfigError([Problem(str(path), line_of(lines, "sampling.preset"), "sampling.preset", message)])
    return Preset(found.name, expand(found.sampling, BUILT_IN), found.why)


def presets_markdown(presets: Presets = BUILT_IN) -> str:
    """Return `docs/presets.md`: every preset with its numbers and its reason."""
    names = [n for n in Sampling.__struct_fields__ if any(getattr(p.sampling, n) is not None for p in presets.values())]
    lines = [
        "# Presets",
        "",
        "`sampling: {preset: NAME}` sets these; a policy's own values go over them, and `allow` says what a caller may",
        "change. What a provider does not take is dropped, with a note on the receipt. A dash: not set, so the",
        "provider's default holds. No temperature is above 1, since not every provider takes more.",
        "",
        f"| preset | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for preset in presets.values():
        cells = [_cell(getattr(preset.sampling, name)) for name in names]
        lines.append(f"| `{preset.name}` | {' | '.join(cells)} |")
    for preset in presets.values():
        lines += ["", f"## {preset.name}", "", preset.why]
    lines += [
        "",
        "## Your own",
        "",
        "A YAML file in the folder that `presets:` of `steady.yaml` names, one for each preset:",
        "",
        "```yaml",
        "name: terse",
        "why: Short answers of our help desk.",
        "sampling: {preset: precise, max_tokens: 120}",
        "```",
        "",
    ]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)
