"""Parts of steady.yaml: where a secret is, and what rules may ask outside."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from steady.errors import ConfigError
from steady.rules.webhook import bad_url


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Key(_Part, frozen=True, kw_only=True):
    """Where a provider's key is; never the key itself."""

    env: Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """The name of an environment variable."""
    file: Annotated[str, Meta(min_length=1)] | None = None
    """A file that holds nothing else; relative to this file's folder."""

    def read(self, folder: Path, what: str) -> str:
        """Return what it names. Raises ConfigError naming the variable or file that is missing, never what it holds."""
        if self.env:
            value = os.environ.get(self.env)
            if not value:
                raise ConfigError(f"The environment variable {self.env} is not set; {what} is read from it.")
            return value.strip()
        try:
            value = (folder / (self.file or "")).read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"The file {self.file} can't be read; {what} is read from it.") from None
        if not value:
            raise ConfigError(f"The file {self.file} is empty; {what} is read from it.")
        return value


class Webhook(_Part, frozen=True, kw_only=True):
    """An address that the rule `webhook` may ask, and all addresses below it."""

    url: str
    """http:// or https://, without user, query and fragment: `https://checks.example.com/`."""
    secret: Key | None = None
    """Where the secret is that signs what is sent: HMAC-SHA256 of the body in `x-steady-signature`."""


class OutsideSpec(_Part, frozen=True, kw_only=True):
    """What rules may ask outside. Models are those of `providers`, functions those of `functions`."""

    webhooks: tuple[Webhook | str, ...] = ()
    """The addresses that the rule `webhook` may ask, each with all below it; none: it can't be used."""

    @property
    def hooks(self) -> tuple[Webhook, ...]:
        """`webhooks`, all in the long form."""
        return tuple(Webhook(url=one) if isinstance(one, str) else one for one in self.webhooks)


def outside_faults(spec: OutsideSpec) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with what rules may ask outside: the field, and a sentence."""
    for i, hook in enumerate(spec.hooks):
        at = f"outside.webhooks[{i}]"
        if (wrong := bad_url(hook.url)) or "?" in hook.url:
            yield at, f"{wrong or 'may hold no query.'} Write the address that may be asked, and all below it."
        if hook.secret is not None and (hook.secret.env is None) == (hook.secret.file is None):
            yield f"{at}.secret", "must name one of env and file: {env: HOOK_SECRET} or {file: hook.key}."
