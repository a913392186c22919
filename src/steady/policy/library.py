"""The policies of one configuration by name, and each of them over a model, resolved once."""

from collections.abc import Mapping
from pathlib import Path

from steady.errors import ConfigError, Problem, UnknownNameError
from steady.policy.config import DEFAULT_POLICY, Found
from steady.policy.load import Known, Loaded, catalog, load
from steady.policy.permissions import refused
from steady.policy.presets import load_presets
from steady.policy.resolve import resolve
from steady.policy.resolved import Resolved, Target
from steady.providers.prices import price

SHIPPED_IN_WHEEL = Path(__file__).resolve().parents[1] / "shipped" / "policies"
SHIPPED_IN_CHECKOUT = Path(__file__).resolve().parents[3] / "policies"
MOST_RESOLVED = 512  # (policy, model) pairs kept; model names come from clients, so they must not fill memory


def shipped() -> Path:
    """Return the folder of the policies that ship: package data in a wheel, ./policies in a checkout."""
    return SHIPPED_IN_WHEEL if SHIPPED_IN_WHEEL.is_dir() else SHIPPED_IN_CHECKOUT


def policy_files(folder: Path) -> list[Path]:
    """Return the files of a folder that hold policies, sorted: all of .yaml but those of golden cases (.tests.yaml)."""
    return sorted(path for path in folder.glob("*.yaml") if not path.name.endswith(".tests.yaml"))


class Library:
    """Loads every policy at once, so that a broken one is told of at the start and not at its first request."""

    def __init__(self, found: Found) -> None:
        self.found = found
        config = found.config
        if config.presets and not (found.folder / config.presets).is_dir():
            raise ConfigError(f"presets: {config.presets!r} is no folder.")
        self.presets = load_presets(found.folder / config.presets if config.presets else None)
        functions = frozenset((*config.functions, *config.functions.values()))
        self.known = Known(catalog(), self.presets, functions, lambda rule: refused(rule, config, self.target))
        self.folder = self._folder()
        self._loaded = self._load_all()
        self._resolved: dict[tuple[str, str | None], Resolved] = {}

    def _folder(self) -> Path:
        config, folder = self.found.config, self.found.folder
        if config.policies:
            if not (folder / config.policies).is_dir():
                raise ConfigError(f"policies: {config.policies!r} is no folder.")
            return folder / config.policies
        return folder / "policies" if any(policy_files(folder / "policies")) else shipped()

    def _load_all(self) -> Mapping[str, Loaded]:
        loaded: dict[str, Loaded] = {}
        problems: list[Problem] = []
        for path in policy_files(self.folder):
            try:
                one = load(path, self.known)
            except ConfigError as error:
                problems += error.problems
                continue
            if one.policy.name in loaded:
                message = f"policy {one.policy.name!r} is also in {loaded[one.policy.name].file}."
                problems.append(Problem(str(path), 0, "name", message))
            loaded[one.policy.name] = one
        if problems:
            raise ConfigError(problems)
        default = self.found.config.default_policy
        if default == DEFAULT_POLICY and default not in loaded:
            loaded[default] = load(shipped() / f"{DEFAULT_POLICY}.yaml", self.known)
        self._check_names(loaded)
        return loaded

    def _check_names(self, loaded: Mapping[str, Loaded]) -> None:
        config = self.found.config
        named = [config.default_policy, *config.routes.values()]
        named += [name for key in config.keys if key.policies != "all" for name in key.policies]
        for name in named:
            if name not in loaded:
                raise UnknownNameError("policy", name, loaded)

    def names(self) -> tuple[str, ...]:
        """Return the names of all policies, sorted."""
        return tuple(sorted(self._loaded))

    def get(self, name: str) -> Loaded:
        """Return a policy. Raises UnknownNameError with the nearest name."""
        found = self._loaded.get(name)
        if found is None:
            raise UnknownNameError("policy", name, self._loaded)
        return found

    def resolved(self, name: str, model: str | None) -> Resolved:
        """
        Return a policy over a model, resolved once.

        Args:
            name: The policy's.
            model: `provider/model`, a bare name, or None for the policy's own.

        Raises:
            UnknownNameError: No such policy, provider or model.
        """
        key = (name, model)
        made = self._resolved.get(key)
        if made is None:
            loaded = self.get(name)
            doc = loaded.policy
            fallback = self.target(doc.otherwise.model) if doc.otherwise.do == "model" else None
            made = resolve(loaded, target=self.target(model or doc.model), fallback=fallback, presets=self.presets)
            if len(self._resolved) >= MOST_RESOLVED:
                self._resolved.pop(next(iter(self._resolved)))
            self._resolved[key] = made
        return made

    def target(self, model: str | None) -> Target:
        """Return which provider serves a model name. Raises UnknownNameError."""
        providers = self.found.config.providers
        if model and "/" in model:
            name, _, rest = model.partition("/")
            if name in providers and rest:
                return self._target(name, rest)
        for name, spec in providers.items():
            if model in spec.models:
                return self._target(name, model or "")
        default = self.found.config.default_provider or (next(iter(providers)) if len(providers) == 1 else "")
        if default and (model or providers[default].models):
            spec = providers[default]
            if not spec.models or model is None:
                return self._target(default, model or spec.models[0])
        if not model:
            raise ConfigError(
                "No model is named: neither the policy nor the request names one, and steady.yaml has several "
                "providers and no `default_provider` that lists its models."
            )
        raise UnknownNameError("model", model, self.model_names())

    def _target(self, provider: str, model: str) -> Target:
        spec = self.found.config.providers[provider]
        if spec.kind == "embedded" and model not in spec.models:
            raise UnknownNameError("model", f"{provider}/{model}", self.model_names())
        vendor = spec.vendor or ("openai" if spec.kind == "openai" else "")
        prices = price(model, vendor) if vendor else None
        return Target(
            provider=provider,
            model=model,
            capabilities=spec.takes(model),
            prompt_price=prices[0] if prices else "",
            completion_price=prices[1] if prices else "",
        )

    def model_names(self) -> tuple[str, ...]:
        """Return the model names that the configuration lists, as provider/model, sorted."""
        providers = self.found.config.providers
        return tuple(sorted(f"{name}/{model}" for name, spec in providers.items() for model in spec.models))
